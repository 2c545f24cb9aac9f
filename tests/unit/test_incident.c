#include "tests/unit/unit.h"

#include "lib/judging/incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE = 60, RECOVER = 300 };

/* A table, what is found now, and since when what answers answers. */
struct bench {
    struct kp_incidents *table;
    struct kp_finding *findings; /* 8 */
    size_t count;
    int64_t now, answering; /* seconds; 0: all silent */
    int64_t settled;        /* seconds; 0: since all that answers does */
    uint8_t uuid;
    unsigned opened, updated, closed; /* news so far */
};

static struct kp_wall at(int64_t seconds)
{
    return (struct kp_wall){(1000000 + seconds) * KP_NS_PER_S};
}

static struct kp_back answering(void *arg, const struct kp_incident *incident)
{
    const struct bench *b = arg;
    assert_true(incident->phase != KP_CLOSED);
    struct kp_wall first = b->answering == 0 ? (struct kp_wall){0} : at(b->answering);
    return (struct kp_back){first, b->settled == 0 ? first : at(b->settled)};
}

static void uuid(void *arg, uint8_t out[16])
{
    struct bench *b = arg;
    memset(out, ++b->uuid, 16);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->findings = calloc(8, sizeof *b->findings);
    b->table = kp_incidents_new(kp_dur_s(RECOVER));
    *state = b;
    return b->table == NULL || b->findings == NULL;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    kp_incidents_free(b->table);
    free(b->findings);
    free(b);
    return 0;
}

static void add_names(struct kp_names *names, const char *list)
{
    char copy[128];
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", list);
    for (char *name = strtok_r(copy, " ", &rest); name != NULL;
         name = strtok_r(NULL, " ", &rest))
        kp_names_add(names, name);
}

static struct kp_finding *find(struct bench *b, enum kp_verdict class, int64_t began,
                               const char *targets, const char *paths)
{
    struct kp_finding *f = &b->findings[b->count++];
    *f =
        (struct kp_finding){.class = class, .leads = class != KP_V_UNKNOWN, .began = at(began)};
    snprintf(f->where, sizeof f->where, "%s", class == KP_V_PATH_OUTAGE ? paths : targets);
    add_names(&f->targets, targets);
    add_names(&f->paths, paths);
    return f;
}

static struct kp_finding *country(struct bench *b, int64_t began)
{
    return find(b, KP_V_COUNTRY_OUTAGE, began, "a1 a2 a3 b1 b2", "a b");
}

static struct kp_finding *path_a(struct bench *b, int64_t began)
{
    return find(b, KP_V_PATH_OUTAGE, began, "a1 a2 a3", "a");
}

static void look(struct bench *b, int64_t now)
{
    struct kp_incident_host host = {b, answering, uuid};
    b->now = now;
    assert_int_equal(kp_incidents_observe(b->table, at(now), b->findings, b->count, &host),
                     KP_OK);
    size_t count;
    const struct kp_incident_change *changes = kp_incidents_changes(b->table, &count);
    for (size_t i = 0; i < count; i++) {
        b->opened += changes[i].action == KP_EV_INCIDENT_OPENED;
        b->updated += changes[i].action == KP_EV_INCIDENT_UPDATED;
        b->closed += changes[i].action == KP_EV_INCIDENT_CLOSED;
    }
}

/* Looks every 10 s until `until`, with nothing found but answers since `since`. */
static void heal(struct bench *b, int64_t since, int64_t until)
{
    b->count = 0;
    b->answering = since;
    for (int64_t t = b->now + 10; t <= until; t += 10)
        look(b, t);
    b->answering = 0;
}

static const struct kp_incident *by_id(const struct bench *b, uint32_t id)
{
    const struct kp_incident *i = kp_incidents_by_id(b->table, id);
    assert_non_null(i);
    return i;
}

static void expect(const struct bench *b, uint32_t id, enum kp_verdict class,
                   enum kp_phase phase, enum kp_confidence confidence)
{
    const struct kp_incident *i = by_id(b, id);
    assert_string_equal(kp_verdict_name(i->what.class), kp_verdict_name(class));
    assert_string_equal(kp_phase_name(i->phase), kp_phase_name(phase));
    assert_string_equal(kp_confidence_name(i->confidence), kp_confidence_name(confidence));
}

static void expect_news(const struct bench *b, unsigned opened, unsigned updated,
                        unsigned closed)
{
    assert_int_equal(b->opened, opened);
    assert_int_equal(b->updated, updated);
    assert_int_equal(b->closed, closed);
}

