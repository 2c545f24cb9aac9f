#include "lib/conf/conf_print.h"
#include "tests/unit/conf_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double a, double b)
{
    assert_true(a > b - 1e-9 && a < b + 1e-9);
}

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    struct kp_conf *c = conf_good(CONF_HEAD CONF_TARGETS);
    assert_string_equal(c->file, "good.yaml");
    assert_near(c->total_rate, 20);
    assert_near(c->per_address_rate, 1);
    assert_int_equal(c->burst, 5);
    assert_int_equal(c->defaults.interval.ns, 30 * KP_NS_PER_S);
    assert_int_equal(c->defaults.timeout.ns, 5 * KP_NS_PER_S);
    assert_near(c->defaults.jitter, 0.1);
    assert_int_equal(c->probes[0].size, 56);
    assert_int_equal(c->probes[0].port, 0);
    assert_int_equal(c->probes[1].size, 0);
    assert_int_equal(c->probes[2].port, 53);
    assert_int_equal(c->probes[2].qtype, 6);
    assert_string_equal(c->probes[2].qname, "kp");
    assert_false(c->probes[2].tcp);
    assert_int_equal(c->trace_interval.ns, 600 * KP_NS_PER_S);
    assert_int_equal(c->trace_max_hops, 32);
    assert_false(c->trace_forced);
    assert_near(c->false_alarms_per_year, 0.1);
    assert_int_equal(c->recover_after.ns, 300 * KP_NS_PER_S);
    assert_int_equal(c->log_level, KP_LOG_INFO);
    assert_int_equal(c->journal, KP_AUTO);
    assert_false(c->syslog);
    assert_null(c->log_file);
    assert_near(c->log_sample, 0.01);
    assert_null(c->metrics_host);
    assert_null(c->history_path);
    assert_int_equal(c->history_keep.ns / KP_NS_PER_S, 400 * 86400);
    assert_string_equal(c->control_socket, "/run/kpwatchd/control.sock");
    assert_true(c->targets[0].enabled);
    assert_string_equal(c->targets[0].title, "kcna");
    assert_int_equal(c->targets[0].probes[0], 1);
    assert_int_equal(c->targets[0].probes[1], 0);
    kp_conf_free(c);
}

static void every_key_arrives(void **state)
{
    (void)state;
    size_t len = 0;
    char *text = conf_slurp(KP_SOURCE_DIR "/tests/conf/good/every-key.yaml", &len);
    struct kp_conf *c = conf_good(text);
    free(text);
    assert_string_equal(c->vantage_country, "DE");
    assert_int_equal(c->vantage_asn, 24940);
    assert_string_equal(c->vantage_contact, "noc@example.org +49");
    assert_near(c->total_rate, 1.5);
    assert_int_equal(c->defaults.timeout.ns, 4500 * KP_NS_PER_MS);
    assert_near(c->defaults.jitter, 0.125);
    assert_int_equal(c->probes[2].port, 5353);
    assert_true(c->probes[2].tcp && c->probes[2].recursion);
    assert_string_equal(c->probes[3].qname, ".");
    assert_string_equal(c->paths[0].title, "China \"Unicom\" \\ 中国联通");
    assert_false(c->paths[0].enabled);
    assert_int_equal(c->paths[0].asn[1], 4294967294U);
    assert_int_equal(c->paths[0].edges[1].family, KP_IPV6);
    assert_int_equal(c->paths[0].not_hops[0].len, 25);
    assert_string_equal(c->paths[0].via.device, "wg-cn0");
    assert_int_equal(c->paths[1].via.source.family, KP_AF_NONE);
    assert_int_equal(c->targets[0].path_count, 2);
    assert_int_equal(c->targets[0].paths[1], 1);
    assert_string_equal(c->targets[1].host, "mfa.gov.kp");
    assert_int_equal(c->targets[1].address.family, KP_AF_NONE);
    assert_true(c->trace_forced && c->trace_probe == KP_PROBE_ICMP);
    assert_near(c->false_alarms_per_year, 2.5 * 365 / 371);
    assert_string_equal(c->metrics_host, "::1");
    assert_int_equal(c->metrics_port, 9879);
    assert_string_equal(c->history_path, "/tmp/a history.db");
    kp_conf_free(c);
}

static void the_narrowest_timing_wins(void **state)
{
    (void)state;
    struct kp_conf *c = conf_good("version: 1\n"
                                  "vantage: {name: lab}\n"
                                  "allow: [198.18.0.0/15]\n"
                                  "defaults: {interval: 60s}\n"
                                  "probes:\n"
                                  "  ping: {type: icmp, timeout: 2s, jitter: 0%}\n"
                                  "targets:\n"
                                  "  - {name: a, address: 198.18.0.1, probes: [ping]}\n"
                                  "  - {name: b, address: 198.18.0.2, probes: [ping],\n"
                                  "     timeout: 3s, interval: 10s}\n");
    struct kp_timing a = kp_conf_timing(c, &c->targets[0], &c->probes[0]);
    struct kp_timing b = kp_conf_timing(c, &c->targets[1], &c->probes[0]);
    assert_int_equal(a.interval.ns, 60 * KP_NS_PER_S);
    assert_int_equal(a.timeout.ns, 2 * KP_NS_PER_S);
    assert_near(a.jitter, 0);
    assert_int_equal(b.interval.ns, 10 * KP_NS_PER_S);
    assert_int_equal(b.timeout.ns, 3 * KP_NS_PER_S);
    kp_conf_free(c);
}

