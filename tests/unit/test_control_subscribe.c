/* Subscriptions: what is sent, what is missed and said to be, and resuming. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
    struct rig *rig = rig_new();
    rig_open(rig);
    assert_non_null(rig->control);
    *state = rig;
    return 0;
}

static int setup_closed(void **state)
{
    *state = rig_new();
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static json_t *subscribe(struct client *c, const char *params)
{
    json_t *first = client_call_more(c, "Subscribe", params);
    assert_non_null(first);
    return first;
}

static void expect_event(struct client *c, json_int_t seq, const char *message)
{
    json_t *m = client_read(c);
    assert_non_null(m);
    assert_true(json_is_true(at(m, "continues")));
    assert_int_equal(int_at(m, "parameters.seq"), seq);
    assert_int_equal(int_at(m, "parameters.event.event.sequence"), seq);
    assert_string_equal(text_at(m, "parameters.event.message"), message);
    json_decref(m);
}

static void test_snapshot_then_events(void **state)
{
    struct rig *rig = *state;
    struct client c;
    rig_publish(rig, KP_EV_DAEMON_START, "before");
    client_open(&c, rig);
    json_t *first = subscribe(&c, NULL);
    assert_true(json_is_true(at(first, "continues")));
    assert_string_equal(text_at(first, "parameters.cursor"), "boot1:1");
    assert_string_equal(text_at(first, "parameters.status.verdict"), "clear");
    assert_null(json_object_get(at(first, "parameters"), "lost"));
    assert_null(json_object_get(at(first, "parameters"), "seq"));
    json_decref(first);
    rig_publish(rig, KP_EV_TARGET_STATE, "two");
    rig_publish(rig, KP_EV_PATH_STATE, "three");
    expect_event(&c, 2, "two");
    expect_event(&c, 3, "three");
    client_close(&c);
}

static void test_more_is_expected(void **state)
{
    struct client c;
    client_open(&c, *state);
    json_t *reply = client_call(&c, "Subscribe", NULL);
    assert_true(is_error(reply, "ExpectedMore"));
    json_decref(reply);
    client_close(&c);
}

static void test_kinds(void **state)
{
    struct rig *rig = *state;
    struct client c;
    client_open(&c, rig);
    json_decref(subscribe(&c, "{\"kinds\":[\"incident\",\"path.state\"]}"));
    rig_publish(rig, KP_EV_TARGET_STATE, "no");
    rig_publish(rig, KP_EV_PATH_MOVE, "no");
    rig_publish(rig, KP_EV_PATH_STATE, "yes");
    rig_publish(rig, KP_EV_INCIDENT_CLOSED, "yes");
    expect_event(&c, 3, "yes");
    expect_event(&c, 4, "yes");
    client_close(&c);
}

static void test_resume_has_no_gap(void **state)
{
    struct rig *rig = *state;
    struct client c;
    char message[16];
    for (int i = 1; i <= 2000; i++) {
        snprintf(message, sizeof message, "m%d", i);
        rig_publish(rig, KP_EV_TARGET_STATE, message);
    }
    client_open(&c, rig);
    json_t *first = subscribe(&c, "{\"cursor\":\"boot1:5\"}");
    assert_string_equal(text_at(first, "parameters.cursor"), "boot1:5");
    assert_null(json_object_get(at(first, "parameters"), "lost"));
    json_decref(first);
    /* More comes while the past is still being read. */
    for (int i = 6; i <= 2100; i++) {
        if (i % 20 == 0) {
            snprintf(message, sizeof message, "m%d", 2000 + i / 20);
            rig_publish(rig, KP_EV_TARGET_STATE, message);
        }
        snprintf(message, sizeof message, "m%d", i);
        expect_event(&c, i, message);
    }
    client_close(&c);
}

static void test_resume_after_forgetting(void **state)
{
    struct rig *rig = *state;
    struct client c;
    for (int i = 0; i < KPD_HUB_EVENTS + 100; i++)
        rig_publish(rig, KP_EV_TARGET_STATE, "m");
    client_open(&c, rig);
    json_t *first = subscribe(&c, "{\"cursor\":\"boot1:10\"}");
    assert_int_equal(int_at(first, "parameters.lost"), 90);
    assert_string_equal(text_at(first, "parameters.cursor"), "boot1:100");
    assert_null(json_object_get(at(first, "parameters"), "restarted"));
    json_decref(first);
    expect_event(&c, 101, "m");
    client_close(&c);
}

