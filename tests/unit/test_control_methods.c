/* Every method of the control protocol, over a real socket. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct client client;

static int setup(void **state)
{
    struct rig *rig = rig_new();
    rig_open(rig);
    assert_non_null(rig->control);
    *state = rig;
    return 0;
}

/* rig_uid is looked at when the server accepts, so the client comes later. */
static struct rig *as(void **state, uid_t uid)
{
    rig_uid = uid;
    client_open(&client, *state);
    return *state;
}

static struct rig *as_root(void **state)
{
    return as(state, 0);
}

static int teardown(void **state)
{
    client_close(&client);
    rig_free(*state);
    return 0;
}

static json_t *call(const char *method, const char *params)
{
    json_t *reply = client_call(&client, method, params);
    assert_non_null(reply);
    return reply;
}

static void expect_error(const char *method, const char *params, const char *error,
                         const char *key, const char *value)
{
    json_t *reply = call(method, params);
    if (!is_error(reply, error))
        fail_msg("%s %s: %s", method, params, json_dumps(reply, 0));
    if (key) {
        char path[64] = "parameters.";
        strncat(path, key, sizeof path - strlen(path) - 1);
        assert_string_equal(text_at(reply, path), value);
    }
    json_decref(reply);
}

static json_t *raw_call(const char *text)
{
    assert_true(client_send(&client, text, strlen(text) + 1));
    return client_read(&client);
}

static void test_get_status(void **state)
{
    as_root(state);
    json_t *reply = call("GetStatus", NULL);
    assert_int_equal(int_at(reply, "parameters.schema"), 1);
    assert_string_equal(text_at(reply, "parameters.vantage.name"), "fra1");
    assert_string_equal(text_at(reply, "parameters.daemon.version"), "1.2.3");
    json_decref(reply);
    reply = call("GetStatus", "null");
    assert_null(json_object_get(reply, "error"));
    json_decref(reply);
}

static void test_list_paths(void **state)
{
    as_root(state);
    json_t *reply = call("ListPaths", "{\"path\":null}");
    assert_int_equal(json_array_size(at(reply, "parameters.paths")), 2);
    json_decref(reply);
    reply = call("ListPaths", "{\"path\":\"transtelecom\"}");
    assert_int_equal(json_array_size(at(reply, "parameters.paths")), 1);
    assert_string_equal(text_at(reply, "parameters.paths.0.title"), "TransTeleCom");
    json_decref(reply);
    expect_error("ListPaths", "{\"path\":\"transtelekom\"}", "NotFound", "nearest",
                 "transtelecom");
    expect_error("ListPaths", "{\"path\":\"transtelekom\"}", "NotFound", "kind", "path");
    json_t *far = call("ListPaths", "{\"path\":\"zzzzzz\"}");
    assert_null(json_object_get(at(far, "parameters"), "nearest"));
    json_decref(far);
}

static size_t targets(const char *params)
{
    json_t *reply = call("ListTargets", params);
    size_t n = json_array_size(at(reply, "parameters.targets"));
    json_decref(reply);
    return n;
}

static void test_list_targets(void **state)
{
    as_root(state);
    assert_int_equal(targets("{}"), 2);
    assert_int_equal(targets("{\"target\":\"kcna\"}"), 1);
    assert_int_equal(targets("{\"target\":\"neutral-1\"}"), 1);
    assert_int_equal(targets("{\"state\":\"down\"}"), 1);
    assert_int_equal(targets("{\"state\":\"degraded\"}"), 0);
    assert_int_equal(targets("{\"group\":\"news\",\"state\":\"down\"}"), 0);
    assert_int_equal(targets("{\"group\":\"dns\",\"state\":\"down\"}"), 1);
    expect_error("ListTargets", "{\"target\":\"kcan\"}", "NotFound", "nearest", "kcna");
    expect_error("ListTargets", "{\"target\":\"kcan\"}", "NotFound", "kind", "target");
    expect_error("ListTargets", "{\"group\":\"newz\"}", "NotFound", "nearest", "news");
    expect_error("ListTargets", "{\"group\":\"newz\"}", "NotFound", "kind", "group");
    expect_error("ListTargets", "{\"state\":\"dead\"}", "InvalidParameter", "parameter",
                 "state");
}

