/* The event envelope, in ECS nested names. */
#include "tests/unit/unit.h"

#include "lib/telling/event_json.h"
#include "lib/telling/incident_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kp_event_source source = {"fra1", "DE", "1.2.3", "b7"};

static struct kp_event make(enum kp_action action)
{
    struct kp_event e = {.action = action,
                         .level = KP_LOG_NOTICE,
                         .at = {INT64_C(1764979200123456000)},
                         .message = "what happened",
                         .target = "kcna",
                         .path = "china-unicom",
                         .from = KP_UP,
                         .to = KP_DOWN,
                         .since = {INT64_C(1764979190000000000)},
                         .rtt = -1};
    return e;
}

static json_t *at(json_t *json, const char *path)
{
    char part[64];
    for (const char *rest = path; *rest;) {
        size_t n = strcspn(rest, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, rest);
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                   : json_object_get(json, part);
        if (!json)
            fail_msg("there is no %s", path);
        rest += n + (rest[n] == '.');
    }
    return json;
}

static void expect(json_t *json, const char *path, const char *text)
{
    json_t *value = at(json, path);
    if (!json_is_string(value))
        fail_msg("%s is no string", path);
    assert_string_equal(json_string_value(value), text);
}

static bool has(json_t *json, const char *key)
{
    return json_object_get(at(json, "kp"), key) != NULL;
}

static void test_envelope_of_every_action(void **state)
{
    (void)state;
    static const char *const members[] = {"@timestamp",
                                          "event.id",
                                          "event.sequence",
                                          "event.created",
                                          "event.kind",
                                          "event.category.0",
                                          "event.type.0",
                                          "event.action",
                                          "event.outcome",
                                          "event.dataset",
                                          "event.module",
                                          "ecs.version",
                                          "log.level",
                                          "message",
                                          "observer.name",
                                          "observer.type",
                                          "observer.version",
                                          "observer.geo.country_iso_code",
                                          "kp"};
    for (int a = 0; a < KP_ACTION_COUNT; a++) {
        struct kp_event e = make((enum kp_action)a);
        json_t *json = kp_event_json(&e, &source, 17);
        assert_non_null(json);
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
            assert_non_null(at(json, members[i]));
        expect(json, "event.action", kp_action_name((enum kp_action)a));
        json_decref(json);
    }
}

static void test_target_state(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_TARGET_STATE);
    json_t *json = kp_event_json(&e, &source, 17);
    expect(json, "@timestamp", "2025-12-06T00:00:00.123456Z");
    expect(json, "event.id", "fra1-b7-17");
    assert_int_equal(json_integer_value(at(json, "event.sequence")), 17);
    expect(json, "event.kind", "event");
    expect(json, "event.category.0", "host");
    expect(json, "event.type.0", "change");
    expect(json, "event.outcome", "failure");
    expect(json, "event.dataset", "kpwatchd.target");
    expect(json, "event.module", "kpwatchd");
    expect(json, "log.level", "notice");
    expect(json, "message", "what happened");
    expect(json, "observer.name", "fra1");
    expect(json, "observer.geo.country_iso_code", "DE");
    expect(json, "kp.target.name", "kcna");
    expect(json, "kp.path.name", "china-unicom");
    expect(json, "kp.state.from", "up");
    expect(json, "kp.state.to", "down");
    expect(json, "kp.state.since", "2025-12-05T23:59:50.000000Z");
    assert_false(has(json, "probe"));
    json_decref(json);
}

static void test_probe_result(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_PROBE_RESULT);
    e.probe = "web";
    e.type = KP_PROBE_TCP_SYN;
    e.result = KP_ANSWERED;
    e.rtt = 0.2951;
    e.ttl = 44;
    e.sent.ns = INT64_C(1764979199000000000);
    json_t *json = kp_event_json(&e, &source, 1);
    expect(json, "kp.probe.name", "web");
    expect(json, "kp.probe.type", "tcp-syn");
    expect(json, "kp.probe.result", "answered");
    assert_true(json_is_null(at(json, "kp.probe.cause")));
    assert_true(json_is_null(at(json, "kp.probe.sender")));
    assert_int_equal(json_integer_value(at(json, "kp.probe.reply_ttl")), 44);
    expect(json, "event.outcome", "success");
    assert_false(has(json, "state"));
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));
    assert_non_null(strstr(text, "\"rtt_seconds\":0.2951,"));
    free(text);
    json_decref(json);
    e.result = KP_UNREACHABLE;
    e.cause = KP_CAUSE_HOST;
    assert_int_equal(kp_addr_parse("198.51.100.1", &e.sender), KP_OK);
    json = kp_event_json(&e, &source, 1);
    expect(json, "kp.probe.cause", "host-unreachable");
    expect(json, "kp.probe.sender", "198.51.100.1");
    assert_true(json_is_null(at(json, "kp.probe.rtt_seconds")));
    expect(json, "event.outcome", "failure");
    json_decref(json);
    e.result = KP_LOCAL_ERROR;
    json = kp_event_json(&e, &source, 1);
    expect(json, "event.outcome", "unknown");
    json_decref(json);
}

static void test_dns_mismatch(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_DNS_MISMATCH);
    e.found_count = 1;
    assert_int_equal(kp_addr_parse("203.0.113.1", &e.found[0]), KP_OK);
    json_t *json = kp_event_json(&e, &source, 1);
    assert_true(json_is_null(at(json, "kp.dns.expected")));
    expect(json, "kp.dns.found.0", "203.0.113.1");
    expect(json, "event.kind", "alert");
    json_decref(json);
}

