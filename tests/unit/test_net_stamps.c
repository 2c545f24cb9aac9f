/* The ring of sends without a stamp, and stamps as monotonic time. */
#include "daemon/clock.h"
#include "daemon/net/stamps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct kp_mono at(int64_t ns)
{
    return (struct kp_mono){ns};
}

static int setup(void **state)
{
    static struct kpd_stamps stamps;
    *state = &stamps;
    return kpd_stamps_init(&stamps) ? 0 : -1;
}

static int teardown(void **state)
{
    kpd_stamps_fini(*state);
    return 0;
}

static void test_settle(void **state)
{
    struct kpd_stamps *stamps = *state;
    struct kpd_stamp got;
    assert_false(kpd_stamps_settle(stamps, 0, &got));
    assert_int_equal(kpd_stamps_push(stamps, 10, 20, at(1)), 0);
    assert_int_equal(kpd_stamps_push(stamps, 11, 21, at(2)), 1);
    assert_int_equal(kpd_stamps_push(stamps, 12, 22, at(3)), 2);
    assert_false(kpd_stamps_settle(stamps, 3, &got));
    assert_false(kpd_stamps_settle(stamps, UINT32_MAX, &got));
    assert_false(stamps->proven);
    assert_true(kpd_stamps_settle(stamps, 1, &got));
    assert_true(stamps->proven);
    assert_int_equal(got.slot, 11);
    assert_int_equal(got.serial, 21);
    assert_false(kpd_stamps_settle(stamps, 1, &got));
    struct kp_mono oldest;
    assert_true(kpd_stamps_oldest(stamps, &oldest));
    assert_int_equal(oldest.ns, 1);
    assert_true(kpd_stamps_settle(stamps, 0, &got));
    assert_true(kpd_stamps_oldest(stamps, &oldest));
    assert_int_equal(oldest.ns, 3);
    assert_true(kpd_stamps_settle(stamps, 2, &got));
    assert_false(kpd_stamps_waiting(stamps));
}

static void test_take(void **state)
{
    struct kpd_stamps *stamps = *state;
    struct kpd_stamp got;
    for (uint32_t i = 0; i < 5; i++)
        kpd_stamps_push(stamps, i, i, at(i));
    kpd_stamps_settle(stamps, 1, &got);
    assert_true(kpd_stamps_take(stamps, at(3), &got));
    assert_int_equal(got.slot, 0);
    assert_true(kpd_stamps_take(stamps, at(3), &got));
    assert_int_equal(got.slot, 2);
    assert_false(kpd_stamps_take(stamps, at(3), &got));
    kpd_stamps_reset(stamps);
    assert_false(kpd_stamps_take(stamps, at(100), &got));
    assert_int_equal(kpd_stamps_push(stamps, 9, 9, at(9)), 0);
}

/* Ids wrap at 2^32, the ring grows, and at its largest forgets the oldest. */
static void test_wrap_and_grow(void **state)
{
    struct kpd_stamps *stamps = *state;
    struct kpd_stamp got;
    stamps->tail = stamps->head = UINT32_MAX - 10;
    for (uint32_t i = 0; i < 70000; i++)
        assert_int_equal(kpd_stamps_push(stamps, i, i, at(i)), UINT32_MAX - 10 + i);
    assert_int_equal(stamps->size, 65536);
    assert_false(kpd_stamps_settle(stamps, UINT32_MAX - 10, &got));
    assert_true(kpd_stamps_settle(stamps, UINT32_MAX - 10 + 69999, &got));
    assert_int_equal(got.slot, 69999);
    assert_true(kpd_stamps_take(stamps, at(100000), &got));
    assert_int_equal(got.slot, 70000 - 65536);
}

static void test_clock(void **state)
{
    (void)state;
    struct kpd_clock clock;
    kpd_clock_init(&clock);
    struct kp_mono before = kpd_clock_mono(), got = {0};
    struct kp_wall stamp = kpd_clock_wall();
    struct kp_mono after = kpd_clock_mono();
    struct kp_mono wide = kp_mono_add(after, kp_dur_ms(1));
    assert_true(kpd_clock_convert(&clock, stamp, at(before.ns - KP_NS_PER_MS), wide, &got));
    assert_true(llabs(got.ns - before.ns) < KP_NS_PER_MS);
    assert_false(kpd_clock_convert(&clock, (struct kp_wall){0}, at(0), wide, &got));
    assert_false(kpd_clock_convert(&clock, stamp, wide, wide, &got));
    assert_false(kpd_clock_convert(&clock, stamp, at(0), at(1), &got));
    assert_false(kpd_clock_update(&clock));
    clock.offset.ns += KP_NS_PER_MS; /* as if the wall clock had been set back */
    assert_true(kpd_clock_update(&clock));
    assert_false(kpd_clock_update(&clock));
    int64_t kept = clock.offset.ns += 50 * KP_NS_PER_US; /* noise: kept */
    assert_false(kpd_clock_update(&clock));
    assert_int_equal(clock.offset.ns, kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_take, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrap_and_grow, setup, teardown),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
