#include "tests/unit/unit.h"

#include "lib/base/prng.h"
#include "lib/judging/detect.h"

static struct kp_mono at(double seconds)
{
    return (struct kp_mono){KP_NS_PER_S + kp_dur_from_seconds(seconds).ns};
}

static void the_threshold_grows_with_rate_and_groups(void **state)
{
    (void)state;
    double one = kp_detect_threshold(0.1, 1, 1);
    assert_true(one > 19.5 && one < 19.7); /* ln(31,536,000 x 10) */
    assert_true(kp_detect_threshold(0.1, 10, 1) > one + 2.30);
    assert_true(kp_detect_threshold(0.1, 1, 10) > one + 2.30);
    assert_true(kp_detect_threshold(1, 1, 1) < one - 2.30);
}

/* Twelve items, one probe each per 10 s, all silent from t = 0: the burst model
 * needs about ln(threshold) / (1/5 s + 1.2/s ln(1/0.85)) = 59 s without a sweep. */
static void total_silence_is_confirmed_near_the_limit(void **state)
{
    (void)state;
    struct kp_detect d = {0};
    double h = kp_detect_threshold(0.1, 1.2, 40);
    double t = -100;
    for (; t < 0; t += 10.0 / 12)
        kp_detect_feed(&d, &kp_detect_confirm, 0.05, at(t + 100), false, 1000);
    double start = t;
    while (d.score < h) {
        kp_detect_feed(&d, &kp_detect_confirm, 0.05, at(t + 100), true, 1000);
        t += 10.0 / 12;
        assert_true(t < 200);
    }
    assert_true(t - start > 40 && t - start < 75);
    assert_int_equal(d.onset.ns, at(start + 100).ns);
}

static void answers_bring_the_score_back(void **state)
{
    (void)state;
    struct kp_detect d = {0};
    kp_detect_feed(&d, &kp_detect_confirm, 0.02, at(0), true, 1000);
    kp_detect_feed(&d, &kp_detect_confirm, 0.02, at(10), true, 1000);
    assert_true(d.score > 2);
    kp_detect_feed(&d, &kp_detect_confirm, 0.02, at(20), false, 1000);
    kp_detect_feed(&d, &kp_detect_confirm, 0.02, at(30), false, 1000);
    assert_true(d.score == 0);
}

static void a_loss_makes_the_next_one_likelier_for_a_while(void **state)
{
    (void)state;
    struct kp_detect d = {0};
    double usual = kp_detect_loss(&d, &kp_detect_confirm, 0.02, at(0));
    assert_true(usual > 0.02 && usual < 0.06); /* bursts 5 of 125 s, 85 % lost in them */
    kp_detect_feed(&d, &kp_detect_confirm, 0.02, at(0), true, 1000);
    double soon = kp_detect_loss(&d, &kp_detect_confirm, 0.02, at(1));
    assert_true(soon > 0.4);
    double later = kp_detect_loss(&d, &kp_detect_confirm, 0.02, at(60));
    assert_true(later > usual - 1e-9 && later < usual + 0.001);
    kp_detect_feed(&d, &kp_detect_confirm, 0.02, at(60), false, 1000);
    assert_true(kp_detect_loss(&d, &kp_detect_confirm, 0.02, at(61)) < usual);
}

/* Two million probes, one a second, with 5 % independent loss, and with bursts of a
 * mean of 3 s at 80 % loss: nothing may be confirmed. */
static void noise_confirms_nothing(void **state)
{
    (void)state;
    struct kp_prng rng = {{"detect seed"}, 0};
    double h = kp_detect_threshold(0.1, 1, 40);
    struct kp_detect independent = {0};
    struct kp_detect bursty = {0};
    bool burst = false;
    for (int64_t s = 0; s < 2 * 1000 * 1000; s++) {
        struct kp_mono t = {(s + 1) * KP_NS_PER_S};
        burst = kp_prng_unit(&rng) < (burst ? 1 - 1.0 / 3 : 1.0 / 120);
        bool lost = kp_prng_unit(&rng) < 0.05;
        bool lost_too = kp_prng_unit(&rng) < (burst ? 0.8 : 0.01);
        kp_detect_feed(&independent, &kp_detect_confirm, 0.05, t, lost, 1000);
        kp_detect_feed(&bursty, &kp_detect_confirm, 0.03, t, lost_too, 1000);
        assert_true(independent.score < h);
        assert_true(bursty.score < h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_threshold_grows_with_rate_and_groups),
        cmocka_unit_test(total_silence_is_confirmed_near_the_limit),
        cmocka_unit_test(answers_bring_the_score_back),
        cmocka_unit_test(a_loss_makes_the_next_one_likelier_for_a_while),
        cmocka_unit_test(noise_confirms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