static void test_parameters_are_strict(void **state)
{
    as_root(state);
    expect_error("GetStatus", "{\"x\":1}", "InvalidParameter", "parameter", "x");
    expect_error("ListPaths", "{\"path\":7}", "InvalidParameter", "parameter", "path");
    expect_error("Probe", "{}", "InvalidParameter", "parameter", "target");
    expect_error("Mute", "{\"name\":\"kcna\",\"for_seconds\":\"1\",\"reason\":\"x\"}",
                 "InvalidParameter", "parameter", "for_seconds");
    expect_error("ListEvents", "{\"kinds\":[1]}", "InvalidParameter", "parameter", "kinds");
    expect_error("ListEvents", "{\"kinds\":[\"nothing\"]}", "InvalidParameter", "parameter",
                 "kinds");
    expect_error("ListEvents", "{\"since\":\"yesterday\"}", "InvalidParameter", "parameter",
                 "since");
}

static void test_unknown_methods(void **state)
{
    as_root(state);
    expect_error("Divine", "{}", "MethodNotFound", "method", "Divine");
    json_t *reply = raw_call("{\"method\":\"org.example.Thing.Do\"}");
    assert_true(is_error(reply, "InterfaceNotFound"));
    assert_string_equal(text_at(reply, "parameters.interface"), "org.example.Thing");
    json_decref(reply);
    reply = raw_call("{\"method\":\"org.kpwatchd.Monitor\"}");
    assert_true(is_error(reply, "InterfaceNotFound"));
    json_decref(reply);
    reply = raw_call("{\"method\":\"org.kpwatchd.Monitor.GetStatus\",\"upgrade\":true}");
    assert_true(is_error(reply, "InvalidParameter"));
    json_decref(reply);
}

static void test_oneway_has_no_reply(void **state)
{
    struct rig *rig = as_root(state);
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.Probe\",\"oneway\":true,"
                               "\"parameters\":{\"target\":\"kcna\"}}\0"
                               "{\"method\":\"org.kpwatchd.Monitor.ListMutes\"}";
    assert_true(client_send(&client, text, sizeof text));
    json_t *reply = client_read(&client);
    assert_true(json_is_array(at(reply, "parameters.mutes")));
    json_decref(reply);
    assert_string_equal(rig->core.probed, "kcna");
}

static void test_service(void **state)
{
    as_root(state);
    json_t *reply = raw_call("{\"method\":\"org.varlink.service.GetInfo\"}");
    assert_string_equal(text_at(reply, "parameters.product"), "kpwatchd");
    assert_string_equal(text_at(reply, "parameters.version"), "1.2.3");
    assert_string_equal(text_at(reply, "parameters.vendor"), "kpwatchd");
    assert_string_equal(text_at(reply, "parameters.url"), "");
    assert_string_equal(text_at(reply, "parameters.interfaces.1"), "org.kpwatchd.Monitor");
    json_decref(reply);
    reply = raw_call("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                     "\"parameters\":{\"interface\":\"org.kpwatchd.Monitor\"}}");
    const char *idl = text_at(reply, "parameters.description");
    assert_non_null(strstr(idl, "interface org.kpwatchd.Monitor\n"));
    assert_non_null(strstr(idl, "method Subscribe("));
    assert_non_null(strstr(idl, "\"trace\", \"config\" or null"));
    json_decref(reply);
    reply = raw_call("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                     "\"parameters\":{\"interface\":\"org.example\"}}");
    assert_true(is_error(reply, "InterfaceNotFound"));
    json_decref(reply);
}

