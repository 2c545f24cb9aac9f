#include "tests/unit/unit.h"

#include "lib/base/prng.h"
#include "lib/probing/wheel.h"

#include <stdlib.h>

static struct kp_wheel *make(int64_t at, uint32_t count)
{
    struct kp_wheel *w = malloc(sizeof *w);
    assert_non_null(w);
    kp_wheel_init(w, at);
    assert_int_equal(kp_wheel_reserve(w, count), KP_OK);
    return w;
}

static void end(struct kp_wheel *w)
{
    kp_wheel_fini(w);
    free(w);
}

static void pops_in_order_of_time(void **state)
{
    (void)state;
    struct kp_wheel *w = make(1000, 4);
    kp_wheel_set(w, 0, 1005);
    kp_wheel_set(w, 1, 1002);
    kp_wheel_set(w, 2, 1005);
    kp_wheel_set(w, 3, 900); /* past: due at once */
    uint32_t id = 9;
    assert_true(kp_wheel_pop(w, 1000, &id));
    assert_int_equal(id, 3);
    assert_false(kp_wheel_pop(w, 1001, &id));
    int64_t next = 0;
    assert_true(kp_wheel_next(w, &next));
    assert_int_equal(next, 1002);
    const uint32_t want[] = {1, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_true(kp_wheel_pop(w, 2000, &id));
        assert_int_equal(id, want[i]);
    }
    assert_false(kp_wheel_pop(w, 2000, &id));
    assert_false(kp_wheel_next(w, &next));
    end(w);
}

static void what_is_far_ahead_waits_its_turns(void **state)
{
    (void)state;
    struct kp_wheel *w = make(0, 1);
    uint32_t id = 9;
    kp_wheel_set(w, 0, 10 * KP_WHEEL_SLOTS + 7);
    int64_t next = 0;
    int rounds = 0;
    while (kp_wheel_next(w, &next) && !kp_wheel_pop(w, next, &id))
        assert_true(++rounds < 20);
    assert_int_equal(next, 10 * KP_WHEEL_SLOTS + 7);
    end(w);
}

static void what_is_far_ahead_wakes_nobody(void **state)
{
    (void)state;
    struct kp_wheel *w = make(0, 2);
    uint32_t id = 9;
    int64_t next = 0;
    kp_wheel_set(w, 0, 3 * KP_WHEEL_SLOTS);
    assert_false(kp_wheel_pop(w, 100, &id));
    kp_wheel_set(w, 1, KP_WHEEL_SLOTS + 50); /* behind the slot where the other waits */
    assert_true(kp_wheel_next(w, &next));
    assert_int_equal(next, KP_WHEEL_SLOTS + 50);
    assert_true(kp_wheel_pop(w, next, &id));
    assert_int_equal(id, 1);
    assert_false(kp_wheel_pop(w, 3 * KP_WHEEL_SLOTS - 1, &id));
    assert_true(kp_wheel_next(w, &next));
    assert_int_equal(next, 3 * KP_WHEEL_SLOTS);
    assert_true(kp_wheel_pop(w, next, &id));
    assert_int_equal(id, 0);
    end(w);
}

static void moving_and_cancelling(void **state)
{
    (void)state;
    struct kp_wheel *w = make(0, 3);
    uint32_t id = 9;
    for (uint32_t i = 0; i < 3; i++)
        kp_wheel_set(w, i, 5);
    kp_wheel_cancel(w, 1);
    kp_wheel_cancel(w, 1);
    kp_wheel_set(w, 0, 8);
    assert_true(kp_wheel_pop(w, 100, &id));
    assert_int_equal(id, 2);
    assert_true(kp_wheel_pop(w, 100, &id));
    assert_int_equal(id, 0);
    assert_false(kp_wheel_pop(w, 100, &id));
    end(w);
}

/* Against a plain array of times: whatever is set, moved, cancelled and however
 * far time jumps, the same ids come out, and never early. */
static void agrees_with_a_plain_list(void **state)
{
    (void)state;
    enum { IDS = 200 };
    struct kp_prng rng = {{"wheel seed"}, 0};
    struct kp_wheel *w = make(50, IDS);
    int64_t due[IDS];
    int64_t now = 50;
    for (size_t i = 0; i < IDS; i++)
        due[i] = -1;
    for (int step = 0; step < 20000; step++) {
        uint32_t id = kp_prng_below(&rng, IDS);
        if (kp_prng_below(&rng, 4) == 0) {
            kp_wheel_cancel(w, id);
            due[id] = -1;
        } else {
            due[id] = now + kp_prng_below(&rng, 3 * KP_WHEEL_SLOTS);
            kp_wheel_set(w, id, due[id]);
        }
        now += kp_prng_below(&rng, kp_prng_below(&rng, 50) == 0 ? 9000 : 40);
        int64_t last = 0;
        while (kp_wheel_pop(w, now, &id)) {
            assert_true(due[id] >= 0 && due[id] <= now);
            assert_true(due[id] >= last);
            last = due[id];
            due[id] = -1;
        }
        for (size_t i = 0; i < IDS; i++)
            assert_true(due[i] < 0 || due[i] > now);
    }
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pops_in_order_of_time),
        cmocka_unit_test(what_is_far_ahead_waits_its_turns),
        cmocka_unit_test(what_is_far_ahead_wakes_nobody),
        cmocka_unit_test(moving_and_cancelling),
        cmocka_unit_test(agrees_with_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
