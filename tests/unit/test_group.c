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
            .sent = at(from), .lost = lost, .p0 = 0.02, .source = source};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_an_outage_since_its_first_loss),
        cmocka_unit_test(nothing_is_blamed_while_it_could_be_us),
        cmocka_unit_test(a_lone_answer_does_not_end_an_outage),
        cmocka_unit_test(a_path_recovers_by_several_targets_over_time),
        cmocka_unit_test(half_lost_for_long_is_degraded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