static void nothing_found_is_nothing(void **state)
{
    struct bench *b = *state;
    look(b, 10);
    expect_news(b, 0, 0, 0);
    assert_null(kp_incidents_gravest(b->table));
    assert_null(kp_incidents_by_id(b->table, 1));
    assert_int_equal(kp_incidents_count(b->table), 0);
}

static void it_opens_unknown_and_grows_surer(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_UNKNOWN, 0, "a1 a2 a3", "a");
    look(b, 20);
    expect(b, 1, KP_V_UNKNOWN, KP_CONFIRMED, KP_LOW);
    b->findings->class = KP_V_PATH_OUTAGE; /* the best guess */
    look(b, 30);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_LOW);
    b->findings->leads = true;
    look(b, 40);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->findings->certain = true;
    look(b, 50);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_HIGH);
    expect_news(b, 1, 3, 0);
    b->findings->certain = b->findings->leads = false; /* evidence grows stale */
    b->findings->class = KP_V_UNKNOWN;
    look(b, 60);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_HIGH);
    expect_news(b, 1, 3, 0);
    const struct kp_incident *i = by_id(b, 1);
    assert_int_equal(i->what.began.ns, at(0).ns);
    assert_int_equal(i->confirmed.ns, at(20).ns);
    assert_int_equal(i->history_count, 2);
    assert_int_equal(i->history[1].at.ns, at(30).ns);
    assert_ptr_equal(kp_incidents_by_uuid(b->table, i->uuid), i);
    assert_ptr_equal(kp_incidents_gravest(b->table), i);
}

static void no_edge_ever_keeps_it_low(void **state)
{
    struct bench *b = *state;
    struct kp_finding *f = country(b, 0);
    f->unsure = f->certain = true;
    look(b, 20);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_LOW);
}

static void it_closes_after_answers_for_long_enough(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    heal(b, 100, 110);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->ended.ns, 0);
    heal(b, 100, 390);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    heal(b, 100, 400);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CLOSED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->ended.ns, at(100).ns);
    expect_news(b, 1, 1, 1);
    assert_int_equal(kp_incidents_open_count(b->table), 0);
}

static void silence_without_a_finding_is_no_recovery(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    heal(b, 0, 2000);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect_news(b, 1, 0, 0);
}

static void it_waits_until_all_has_settled(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    b->settled = 200; /* the last of its hosts */
    heal(b, 100, 490);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    heal(b, 100, 500);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CLOSED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->ended.ns, at(100).ns);
}

static void a_part_that_breaks_again_begins_the_wait_anew(void **state)
{
    struct bench *b = *state;
    country(b, 0);
    look(b, 20);
    heal(b, 100, 200);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    path_a(b, 210);
    b->answering = 100;
    look(b, 230);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    heal(b, 100, 520);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    heal(b, 100, 530);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CLOSED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->ended.ns, at(230).ns);
    expect_news(b, 1, 1, 1);
}

static void a_path_relapses_into_the_country_it_was_of(void **state)
{
    struct bench *b = *state;
    country(b, 0);
    look(b, 20);
    heal(b, 100, 410);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CLOSED, KP_MEDIUM);
    path_a(b, 900);
    look(b, 920);
    expect_news(b, 1, 2, 1);
    assert_int_equal(by_id(b, 1)->phase, KP_CONFIRMED);
    assert_int_equal(by_id(b, 1)->what.began.ns, at(0).ns);
    assert_int_equal(kp_incidents_count(b->table), 1);
}

static void one_host_is_no_relapse_of_the_country(void **state)
{
    struct bench *b = *state;
    country(b, 0);
    look(b, 20);
    heal(b, 100, 410);
    find(b, KP_V_HOST_OUTAGE, 900, "a1", "a");
    look(b, 920);
    expect(b, 2, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CLOSED, KP_MEDIUM);
}

static void a_flicker_does_not_close(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    heal(b, 100, 300);
    path_a(b, 305);
    look(b, 320);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    heal(b, 500, 790);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    heal(b, 500, 800);
    assert_int_equal(by_id(b, 1)->ended.ns, at(500).ns);
    assert_int_equal(by_id(b, 1)->what.began.ns, at(0).ns);
    expect_news(b, 1, 3, 1);
}