static void only_the_private_may_be_asked_fast(void **state)
{
    (void)state;
    struct kp_conf *c = conf_good(CONF_HEAD CONF_TARGETS
                                  "defaults: {interval: 100ms, timeout: 60s}\n"
                                  "limits: {total-rate: 5000/s, per-address-rate: 100/s, "
                                  "burst: 500}\n"
                                  "trace: {interval: 1s}\n");
    assert_near(c->total_rate, 5000);
    kp_conf_free(c);
}

static void allowed(const struct kp_conf *c, const char *text, bool expected)
{
    struct kp_addr a;
    assert_int_equal(kp_addr_parse(text, &a), KP_OK);
    assert_int_equal(kp_conf_allows(c, &a), expected);
}

static void anchors_and_listed_loopback_are_allowed(void **state)
{
    (void)state;
    struct kp_conf *c = conf_good("version: 1\n"
                                  "vantage: {name: lab}\n"
                                  "allow: [0.0.0.0/1, 127.0.0.0/8]\n"
                                  "probes: {ping: {type: icmp}}\n"
                                  "anchors: [{name: n, address: 198.19.0.1, probes: [ping]}]\n"
                                  "targets: [{name: a, address: 127.0.0.1, probes: [ping]}]\n");
    allowed(c, "127.9.9.9", true);
    allowed(c, "198.19.0.1", true);
    allowed(c, "198.19.0.2", false);
    allowed(c, "10.0.0.1", true);
    allowed(c, "0.0.0.1", false);
    allowed(c, "::1", false);
    kp_conf_free(c);
}

/* Files in memory for the include tests. */
struct memory {
    const char *names[4];
    const char *texts[4];
};

static enum kp_err memory_read(void *ctx, const char *path, size_t limit, char **data,
                               size_t *len, char why[KP_CONF_WHY_SIZE])
{
    const struct memory *m = ctx;
    for (size_t i = 0; i < 4 && m->names[i] != NULL; i++) {
        if (strcmp(m->names[i], path) != 0)
            continue;
        *data = strdup(m->texts[i]);
        *len = strlen(m->texts[i]);
        assert_true(*len <= limit);
        return KP_OK;
    }
    snprintf(why, KP_CONF_WHY_SIZE, "no such file");
    return KP_ERR_NOTFOUND;
}

/* Every pattern matches every file but the first. */
static enum kp_err memory_expand(void *ctx, const char *base_file, const char *pattern,
                                 char ***paths, size_t *count)
{
    const struct memory *m = ctx;
    assert_string_equal(base_file, m->names[0]);
    assert_string_equal(pattern, "conf.d/*.yaml");
    *paths = calloc(4, sizeof **paths);
    *count = 0;
    for (size_t i = 1; i < 4 && m->names[i] != NULL; i++)
        (*paths)[(*count)++] = strdup(m->names[i]);
    return KP_OK;
}

static void includes_are_joined_in_order(void **state)
{
    (void)state;
    struct memory m = {{"main.yaml", "conf.d/a.yaml", "conf.d/b.yaml"},
                       {CONF_HEAD CONF_TARGETS "include: [conf.d/*.yaml]\n",
                        "version: 1\n"
                        "allow: [10.0.0.0/8]\n"
                        "probes: {tls: {type: tcp-syn, port: 443}}\n"
                        "targets: [{name: x, address: 10.0.0.1, probes: [tls, web]}]\n"
                        "limits: {burst: 9}\n",
                        "targets: [{name: y, address: 198.18.0.7, probes: [soa]}]\n"
                        "paths: {cu: {title: CU}}\n"}};
    const struct kp_conf_source source = {&m, memory_read, memory_expand};
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *c = kp_conf_load("main.yaml", &source, &diags);
    assert_non_null(c);
    assert_false(kp_diags_any(&diags));
    assert_int_equal(c->allow_count, 3);
    assert_int_equal(c->target_count, 3);
    assert_string_equal(c->targets[1].name, "x");
    assert_int_equal(c->targets[1].probes[0], 3);
    assert_int_equal(c->targets[1].probes[1], 1);
    assert_string_equal(c->targets[2].name, "y");
    assert_int_equal(c->burst, 9);
    assert_int_equal(c->path_count, 1);
    kp_conf_free(c);
    kp_diags_fini(&diags);
}