static void test_probe(void **state)
{
    struct rig *rig = as_root(state);
    json_t *reply = call("Probe", "{\"target\":\"kcna\"}");
    assert_string_equal(text_at(reply, "parameters.target"), "kcna");
    assert_string_equal(text_at(reply, "parameters.requested_at"),
                        "2025-12-06T00:00:00.123456Z");
    json_decref(reply);
    assert_string_equal(rig->core.probed, "kcna");
    assert_int_equal(rig->pumps, 1);
    expect_error("Probe", "{\"target\":\"kcnaa\"}", "NotFound", "nearest", "kcna");
    rig->core.refuse_probe = true;
    expect_error("Probe", "{\"target\":\"kcna\"}", "Refused", "reason",
                 "the target has no address that may be probed");
    assert_int_equal(rig->pumps, 1);
}

static void test_list_incidents(void **state)
{
    struct rig *rig = as_root(state);
    struct kp_incident over = fake_incident(3, KP_V_PATH_OUTAGE, KP_CLOSED);
    struct kp_incident open = fake_incident(4, KP_V_HOST_OUTAGE, KP_RECOVERING);
    struct kp_incident part = fake_incident(5, KP_V_HOST_OUTAGE, KP_CLOSED);
    part.merged_into = 4;
    rig->core.incidents = (struct kp_incidents){{&over, &open, &part}, 3};
    static const struct {
        const char *params;
        size_t count;
        int first;
    } cases[] = {
        {"{\"merged\":true}", 3, 3},
        {"{\"merged\":true,\"open\":false}", 2, 3},
        {"{\"merged\":false}", 2, 3},
        {"{}", 2, 3},
        {"{\"open\":null,\"since\":null}", 2, 3},
        {"{\"open\":true}", 1, 4},
        {"{\"open\":false}", 1, 3},
        {"{\"since\":\"2025-12-05T23:54:00Z\"}", 1, 4},
        {"{\"since\":\"2025-12-05T23:00:00Z\"}", 2, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *reply = call("ListIncidents", cases[i].params);
        assert_int_equal(json_array_size(at(reply, "parameters.incidents")), cases[i].count);
        assert_int_equal(int_at(reply, "parameters.incidents.0.id"), cases[i].first);
        json_decref(reply);
    }
    expect_error("ListIncidents", "{\"open\":1}", "InvalidParameter", "parameter", "open");
    expect_error("ListIncidents", "{\"since\":\"2h\"}", "InvalidParameter", "parameter",
                 "since");
}

static void test_explain(void **state)
{
    struct rig *rig = as_root(state);
    struct kp_incident open = fake_incident(12, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    rig->core.incidents = (struct kp_incidents){{&open}, 1};
    static const char *const ids[] = {"{\"id\":\"12\"}",
                                      "{\"id\":\"0190a1b2-c3d4-7ef6-8700-00000000ab0c\"}"};
    for (size_t i = 0; i < 2; i++) {
        json_t *reply = call("Explain", ids[i]);
        assert_int_equal(int_at(reply, "parameters.incident.id"), 12);
        assert_int_equal(json_array_size(at(reply, "parameters.closes_when")), 1);
        assert_true(json_is_array(at(reply, "parameters.escalates_when")));
        json_decref(reply);
    }
    expect_error("Explain", "{\"id\":\"11\"}", "NotFound", "kind", "incident");
    expect_error("Explain", "{\"id\":\"11\"}", "NotFound", "nearest", "12");
    expect_error("Explain", "{\"id\":12}", "InvalidParameter", "parameter", "id");
    json_t *far = call("Explain", "{\"id\":\"999\"}");
    assert_null(json_object_get(at(far, "parameters"), "nearest"));
    json_decref(far);
}

static void test_trace(void **state)
{
    struct rig *rig = as_root(state);
    rig->core.traces = 1;
    json_t *reply = call("GetTrace", "{\"target\":\"kcna\"}");
    assert_int_equal(json_array_size(at(reply, "parameters.traces")), 1);
    json_decref(reply);
    reply = call("Trace", "{\"target\":\"kcna\"}");
    assert_string_equal(text_at(reply, "parameters.target"), "kcna");
    assert_string_equal(text_at(reply, "parameters.requested_at"),
                        "2025-12-06T00:00:00.123456Z");
    json_decref(reply);
    assert_string_equal(rig->core.traced, "kcna");
    assert_int_equal(rig->pumps, 1);
    expect_error("GetTrace", "{\"target\":\"kcan\"}", "NotFound", "nearest", "kcna");
    expect_error("Trace", "{\"target\":\"kcan\"}", "NotFound", "nearest", "kcna");
    expect_error("GetTrace", "{\"target\":\"neutral-1\"}", "Refused", "reason",
                 "anchors are not traced");
    expect_error("Trace", "{\"target\":\"neutral-1\"}", "Refused", "reason",
                 "anchors are not traced");
    rig->core.refuse_probe = true;
    expect_error("Trace", "{\"target\":\"kcna\"}", "Refused", "reason",
                 "none of the target's probes can be traced");
    assert_int_equal(rig->pumps, 1);
}

static void test_mutes(void **state)
{
    struct rig *rig = as_root(state);
    json_t *reply = call("Mute", "{\"name\":\"kcna\",\"for_seconds\":3600,\"reason\":\"x\"}");
    assert_string_equal(text_at(reply, "parameters.mute.name"), "kcna");
    assert_string_equal(text_at(reply, "parameters.mute.kind"), "target");
    assert_string_equal(text_at(reply, "parameters.mute.until"), "2025-12-06T01:00:00.123456Z");
    json_decref(reply);
    assert_int_equal(rig->pumps, 1);
    reply = call("ListMutes", NULL);
    assert_string_equal(text_at(reply, "parameters.mutes.0.reason"), "maintenance");
    json_decref(reply);
    expect_error("Unmute", "{\"name\":\"china-unicom\"}", "NotFound", "kind", "mute");
    expect_error("Unmute", "{\"name\":\"china-unicon\"}", "NotFound", "nearest",
                 "china-unicom");
    reply = call("Unmute", "{\"name\":\"kcna\"}");
    assert_string_equal(text_at(reply, "parameters.name"), "kcna");
    json_decref(reply);
    expect_error("Mute", "{\"name\":\"kcnaa\",\"for_seconds\":1,\"reason\":\"x\"}", "NotFound",
                 "kind", "name");
}

static void test_mute_bounds(void **state)
{
    as_root(state);
    static const char *const bad[] = {"0", "-1", "1e300", "315360001"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char params[128] = "{\"name\":\"kcna\",\"reason\":\"x\",\"for_seconds\":";
        strcat(strcat(params, bad[i]), "}");
        expect_error("Mute", params, "InvalidParameter", "parameter", "for_seconds");
    }
    expect_error("Mute", "{\"name\":\"kcna\",\"for_seconds\":1,\"reason\":\"\"}",
                 "InvalidParameter", "parameter", "reason");
    char params[512] = "{\"name\":\"kcna\",\"for_seconds\":1,\"reason\":\"";
    memset(params + strlen(params), 'r', 201);
    strcat(params, "\"}");
    expect_error("Mute", params, "InvalidParameter", "parameter", "reason");
}

static void test_reload_and_check(void **state)
{
    struct rig *rig = as_root(state);
    json_t *reply = call("Reload", NULL);
    assert_string_equal(text_at(reply, "parameters.config_loaded_at"),
                        "2025-12-05T23:59:10.123456Z");
    assert_int_equal(json_array_size(at(reply, "parameters.diagnostics")), 0);
    json_decref(reply);
    reply = call("CheckConfig", NULL);
    assert_true(json_is_true(at(reply, "parameters.valid")));
    json_decref(reply);
    rig->reload_err = KP_ERR_MALFORMED;
    expect_error("Reload", NULL, "InvalidConfig", "diagnostics.0.text", "unknown key");
    reply = call("CheckConfig", NULL);
    assert_true(json_is_false(at(reply, "parameters.valid")));
    assert_string_equal(text_at(reply, "parameters.diagnostics.0.severity"), "error");
    json_decref(reply);
    rig->reload_err = KP_ERR_NOMEM;
    expect_error("Reload", NULL, "Refused", "reason", "out of memory");
    expect_error("CheckConfig", NULL, "Refused", "reason", "out of memory");
}

static void test_set_log_level(void **state)
{
    struct rig *rig = as_root(state);
    json_t *reply = call("SetLogLevel", "{\"level\":\"debug\"}");
    assert_string_equal(text_at(reply, "parameters.level"), "debug");
    assert_string_equal(text_at(reply, "parameters.previous"), "info");
    json_decref(reply);
    assert_int_equal(rig->level, KP_LOG_DEBUG);
    expect_error("SetLogLevel", "{\"level\":\"loud\"}", "InvalidParameter", "parameter",
                 "level");
}

static void test_get_stats(void **state)
{
    as_root(state);
    json_t *reply = call("GetStats", NULL);
    assert_int_equal(int_at(reply, "parameters.items"), 3);
    assert_int_equal(int_at(reply, "parameters.probes.2.results.refused"), 2);
    assert_int_equal(int_at(reply, "parameters.probes.1.discarded.bad_cookie"), 5);
    assert_int_equal(int_at(reply, "parameters.control.clients"), 1);
    assert_int_equal(int_at(reply, "parameters.control.requests"), 1);
    assert_int_equal(int_at(reply, "parameters.events.published"), 0);
    json_decref(reply);
}

/* The text of all metrics, however many pieces it is made of. */
static void test_get_metrics(void **state)
{
    struct rig *rig = as_root(state);
    rig->core.targets = 500;
    json_t *reply = call("GetMetrics", NULL);
    const char *text = text_at(reply, "parameters.text");
    assert_int_equal(int_at(reply, "parameters.schema"), 1);
    assert_non_null(strstr(text_at(reply, "parameters.content_type"), "version=0.0.4"));
    assert_int_equal(strncmp(text, "# HELP kpwatchd_build_info ", 27), 0);
    assert_non_null(strstr(text, "\nkpwatchd_target_state{target=\"t499\",state=\"up\"} 1\n"));
    assert_non_null(strstr(text, "\nprocess_start_time_seconds "));
    json_decref(reply);
}

static void test_strangers_read_and_do_not_change(void **state)
{
    struct rig *rig = as(state, 54321);
    static const char *const changing[][2] = {
        {"Reload", NULL},
        {"Mute", "{\"name\":\"kcna\",\"for_seconds\":1,\"reason\":\"x\"}"},
        {"Unmute", "{\"name\":\"kcna\"}"},
        {"Probe", "{\"target\":\"kcna\"}"},
        {"Trace", "{\"target\":\"kcna\"}"},
        {"SetLogLevel", "{\"level\":\"debug\"}"},
    };
    static const char *const reading[] = {"GetStatus",   "ListPaths",     "ListTargets",
                                          "ListMutes",   "ListEvents",    "GetStats",
                                          "CheckConfig", "ListIncidents", "GetMetrics"};
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        expect_error(changing[i][0], changing[i][1], "PermissionDenied", NULL, NULL);
    assert_string_equal(rig->core.probed, "");
    assert_string_equal(rig->core.traced, "");
    assert_int_equal(rig->level, KP_LOG_INFO);
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++) {
        json_t *reply = call(reading[i], NULL);
        assert_null(json_object_get(reply, "error"));
        json_decref(reply);
    }
}

static void test_own_user_may_change(void **state)
{
    as(state, geteuid());
    json_t *reply = call("SetLogLevel", "{\"level\":\"debug\"}");
    assert_null(json_object_get(reply, "error"));
    json_decref(reply);
}

static void test_list_events(void **state)
{
    struct rig *rig = as_root(state);
    rig_publish(rig, KP_EV_TARGET_STATE, "one");
    rig_publish(rig, KP_EV_PATH_STATE, "two");
    json_t *reply = call("ListEvents", NULL);
    assert_int_equal(json_array_size(at(reply, "parameters.events")), 2);
    assert_string_equal(text_at(reply, "parameters.cursor"), "boot1:2");
    assert_true(json_is_true(at(reply, "parameters.complete")));
    assert_string_equal(text_at(reply, "parameters.events.1.message"), "two");
    json_decref(reply);
    reply = call("ListEvents", "{\"kinds\":[\"path\"]}");
    assert_int_equal(json_array_size(at(reply, "parameters.events")), 1);
    json_decref(reply);
    reply = call("ListEvents", "{\"since\":\"2025-12-06T00:00:01Z\"}");
    assert_int_equal(json_array_size(at(reply, "parameters.events")), 0);
    json_decref(reply);
    for (int i = 0; i < KPD_HUB_EVENTS; i++)
        rig_publish(rig, KP_EV_TARGET_STATE, "many");
    reply = call("ListEvents", NULL);
    assert_int_equal(json_array_size(at(reply, "parameters.events")), KPD_HUB_EVENTS);
    assert_true(json_is_false(at(reply, "parameters.complete")));
    json_decref(reply);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The whole text of an export, its parts joined; out is to be freed. */
static char *export_text(const char *params, bool *complete)
{
    struct kp_text all = {0};
    bool more = true;
    for (json_t *reply = client_call_more(&client, "Export", params); more;
         reply = more ? client_read(&client) : NULL) {
        assert_non_null(reply);
        const json_t *continues = json_object_get(reply, "continues");
        more = json_is_true(continues);
        kp_text_add(&all, text_at(reply, "parameters.text"));
        json_t *whole = at(reply, "parameters.complete");
        *complete = json_is_true(whole);
        json_decref(reply);
    }
    return kp_text_take(&all);
}

static void test_an_export_is_a_header_and_records(void **state)
{
    struct rig *rig = as_root(state);
    bool complete = false;
    rig->core.records = 5000;
    char *text = export_text("{\"since\": \"2020-01-01T00:00:00Z\"}", &complete);
    size_t lines = 0;
    assert_false(complete);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        json_t *json = json_loads(line, 0, NULL);
        assert_string_equal(text_at(json, "kind"), lines == 0 ? "header" : "probe-request");
        if (lines == 0)
            assert_int_equal(int_at(json, "config.version"), 1);
        json_decref(json);
    }
    assert_int_equal(lines, 5001);
    assert_int_equal(fake_exports(), 0);
    free(text);
}

/* Where records no longer reach back to the beginning, that is said, not hidden. */
static void test_exports_that_cannot_be(void **state)
{
    struct rig *rig = as_root(state);
    struct kp_incident incident = fake_incident(7, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    rig->core.incidents.list[0] = &incident;
    rig->core.incidents.count = 1;
    static const char *const cases[][2] = {
        {"{\"id\": \"7\"}", "Refused"},
        {"{\"id\": \"8\"}", "NotFound"},
        {"{\"since\": \"2020-01-01T00:00:00Z\"}", "Refused"},
        {"{\"since\": \"x\"}", "InvalidParameter"},
        {"{}", "InvalidParameter"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *reply = client_call_more(&client, "Export", cases[i][0]);
        if (!is_error(reply, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], json_dumps(reply, 0));
        json_decref(reply);
    }
    rig->core.records = 60; /* of the last minute; it began ten minutes ago */
    json_t *reply = client_call_more(&client, "Export", "{\"id\": \"7\"}");
    assert_true(is_error(reply, "Refused"));
    json_decref(reply);
    rig->core.records = 2000;
    bool complete = false;
    free(export_text("{\"id\": \"7\"}", &complete));
    assert_true(complete);
    assert_int_equal(fake_exports(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_export_is_a_header_and_records),
        T(test_exports_that_cannot_be),
        T(test_get_status),
        T(test_list_paths),
        T(test_list_targets),
        T(test_parameters_are_strict),
        T(test_unknown_methods),
        T(test_oneway_has_no_reply),
        T(test_service),
        T(test_probe),
        T(test_list_incidents),
        T(test_explain),
        T(test_trace),
        T(test_mutes),
        T(test_mute_bounds),
        T(test_reload_and_check),
        T(test_set_log_level),
        T(test_get_stats),
        T(test_get_metrics),
        T(test_strangers_read_and_do_not_change),
        T(test_own_user_may_change),
        T(test_list_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