static void a_host_grows_into_a_path_and_the_country(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_HOST_OUTAGE, 0, "a1", "a");
    look(b, 30);
    b->count = 0;
    path_a(b, 60);
    look(b, 90);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->count = 0;
    country(b, 500)->certain = true;
    look(b, 520);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_HIGH);
    const struct kp_incident *i = by_id(b, 1);
    assert_int_equal(i->history_count, 3);
    assert_int_equal(i->history[0].class, KP_V_HOST_OUTAGE);
    assert_int_equal(i->history[1].class, KP_V_PATH_OUTAGE);
    assert_int_equal(i->history[2].class, KP_V_COUNTRY_OUTAGE);
    assert_int_equal(i->what.began.ns, at(0).ns);
    assert_int_equal(i->what.targets.count, 5);
    expect_news(b, 1, 2, 0);
}

static void hosts_turn_out_to_be_one_path(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_HOST_OUTAGE, 0, "a1", "a");
    find(b, KP_V_HOST_OUTAGE, 5, "a2", "a");
    find(b, KP_V_HOST_OUTAGE, 5, "b1", "b");
    look(b, 30);
    expect_news(b, 3, 0, 0);
    b->count = 0;
    path_a(b, 0);
    find(b, KP_V_HOST_OUTAGE, 5, "b1", "b");
    look(b, 40);
    expect_news(b, 3, 1, 1);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_int_equal(by_id(b, 2)->merged_into, 1);
    expect(b, 3, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
}

static void an_old_host_outage_stays_itself_in_a_wider_one(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_HOST_OUTAGE, 0, "a1", "a");
    look(b, 30);
    b->count = 0;
    country(b, 86400);
    look(b, 86420);
    expect(b, 1, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect(b, 2, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_int_equal(kp_incidents_gravest(b->table)->id, 2);
    b->count = 0;
    find(b, KP_V_HOST_OUTAGE, 0, "a1", "a");
    b->answering = 87000;
    for (int64_t t = 87010; t <= 87300; t += 10)
        look(b, t);
    expect(b, 1, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect(b, 2, KP_V_COUNTRY_OUTAGE, KP_CLOSED, KP_MEDIUM);
    expect_news(b, 2, 1, 1);
}

static void a_staggered_recovery_is_one_incident(void **state)
{
    struct bench *b = *state;
    country(b, 0);
    look(b, 20);
    /* Path b first, then a1, a2, and a3 only after the incident has closed. */
    b->answering = 600;
    for (int64_t t = 610; t < 900; t += 10) {
        b->count = 0;
        if (t < 700)
            path_a(b, 0);
        else
            find(b, KP_V_HOST_OUTAGE, 0, t < 800 ? "a2" : "a3", "a");
        look(b, t);
        expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_RECOVERING, KP_MEDIUM);
        assert_int_equal(kp_incidents_count(b->table), 1);
    }
    look(b, 900);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CLOSED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->ended.ns, at(600).ns);
    look(b, 1500); /* the last host may take twice as long again */
    assert_int_equal(kp_incidents_count(b->table), 1);
    look(b, 1510); /* ... then it is an incident of its own */
    expect(b, 2, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->count = 0;
    country(b, 1600); /* and all fails again */
    look(b, 1610);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->history_count, 1);
    expect_news(b, 2, 2, 2);
}

static void relapse(struct bench *b, int64_t after, bool same)
{
    path_a(b, 0);
    look(b, 20);
    heal(b, 100, 400);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CLOSED, KP_MEDIUM);
    b->count = 0;
    path_a(b, 400 + after);
    look(b, 400 + after + 40);
    assert_int_equal(kp_incidents_count(b->table), same ? 1 : 2);
    expect(b, same ? 1 : 2, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_int_equal(by_id(b, same ? 1 : 2)->ended.ns, 0);
    expect_news(b, same ? 1 : 2, same ? 2 : 1, 1);
}

static void a_relapse_after_29_minutes_is_the_same(void **state)
{
    relapse(*state, 29 * MINUTE, true);
}

static void a_relapse_after_31_minutes_is_new(void **state)
{
    relapse(*state, 31 * MINUTE, false);
}

static void a_relapse_first_seen_as_unknown_is_the_same(void **state)
{
    struct bench *b = *state;
    country(b, 0);
    look(b, 20);
    heal(b, 100, 400);
    find(b, KP_V_UNKNOWN, 500, "a1 a2", "a");
    look(b, 520);
    b->count = 0;
    country(b, 500);
    look(b, 540);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_int_equal(kp_incidents_open_count(b->table), 1);
}

