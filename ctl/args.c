#include "ctl/args.h"

#include "ctl/when.h"
#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "lib/base/vocab.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What Mute takes (monitor.varlink). */
#define LONGEST_S (INT64_C(10) * 365 * 86400)
#define REASON_MAX 200

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const formats[] = {"table", "wide", "json", "jsonl", "csv"};
static const char *const colors[] = {"auto", "always", "never"};

__attribute__((format(printf, 2, 3))) static bool fail(struct kpc_args *args, const char *fmt,
                                                       ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args->error, sizeof args->error, fmt, ap);
    va_end(ap);
    return false;
}

/* One word of a short list; the error names them all. */
static bool choose(struct kpc_args *args, const char *what, const char *const *list,
                   size_t count, const char *value, size_t *index)
{
    char all[64] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], value) == 0) {
            *index = i;
            return true;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : ", ", list[i]);
    }
    return fail(args, "%s is one of %s, not '%s'", what, all, value);
}

static bool set_socket(struct kpc_args *args, const char *value)
{
    args->socket = value;
    return *value != '\0' || fail(args, "-s needs the path of the control socket");
}

static bool set_output(struct kpc_args *args, const char *value)
{
    size_t index = 0;
    if (!choose(args, "-o", formats, COUNT(formats), value, &index))
        return false;
    args->format = (enum kpc_format)index;
    return true;
}

static bool set_json(struct kpc_args *args, const char *value)
{
    (void)value;
    args->format = KPC_JSON;
    return true;
}

static bool set_color(struct kpc_args *args, const char *value)
{
    size_t index = 0;
    if (!choose(args, "--color", colors, COUNT(colors), value, &index))
        return false;
    args->color = (enum kpc_color)index;
    return true;
}

static bool set_state(struct kpc_args *args, const char *value)
{
    const char *names[KP_STATE_COUNT];
    size_t index = 0;
    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = kp_state_name((enum kp_state)i);
    if (!choose(args, "--state", names, COUNT(names), value, &index))
        return false;
    args->state = names[index];
    return true;
}

/* What goes to the daemon must be JSON text. */
static bool utf8(struct kpc_args *args, const char *what, const char *value)
{
    uint32_t c = 0;
    for (const char *p = value; *p != '\0'; p += kp_utf8_next(p, strlen(p), &c))
        if (c == KP_UTF8_BAD)
            break;
    return c != KP_UTF8_BAD || fail(args, "%s is not UTF-8 text: '%s'", what, value);
}

static bool set_group(struct kpc_args *args, const char *value)
{
    args->group = value;
    return utf8(args, "--group", value);
}

static bool set_path(struct kpc_args *args, const char *value)
{
    args->path = value;
    return utf8(args, "--path", value);
}

static bool set_config(struct kpc_args *args, const char *value)
{
    args->config = value;
    return *value != '\0' || fail(args, "-c needs the name of a configuration file");
}

static bool set_target(struct kpc_args *args, const char *value)
{
    args->target = value;
    return utf8(args, "--target", value);
}

static bool read_time(struct kpc_args *args, const char *option, const char *value,
                      struct kp_wall *out)
{
    return kpc_when_parse(value, args->now, out) ||
           fail(args,
                "--%s takes an age (30m, 2h, 3d) or a time (2026-01-31T08:00:00Z), not '%s'",
                option, value);
}

static bool set_since(struct kpc_args *args, const char *value)
{
    return read_time(args, "since", value, &args->since);
}

static bool set_until(struct kpc_args *args, const char *value)
{
    return read_time(args, "until", value, &args->until);
}

static bool set_step(struct kpc_args *args, const char *value)
{
    if (kp_dur_parse(value, &args->step) != KP_OK || args->step.ns <= 0)
        return fail(args, "--step takes a duration with its unit (15m, 6h, 1d), not '%s'",
                    value);
    return true;
}

static bool set_for(struct kpc_args *args, const char *value)
{
    if (kp_dur_parse(value, &args->length) != KP_OK)
        return fail(args, "--for takes a duration with its unit (30m, 2h, 3d), not '%s'",
                    value);
    if (args->length.ns <= 0)
        return fail(args, "--for must be longer than nothing");
    return args->length.ns <= kp_dur_s(LONGEST_S).ns ||
           fail(args, "--for may be 10y at most: for ever, use enabled: false");
}

static bool set_reason(struct kpc_args *args, const char *value)
{
    args->reason = value;
    if (value[strspn(value, " \t")] == '\0')
        return fail(args, "--reason needs a text that tells your colleagues why");
    if (strlen(value) > REASON_MAX)
        return fail(args, "--reason may have %d bytes at most", REASON_MAX);
    return utf8(args, "--reason", value);
}

