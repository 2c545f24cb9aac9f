/* What was learned, out and in: the same again, and after an absence. */
#include "tests/unit/unit.h"

#include "lib/conf/conf_load.h"
#include "lib/core/feed.h"
#include "lib/core/view.h"
#include "lib/telling/export.h"
#include "lib/telling/learned_json.h"

#include <stdlib.h>
#include <string.h>

static const char text[] = "version: 1\n"
                           "vantage: {name: v}\n"
                           "allow: [198.18.0.0/15]\n"
                           "probes: {web: {type: tcp-syn, port: 80}, ping: {type: icmp}}\n"
                           "paths: {east: {edge: [198.19.0.1]}, west: {edge: [198.19.0.2]}}\n"
                           "anchors: [{name: x, address: 198.18.0.9, probes: [ping]}]\n"
                           "targets:\n"
                           "  - {name: a, address: 198.18.0.1, probes: [web], paths: [east]}\n"
                           "  - {name: b, address: 198.18.0.2, probes: [web], paths: [east]}\n"
                           "  - {name: c, address: 198.18.0.3, probes: [web], paths: [west]}\n"
                           "  - {name: d, address: 198.18.0.4, probes: [web], paths: [west]}\n"
                           "verdict: {recover-after: 5m}\n";

enum { START = 1764979200 };

static struct kp_conf *conf;

static struct kp_wall at(double seconds)
{
    return (struct kp_wall){START * KP_NS_PER_S + kp_dur_from_seconds(seconds).ns};
}

/* Its monotonic clock began to run at `boot`. */
static struct kp_core *core_at(double now, double boot)
{
    struct kp_core *core = kp_core_new_offline();
    assert_non_null(core);
    kp_core_set_clock(core, (struct kp_dur){at(boot).ns});
    assert_int_equal(kp_core_configure(core, conf, kp_core_mono(core, at(now))), KP_OK);
    return core;
}

/* Every item is asked each 10 s; east is silent in the given time. */
static void watch(struct kp_core *core, double from, double to, double cut, double heal)
{
    static const char *const names[] = {"a", "b", "c", "d", "x"};
    for (double t = from; t < to; t += 2) {
        const char *name = names[(int)(t / 2) % 5];
        bool silent = (name[0] == 'a' || name[0] == 'b') && t >= cut && t < heal;
        struct kp_record r = {.kind = name[0] == 'x' ? KP_RECORD_ANCHOR : KP_RECORD_PROBE,
                              .name = kp_core_name_number(core, name),
                              .probe =
                                  kp_core_name_number(core, name[0] == 'x' ? "ping" : "web"),
                              .path = KP_NO_NAME,
                              .at = at(t),
                              .done = at(t + 1),
                              .rtt_us = silent ? -1 : 300000,
                              .result = silent ? KP_TIMEOUT : KP_ANSWERED};
        assert_int_equal(kp_core_feed(core, &r), KP_FED);
    }
}

static char *learned_text(struct kp_core *core)
{
    struct kp_text out = {0};
    struct kp_learned *l = kp_core_learned(core);
    assert_non_null(l);
    for (uint32_t i = 0; kp_learned_piece(core, l, i, &out); i++)
        continue;
    kp_learned_free(l);
    return kp_text_take(&out);
}

static void restore(struct kp_core *core, const char *json_text)
{
    json_t *json = json_loads(json_text, 0, NULL);
    assert_non_null(json);
    struct kp_learned *l = kp_learned_read(core, json);
    assert_non_null(l);
    assert_int_equal(kp_core_restore(core, l), KP_OK);
    kp_learned_free(l);
    json_decref(json);
}

static uint32_t events(struct kp_core *core, enum kp_action action)
{
    struct kp_act act;
    uint32_t count = 0;
    while (kp_core_pop_action(core, &act))
        count += act.event.action == action;
    return count;
}

static const struct kp_incident *only(const struct kp_core *core)
{
    assert_int_equal(kp_incidents_count(kp_core_incidents(core)), 1);
    return kp_incidents_at(kp_core_incidents(core), 0);
}

/* Written, read and written again it is the same text, on any monotonic clock. */
static void the_same_comes_back(void **state)
{
    (void)state;
    struct kp_core *core = core_at(0, -5000);
    watch(core, 0, 1500, 1000, 1300);
    assert_int_equal(only(core)->phase, KP_RECOVERING);
    assert_int_equal(kp_core_mute(core, "c", at(9000), "their \"maintenance\""), KP_OK);
    char *before = learned_text(core);
    struct kp_core *again = core_at(1500 - 1, 1400);
    restore(again, before);
    struct kp_mute_view mute;
    kp_core_mute_at(again, 0, &mute);
    assert_string_equal(mute.name, "c");
    assert_string_equal(mute.reason, "their \"maintenance\"");
    assert_int_equal(mute.until.ns, at(9000).ns);
    struct kp_learned *l = kp_core_learned(again);
    assert_int_equal(l->core.last_target_answer.ns + l->wall_minus_mono.ns, at(1496).ns);
    kp_learned_free(l);
    char *after = learned_text(again);
    assert_string_equal(strstr(after, "\"targets\":"), strstr(before, "\"targets\":"));
    free(before);
    free(after);
    kp_core_free(core);
    kp_core_free(again);
}

