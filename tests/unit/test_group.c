#include "tests/unit/unit.h"

#include "lib/judging/group.h"

static const struct kp_group_rule rule = {.threshold = 20};

static struct kp_mono at(int64_t seconds)
{
    return (struct kp_mono){(1000 + seconds) * KP_NS_PER_S};
}

/* One result every 10 s from `from`; returns the time after the last. */
static int64_t feed(struct kp_group *g, const struct kp_group_rule *r, int64_t from, int count,
                    bool lost, uint32_t source, bool may_blame)
{
    for (int i = 0; i < count; i++, from += 10) {
        struct kp_group_sample s = {
            .sent = at(from), .lost = lost, .base = 0.02, .p0 = 0.02, .source = source};
        kp_group_feed(g, r, &s);
        kp_group_judge(g, r, at(from), may_blame);
    }
    return from;
}

static void silence_is_an_outage_since_its_first_loss(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    assert_int_equal(g.state, KP_UP);
    int64_t first = t;
    t = feed(&g, &rule, t, 20, true, 0, true);
    assert_int_equal(g.state, KP_DOWN);
    assert_int_equal(g.since.ns, at(first).ns);
    assert_true(kp_group_suspect(&g));
    int64_t back = t;
    t = feed(&g, &rule, t, 2, false, 0, true);
    assert_int_equal(g.state, KP_DOWN);
    feed(&g, &rule, t, 1, false, 0, true);
    assert_int_equal(g.state, KP_UP);
    assert_int_equal(g.since.ns, at(back).ns);
    assert_false(kp_group_suspect(&g));
}

static void nothing_is_blamed_while_it_could_be_us(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    t = feed(&g, &rule, t, 30, true, 0, false);
    assert_int_equal(g.state, KP_UP);
    feed(&g, &rule, t, 1, true, 0, true);
    assert_int_equal(g.state, KP_DOWN);
}

static void a_lone_answer_does_not_end_an_outage(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    t = feed(&g, &rule, t, 20, true, 0, true);
    for (int i = 0; i < 5; i++) {
        t = feed(&g, &rule, t, 1, false, 0, true);
        t = feed(&g, &rule, t, 5, true, 0, true);
        assert_int_equal(g.state, KP_DOWN);
    }
}

static void a_path_recovers_by_several_targets_over_time(void **state)
{
    (void)state;
    struct kp_group_rule path = {.threshold = 20, .several = true, .span = {10 * KP_NS_PER_S}};
    struct kp_group g = {0};
    int64_t t = feed(&g, &path, 0, 10, false, 0, true);
    t = feed(&g, &path, t, 20, true, 0, true);
    t = feed(&g, &path, t, 5, false, 1, true);
    assert_int_equal(g.state, KP_DOWN);
    feed(&g, &path, t, 1, false, 2, true);
    assert_int_equal(g.state, KP_UP);
}

static void half_lost_for_long_is_degraded(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    for (int i = 0; i < 200 && g.state != KP_DEGRADED; i++)
        t = feed(&g, &rule, t, 1, i % 2 == 0, 0, true);
    assert_int_equal(g.state, KP_DEGRADED);
    feed(&g, &rule, t, 60, false, 0, true);
    assert_int_equal(g.state, KP_UP);
}

/* One result that is no plain loss or answer. */
static void feed_one(struct kp_group *g, const struct kp_group_rule *r,
                     struct kp_group_sample sample)
{
    sample.base = 0.02;
    if (sample.p0 == 0)
        sample.p0 = sample.base;
    kp_group_feed(g, r, &sample);
    kp_group_judge(g, r, sample.sent, true);
}

static void late_answers_do_not_end_an_outage(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    t = feed(&g, &rule, t, 20, true, 0, true);
    for (int i = 0; i < 10; i++, t += 10)
        feed_one(&g, &rule, (struct kp_group_sample){.sent = at(t), .late = true});
    assert_int_equal(g.state, KP_DOWN);
    feed(&g, &rule, t, 3, false, 0, true);
    assert_int_equal(g.state, KP_UP);
    assert_int_equal(g.since.ns, at(t).ns);
}