static void test_cursor_of_another_run(void **state)
{
    struct rig *rig = *state;
    struct client c;
    rig_publish(rig, KP_EV_DAEMON_START, "start");
    client_open(&c, rig);
    json_t *first = subscribe(&c, "{\"cursor\":\"boot0:77\"}");
    assert_true(json_is_true(at(first, "parameters.restarted")));
    json_decref(first);
    expect_event(&c, 1, "start");
    client_close(&c);
}

static void test_bad_cursors(void **state)
{
    static const char *const bad[] = {"",         "boot1",    "boot1:",
                                      ":1",       "boot1:-1", "boot1:1x",
                                      "boot1: 1", "boot1:1",  "boot1:99999999999999999999"};
    struct client c;
    client_open(&c, *state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char params[128];
        snprintf(params, sizeof params, "{\"cursor\":\"%s\"}", bad[i]);
        json_t *reply = client_call_more(&c, "Subscribe", params);
        assert_true(is_error(reply, "InvalidParameter"));
        assert_string_equal(text_at(reply, "parameters.parameter"), "cursor");
        json_decref(reply);
    }
    client_close(&c);
}

static void publish_many(struct rig *rig, int count)
{
    char message[KP_EVENT_MESSAGE_SIZE];
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    for (int i = 0; i < count; i++) {
        rig_publish(rig, KP_EV_TARGET_STATE, message);
        if (i % 50 == 0)
            rig_turn(rig);
    }
}

/* Reads all messages up to the one with `last`; the sum of what was lost.  Every
 * number is accounted for exactly once. */
static json_int_t read_until(struct client *c, json_int_t last)
{
    json_int_t seen = 0, lost = 0;
    while (seen < last) {
        json_t *m = client_read(c);
        assert_non_null(m);
        json_t *gap = json_object_get(at(m, "parameters"), "lost");
        if (gap) {
            assert_string_equal(text_at(m, "parameters.status.verdict"), "clear");
            lost += json_integer_value(gap);
            seen += json_integer_value(gap);
            const char *colon = strchr(text_at(m, "parameters.cursor"), ':');
            assert_int_equal(atoll(colon + 1), seen);
        } else {
            assert_int_equal(int_at(m, "parameters.seq"), ++seen);
        }
        json_decref(m);
    }
    return lost;
}

static void test_slow_reader_is_told_what_it_lost(void **state)
{
    struct rig *rig = *state;
    struct client c, other;
    client_open(&c, rig);
    json_decref(subscribe(&c, NULL));
    publish_many(rig, 1000);
    client_open(&other, rig);
    json_t *stats = client_call(&other, "GetStats", NULL);
    assert_true(int_at(stats, "parameters.control.events_lost") > 0);
    assert_true(int_at(stats, "parameters.control.unread_bytes") <= 256 << 10);
    assert_int_equal(int_at(stats, "parameters.control.subscribers"), 1);
    json_decref(stats);
    client_close(&other);
    assert_true(read_until(&c, 1000) > 0);
    rig_publish(rig, KP_EV_TARGET_STATE, "after");
    expect_event(&c, 1001, "after");
    client_close(&c);
}

static void test_reader_far_behind_is_closed(void **state)
{
    struct rig *rig = *state;
    struct client c;
    client_open(&c, rig);
    json_decref(subscribe(&c, NULL));
    publish_many(rig, 3000);
    int messages = 0;
    json_t *m;
    while ((m = client_read(&c))) {
        messages++;
        json_decref(m);
    }
    assert_true(messages > 0 && messages < 3000);
    client_close(&c);
}

static void test_stuck_reader_is_closed(void **state)
{
    struct rig *rig = *state;
    struct client c, other;
    rig->limits.stall = kp_dur_ms(100);
    rig_open(rig);
    client_open(&c, rig);
    client_open(&other, rig);
    json_decref(subscribe(&c, NULL));
    publish_many(rig, 500);
    wait_for_slow(&other);
    client_close(&c);
    client_close(&other);
}

static void test_subscriber_that_leaves(void **state)
{
    struct rig *rig = *state;
    struct client c, other;
    client_open(&c, rig);
    json_decref(subscribe(&c, NULL));
    /* What a subscriber says is not looked at. */
    assert_true(client_send(&c, "garbage\0garbage", 16));
    rig_publish(rig, KP_EV_TARGET_STATE, "one");
    expect_event(&c, 1, "one");
    client_close(&c);
    rig_turn(rig);
    client_open(&other, rig);
    json_t *stats = client_call(&other, "GetStats", NULL);
    assert_int_equal(int_at(stats, "parameters.control.clients"), 1);
    json_decref(stats);
    client_close(&other);
}