/* The time away neither opens nor closes an incident. */
static void an_absence_decides_nothing(void **state)
{
    (void)state;
    struct kp_core *core = core_at(0, -5000);
    watch(core, 0, 1400, 1000, 1300);
    assert_int_equal(only(core)->phase, KP_RECOVERING);
    char *before = learned_text(core);
    /* Ten hours later, on a machine that has just booted. */
    struct kp_core *again = core_at(37400, 37390);
    restore(again, before);
    (void)events(again, KP_EV_INCIDENT_OPENED);
    watch(again, 37400, 37600, 0, 0);
    assert_int_equal(only(again)->phase, KP_RECOVERING);
    assert_int_equal(events(again, KP_EV_INCIDENT_OPENED), 0);
    watch(again, 37600, 37800, 0, 0);
    assert_int_equal(only(again)->phase, KP_CLOSED);
    assert_int_equal(events(again, KP_EV_INCIDENT_CLOSED), 1);
    free(before);
    kp_core_free(core);
    kp_core_free(again);
}

/* One that was going on goes on, with its number and its beginning. */
static void an_open_incident_stays_open(void **state)
{
    (void)state;
    struct kp_core *core = core_at(0, -5000);
    watch(core, 0, 1200, 1000, 9999);
    struct kp_wall began = only(core)->what.began;
    assert_int_equal(only(core)->phase, KP_CONFIRMED);
    char *before = learned_text(core);
    struct kp_core *again = core_at(1800, 1700);
    restore(again, before);
    watch(again, 1800, 2400, 0, 2300);
    assert_int_equal(only(again)->what.began.ns, began.ns);
    assert_int_equal(only(again)->phase, KP_RECOVERING);
    assert_int_equal(events(again, KP_EV_INCIDENT_OPENED), 0);
    free(before);
    kp_core_free(core);
    kp_core_free(again);
}

/* A state from elsewhere, or spoilt, is taken as far as it means anything. */
static void odd_states_do_no_harm(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}",
        "{\"core\":7,\"items\":{},\"targets\":[1,null,[]],\"incidents\":[{}]}",
        "{\"core\":[{\"led\":{\"class\":\"path-outage\",\"paths\":[\"gone\",3]}}],"
        "\"items\":[{\"target\":\"gone\",\"probe\":\"web\"},{\"target\":\"a\",\"probe\":"
        "\"web\","
        "\"edge\":\"gone\"}],\"mutes\":[{\"name\":\"gone\",\"until\":1e9}]}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct kp_core *core = core_at(0, -5000);
        restore(core, odd[i]);
        watch(core, 0, 600, 500, 600);
        kp_core_free(core);
    }
}

static int load(void **state)
{
    struct kp_diags diags;
    (void)state;
    kp_diags_init(&diags);
    conf = kp_conf_load_text("test", text, strlen(text), &diags);
    kp_diags_fini(&diags);
    return conf != NULL ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    kp_conf_free(conf);
    return 0;
}

/* However often it is reloaded: an export has something to begin with. */
static void reloads_leave_a_beginning(void **state)
{
    (void)state;
    struct kp_wire wire = {.port_min = 61000, .port_max = 65535};
    struct kp_key seed = {{1}};
    struct kp_core *core = kp_core_new(&wire, &seed);
    assert_non_null(core);
    kp_core_set_clock(core, (struct kp_dur){at(0).ns});
    for (int64_t second = 1; second < 40; second++) {
        struct kp_mono now = {second * KP_NS_PER_S};
        assert_int_equal(kp_core_configure(core, conf, now), KP_OK);
        kp_core_tick(core, now);
        struct kp_export x;
        struct kp_text out = {0};
        assert_int_equal(kp_export_begin(core, at(0), (struct kp_wall){0}, &x), KP_OK);
        assert_int_equal(kp_export_next(core, "1", &x, &out), KP_OK);
        assert_non_null(strstr(kp_text_str(&out), "\"kind\":\"header\""));
        kp_export_end(&x);
        kp_text_fini(&out);
        (void)events(core, KP_EV_PROBE_RESULT); /* they make room */
    }
    kp_core_free(core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_comes_back),
        cmocka_unit_test(an_absence_decides_nothing),
        cmocka_unit_test(an_open_incident_stays_open),
        cmocka_unit_test(odd_states_do_no_harm),
        cmocka_unit_test(reloads_leave_a_beginning),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