static const struct kpc_opt_spec specs[KPC_OPT_COUNT] = {
    [KPC_OPT_SOCKET] = {"socket", 's', "SOCKET", "the daemon's control socket", set_socket},
    [KPC_OPT_OUTPUT] = {"output", 'o', "FORMAT", "table, wide, json, jsonl or csv", set_output},
    [KPC_OPT_JSON] = {"json", 0, NULL, "the daemon's reply as it is; same as -o json",
                      set_json},
    [KPC_OPT_COLOR] = {"color", 0, "WHEN", "auto, always or never", set_color},
    [KPC_OPT_ASCII] = {"ascii", 0, NULL, "draw with plain ASCII", NULL},
    [KPC_OPT_LOCAL] = {"local", 0, NULL, "show local times instead of UTC", NULL},
    [KPC_OPT_HELP] = {"help", 'h', NULL, "this help, or that of the verb", NULL},
    [KPC_OPT_VERSION] = {"version", 'V', NULL, "the version of kpwatchctl", NULL},
    [KPC_OPT_EXIT_STATUS] = {"exit-status", 0, NULL, "exit 10 unless the verdict is clear",
                             NULL},
    [KPC_OPT_STATE] = {"state", 0, "STATE", "only those up, degraded, down or unknown",
                       set_state},
    [KPC_OPT_GROUP] = {"group", 0, "GROUP", "only those of this group", set_group},
    [KPC_OPT_SINCE] = {"since", 0, "TIME", "from then on: an age (2h, 3d) or RFC 3339",
                       set_since},
    [KPC_OPT_ALL] = {"all", 0, NULL, "leave nothing out", NULL},
    [KPC_OPT_FOR] = {"for", 0, "DURATION", "how long, with its unit: 30m, 2h, 3d", set_for},
    [KPC_OPT_REASON] = {"reason", 0, "TEXT", "why; shown by mutes", set_reason},
    [KPC_OPT_OPEN] = {"open", 0, NULL, "only those not closed yet", NULL},
    [KPC_OPT_NOW] = {"now", 0, NULL, "ask for a fresh one and wait for it (60 s)", NULL},
    [KPC_OPT_PATH] = {"path", 0, "PATH", "only this path", set_path},
    [KPC_OPT_CONFIG] = {"config", 'c', "CONF", "the configuration file", set_config},
    [KPC_OPT_UNTIL] = {"until", 0, "TIME", "up to then: an age or RFC 3339", set_until},
    [KPC_OPT_STEP] = {"step", 0, "DURATION", "the length of a cell: 15m, 6h, 1d", set_step},
    [KPC_OPT_TARGET] = {"target", 0, "TARGET", "this target instead of the paths", set_target},
};

const struct kpc_opt_spec *kpc_args_spec(enum kpc_opt opt)
{
    return &specs[opt];
}

struct walk {
    int argc;
    char **argv;
    int next;
};

/* Takes in one option whose value, if attached, is `attached`. */
static bool apply(struct kpc_args *args, enum kpc_opt opt, const char *attached,
                  struct walk *walk)
{
    const struct kpc_opt_spec *spec = &specs[opt];
    const char *value = attached;
    if (spec->value == NULL && attached != NULL)
        return fail(args, "--%s takes no value", spec->name);
    if (spec->value != NULL && value == NULL) {
        if (walk->next >= walk->argc)
            return fail(args, "--%s needs a value: --%s %s", spec->name, spec->name,
                        spec->value);
        value = walk->argv[walk->next++];
    }
    args->given |= KPC_BIT(opt);
    return spec->set == NULL || spec->set(args, value);
}

static bool unknown_long(struct kpc_args *args, const char *name)
{
    struct kp_nearest near = kp_nearest_begin(name);
    for (size_t i = 0; i < COUNT(specs); i++)
        kp_nearest_offer(&near, specs[i].name);
    if (near.best != NULL)
        return fail(args, "unknown option '--%s'; did you mean '--%s'?", name, near.best);
    return fail(args, "unknown option '--%s'", name);
}

static bool long_option(struct kpc_args *args, const char *text, struct walk *walk)
{
    char name[64];
    size_t len = strcspn(text, "=");
    const char *attached = text[len] == '=' ? text + len + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), text);
    for (size_t i = 0; i < COUNT(specs); i++)
        if (strcmp(specs[i].name, name) == 0)
            return apply(args, (enum kpc_opt)i, attached, walk);
    return unknown_long(args, name);
}

static bool known_letter(char letter, enum kpc_opt *opt)
{
    for (size_t i = 0; i < COUNT(specs); i++)
        if (specs[i].letter == letter) {
            *opt = (enum kpc_opt)i;
            return true;
        }
    return false;
}

/* "-ojson" and "-o json" both; flags may be joined ("-hV"). */
static bool short_options(struct kpc_args *args, const char *text, struct walk *walk)
{
    for (const char *p = text; *p != '\0'; p++) {
        enum kpc_opt opt = KPC_OPT_COUNT;
        if (!known_letter(*p, &opt))
            return fail(args, "unknown option '-%c'", *p);
        if (specs[opt].value != NULL)
            return apply(args, opt, p[1] != '\0' ? p + 1 : NULL, walk);
        if (!apply(args, opt, NULL, walk))
            return false;
    }
    return true;
}

static bool word(struct kpc_args *args, const char *text)
{
    if (args->word_count == KPC_WORDS_MAX)
        return fail(args, "too many arguments from '%s' on", text);
    args->words[args->word_count++] = text;
    return utf8(args, "an argument", text);
}

bool kpc_args_parse(struct kpc_args *args, int argc, char **argv)
{
    struct walk walk = {argc, argv, 1};
    bool options = true;
    while (walk.next < argc) {
        const char *text = argv[walk.next++];
        bool ok = true;
        if (options && strcmp(text, "--") == 0)
            options = false;
        else if (options && strncmp(text, "--", 2) == 0)
            ok = long_option(args, text + 2, &walk);
        else if (options && text[0] == '-' && text[1] != '\0')
            ok = short_options(args, text + 1, &walk);
        else
            ok = word(args, text);
        if (!ok)
            return false;
    }
    return true;
}
