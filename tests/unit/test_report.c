/* The objects of CONTRACT.md ("Control protocol"), field by field. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include "lib/telling/report.h"

#include <stdlib.h>
#include <string.h>

/* One character a field: s string, i integer, r real, n number, b boolean, a
 * list, o object; upper case: or null; 0: null. */
struct field {
    const char *path;
    char type;
};

static bool is_type(const json_t *json, char type)
{
    switch (type) {
    case 's':
        return json_is_string(json);
    case 'i':
        return json_is_integer(json);
    case 'r':
        return json_is_real(json);
    case 'b':
        return json_is_boolean(json);
    case 'a':
        return json_is_array(json);
    case 'o':
        return json_is_object(json);
    default:
        return json_is_null(json);
    }
}

static void expect(json_t *json, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_type(at(json, fields[i].path), fields[i].type))
            fail_msg("%s is not of type %c", fields[i].path, fields[i].type);
}

#define EXPECT(json, fields) expect(json, fields, sizeof(fields) / sizeof((fields)[0]))

static const struct kp_report_daemon about = {
    .version = "1.2.3",
    .vantage_name = "fra1",
    .started_at = {INT64_C(1764979140123456000)},
    .config_loaded_at = {INT64_C(1764979150000000000)},
    .now = {INT64_C(1764979200123456000)},
    .uptime = {60 * KP_NS_PER_S},
    .events_dropped = 4};

static void test_status(void **state)
{
    (void)state;
    static const struct field fields[] = {
        {"schema", 'i'},
        {"at", 's'},
        {"verdict", 's'},
        {"summary", 's'},
        {"vantage.name", 's'},
        {"vantage.healthy", 'b'},
        {"vantage.anchors_up", 'i'},
        {"vantage.anchors_total", 'i'},
        {"vantage.anchors.0.name", 's'},
        {"vantage.anchors.0.address", 's'},
        {"vantage.anchors.0.state", 's'},
        {"paths", 'a'},
        {"targets.total", 'i'},
        {"targets.up", 'i'},
        {"targets.degraded", 'i'},
        {"targets.down", 'i'},
        {"targets.unknown", 'i'},
        {"incidents", 'a'},
        {"suspicions", 'a'},
        {"daemon.version", 's'},
        {"daemon.started_at", 's'},
        {"daemon.uptime_seconds", 'r'},
        {"daemon.config_loaded_at", 's'},
        {"daemon.probes_per_second", 'r'},
        {"daemon.events_dropped", 'i'},
    };
    struct kp_core core = {.targets = 2};
    json_t *json = kp_report_status(&core, &about);
    EXPECT(json, fields);
    assert_int_equal(int_at(json, "schema"), 1);
    assert_string_equal(text_at(json, "at"), "2025-12-06T00:00:00.123456Z");
    assert_string_equal(text_at(json, "verdict"), "clear");
    assert_string_equal(text_at(json, "vantage.anchors.0.name"), "neutral-1");
    assert_int_equal(int_at(json, "daemon.events_dropped"), 4);
    json_t *paths = NULL;
    assert_int_equal(kp_report_paths(&core, NULL, &paths), KP_OK);
    assert_true(json_equal(at(json, "paths"), at(paths, "paths")));
    json_decref(paths);
    json_decref(json);
}

