/* The past over the control protocol: asked in another thread, answered later. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake_history.h"

#include <stdlib.h>
#include <string.h>

static struct client client;
static struct kpd_history *history;
static struct kpd_ask seen;

static int setup(void **state)
{
    struct rig *rig = rig_new();
    rig->limits.stall = kp_dur_ms(50);
    rig_open(rig);
    rig_uid = 0;
    client_open(&client, rig);
    history = fake_history_new(rig);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    client_close(&client);
    fake_history_free(history);
    rig_free(*state);
    return 0;
}

static void answer_with(const char *text, bool failed)
{
    seen = (struct kpd_ask){0};
    fake_history_answer(history,
                        (struct fake_answer){.text = text, .failed = failed, .seen = &seen});
}

static void expect_error(const char *method, const char *params, const char *error,
                         const char *key, const char *value)
{
    char path[64] = "parameters.";
    json_t *reply = client_call(&client, method, params);
    if (!is_error(reply, error))
        fail_msg("%s %s: %s", method, params, json_dumps(reply, 0));
    strncat(path, key, sizeof path - strlen(path) - 1);
    if (value)
        assert_string_equal(text_at(reply, path), value);
    json_decref(reply);
}

static void test_get_history(void **state)
{
    (void)state;
    answer_with("{\"schema\":1,\"strips\":[]}", false);
    json_t *reply = client_call(&client, "GetHistory", NULL);
    assert_int_equal(int_at(reply, "parameters.schema"), 1);
    json_decref(reply);
    assert_int_equal(seen.kind, KPD_ASK_HISTORY);
    assert_int_equal(seen.subject, KPD_PATH);
    assert_int_equal((seen.until.ns - seen.since.ns) / KP_NS_PER_S, 86400);
    reply =
        client_call(&client, "GetHistory",
                    "{\"since\":\"2025-12-01T00:00:00Z\",\"until\":\"2025-12-02T00:00:00Z\","
                    "\"step_seconds\":900,\"target\":\"kcna\"}");
    assert_null(json_object_get(reply, "error"));
    json_decref(reply);
    assert_int_equal(seen.subject, KPD_TARGET);
    assert_string_equal(seen.name, "kcna");
    assert_int_equal(seen.step.ns / KP_NS_PER_S, 900);
    assert_int_equal(seen.since.ns / KP_NS_PER_S, 1764547200);
}

static void test_wrong_questions(void **state)
{
    static const struct {
        const char *params, *wrong;
    } cases[] = {
        {"{\"since\":\"2h\"}", "since"},
        {"{\"until\":\"soon\"}", "until"},
        {"{\"since\":\"2025-12-02T00:00:00Z\",\"until\":\"2025-12-01T00:00:00Z\"}", "since"},
        {"{\"step_seconds\":0}", "step_seconds"},
        {"{\"step_seconds\":\"15m\"}", "step_seconds"},
        {"{\"path\":\"a\",\"target\":\"b\"}", "path"},
        {"{\"path\":\"\"}", "path"},
        {"{\"address\":\"a\"}", "address"},
    };
    (void)state;
    answer_with("{}", false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_error("GetHistory", cases[i].params, "InvalidParameter", "parameter",
                     cases[i].wrong);
}

static void test_names_and_failures(void **state)
{
    struct rig *rig = *state;
    answer_with(NULL, false);
    expect_error("GetHistory", "{\"path\":\"transtelekom\"}", "NotFound", "nearest",
                 "transtelecom");
    answer_with(NULL, true);
    expect_error("GetHistory", "{}", "Refused", "reason", NULL);
    kpd_control_set_history(rig->control, NULL);
    expect_error("GetHistory", "{}", "Refused", "reason", NULL);
    kpd_control_set_history(rig->control, history);
}

/* Incidents the core no longer holds come first, once each. */
static void test_incidents(void **state)
{
    struct rig *rig = *state;
    struct kp_incident over = fake_incident(3, KP_V_PATH_OUTAGE, KP_CLOSED);
    struct kp_incident open = fake_incident(4, KP_V_HOST_OUTAGE, KP_CONFIRMED);
    rig->core.incidents = (struct kp_incidents){{&over, &open}, 2};
    answer_with("{\"id\":1},{\"id\":2}", false);
    json_t *reply = client_call(&client, "ListIncidents", "{}");
    assert_int_equal(json_array_size(at(reply, "parameters.incidents")), 4);
    assert_int_equal(int_at(reply, "parameters.incidents.1.id"), 2);
    assert_int_equal(int_at(reply, "parameters.incidents.2.id"), 3);
    json_decref(reply);
    assert_int_equal(seen.known_count, 2);
    assert_false(seen.closed_only);
    reply = client_call(&client, "ListIncidents",
                        "{\"open\":false,\"since\":\"2030-01-01T00:00:00Z\"}");
    assert_int_equal(json_array_size(at(reply, "parameters.incidents")), 2);
    json_decref(reply);
    assert_true(seen.closed_only);
    answer_with("", false);
    rig->core.incidents.count = 0;
    reply = client_call(&client, "ListIncidents", "{}");
    assert_int_equal(json_array_size(at(reply, "parameters.incidents")), 0);
    json_decref(reply);
    answer_with("{\"id\":1}", true); /* the disk fails: what the core holds is still told */
    rig->core.incidents.count = 1;
    reply = client_call(&client, "ListIncidents", "{}");
    assert_int_equal(json_array_size(at(reply, "parameters.incidents")), 1);
    json_decref(reply);
    seen.kind = KPD_ASK_HISTORY;
    reply = client_call(&client, "ListIncidents", "{\"open\":true}"); /* needs no past */
    json_decref(reply);
    assert_int_equal(seen.kind, KPD_ASK_HISTORY);
}

static void test_explain(void **state)
{
    (void)state;
    answer_with("{\"id\":2,\"class\":\"host-outage\"}", false);
    json_t *reply = client_call(&client, "Explain", "{\"id\":\"2\"}");
    assert_string_equal(text_at(reply, "parameters.incident.class"), "host-outage");
    assert_int_equal(json_array_size(at(reply, "parameters.closes_when")), 0);
    json_decref(reply);
    answer_with(NULL, false);
    expect_error("Explain", "{\"id\":\"77\"}", "NotFound", "kind", "incident");
}

/* Requests wait for the answer before them, and one that never comes ends it. */
static void test_order_and_stuck_disk(void **state)
{
    static const char two[] = "{\"method\":\"org.kpwatchd.Monitor.GetHistory\"}\0"
                              "{\"method\":\"org.kpwatchd.Monitor.ListMutes\"}";
    struct rig *rig = *state;
    answer_with("{\"first\":1}", false);
    assert_true(client_send(&client, two, sizeof two));
    json_t *reply = client_read(&client);
    assert_int_equal(int_at(reply, "parameters.first"), 1);
    json_decref(reply);
    reply = client_read(&client);
    assert_true(json_is_array(at(reply, "parameters.mutes")));
    json_decref(reply);
    fake_history_answer(history, (struct fake_answer){.never = true});
    assert_null(client_call(&client, "GetHistory", "{}"));
    struct client other;
    client_open(&other, rig);
    reply = client_call(&other, "GetStats", NULL);
    assert_int_equal(int_at(reply, "parameters.history.last_event"), 7);
    assert_int_equal(int_at(reply, "parameters.control.closed_slow"), 1);
    json_decref(reply);
    client_close(&other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_get_history), T(test_wrong_questions), T(test_names_and_failures),
        T(test_incidents),   T(test_explain),         T(test_order_and_stuck_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