static void a_day_of_flapping_is_one_incident(void **state)
{
    struct bench *b = *state;
    int64_t t = 0;
    for (unsigned n = 0; t < 24 * 60 * MINUTE; n++) {
        int64_t down = 60 + n * 37 % 600;
        int64_t up = 20 + n * 101 % 1500;
        b->count = 0;
        path_a(b, t);
        for (int64_t end = t + down; t < end; t += 10)
            look(b, t + 10);
        heal(b, t, t + up);
        t += up;
    }
    assert_int_equal(kp_incidents_count(b->table), 1);
    assert_int_equal(b->opened, 1);
    assert_true(b->closed > 10);
    assert_int_equal(by_id(b, 1)->what.began.ns, at(0).ns);
    assert_int_equal(by_id(b, 1)->history_count, 1);
}

static void unrelated_hosts_stay_apart(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_HOST_OUTAGE, 0, "a1", "a");
    find(b, KP_V_HOST_OUTAGE, 1, "a2", "a");
    find(b, KP_V_SERVICE_OUTAGE, 2, "b1", "b");
    look(b, 30);
    expect_news(b, 3, 0, 0);
    b->findings[0] = b->findings[2];
    b->count = 1;
    b->answering = 100;
    for (int64_t t = 110; t <= 400; t += 10)
        look(b, t);
    expect_news(b, 3, 2, 2);
    expect(b, 3, KP_V_SERVICE_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
}

static void a_class_falls_only_while_all_is_silent(void **state)
{
    struct bench *b = *state;
    country(b, 0);
    look(b, 20);
    b->findings->class = KP_V_TRANSIT_OUTAGE;
    look(b, 30);
    expect(b, 1, KP_V_TRANSIT_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->findings->class = KP_V_COUNTRY_OUTAGE;
    look(b, 40);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->count = 0;
    path_a(b, 0); /* narrower and not all: nothing changes while none answers */
    look(b, 50);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->count = 0;
    find(b, KP_V_PATH_OUTAGE, 0, "a1 a2 a3 b1 b2", "a"); /* traces: all took path a */
    look(b, 60);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->what.paths.count, 1);
    expect_news(b, 1, 3, 0);
}

static void a_second_path_joins_the_first(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    b->count = 0;
    struct kp_finding *f = find(b, KP_V_PATH_OUTAGE, 7200, "a1 a2 a3 c1", "a c");
    snprintf(f->where, sizeof f->where, "a, c");
    look(b, 7220);
    assert_string_equal(by_id(b, 1)->what.where, "a, c");
    expect_news(b, 1, 1, 0);
    b->count = 0;
    path_a(b, 0); /* c is back: still the same, and not yet over */
    look(b, 7300);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    assert_string_equal(by_id(b, 1)->what.where, "a, c");
}

static void a_brown_out_grows_into_an_outage(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_DEGRADED, 0, "a1 a2 a3", "a");
    look(b, 130);
    b->count = 0;
    country(b, 7200);
    look(b, 7220);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    b->count = 0;
    find(b, KP_V_DEGRADED, 8000, "a1 a2 a3", "a");
    b->answering = 8000;
    look(b, 8100);
    expect(b, 1, KP_V_COUNTRY_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    expect_news(b, 1, 2, 0);
}

static void a_fault_of_our_own_suspends_all(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    heal(b, 100, 200);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    find(b, KP_V_VANTAGE_FAULT, 210, "a1 a2 a3 b1 b2", "a b");
    country(b, 210); /* not judged now */
    b->answering = 100;
    for (int64_t t = 220; t <= 2000; t += 10)
        look(b, t);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    expect(b, 2, KP_V_VANTAGE_FAULT, KP_CONFIRMED, KP_MEDIUM);
    expect_news(b, 2, 1, 0);
    /* We are back, and the path is silent still. */
    b->count = 0;
    path_a(b, 2000);
    b->answering = 2005;
    look(b, 2010);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect(b, 2, KP_V_VANTAGE_FAULT, KP_RECOVERING, KP_MEDIUM);
    find(b, KP_V_HOST_OUTAGE, 2000, "b1", "b");
    look(b, 2020);
    expect(b, 3, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    for (int64_t t = 2030; t <= 2310; t += 10)
        look(b, t);
    expect(b, 2, KP_V_VANTAGE_FAULT, KP_CLOSED, KP_MEDIUM);
    assert_int_equal(by_id(b, 2)->ended.ns, at(2005).ns);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
}

static void suspended_time_is_no_recovery(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    heal(b, 100, 200);
    find(b, KP_V_VANTAGE_FAULT, 210, "a1", "a");
    look(b, 220);
    heal(b, 100, 510);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_RECOVERING, KP_MEDIUM);
    heal(b, 100, 530);
    expect(b, 1, KP_V_PATH_OUTAGE, KP_CLOSED, KP_MEDIUM);
    assert_int_equal(by_id(b, 1)->ended.ns, at(100).ns);
}