static void test_status_unknown(void **state)
{
    (void)state;
    static const struct field fields[] = {
        {"vantage.healthy", '0'},
        {"daemon.probes_per_second", '0'},
        {"daemon.config_loaded_at", '0'},
        {"vantage.anchors.0.address", '0'},
    };
    struct kp_core core = {.targets = 2, .blank = true};
    struct kp_report_daemon daemon = about;
    daemon.config_loaded_at.ns = 0;
    json_t *json = kp_report_status(&core, &daemon);
    EXPECT(json, fields);
    assert_string_equal(text_at(json, "verdict"), "unknown");
    json_decref(json);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct field fields[] = {
        {"schema", 'i'},
        {"paths.0.name", 's'},
        {"paths.0.title", 's'},
        {"paths.0.state", 's'},
        {"paths.0.since", 's'},
        {"paths.0.answered_ratio", 'r'},
        {"paths.0.rtt_p50_seconds", 'r'},
        {"paths.0.rtt_p95_seconds", 'r'},
        {"paths.0.edge_state", 's'},
        {"paths.0.last_hop", 's'},
        {"paths.0.targets_up", 'i'},
        {"paths.0.targets_degraded", 'i'},
        {"paths.0.targets_down", 'i'},
        {"paths.0.targets_unknown", 'i'},
        {"paths.0.muted_until", '0'},
        {"paths.0.spark", 'a'},
        {"paths.0.spark.0", '0'},
        {"paths.0.spark.59", 'r'},
    };
    static const struct field blank[] = {
        {"paths.0.since", '0'},           {"paths.0.answered_ratio", '0'},
        {"paths.0.rtt_p50_seconds", '0'}, {"paths.0.rtt_p95_seconds", '0'},
        {"paths.0.last_hop", '0'},        {"paths.0.spark.59", '0'},
    };
    struct kp_core core = {.targets = 2};
    json_t *json = NULL;
    assert_int_equal(kp_report_paths(&core, NULL, &json), KP_OK);
    EXPECT(json, fields);
    json_decref(json);
    assert_int_equal(kp_report_paths(&core, "nothing", &json), KP_ERR_NOTFOUND);
    core.blank = true;
    assert_int_equal(kp_report_paths(&core, "transtelecom", &json), KP_OK);
    EXPECT(json, blank);
    assert_int_equal(json_array_size(at(json, "paths")), 1);
    json_decref(json);
}

static json_t *targets(const struct kp_core *core, const char *name)
{
    struct kp_report_filter filter = {.target = name};
    struct kp_report_targets it;
    struct kp_text text = {0};
    assert_int_equal(kp_report_targets_begin(core, &filter, &it), KP_OK);
    while (kp_report_targets_next(core, &it, &text))
        ;
    json_t *json = json_loads(kp_text_str(&text), 0, NULL);
    assert_non_null(json);
    kp_text_fini(&text);
    return json;
}

static void test_targets(void **state)
{
    (void)state;
    static const struct field fields[] = {
        {"schema", 'i'},
        {"targets.0.name", 's'},
        {"targets.0.title", 's'},
        {"targets.0.host", 's'},
        {"targets.0.address", 's'},
        {"targets.0.group", 's'},
        {"targets.0.path", 's'},
        {"targets.0.path_source", 's'},
        {"targets.0.state", 's'},
        {"targets.0.since", 's'},
        {"targets.0.muted_until", '0'},
        {"targets.0.anchor", 'b'},
        {"targets.0.probes.0.name", 's'},
        {"targets.0.probes.0.type", 's'},
        {"targets.0.probes.0.state", 's'},
        {"targets.0.probes.0.result", 's'},
        {"targets.0.probes.0.rtt_seconds", 'r'},
        {"targets.0.probes.0.reply_ttl", 'i'},
        {"targets.0.probes.0.at", 's'},
        {"targets.0.probes.0.cause", '0'},
        {"targets.0.probes.0.sender", '0'},
        {"targets.0.probes.0.error", '0'},
        {"targets.0.probes.0.dns", '0'},
        {"targets.0.probes.0.baseline_ratio", '0'},
        {"targets.0.probes.0.baseline_rtt_seconds", '0'},
        {"targets.0.probes.0.sent", 'i'},
        {"targets.0.probes.0.answered", 'i'},
        {"targets.0.probes.0.late", 'i'},
        {"targets.0.probes.0.recent_rtt_seconds.0", 'r'},
        {"targets.0.probes.0.recent_rtt_seconds.1", '0'},
        {"targets.1.probes.0.dns.rcode", 'i'},
        {"targets.1.probes.0.dns.aa", 'b'},
        {"targets.1.probes.0.dns.tc", 'b'},
        {"targets.1.probes.0.dns.ttl_seconds", '0'},
        {"targets.1.probes.0.dns.serial", 'i'},
    };
    struct kp_core core = {.targets = 2, .muted = "ns1", .muted_until = {FAKE_NOW.ns}};
    json_t *json = targets(&core, NULL);
    EXPECT(json, fields);
    assert_int_equal(json_array_size(at(json, "targets")), 2);
    assert_true(is_type(at(json, "targets.1.muted_until"), 's'));
    json_decref(json);
}

