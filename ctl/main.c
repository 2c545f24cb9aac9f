/* kpwatchctl: how people ask kpwatchd. */
#include "ctl/call.h"
#include "ctl/help.h"
#include "ctl/out.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct kp_wall wall_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct kp_wall){ts.tv_sec * KP_NS_PER_S + ts.tv_nsec};
}

/* The verb's own line of usage, on standard error. */
static enum kpc_exit wrong_use(const struct kpc_verb *verb)
{
    struct kp_text usage = {0};
    kpc_help_usage(&usage, verb);
    if (kp_text_str(&usage) != NULL)
        fprintf(stderr, "usage: %s\n", kp_text_str(&usage));
    kp_text_fini(&usage);
    return verb->exec == kpc_check_exec ? KPC_UNREACHABLE : KPC_USAGE;
}

/* Options that are the verb's own, there or missing. */
static bool options_fit(const struct kpc_args *args, const struct kpc_verb *verb)
{
    for (enum kpc_opt opt = KPC_OPT_FIRST_OWN; opt < KPC_OPT_COUNT; opt++) {
        const struct kpc_opt_spec *spec = kpc_args_spec(opt);
        if (kpc_args_has(args, opt) && (verb->takes & KPC_BIT(opt)) == 0) {
            kpc_say("%s takes no --%s", verb->name, spec->name);
            return false;
        }
        if (!kpc_args_has(args, opt) && (verb->needs & KPC_BIT(opt)) != 0) {
            kpc_say("%s needs --%s %s: %s", verb->name, spec->name,
                    spec->value != NULL ? spec->value : "", spec->help);
            return false;
        }
    }
    return true;
}

static bool words_fit(const struct kpc_args *args, const struct kpc_verb *verb)
{
    size_t given = args->word_count - 1;
    if (given < verb->words_min)
        kpc_say("%s needs %s", verb->name, verb->words);
    else if (given > verb->words_max)
        kpc_say("%s does not take '%s'", verb->name, args->words[verb->words_max + 1]);
    else
        return true;
    return false;
}

static enum kpc_exit run(struct kpc_ctx *ctx)
{
    const struct kpc_args *args = ctx->args;
    const char *names[32];
    size_t count = kpc_verb_count < 32 ? kpc_verb_count : 32;
    const struct kpc_verb *verb = kpc_verb_find(args->words[0]);
    for (size_t i = 0; i < count; i++)
        names[i] = kpc_verbs[i].name;
    if (verb == NULL)
        return kpc_say_unknown("verb", args->words[0], names, count);
    if (kpc_args_has(args, KPC_OPT_HELP)) {
        kpc_help_verb(&ctx->out, verb);
        return KPC_DONE;
    }
    if (!words_fit(args, verb) || !options_fit(args, verb))
        return wrong_use(verb);
    return verb->exec(ctx);
}

static enum kpc_exit dispatch(struct kpc_ctx *ctx)
{
    if (kpc_args_has(ctx->args, KPC_OPT_VERSION)) {
        kp_text_add(&ctx->out, "kpwatchctl " KP_VERSION "\n");
        return KPC_DONE;
    }
    if (ctx->args->word_count > 0)
        return run(ctx);
    kpc_help_all(&ctx->out);
    if (kpc_args_has(ctx->args, KPC_OPT_HELP))
        return KPC_DONE;
    fputs(kp_text_str(&ctx->out) != NULL ? kp_text_str(&ctx->out) : "", stderr);
    kp_text_clear(&ctx->out);
    return KPC_USAGE;
}

/* Whether the verb is `check`, also where what stands around it is wrong. */
static bool is_check(const struct kpc_args *args, int argc, char **argv)
{
    if (args->word_count > 0)
        return strcmp(args->words[0], "check") == 0;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "check") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct kpc_args args = {.now = wall_now()};
    struct kpc_env env = kpc_env_read();
    bool parsed = kpc_args_parse(&args, argc, argv);
    bool check = is_check(&args, argc, argv);
    if (check && !kpc_args_has(&args, KPC_OPT_HELP))
        kpc_say_for_check("KPWATCHD UNKNOWN - ");
    if (!parsed) {
        kpc_say("%s (see kpwatchctl help)", args.error);
        return (int)(check ? KPC_UNREACHABLE : KPC_USAGE);
    }
    struct kpc_ctx ctx = {
        .args = &args,
        .socket = args.socket != NULL ? args.socket : KPC_CONN_DEFAULT,
        .term = kpc_term_decide(&env, &args),
        .now = args.now,
    };
    enum kpc_exit code = dispatch(&ctx);
    if (!kpc_out_flush(&ctx) && (check || code == KPC_DONE))
        code = check ? KPC_UNREACHABLE : KPC_REFUSED;
    kp_text_fini(&ctx.out);
    kpc_conn_free(ctx.conn);
    return (int)code;
}
