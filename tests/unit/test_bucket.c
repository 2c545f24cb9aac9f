#include "tests/unit/unit.h"

#include "lib/probing/bucket.h"

static int take_all(struct kp_bucket *b, const struct kp_rate *rate, struct kp_mono now)
{
    int count = 0;
    while (!kp_mono_before(now, kp_bucket_ready(b, rate))) {
        kp_bucket_take(b, rate, now);
        assert_true(++count < 1000);
    }
    return count;
}

static void a_full_bucket_holds_its_burst(void **state)
{
    (void)state;
    struct kp_rate rate = kp_rate_make(2, 5);
    struct kp_bucket b = {{0}};
    struct kp_mono now = {100 * KP_NS_PER_S};
    assert_int_equal(take_all(&b, &rate, now), 5);
    assert_int_equal(kp_bucket_ready(&b, &rate).ns, now.ns + KP_NS_PER_S / 2);
    now.ns += KP_NS_PER_S / 2;
    assert_int_equal(take_all(&b, &rate, now), 1);
}

static void no_second_exceeds_the_rate(void **state)
{
    (void)state;
    struct kp_rate rate = kp_rate_make(20, 3);
    struct kp_bucket b = {{0}};
    int total = 0;
    for (int64_t ms = 0; ms < 60000; ms += 7)
        total += take_all(&b, &rate, (struct kp_mono){KP_NS_PER_S + ms * KP_NS_PER_MS});
    assert_in_range(total, 60 * 20, 60 * 20 + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_holds_its_burst),
        cmocka_unit_test(no_second_exceeds_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