static void errors_are_sorted_by_file_and_place(void **state)
{
    (void)state;
    struct memory m = {{"main.yaml", "conf.d/a.yaml"},
                       {CONF_HEAD CONF_TARGETS "include: [conf.d/*.yaml]\nfoo: 1\n",
                        "targets: [{name: kcna, address: 203.0.113.1, probes: [nix]}]\n"}};
    const struct kp_conf_source source = {&m, memory_read, memory_expand};
    static const struct {
        const char *file;
        unsigned line, col;
    } expected[] = {{"main.yaml", 11, 1},
                    {"conf.d/a.yaml", 1, 18},
                    {"conf.d/a.yaml", 1, 33},
                    {"conf.d/a.yaml", 1, 55}};
    struct kp_diags diags;
    kp_diags_init(&diags);
    assert_null(kp_conf_load("main.yaml", &source, &diags));
    assert_int_equal(diags.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(diags.list[i].file, expected[i].file);
        assert_int_equal(diags.list[i].pos.line, expected[i].line);
        assert_int_equal(diags.list[i].pos.col, expected[i].col);
    }
    kp_diags_fini(&diags);
}

/* The text of the errors of a bad configuration; the caller frees. */
static char *errors_of(const char *text)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    assert_null(kp_conf_load_text("bad.yaml", text, strlen(text), &diags));
    char *out = kp_diags_text(&diags);
    assert_non_null(out);
    kp_diags_fini(&diags);
    return out;
}

static void carets_stand_below_the_place(void **state)
{
    (void)state;
    char *out = errors_of(CONF_HEAD CONF_TARGETS "log: {level:\t\"ü한\\x7f\", foo: 1}\n");
    assert_non_null(strstr(out,
                           "bad.yaml:10:14: error: control character U+007F is not allowed\n"
                           "log: {level:\t\"ü한\\x7f\", foo: 1}\n"
                           "            \t^\n"));
    assert_non_null(strstr(out, "bad.yaml:10:24: error: unknown key 'foo' in log\n"
                                "log: {level:\t\"ü한\\x7f\", foo: 1}\n"
                                "            \t           ^\n"));
    free(out);
}

/* Raw bytes of a file must not act on the terminal that shows the error. */
static void source_lines_are_escaped(void **state)
{
    (void)state;
    char *out = errors_of("# \xe2\x80\xae \xff \x1b[2J");
    assert_string_equal(out, "bad.yaml:1:5: error: not readable as UTF-8 text: invalid leading "
                             "UTF-8 octet\n"
                             "# \\u202e \\xff \\u001b[2J\n"
                             "         ^\n");
    free(out);
}

static void long_lines_are_cut_around_the_place(void **state)
{
    (void)state;
    char line[1024];
    char text[4096];
    memset(line, 'x', 600);
    line[600] = '\0';
    snprintf(text, sizeof text, "%s%s# %s\nlog: {level: info, file: {path: /%s}, foo: 1}\n",
             CONF_HEAD, CONF_TARGETS, line, line);
    char *out = errors_of(text);
    const char *caret = strrchr(out, '\n');
    assert_true(strlen(out) < 400);
    assert_non_null(strstr(out, "bad.yaml:11:637: error: unknown key 'foo'"));
    assert_non_null(strstr(out, "foo: 1}\n"));
    assert_int_equal(caret[-1], '^');
    free(out);
}

static void very_many_errors_are_counted(void **state)
{
    (void)state;
    char *text = malloc(1 << 20);
    size_t len = 0;
    assert_non_null(text);
    len += (size_t)sprintf(text, "%s%s", CONF_HEAD, CONF_TARGETS);
    for (unsigned i = 0; i < 40000; i++)
        len += (size_t)sprintf(text + len, "k%u: [wbe]\n", i);
    char *out = errors_of(text);
    assert_non_null(strstr(out, "39000 more errors\n"));
    free(out);
    free(text);
}

static void endless_lists_are_refused(void **state)
{
    (void)state;
    char *text = malloc(1 << 20);
    assert_non_null(text);
    size_t len = (size_t)sprintf(text, "%stargets: [{}", CONF_HEAD);
    for (unsigned i = 0; i < 200000; i++)
        len += (size_t)sprintf(text + len, ",{}");
    strcpy(text + len, "]\n");
    char *out = errors_of(text);
    assert_non_null(
        strstr(out, "bad.yaml:8:10: error: 'targets' has more than 200000 entries\n"));
    free(out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_manual),
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(the_narrowest_timing_wins),
        cmocka_unit_test(only_the_private_may_be_asked_fast),
        cmocka_unit_test(anchors_and_listed_loopback_are_allowed),
        cmocka_unit_test(includes_are_joined_in_order),
        cmocka_unit_test(errors_are_sorted_by_file_and_place),
        cmocka_unit_test(carets_stand_below_the_place),
        cmocka_unit_test(source_lines_are_escaped),
        cmocka_unit_test(long_lines_are_cut_around_the_place),
        cmocka_unit_test(very_many_errors_are_counted),
        cmocka_unit_test(endless_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