static void test_anchor_by_name(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 2};
    json_t *json = targets(&core, "neutral-1");
    assert_true(json_is_true(at(json, "targets.0.anchor")));
    assert_string_equal(text_at(json, "targets.0.probes.0.result"), "unreachable");
    assert_string_equal(text_at(json, "targets.0.probes.0.cause"), "host-unreachable");
    assert_string_equal(text_at(json, "targets.0.probes.0.sender"), "198.51.100.1");
    assert_true(json_is_null(at(json, "targets.0.probes.0.rtt_seconds")));
    json_decref(json);
}

static void test_target_never_probed(void **state)
{
    (void)state;
    static const struct field fields[] = {
        {"targets.0.host", '0'},
        {"targets.0.address", '0'},
        {"targets.0.group", '0'},
        {"targets.0.path", '0'},
        {"targets.0.path_source", '0'},
        {"targets.0.since", '0'},
        {"targets.0.probes.0.result", '0'},
        {"targets.0.probes.0.rtt_seconds", '0'},
        {"targets.0.probes.0.reply_ttl", '0'},
        {"targets.0.probes.0.at", '0'},
        {"targets.0.probes.0.recent_rtt_seconds", 'a'},
    };
    struct kp_core core = {.targets = 2, .blank = true};
    json_t *json = targets(&core, NULL);
    EXPECT(json, fields);
    assert_string_equal(text_at(json, "targets.0.state"), "unknown");
    json_decref(json);
}

static void test_no_targets_is_a_list(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 0};
    json_t *json = targets(&core, NULL);
    assert_int_equal(json_array_size(at(json, "targets")), 0);
    json_decref(json);
}

static void test_mutes(void **state)
{
    (void)state;
    struct kp_core core = {.muted = "china-unicom", .muted_until = {FAKE_NOW.ns}};
    json_t *json = kp_report_mutes(&core);
    assert_int_equal(int_at(json, "schema"), 1);
    assert_string_equal(text_at(json, "mutes.0.kind"), "path");
    assert_string_equal(text_at(json, "mutes.0.until"), "2025-12-06T00:00:00.123456Z");
    json_decref(json);
    assert_null(kp_report_mute(&core, "kcna"));
}

static void test_stats(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 2};
    json_t *json = kp_report_stats(&core, &about);
    assert_int_equal(json_array_size(at(json, "probes")), KP_PROBE_COUNT);
    for (size_t i = 0; i < KP_PROBE_COUNT; i++) {
        json_t *probe = json_array_get(at(json, "probes"), i);
        assert_int_equal(json_object_size(at(probe, "results")), KP_RESULT_COUNT);
        assert_int_equal(json_object_size(at(probe, "discarded")), KP_DISCARD_COUNT - 1);
    }
    assert_int_equal(int_at(json, "slots"), 64);
    assert_true(json_is_real(at(json, "scheduler_lag_seconds")));
    json_decref(json);
}

static void test_diags(void **state)
{
    (void)state;
    struct kp_diag diag = {.file = "a.yaml",
                           .text = "unknown key 'x'",
                           .source = "x: 1",
                           .pos = {3, 1},
                           .source_col = 1};
    struct kp_diags diags = {.list = &diag, .count = 1};
    json_t *json = kp_report_diags(&diags);
    assert_string_equal(text_at(json, "0.file"), "a.yaml");
    assert_int_equal(int_at(json, "0.line"), 3);
    assert_int_equal(int_at(json, "0.column"), 1);
    assert_string_equal(text_at(json, "0.severity"), "error");
    json_decref(json);
}

static void test_nearest(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 2};
    assert_string_equal(kp_report_nearest(&core, KP_NAME_TARGET, "KCNA"), "kcna");
    assert_string_equal(kp_report_nearest(&core, KP_NAME_TARGET, "neutral"), "neutral-1");
    assert_string_equal(kp_report_nearest(&core, KP_NAME_GROUP, "nwes"), "news");
    assert_string_equal(kp_report_nearest(&core, KP_NAME_ANY, "china"), "china-unicom");
    assert_null(kp_report_nearest(&core, KP_NAME_PATH, "kcna"));
    assert_null(kp_report_nearest(&core, KP_NAME_ANY, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_unknown),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_anchor_by_name),
        cmocka_unit_test(test_target_never_probed),
        cmocka_unit_test(test_no_targets_is_a_list),
        cmocka_unit_test(test_mutes),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_diags),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
