/* Evidence: what the core keeps, its lines, and lines of strangers. */
#include "tests/unit/unit.h"

#include "lib/core/core.h"
#include "lib/core/view.h"
#include "lib/telling/record_json.h"

#include <stdlib.h>
#include <string.h>

static struct kp_conf_probe probes[] = {
    {.name = "ping", .type = KP_PROBE_ICMP, .size = 56, .timing = {{-1}, {-1}, -1}},
};
static size_t only_ping[] = {0};
static size_t on_east[] = {0};
static struct kp_conf_path paths[] = {{.name = "east", .title = "East", .enabled = true}};
static struct kp_prefix allow[1];
static struct kp_conf_target targets[] = {{.name = "a",
                                           .title = "a",
                                           .enabled = true,
                                           .probes = only_ping,
                                           .probe_count = 1,
                                           .paths = on_east,
                                           .path_count = 1,
                                           .timing = {{-1}, {-1}, -1}}};
static struct kp_conf conf = {
    .vantage_name = "test",
    .allow = allow,
    .allow_count = 1,
    .total_rate = 100,
    .per_address_rate = 10,
    .burst = 5,
    .defaults = {{KP_NS_PER_S}, {2 * KP_NS_PER_S}, 0},
    .probes = probes,
    .probe_count = 1,
    .paths = paths,
    .path_count = 1,
    .targets = targets,
    .target_count = 1,
    .false_alarms_per_year = 0.1,
    .trace_interval = {600 * KP_NS_PER_S},
    .trace_max_hops = 32,
    .recover_after = {60 * KP_NS_PER_S},
    .control_socket = "/run/x",
};

static struct kp_mono at(double seconds)
{
    return (struct kp_mono){1000 * KP_NS_PER_S + kp_dur_from_seconds(seconds).ns};
}

static struct kp_core *start(void)
{
    const struct kp_wire wire = {{"wire key"}, 0x11223344, 77, 61440, 65535, "test"};
    const struct kp_key seed = {"core seed"};
    assert_int_equal(kp_prefix_parse("2001:2::/48", &allow[0]), KP_OK);
    assert_int_equal(kp_addr_parse("2001:2::1", &targets[0].address), KP_OK);
    struct kp_core *core = kp_core_new(&wire, &seed);
    assert_non_null(core);
    kp_core_set_clock(core,
                      (struct kp_dur){1764979200 * KP_NS_PER_S - 1000 * KP_NS_PER_S + 999});
    assert_int_equal(kp_core_configure(core, &conf, at(0)), KP_OK);
    return core;
}

/* Lets time pass; sends fail, or are never answered. */
static void pass(struct kp_core *core, double until, bool fail)
{
    struct kp_act act;
    struct kp_mono due = {0};
    for (kp_core_tick(core, at(0)); kp_core_next_due(core, &due) && due.ns <= at(until).ns;) {
        kp_core_tick(core, due);
        while (kp_core_pop_action(core, &act)) {
            if (act.kind != KP_ACT_SEND)
                continue;
            if (fail)
                kp_core_send_failed(core, act.send.slot, act.send.serial, 101);
            else
                kp_core_sent(core, act.send.slot, act.send.serial,
                             (struct kp_mono){due.ns + 1234}, 0);
        }
    }
}

static void expect_line(const struct kp_core *core, uint64_t number, const char *line)
{
    struct kp_text out = {0};
    assert_true(kp_record_line(core, number, &out));
    assert_string_equal(kp_text_str(&out), line);
    kp_text_fini(&out);
}

static void lines_are_the_contract(void **state)
{
    (void)state;
    struct kp_core *core = start();
    struct kp_text out = {0};
    assert_int_equal(kp_core_record_last(core), 0);
    assert_null(kp_core_record(core, 1));
    assert_int_equal(kp_core_probe_now(core, "a"), KP_OK);
    kp_core_gap(core, at(0.5), at(1.25), "stalled");
    assert_int_equal(
        kp_core_mute(core, "east", (struct kp_wall){1764979300 * KP_NS_PER_S}, "x"), KP_OK);
    assert_int_equal(kp_core_unmute(core, "east"), KP_OK);
    expect_line(core, 1,
                "{\"t\":1764979200.000000,\"kind\":\"probe-request\",\"target\":\"a\"}\n");
    expect_line(core, 2,
                "{\"t\":1764979201.250000,\"kind\":\"gap\",\"from\":1764979200.500000,"
                "\"reason\":\"stalled\"}\n");
    expect_line(core, 3,
                "{\"t\":1764979201.250000,\"kind\":\"mute\",\"name\":\"east\","
                "\"until\":1764979300.000000}\n");
    expect_line(
        core, 4,
        "{\"t\":1764979201.250000,\"kind\":\"mute\",\"name\":\"east\",\"until\":null}\n");
    assert_false(kp_record_line(core, 5, &out));
    kp_text_fini(&out);
    kp_core_free(core);
}

