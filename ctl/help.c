#include "ctl/help.h"

#include "ctl/call.h"
#include "ctl/conn.h"

#include <stdio.h>
#include <string.h>

static void option_line(struct kp_text *out, enum kpc_opt opt)
{
    const struct kpc_opt_spec *spec = kpc_args_spec(opt);
    char left[40];
    char letter[5] = "    ";
    if (spec->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", spec->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, spec->name, spec->value ? " " : "",
             spec->value ? spec->value : "");
    kp_text_printf(out, "  %-24s %s\n", left, spec->help);
}

void kpc_help_usage(struct kp_text *out, const struct kpc_verb *verb)
{
    kp_text_printf(out, "kpwatchctl %s", verb->name);
    if (*verb->words != '\0')
        kp_text_printf(out, " %s", verb->words);
    bool many = __builtin_popcount(verb->takes & ~verb->needs) > 3;
    if (many)
        kp_text_add(out, " [OPTION...]");
    for (enum kpc_opt opt = KPC_OPT_FIRST_OWN; opt < KPC_OPT_COUNT; opt++) {
        const struct kpc_opt_spec *spec = kpc_args_spec(opt);
        bool needed = (verb->needs & KPC_BIT(opt)) != 0;
        if ((verb->takes & KPC_BIT(opt)) == 0 || (many && !needed))
            continue;
        kp_text_printf(out, " %s--%s%s%s%s", needed ? "" : "[", spec->name,
                       spec->value ? " " : "", spec->value ? spec->value : "",
                       needed ? "" : "]");
    }
}

void kpc_help_verb(struct kp_text *out, const struct kpc_verb *verb)
{
    kp_text_add(out, "Usage: ");
    kpc_help_usage(out, verb);
    kp_text_printf(out, "\n\n%c%s.\n", verb->summary[0] - 'a' + 'A', verb->summary + 1);
    if (verb->about != NULL)
        kp_text_printf(out, "%s\n", verb->about);
    if (verb->takes != 0)
        kp_text_add(out, "\n");
    for (enum kpc_opt opt = KPC_OPT_FIRST_OWN; opt < KPC_OPT_COUNT; opt++)
        if ((verb->takes & KPC_BIT(opt)) != 0)
            option_line(out, opt);
    kp_text_add(out, "\nOptions for every verb: kpwatchctl help\n");
}

void kpc_help_all(struct kp_text *out)
{
    kp_text_add(out, "kpwatchctl asks kpwatchd whether the North Korean "
                     "Internet can be reached.\n\n"
                     "Usage: kpwatchctl [OPTION]... VERB [ARGUMENT]...\n\nVerbs:\n");
    for (size_t i = 0; i < kpc_verb_count; i++) {
        char left[48];
        const char *space = *kpc_verbs[i].words != '\0' ? " " : "";
        snprintf(left, sizeof left, "%s%s%s", kpc_verbs[i].name, space, kpc_verbs[i].words);
        kp_text_printf(out, "  %-29s %s\n", left, kpc_verbs[i].summary);
    }
    kp_text_add(out, "\nOptions, before or after the verb:\n");
    for (enum kpc_opt opt = 0; opt < KPC_OPT_FIRST_OWN; opt++)
        option_line(out, opt);
    kp_text_add(out, "\nFirst: kpwatchctl status. More about a verb: kpwatchctl help VERB.\n"
                     "Exit codes: 0 done, 1 refused or not found, 2 wrong use, 3 daemon not\n"
                     "reachable, 4 no permission; `status --exit-status`: 10 if not clear.\n"
                     "The socket is " KPC_CONN_DEFAULT " unless -s says otherwise.\n");
}

enum kpc_exit kpc_help_exec(struct kpc_ctx *ctx)
{
    const char *names[32];
    const char *name = kpc_word(ctx, 0);
    if (name == NULL) {
        kpc_help_all(&ctx->out);
        return KPC_DONE;
    }
    const struct kpc_verb *verb = kpc_verb_find(name);
    if (verb != NULL) {
        kpc_help_verb(&ctx->out, verb);
        return KPC_DONE;
    }
    for (size_t i = 0; i < kpc_verb_count && i < 32; i++)
        names[i] = kpc_verbs[i].name;
    return kpc_say_unknown("verb", name, names, kpc_verb_count < 32 ? kpc_verb_count : 32);
}