static void test_half_closed_subscriber_gets_the_snapshot(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.Subscribe\",\"more\":true}";
    struct client c;
    client_open(&c, rig);
    assert_true(client_send(&c, text, sizeof text));
    shutdown(c.fd, SHUT_WR);
    json_t *first = client_read(&c);
    assert_string_equal(text_at(first, "parameters.status.verdict"), "clear");
    json_decref(first);
    assert_null(client_read(&c));
    client_close(&c);
}

static void test_events_of_a_reload_reach_subscribers(void **state)
{
    struct rig *rig = *state;
    struct client c, admin;
    client_open(&c, rig);
    json_decref(subscribe(&c, "{\"kinds\":[\"config\"]}"));
    client_open(&admin, rig);
    json_decref(client_call(&admin, "Reload", NULL));
    expect_event(&c, 1, "loaded");
    client_close(&c);
    client_close(&admin);
}

static bool readable(void *ctx)
{
    const struct client *c = ctx;
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK) == 1;
}

static void test_the_last_event_before_the_end(void **state)
{
    struct rig *rig = *state;
    struct client c;
    client_open(&c, rig);
    json_decref(subscribe(&c, NULL));
    rig_publish(rig, KP_EV_DAEMON_STOP, "bye");
    kpd_control_close(rig->control);
    rig->control = NULL;
    assert_true(rig_until(rig, readable, &c));
    expect_event(&c, 1, "bye");
    assert_null(client_read(&c));
    client_close(&c);
}

struct seen {
    unsigned count;
    uint64_t last;
};

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct seen *seen = ctx;
    seen->count++;
    seen->last = entry->seq;
    assert_int_equal(entry->action, event->action);
    assert_int_equal(strlen(entry->json), entry->len);
}

static void test_hub(void **state)
{
    (void)state;
    struct kp_event_source source = {"fra1", NULL, "1", "b"};
    struct kpd_hub *hub = kpd_hub_new(&source, 8, 1 << 20);
    struct kpd_hub_stats stats;
    struct seen seen = {0}, gone = {0};
    assert_true(kpd_hub_sink(hub, on_event, &gone));
    assert_true(kpd_hub_sink(hub, on_event, &seen));
    kpd_hub_unsink(hub, on_event, &gone);
    struct kp_event event = {.action = KP_EV_DAEMON_START, .message = "m"};
    for (int i = 0; i < 20; i++)
        kpd_hub_publish(hub, &event);
    assert_int_equal(seen.count, 20);
    assert_int_equal(seen.last, 20);
    assert_int_equal(gone.count, 0);
    kpd_hub_stats(hub, &stats);
    assert_int_equal(stats.last, 20);
    assert_int_equal(stats.oldest, 13);
    assert_null(kpd_hub_get(hub, 12));
    assert_null(kpd_hub_get(hub, 21));
    assert_int_equal(kpd_hub_get(hub, 13)->seq, 13);
    assert_true(kpd_hub_set_vantage(hub, "ams2", "NL"));
    kpd_hub_publish(hub, &event);
    assert_non_null(strstr(kpd_hub_get(hub, 21)->json, "\"ams2-b-21\""));
    kpd_hub_note_dropped(hub, KPD_READER_STDERR, 3);
    kpd_hub_stats(hub, &stats);
    assert_int_equal(stats.dropped, 3);
    kpd_hub_free(hub);
    hub = kpd_hub_new(&source, 0, 1000);
    for (int i = 0; i < 20; i++)
        kpd_hub_publish(hub, &event);
    kpd_hub_stats(hub, &stats);
    assert_true(stats.bytes <= 1000);
    assert_non_null(kpd_hub_get(hub, 20));
    kpd_hub_free(hub);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_snapshot_then_events),
        T(test_more_is_expected),
        T(test_kinds),
        T(test_resume_has_no_gap),
        T(test_resume_after_forgetting),
        T(test_cursor_of_another_run),
        T(test_bad_cursors),
        T(test_slow_reader_is_told_what_it_lost),
        T(test_reader_far_behind_is_closed),
        cmocka_unit_test_setup_teardown(test_stuck_reader_is_closed, setup_closed, teardown),
        T(test_subscriber_that_leaves),
        T(test_half_closed_subscriber_gets_the_snapshot),
        T(test_events_of_a_reload_reach_subscribers),
        T(test_the_last_event_before_the_end),
        cmocka_unit_test(test_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