static uint64_t find(const struct kp_core *core, enum kp_record_kind kind,
                     enum kp_result result)
{
    for (uint64_t n = 1; n <= kp_core_record_last(core); n++) {
        const struct kp_record *r = kp_core_record(core, n);
        if (r->kind == kind && r->result == result)
            return n;
    }
    return 0;
}

/* A result keeps its times to the microsecond, and reads back as it was. */
static void results_read_back(void **state)
{
    (void)state;
    struct kp_core *core = start();
    pass(core, 3, true);
    pass(core, 10, false);
    uint64_t failed = find(core, KP_RECORD_PROBE, KP_LOCAL_ERROR);
    uint64_t silent = find(core, KP_RECORD_PROBE, KP_TIMEOUT);
    assert_true(failed > 0 && silent > failed);
    assert_int_not_equal(find(core, KP_RECORD_SENDS, KP_ANSWERED), 0);
    struct kp_text out = {0};
    struct kp_record_read read;
    char why[KP_RECORD_WHY_SIZE];
    for (int i = 0; i < 2; i++) {
        const struct kp_record *r = kp_core_record(core, i == 0 ? failed : silent);
        kp_text_clear(&out);
        assert_true(kp_record_line(core, i == 0 ? failed : silent, &out));
        assert_int_equal(kp_record_parse(kp_text_str(&out), out.len, &read, why), KP_OK);
        assert_int_equal(read.what, KP_RECORD_LINE);
        assert_string_equal(read.name, "a");
        assert_string_equal(read.probe, "ping");
        assert_string_equal(read.path, "east");
        assert_int_equal(read.list[0].at.ns, r->at.ns);
        assert_int_equal(read.list[0].done.ns, r->done.ns);
        assert_int_equal(read.list[0].result, r->result);
        assert_int_equal(read.list[0].rtt_us, -1);
        if (i == 0)
            assert_int_equal(read.list[0].errnum, 101);
        assert_int_equal(r->at.ns % 1000, 0);
        kp_record_read_fini(&read);
    }
    kp_text_fini(&out);
    kp_core_free(core);
}

/* The ring forgets the oldest; names and numbers stay what they were. */
static void ring_is_bounded(void **state)
{
    (void)state;
    struct kp_core *core = start();
    const uint64_t many = 40000;
    for (uint64_t i = 0; i < many; i++)
        assert_int_equal(kp_core_probe_now(core, "a"), KP_OK);
    assert_int_equal(kp_core_record_last(core), many);
    uint64_t oldest = kp_core_record_oldest(core);
    assert_true(oldest > 1 && oldest < many);
    assert_null(kp_core_record(core, oldest - 1));
    assert_null(kp_core_record(core, many + 1));
    assert_non_null(kp_core_record(core, oldest));
    uint32_t name = kp_core_record(core, oldest)->name;
    assert_int_equal(kp_core_configure(core, &conf, at(1)), KP_OK);
    assert_string_equal(kp_core_record_name(core, name), "a");
    assert_int_equal(kp_core_record(core, many + 1)->kind, KP_RECORD_RELOAD);
    assert_int_equal(kp_core_generation(core), 2);
    assert_null(kp_core_config(core, 3));
    char *config = kp_core_config(core, 1);
    assert_non_null(strstr(config, "\"version\""));
    free(config);
    kp_core_free(core);
}

static void parse_ok(const char *line, struct kp_record_read *read)
{
    char why[KP_RECORD_WHY_SIZE];
    assert_int_equal(kp_record_parse(line, strlen(line), read, why), KP_OK);
    assert_string_equal(why, "");
}