static void slow_answers_degrade_but_are_no_outage(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    int64_t first = t;
    for (int i = 0; i < 40; i++, t += 10)
        feed_one(&g, &rule, (struct kp_group_sample){.sent = at(t), .slow = true});
    assert_int_equal(g.state, KP_DEGRADED);
    assert_int_equal(g.since.ns, at(first).ns);
    assert_true(g.outage.score == 0);
}

static void what_a_narrower_fault_explains_is_no_brown_out(void **state)
{
    (void)state;
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    for (int i = 0; i < 200; i++, t += 10)
        feed_one(&g, &rule,
                 (struct kp_group_sample){.sent = at(t), .lost = i % 2 == 0, .known = true});
    assert_int_equal(g.state, KP_UP);
}

static void a_brown_out_lasts_while_much_is_lost(void **state)
{
    (void)state;
    struct kp_group_rule losing = {.threshold = 20, .losing = 0.5};
    struct kp_group g = {0};
    int64_t t = feed(&g, &rule, 0, 10, false, 0, true);
    for (int i = 0; i < 200 && g.state != KP_DEGRADED; i++)
        t = feed(&g, &rule, t, 1, i % 2 == 0, 0, true);
    assert_int_equal(g.state, KP_DEGRADED);
    t = feed(&g, &losing, t, 60, false, 0, true);
    assert_int_equal(g.state, KP_DEGRADED);
    feed(&g, &rule, t, 1, false, 0, true);
    assert_int_equal(g.state, KP_UP);
}

static void a_brown_out_is_older_than_two_minutes(void **state)
{
    (void)state;
    struct kp_group_rule eager = {.threshold = 2};
    struct kp_group g = {0};
    int64_t t = feed(&g, &eager, 0, 10, false, 0, true);
    int64_t first = t;
    while (g.state != KP_DEGRADED) {
        feed_one(&g, &eager, (struct kp_group_sample){.sent = at(t), .slow = true});
        assert_true(t - first <= 120);
        assert_int_equal(g.state == KP_DEGRADED, t - first >= 120);
        t += 10;
    }
}

/* One host's silence weighs as little as its path makes it likely. */
static void a_host_is_weighed_against_its_path(void **state)
{
    (void)state;
    struct kp_group_rule host = {.threshold = 20, .one = true};
    struct kp_group alone = {0}, among = {0};
    int64_t t = feed(&alone, &host, 0, 10, false, 0, true);
    feed(&among, &host, 0, 10, false, 0, true);
    for (int i = 0; i < 20; i++, t += 10) {
        feed_one(&alone, &host, (struct kp_group_sample){.sent = at(t), .lost = true});
        feed_one(&among, &host,
                 (struct kp_group_sample){.sent = at(t), .lost = true, .p0 = 0.9});
    }
    assert_int_equal(alone.state, KP_DOWN);
    assert_true(among.state != KP_DOWN);
    assert_true(kp_group_certain(&alone, &host));
    assert_false(kp_group_certain(&among, &host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_an_outage_since_its_first_loss),
        cmocka_unit_test(nothing_is_blamed_while_it_could_be_us),
        cmocka_unit_test(a_lone_answer_does_not_end_an_outage),
        cmocka_unit_test(a_path_recovers_by_several_targets_over_time),
        cmocka_unit_test(half_lost_for_long_is_degraded),
        cmocka_unit_test(late_answers_do_not_end_an_outage),
        cmocka_unit_test(slow_answers_degrade_but_are_no_outage),
        cmocka_unit_test(what_a_narrower_fault_explains_is_no_brown_out),
        cmocka_unit_test(a_brown_out_lasts_while_much_is_lost),
        cmocka_unit_test(a_brown_out_is_older_than_two_minutes),
        cmocka_unit_test(a_host_is_weighed_against_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
