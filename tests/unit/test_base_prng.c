#include "lib/base/prng.h"
#include "tests/unit/unit.h"

static void the_same_key_gives_the_same_numbers(void **state)
{
    (void)state;
    struct kp_prng a = {.key = {{1, 2, 3}}};
    struct kp_prng b = a;
    struct kp_prng c = {.key = {{1, 2, 4}}};
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t v = kp_prng_u64(&a);
        assert_int_equal(v, kp_prng_u64(&b));
        same += v == kp_prng_u64(&c);
    }
    assert_int_equal(same, 0);
    assert_int_equal(a.counter, 1000);
}

static void below_stays_below_and_reaches_every_value(void **state)
{
    (void)state;
    struct kp_prng r = {.key = {{7}}};
    static const uint32_t limits[] = {1, 2, 3, 7, 10, 1000, 0x80000000U, UINT32_MAX};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (int n = 0; n < 10000; n++)
            assert_true(kp_prng_below(&r, limits[i]) < limits[i]);
    unsigned seen[10] = {0};
    for (int n = 0; n < 100000; n++)
        seen[kp_prng_below(&r, 10)]++;
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 9500, 10500); /* 5 sigma: 474 */
}

static void unit_is_in_the_half_open_interval(void **state)
{
    (void)state;
    struct kp_prng r = {.key = {{9}}};
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double u = kp_prng_unit(&r);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
    }
    assert_true(sum > 49500 && sum < 50500); /* 5 sigma: 456 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_key_gives_the_same_numbers),
        cmocka_unit_test(below_stays_below_and_reaches_every_value),
        cmocka_unit_test(unit_is_in_the_half_open_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