static void strangers_lines(void **state)
{
    (void)state;
    struct kp_record_read read;
    parse_ok("{\"kind\":\"weather\",\"sun\":1}", &read);
    assert_int_equal(read.what, KP_RECORD_UNKNOWN);
    kp_record_read_fini(&read);
    parse_ok(
        "{\"t\":1764979200.123456,\"kind\":\"probe\",\"target\":\"kcna\",\"probe\":\"web\","
        "\"result\":\"answered\",\"rtt\":0.2951,\"ttl\":44,\"mood\":[1,2]}",
        &read);
    assert_int_equal(read.list[0].at.ns, INT64_C(1764979200123456000));
    assert_int_equal(read.list[0].rtt_us, 295100);
    assert_int_equal(read.list[0].ttl, 44);
    assert_false(read.has_done);
    assert_null(read.path);
    kp_record_read_fini(&read);
    parse_ok(
        "{\"t\":1,\"kind\":\"trace\",\"target\":\"kcna\",\"reached\":true,\"hops\":[{\"ttl\":"
        "9},{\"ttl\":10,\"address\":\"103.35.255.254\",\"rtt\":0.234}],\"path\":\"cu\"}",
        &read);
    assert_int_equal(read.list[0].count, 1);
    assert_int_equal(read.list[0].reached, 11);
    assert_int_equal(read.list[1].ttl, 10);
    kp_record_read_fini(&read);
    parse_ok(
        "{\"kind\":\"header\",\"schema\":1,\"version\":\"9\",\"config\":{},\"learned\":null}",
        &read);
    assert_int_equal(read.what, KP_RECORD_HEADER);
    assert_non_null(read.config);
    assert_null(read.learned);
    kp_record_read_fini(&read);
}

static void bad_lines_say_why(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "no JSON"},
        {"{\"t\":1", "no JSON"},
        {"[]", "no JSON object"},
        {"{}", "'kind' is missing"},
        {"{\"kind\":7}", "'kind' is no text"},
        {"{\"kind\":\"gap\",\"from\":1}", "'t' is missing"},
        {"{\"kind\":\"gap\",\"t\":1}", "'from' is missing"},
        {"{\"kind\":\"gap\",\"t\":\"x\",\"from\":1}", "'t' is no number"},
        {"{\"kind\":\"gap\",\"t\":-1,\"from\":1}", "'t' is no number"},
        {"{\"kind\":\"gap\",\"t\":1e300,\"from\":1}", "'t' is no number"},
        {"{\"kind\":\"probe\",\"t\":1,\"probe\":\"w\",\"result\":\"timeout\"}",
         "'target' is missing"},
        {"{\"kind\":\"probe\",\"t\":1,\"target\":\"a\",\"probe\":\"w\",\"result\":\"ok\"}",
         "'result' is none of"},
        {"{\"kind\":\"probe\",\"t\":1,\"target\":\"a\",\"probe\":\"w\",\"result\":\"answered\","
         "\"rtt\":-1}",
         "'rtt' is no number"},
        {"{\"kind\":\"probe\",\"t\":9,\"done\":5,\"target\":\"a\",\"probe\":\"w\",\"result\":"
         "\"timeout\"}",
         "'done' is before t"},
        {"{\"kind\":\"trace\",\"t\":1,\"target\":\"a\",\"hops\":[{\"ttl\":0}]}",
         "'hops' holds"},
        {"{\"kind\":\"trace\",\"t\":1,\"target\":\"a\",\"hops\":[{\"ttl\":1,\"address\":\"x\"}]"
         "}",
         "'address' is no address"},
        {"{\"kind\":\"trace\",\"t\":1,\"target\":\"a\",\"hops\":[{\"ttl\":2,\"address\":\"1.1."
         "1.1\"},"
         "{\"ttl\":2,\"address\":\"1.1.1.2\"}]}",
         "'hops' are not in the order"},
        {"{\"kind\":\"trace\",\"t\":1,\"target\":\"a\",\"hops\":7}", "'hops' is no list"},
        {"{\"kind\":\"edge\",\"t\":1,\"path\":\"p\",\"result\":\"answered\",\"ttl\":256}",
         "'ttl' is no number from 0 to 255"},
        {"{\"kind\":\"clock\",\"t\":1}", "'step' is missing"},
        {"{\"kind\":\"header\",\"schema\":2}", "'schema' is not 1"},
        {"{\"kind\":\"header\",\"schema\":1,\"config\":[]}", "'config' is no object"},
        {"{\"kind\":\"header\",\"schema\":1,\"learned\":7}", "'learned' is no object"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kp_record_read read;
        char why[KP_RECORD_WHY_SIZE];
        assert_int_equal(kp_record_parse(bad[i][0], strlen(bad[i][0]), &read, why),
                         KP_ERR_MALFORMED);
        assert_non_null(strstr(why, bad[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_contract), cmocka_unit_test(results_read_back),
        cmocka_unit_test(ring_is_bounded),        cmocka_unit_test(strangers_lines),
        cmocka_unit_test(bad_lines_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
