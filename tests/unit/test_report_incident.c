/* Incidents, what is said about them, suspicions and traces, field by field. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include "lib/telling/incident_json.h"
#include "lib/telling/report_incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kp_report_daemon about = {.version = "1",
                                              .vantage_name = "fra1",
                                              .now = {INT64_C(1764979200123456000)},
                                              .recover_after = {300 * KP_NS_PER_S}};

static void expect_text(json_t *json, const char *path, const char *text)
{
    assert_string_equal(text_at(json, path), text);
}

static void test_object(void **state)
{
    (void)state;
    static const char *const members[] = {"id",
                                          "uuid",
                                          "class",
                                          "phase",
                                          "confidence",
                                          "where",
                                          "began",
                                          "confirmed",
                                          "ended",
                                          "targets",
                                          "targets_total",
                                          "paths",
                                          "class_history",
                                          "evidence",
                                          "merged_into"};
    struct kp_incident i = fake_incident(12, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    json_t *json = kp_incident_json(&i);
    assert_int_equal(json_object_size(json), sizeof members / sizeof members[0]);
    for (size_t k = 0; k < sizeof members / sizeof members[0]; k++)
        assert_non_null(at(json, members[k]));
    assert_int_equal(int_at(json, "id"), 12);
    expect_text(json, "uuid", "0190a1b2-c3d4-7ef6-8700-00000000ab0c");
    expect_text(json, "class", "path-outage");
    expect_text(json, "phase", "confirmed");
    expect_text(json, "confidence", "high");
    expect_text(json, "where", "china-unicom");
    expect_text(json, "began", "2025-12-05T23:50:00.123456Z");
    expect_text(json, "confirmed", "2025-12-05T23:51:00.123456Z");
    assert_true(json_is_null(at(json, "ended")));
    assert_true(json_is_null(at(json, "merged_into")));
    expect_text(json, "targets.0", "kcna");
    assert_int_equal(int_at(json, "targets_total"), 1);
    expect_text(json, "paths.0", "china-unicom");
    expect_text(json, "class_history.0.class", "unknown");
    expect_text(json, "class_history.1.at", "2025-12-05T23:51:40.123456Z");
    expect_text(json, "evidence.0.rule", "lead");
    expect_text(json, "evidence.0.excludes", "host-outage");
    assert_true(json_real_value(at(json, "evidence.0.value")) > 12.4);
    assert_true(json_real_value(at(json, "evidence.0.threshold")) > 4.6);
    json_decref(json);
}

static void test_object_bounds(void **state)
{
    (void)state;
    struct kp_incident i = fake_incident(1, KP_V_COUNTRY_OUTAGE, KP_CLOSED);
    i.what.targets.count = KP_INCIDENT_NAMES + 9; /* more than is kept */
    i.what.facts[0].excludes[0] = '\0';
    i.merged_into = 7;
    json_t *json = kp_incident_json(&i);
    assert_int_equal(json_array_size(at(json, "targets")), KP_INCIDENT_NAMES);
    assert_int_equal(int_at(json, "targets_total"), KP_INCIDENT_NAMES + 9);
    assert_true(json_is_null(at(json, "evidence.0.excludes")));
    assert_int_equal(int_at(json, "merged_into"), 7);
    expect_text(json, "ended", "2025-12-05T23:53:20.123456Z");
    json_decref(json);
}

