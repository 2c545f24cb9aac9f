#include "tests/unit/unit.h"

#include "lib/judging/baseline.h"

static void feed(struct kp_baseline *b, int count, double rtt, bool frozen)
{
    for (int i = 0; i < count; i++)
        kp_baseline_feed(b, rtt, 30, frozen);
}

static void learns_quickly_from_a_clean_start(void **state)
{
    (void)state;
    struct kp_baseline b;
    kp_baseline_init(&b);
    feed(&b, 9, 0.3, false);
    assert_false(kp_baseline_votes(&b));
    feed(&b, 1, 0.3, false);
    assert_true(kp_baseline_votes(&b));
    assert_true(kp_baseline_loss(&b) == 0.02);
    assert_true(b.rtt > 0.299F && b.rtt < 0.301F);
}

static void learns_by_the_thirtieth_probe_at_the_latest(void **state)
{
    (void)state;
    struct kp_baseline b;
    kp_baseline_init(&b);
    feed(&b, 6, -1, false);
    feed(&b, 23, 0.3, false);
    assert_false(b.learned);
    feed(&b, 1, 0.3, false);
    assert_true(kp_baseline_votes(&b));
    assert_true(kp_baseline_loss(&b) > 0.19 && kp_baseline_loss(&b) < 0.21);
}

static void a_silent_item_has_no_voice_until_it_answers(void **state)
{
    (void)state;
    struct kp_baseline b;
    kp_baseline_init(&b);
    feed(&b, 40, -1, false);
    assert_true(b.learned);
    assert_false(kp_baseline_votes(&b));
    feed(&b, 10, 0.2, false);
    assert_true(kp_baseline_votes(&b));
}

static void an_outage_does_not_become_normal(void **state)
{
    (void)state;
    struct kp_baseline b;
    kp_baseline_init(&b);
    feed(&b, 30, 0.3, false);
    feed(&b, 1000, -1, true);
    assert_true(kp_baseline_loss(&b) == 0.02);
    feed(&b, 1000, -1, false);
    assert_true(kp_baseline_loss(&b) == 0.5);
}

static void slow_is_far_above_normal(void **state)
{
    (void)state;
    struct kp_baseline b;
    kp_baseline_init(&b);
    feed(&b, 300, 0.3, false);
    assert_false(kp_baseline_slow(&b, 0.35));
    assert_true(kp_baseline_slow(&b, 1.0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_quickly_from_a_clean_start),
        cmocka_unit_test(learns_by_the_thirtieth_probe_at_the_latest),
        cmocka_unit_test(a_silent_item_has_no_voice_until_it_answers),
        cmocka_unit_test(an_outage_does_not_become_normal),
        cmocka_unit_test(slow_is_far_above_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