static void what_fell_silent_with_us_was_us(void **state)
{
    struct bench *b = *state;
    find(b, KP_V_UNKNOWN, 0, "a1 a2 a3 b1 b2", "a b");
    look(b, 20);
    b->count = 0;
    find(b, KP_V_VANTAGE_FAULT, 5, "a1 a2 a3 b1 b2", "a b");
    look(b, 40);
    expect(b, 1, KP_V_VANTAGE_FAULT, KP_CONFIRMED, KP_MEDIUM);
    expect_news(b, 1, 1, 0);
}

static void it_survives_a_restart(void **state)
{
    struct bench *b = *state;
    path_a(b, 0);
    look(b, 20);
    struct kp_incident *kept = malloc(sizeof *kept);
    assert_non_null(kept);
    *kept = *by_id(b, 1);
    kept->id = 7;
    kp_incidents_free(b->table);
    b->table = kp_incidents_new(kp_dur_s(RECOVER));
    assert_int_equal(kp_incidents_restore(b->table, kept), KP_OK);
    assert_int_equal(kp_incidents_restore(b->table, kept), KP_ERR_RANGE);
    kept->id = 0;
    assert_int_equal(kp_incidents_restore(b->table, kept), KP_ERR_RANGE);
    free(kept);
    find(b, KP_V_HOST_OUTAGE, 100, "b1", "b");
    look(b, 120);
    expect(b, 7, KP_V_PATH_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect(b, 8, KP_V_HOST_OUTAGE, KP_CONFIRMED, KP_MEDIUM);
    expect_news(b, 2, 0, 0);
}

static void the_oldest_closed_ones_are_forgotten(void **state)
{
    struct bench *b = *state;
    for (int n = 0; n < 300; n++) {
        b->count = 0;
        find(b, KP_V_HOST_OUTAGE, n * 10000, "a1", "a");
        look(b, n * 10000 + 20);
        heal(b, n * 10000 + 30, n * 10000 + 340);
    }
    look(b, b->now + 10);
    assert_int_equal(kp_incidents_count(b->table), 256);
    assert_int_equal(kp_incidents_at(b->table, 0)->id, 45);
    assert_int_equal(b->closed, 300);
}

static void long_lists_are_counted(void **state)
{
    (void)state;
    struct kp_names *names = calloc(1, sizeof *names);
    assert_non_null(names);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        kp_names_add(names, name);
        kp_names_add(names, "t0");
    }
    assert_int_equal(names->count, 100);
    free(names);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_found_is_nothing),
        T(it_opens_unknown_and_grows_surer),
        T(no_edge_ever_keeps_it_low),
        T(it_closes_after_answers_for_long_enough),
        T(silence_without_a_finding_is_no_recovery),
        T(it_waits_until_all_has_settled),
        T(a_part_that_breaks_again_begins_the_wait_anew),
        T(a_path_relapses_into_the_country_it_was_of),
        T(one_host_is_no_relapse_of_the_country),
        T(a_flicker_does_not_close),
        T(a_host_grows_into_a_path_and_the_country),
        T(hosts_turn_out_to_be_one_path),
        T(an_old_host_outage_stays_itself_in_a_wider_one),
        T(a_staggered_recovery_is_one_incident),
        T(a_relapse_after_29_minutes_is_the_same),
        T(a_relapse_after_31_minutes_is_new),
        T(a_relapse_first_seen_as_unknown_is_the_same),
        T(a_day_of_flapping_is_one_incident),
        T(unrelated_hosts_stay_apart),
        T(a_class_falls_only_while_all_is_silent),
        T(a_second_path_joins_the_first),
        T(a_brown_out_grows_into_an_outage),
        T(a_fault_of_our_own_suspends_all),
        T(suspended_time_is_no_recovery),
        T(what_fell_silent_with_us_was_us),
        T(it_survives_a_restart),
        T(the_oldest_closed_ones_are_forgotten),
        cmocka_unit_test(long_lists_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