static void test_open_gravest_first(void **state)
{
    (void)state;
    struct kp_incident host = fake_incident(1, KP_V_HOST_OUTAGE, KP_CONFIRMED);
    struct kp_incident late = fake_incident(2, KP_V_PATH_OUTAGE, KP_RECOVERING);
    struct kp_incident over = fake_incident(3, KP_V_COUNTRY_OUTAGE, KP_CLOSED);
    struct kp_incident early = fake_incident(4, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    early.what.began.ns -= 1;
    struct kp_core core = {.incidents = {{&host, &late, &over, &early}, 4}};
    json_t *json = kp_report_open_incidents(&core);
    assert_int_equal(json_array_size(json), 3);
    assert_int_equal(int_at(json, "0.id"), 4);
    assert_int_equal(int_at(json, "1.id"), 2);
    assert_int_equal(int_at(json, "2.id"), 1);
    json_decref(json);
}

static void test_status_has_them(void **state)
{
    (void)state;
    struct kp_incident i = fake_incident(12, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    struct kp_core core = {.incidents = {{&i}, 1}, .suspicions = 1};
    json_t *json = kp_report_status(&core, &about);
    json_t *same = kp_incident_json(&i);
    assert_true(json_equal(at(json, "incidents.0"), same));
    assert_int_equal(json_object_size(at(json, "suspicions.0")), 5);
    expect_text(json, "suspicions.0.what", "path");
    expect_text(json, "suspicions.0.where", "transtelecom");
    expect_text(json, "suspicions.0.since", "2025-12-05T23:59:50.123456Z");
    assert_true(json_real_value(at(json, "suspicions.0.score")) > 7);
    assert_true(json_real_value(at(json, "suspicions.0.threshold")) > 19);
    json_decref(same);
    json_decref(json);
}

/* The ids that the pieces add up to, as "1,2,". */
static void list_ids(const struct kp_core *core, struct kp_report_incidents it, char out[64])
{
    struct kp_text text = {0};
    while (kp_report_incidents_next(core, &it, &text))
        ;
    json_t *json = json_loads(kp_text_str(&text), 0, NULL);
    assert_int_equal(int_at(json, "schema"), 1);
    json_t *list = at(json, "incidents"), *one;
    size_t index;
    out[0] = '\0';
    json_array_foreach(list, index, one)
    {
        size_t used = strlen(out);
        snprintf(out + used, 64 - used, "%d,", (int)int_at(one, "id"));
    }
    json_decref(json);
    kp_text_fini(&text);
}

static void test_list(void **state)
{
    (void)state;
    struct kp_incident a = fake_incident(1, KP_V_HOST_OUTAGE, KP_CLOSED);
    struct kp_incident b = fake_incident(2, KP_V_PATH_OUTAGE, KP_RECOVERING);
    struct kp_incident c = fake_incident(9, KP_V_PATH_OUTAGE, KP_CLOSED);
    struct kp_core core = {.incidents = {{&a, &b, &c}, 3}};
    char ids[64];
    c.ended.ns += 50 * KP_NS_PER_S;
    list_ids(&core, (struct kp_report_incidents){0}, ids);
    assert_string_equal(ids, "1,2,9,");
    list_ids(&core, (struct kp_report_incidents){.which = KP_REPORT_OPEN}, ids);
    assert_string_equal(ids, "2,");
    list_ids(&core, (struct kp_report_incidents){.which = KP_REPORT_CLOSED}, ids);
    assert_string_equal(ids, "1,9,");
    list_ids(&core, (struct kp_report_incidents){.since = c.ended}, ids);
    assert_string_equal(ids, "2,9,");
    core.incidents.count = 0;
    list_ids(&core, (struct kp_report_incidents){0}, ids);
    assert_string_equal(ids, "");
}

static void test_find(void **state)
{
    (void)state;
    struct kp_incident a = fake_incident(12, KP_V_HOST_OUTAGE, KP_CLOSED);
    struct kp_incident b = fake_incident(255, KP_V_PATH_OUTAGE, KP_RECOVERING);
    struct kp_core core = {.incidents = {{&a, &b}, 2}};
    char near[64];
    assert_ptr_equal(kp_report_find_incident(&core, "12"), &a);
    assert_ptr_equal(kp_report_find_incident(&core, "0190A1B2-c3d4-7ef6-8700-00000000abff"),
                     &b);
    static const char *const none[] = {"", "1", "012", "-1", "12 ", "4294967308", "x"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_null(kp_report_find_incident(&core, none[i]));
    assert_true(kp_report_nearest_incident(&core, "13", near));
    assert_string_equal(near, "12");
    assert_true(kp_report_nearest_incident(&core, "0190a1b2-c3d4-7ef6-8700-00000000ab", near));
    assert_string_equal(near, "0190a1b2-c3d4-7ef6-8700-00000000ab0c");
    assert_false(kp_report_nearest_incident(&core, "99", near));
}

/* Sentence n of a list of Explain's reply; "" where there is none. */
static const char *sentence(json_t *json, const char *list, size_t n)
{
    const char *text = json_string_value(json_array_get(at(json, list), n));
    return text ? text : "";
}

struct expected {
    enum kp_verdict class;
    const char *closes, *escalates;
};

static void test_explain_each_class(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {KP_V_UNKNOWN, "answers from what fell silent", "takes its class"},
        {KP_V_DEGRADED, "the baseline says", "an outage"},
        {KP_V_SERVICE_OUTAGE, "answers from china-unicom", "host-outage"},
        {KP_V_POSSIBLE_BAN, "answers from china-unicom", "of China Unicom fall"},
        {KP_V_HOST_OUTAGE, "answers from china-unicom",
         "other targets of China Unicom fall silent as well: path-outage"},
        {KP_V_DNS_OUTAGE, "two name servers", "SYN probes fall silent"},
        {KP_V_PATH_OUTAGE,
         "answers from at least two targets of China Unicom, kept up for 5 minutes",
         "TransTeleCom falls silent as well: country-outage"},
        {KP_V_COUNTRY_OUTAGE, "at least two targets, over whichever path", "seen to answer"},
        {KP_V_TRANSIT_OUTAGE, "at least two targets", "country-outage"},
        {KP_V_VANTAGE_FAULT, "any anchor or target", "nothing beyond it"},
    };
    struct kp_core core = {.path_targets = 2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kp_incident incident = fake_incident(3, cases[i].class, KP_CONFIRMED);
        json_t *json = kp_report_explain(&core, &about, &incident);
        assert_int_equal(int_at(json, "incident.id"), 3);
        assert_non_null(strstr(sentence(json, "closes_when", 0), cases[i].closes));
        assert_non_null(strstr(sentence(json, "closes_when", 0), "kept up for 5 minutes"));
        assert_non_null(strstr(sentence(json, "escalates_when", 0), cases[i].escalates));
        char *text = json_dumps(json, 0);
        assert_null(strcasestr(text, "internal"));
        free(text);
        json_decref(json);
    }
}

static void test_explain_paths(void **state)
{
    (void)state;
    struct kp_incident i = fake_incident(3, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    struct kp_report_daemon daemon = about;
    struct kp_core core = {.path_targets = 1};
    daemon.recover_after = kp_dur_s(90);
    json_t *json = kp_report_explain(&core, &daemon, &i);
    assert_string_equal(sentence(json, "closes_when", 0),
                        "answers from the one target of China Unicom, kept up for 1m30s");
    json_decref(json);
    core.path_targets = 0; /* a reload took them all */
    daemon.recover_after = kp_dur_s(0);
    json = kp_report_explain(&core, &daemon, &i);
    assert_string_equal(
        sentence(json, "closes_when", 0),
        "answers from at least two targets of the path, kept up for verdict.recover-after");
    assert_int_equal(json_array_size(at(json, "escalates_when")), 0);
    json_decref(json);
}

static void test_explain_phases(void **state)
{
    (void)state;
    struct kp_core core = {.path_targets = 2};
    struct kp_incident i = fake_incident(3, KP_V_COUNTRY_OUTAGE, KP_RECOVERING);
    json_t *json = kp_report_explain(&core, &about, &i);
    assert_string_equal(sentence(json, "closes_when", 0),
                        "answers have been back since 2025-12-05T23:59:00Z: it closes if they "
                        "go on until 2025-12-06T00:04:00Z");
    json_decref(json);
    i = fake_incident(3, KP_V_COUNTRY_OUTAGE, KP_CLOSED);
    json = kp_report_explain(&core, &about, &i);
    assert_int_equal(json_array_size(at(json, "closes_when")), 0);
    assert_string_equal(
        sentence(json, "escalates_when", 0),
        "the same falls silent again before 2025-12-06T00:28:20Z: this incident is reopened");
    json_decref(json);
    i.closed_at.ns -= 1800 * KP_NS_PER_S;
    json = kp_report_explain(&core, &about, &i);
    assert_int_equal(json_array_size(at(json, "escalates_when")), 0);
    json_decref(json);
}

static void test_trace(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 2, .traces = 2, .tracing = true};
    json_t *json = NULL;
    assert_int_equal(kp_report_trace(&core, "kcna", &json), KP_OK);
    assert_int_equal(int_at(json, "schema"), 1);
    expect_text(json, "target", "kcna");
    assert_true(json_is_true(at(json, "running")));
    assert_int_equal(json_array_size(at(json, "traces")), 2);
    expect_text(json, "traces.0.target", "kcna");
    expect_text(json, "traces.0.at", "2025-12-05T23:58:20.123456Z");
    assert_true(json_is_true(at(json, "traces.0.reached")));
    assert_true(json_is_true(at(json, "traces.0.running")));
    assert_true(json_is_false(at(json, "traces.1.running")));
    expect_text(json, "traces.0.path", "china-unicom");
    assert_int_equal(int_at(json, "traces.0.hops.0.ttl"), 9);
    expect_text(json, "traces.0.hops.0.address", "103.35.255.254");
    expect_text(json, "traces.0.hops.0.path", "china-unicom");
    assert_true(json_is_real(at(json, "traces.0.hops.0.rtt_seconds")));
    assert_true(json_is_null(at(json, "traces.0.hops.1.address")));
    assert_true(json_is_null(at(json, "traces.0.hops.1.rtt_seconds")));
    assert_true(json_is_null(at(json, "traces.0.hops.1.path")));
    assert_true(json_is_true(at(json, "traces.0.hops.2.is_target")));
    assert_true(json_is_false(at(json, "traces.1.reached")));
    json_decref(json);
}

static void test_trace_of_nothing(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 2};
    json_t *json = NULL;
    assert_int_equal(kp_report_trace(&core, "neutral-1", &json), KP_ERR_NOTFOUND);
    assert_int_equal(kp_report_trace(&core, "nobody", &json), KP_ERR_NOTFOUND);
    assert_null(json);
    assert_int_equal(kp_report_trace(&core, "ns1", &json), KP_OK);
    assert_int_equal(json_array_size(at(json, "traces")), 0);
    assert_true(json_is_false(at(json, "running")));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_object_bounds),
        cmocka_unit_test(test_open_gravest_first),
        cmocka_unit_test(test_status_has_them),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_explain_each_class),
        cmocka_unit_test(test_explain_paths),
        cmocka_unit_test(test_explain_phases),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_trace_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