static void test_incident(void **state)
{
    (void)state;
    static struct kp_incident incident = {
        .id = 7, .what = {.class = KP_V_PATH_OUTAGE, .where = "china-unicom"}};
    static const struct {
        enum kp_action action;
        enum kp_phase phase;
        const char *type, *outcome;
    } cases[] = {
        {KP_EV_INCIDENT_OPENED, KP_CONFIRMED, "start", "failure"},
        {KP_EV_INCIDENT_UPDATED, KP_CONFIRMED, "info", "failure"},
        {KP_EV_INCIDENT_UPDATED, KP_RECOVERING, "info", "unknown"},
        {KP_EV_INCIDENT_CLOSED, KP_CLOSED, "end", "success"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kp_event e = make(cases[i].action);
        e.incident = &incident;
        incident.phase = cases[i].phase;
        json_t *json = kp_event_json(&e, &source, 1);
        json_t *same = kp_incident_json(&incident);
        expect(json, "event.kind", "alert");
        expect(json, "event.category.0", "network");
        expect(json, "event.type.0", cases[i].type);
        expect(json, "event.outcome", cases[i].outcome);
        expect(json, "event.dataset", "kpwatchd.incident");
        assert_true(json_equal(at(json, "kp.incident"), same));
        json_decref(same);
        json_decref(json);
    }
    struct kp_event bare = make(KP_EV_INCIDENT_UPDATED);
    json_t *json = kp_event_json(&bare, &source, 1);
    assert_false(has(json, "incident"));
    json_decref(json);
}

static void test_suspicion(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_SUSPICION_RAISED);
    e.target = NULL;
    json_t *json = kp_event_json(&e, &source, 1);
    expect(json, "event.kind", "event");
    expect(json, "event.outcome", "unknown");
    expect(json, "event.dataset", "kpwatchd.suspicion");
    expect(json, "kp.path.name", "china-unicom");
    expect(json, "kp.state.since", "2025-12-05T23:59:50.000000Z");
    assert_false(has(json, "target"));
    json_decref(json);
}

static void test_path_move(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_PATH_MOVE);
    e.path_before = "transtelecom";
    json_t *json = kp_event_json(&e, &source, 1);
    expect(json, "kp.target.name", "kcna");
    expect(json, "kp.path.name", "china-unicom");
    expect(json, "kp.path.previous", "transtelecom");
    json_decref(json);
    e.path_before = NULL;
    json = kp_event_json(&e, &source, 1);
    assert_true(json_is_null(at(json, "kp.path.previous")));
    json_decref(json);
}

static void test_daemon_and_config(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_CONFIG_RELOAD);
    e.target = e.path = NULL;
    e.success = false;
    e.detail = "2 errors";
    json_t *json = kp_event_json(&e, &source, 1);
    assert_true(json_is_false(at(json, "kp.config.success")));
    expect(json, "kp.config.detail", "2 errors");
    expect(json, "event.category.0", "configuration");
    expect(json, "event.outcome", "failure");
    assert_false(has(json, "target"));
    assert_false(has(json, "path"));
    json_decref(json);
    e.action = KP_EV_DAEMON_START;
    e.success = true;
    e.detail = NULL;
    json = kp_event_json(&e, &source, 1);
    assert_true(json_is_true(at(json, "kp.health.ok")));
    assert_true(json_is_null(at(json, "kp.health.detail")));
    expect(json, "event.type.0", "start");
    json_decref(json);
    e.action = KP_EV_VANTAGE_HEALTH;
    e.to = KP_UP;
    json = kp_event_json(&e, &source, 1);
    assert_true(json_is_true(at(json, "kp.health.ok")));
    expect(json, "kp.state.to", "up");
    expect(json, "event.outcome", "success");
    json_decref(json);
}

static void test_hostile_text(void **state)
{
    (void)state;
    struct kp_event e = make(KP_EV_TARGET_STATE);
    snprintf(e.message, sizeof e.message, "bad \xff byte, \x1b[31m and \"quotes\"\n");
    struct kp_event_source nowhere = source;
    nowhere.country = NULL;
    json_t *json = kp_event_json(&e, &nowhere, 1);
    assert_non_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(text);
    assert_null(strchr(text, '\n'));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "xff byte"));
    assert_true(json_is_null(at(json, "observer.geo.country_iso_code")));
    free(text);
    json_decref(json);
}

static void test_kinds(void **state)
{
    (void)state;
    assert_true(kp_event_is_kind(KP_EV_PATH_STATE, "path.state"));
    assert_true(kp_event_is_kind(KP_EV_PATH_STATE, "path"));
    assert_false(kp_event_is_kind(KP_EV_PATH_STATE, "pat"));
    assert_false(kp_event_is_kind(KP_EV_PATH_STATE, "path.stat"));
    assert_false(kp_event_is_kind(KP_EV_PATH_STATE, "path.state.x"));
    assert_false(kp_event_is_kind(KP_EV_PATH_STATE, ""));
    assert_true(kp_event_kind_known("incident"));
    assert_false(kp_event_kind_known("incidents"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelope_of_every_action),
        cmocka_unit_test(test_target_state),
        cmocka_unit_test(test_probe_result),
        cmocka_unit_test(test_dns_mismatch),
        cmocka_unit_test(test_incident),
        cmocka_unit_test(test_suspicion),
        cmocka_unit_test(test_path_move),
        cmocka_unit_test(test_daemon_and_config),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
