#include "ctl/args.h"
#include "ctl/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1764979200) /* 2025-12-06T00:00:00Z */

static bool parse(struct kpc_args *args, const char *const *words)
{
    char *argv[16] = {(char *)(uintptr_t) "kpwatchctl"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    *args = (struct kpc_args){.now = {NOW * KP_NS_PER_S}};
    return kpc_args_parse(args, argc, argv);
}

#define PARSE(args, ...) parse(args, (const char *const[]){__VA_ARGS__, NULL})

static void options_stand_anywhere(void **state)
{
    struct kpc_args a;
    (void)state;
    assert_true(PARSE(&a, "-s", "/x", "targets", "--state=down", "kcna", "--json"));
    assert_string_equal(a.socket, "/x");
    assert_string_equal(a.state, "down");
    assert_int_equal(a.word_count, 2);
    assert_string_equal(a.words[0], "targets");
    assert_string_equal(a.words[1], "kcna");
    assert_int_equal(a.format, KPC_JSON);
    assert_true(kpc_args_has(&a, KPC_OPT_STATE));
    assert_false(kpc_args_has(&a, KPC_OPT_GROUP));
    assert_true(PARSE(&a, "--state", "down", "-ocsv", "targets"));
    assert_int_equal(a.format, KPC_CSV);
    assert_true(PARSE(&a, "-o", "wide", "--json", "-o", "jsonl"));
    assert_int_equal(a.format, KPC_JSONL);
}

static void values_may_look_like_options(void **state)
{
    struct kpc_args a;
    (void)state;
    assert_true(PARSE(&a, "mute", "--reason", "--ascii", "--", "--for"));
    assert_string_equal(a.reason, "--ascii");
    assert_string_equal(a.words[1], "--for");
    assert_false(kpc_args_has(&a, KPC_OPT_ASCII));
    assert_true(PARSE(&a, "targets", "-"));
    assert_string_equal(a.words[1], "-");
    assert_true(PARSE(&a, "mute", "--reason=a=b"));
    assert_string_equal(a.reason, "a=b");
}

static void times_and_durations(void **state)
{
    struct kpc_args a;
    (void)state;
    assert_true(PARSE(&a, "events", "--since", "2h"));
    assert_int_equal(a.since.ns, (NOW - 7200) * KP_NS_PER_S);
    assert_true(PARSE(&a, "events", "--since", "2025-12-05T23:00:00Z"));
    assert_int_equal(a.since.ns, (NOW - 3600) * KP_NS_PER_S);
    assert_true(PARSE(&a, "events", "--since", "200y")); /* before 1970 */
    assert_int_equal(a.since.ns, 0);
    assert_true(PARSE(&a, "mute", "--for", "1h30m"));
    assert_int_equal(a.length.ns, 5400 * KP_NS_PER_S);
}

static void refused(void **state)
{
    static const struct {
        const char *words[6];
        const char *part;
    } cases[] = {
        {{"--jsn"}, "did you mean '--json'?"},
        {{"--zzzzzz"}, "unknown option '--zzzzzz'"},
        {{"-x"}, "unknown option '-x'"},
        {{"-hx"}, "unknown option '-x'"},
        {{"-o"}, "needs a value"},
        {{"-o", "xml"}, "not 'xml'"},
        {{"--ascii=1"}, "takes no value"},
        {{"--color", "on"}, "auto, always, never"},
        {{"--state", "dead"}, "unknown, up, degraded, down"},
        {{"--since", "soon"}, "--since"},
        {{"--since", ""}, "--since"},
        {{"--for", "60"}, "with its unit"},
        {{"--for", "0s"}, "longer than nothing"},
        {{"--for", "11y"}, "10y at most"},
        {{"--reason", ""}, "--reason"},
        {{"--reason", "\xff"}, "not UTF-8"},
        {{"targets", "a\xc3"}, "not UTF-8"},
        {{"-s", ""}, "socket"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kpc_args a;
        assert_false(parse(&a, cases[i].words));
        if (strstr(a.error, cases[i].part) == NULL)
            fail_msg("'%s' lacks '%s'", a.error, cases[i].part);
    }
}

static void color_is_decided(void **state)
{
    static const struct {
        struct kpc_env env;
        enum kpc_color option;
        bool tty, color;
    } cases[] = {
        {{.term = "xterm"}, KPC_COLOR_AUTO, true, true},
        {{.term = "xterm"}, KPC_COLOR_AUTO, false, false},
        {{.term = "dumb"}, KPC_COLOR_AUTO, true, false},
        {{0}, KPC_COLOR_AUTO, true, false},
        {{.term = "xterm", .no_color = "1"}, KPC_COLOR_AUTO, true, false},
        {{.term = "xterm", .no_color = ""}, KPC_COLOR_AUTO, true, true},
        {{.no_color = "1", .clicolor_force = "1"}, KPC_COLOR_AUTO, true, false},
        {{.clicolor_force = "1"}, KPC_COLOR_AUTO, false, true},
        {{.clicolor_force = "0"}, KPC_COLOR_AUTO, false, false},
        {{.no_color = "1"}, KPC_COLOR_ALWAYS, false, true},
        {{.term = "xterm", .clicolor_force = "1"}, KPC_COLOR_NEVER, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(kpc_term_color(&cases[i].env, cases[i].option, cases[i].tty),
                         cases[i].color);
}

static void locale_is_decided(void **state)
{
    static const struct {
        struct kpc_env env;
        bool utf8;
    } cases[] = {
        {{0}, false},
        {{.lang = "C"}, false},
        {{.lang = "de_DE.UTF-8"}, true},
        {{.lang = "C.utf8"}, true},
        {{.lc_ctype = "C.UTF-8", .lang = "C"}, true},
        {{.lc_all = "C", .lc_ctype = "C.UTF-8", .lang = "C.UTF-8"}, false},
        {{.lc_all = "", .lang = "C.UTF-8"}, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(kpc_term_utf8(&cases[i].env), cases[i].utf8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(values_may_look_like_options),
        cmocka_unit_test(times_and_durations),
        cmocka_unit_test(refused),
        cmocka_unit_test(color_is_decided),
        cmocka_unit_test(locale_is_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
