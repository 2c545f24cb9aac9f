#include "tests/unit/unit.h"

#include "lib/probing/trace.h"

#include <string.h>

/* A pretend way: hop i+1 answers with address i+1, or is silent; the target
 * stands at `distance` (0: never answers). */
struct way {
    uint8_t distance;
    bool silent[KP_TRACE_MOST];
    bool once[KP_TRACE_MOST]; /* silent to the first probe only */
    uint8_t asked;
};

static struct kp_addr hop_address(uint8_t n)
{
    return (struct kp_addr){KP_IPV4, {198, 19, 0, n}};
}

static void answer(struct way *way, struct kp_trace *t, uint8_t ttl)
{
    struct kp_addr at = hop_address(ttl);
    struct kp_addr target = hop_address(250);
    bool quiet = way->silent[ttl - 1] || (way->once[ttl - 1] && t->hops[ttl - 1].asked == 1);
    way->asked++;
    if (way->distance > 0 && ttl >= way->distance)
        kp_trace_target(t, ttl, &target, 0.1);
    else if (quiet)
        kp_trace_silence(t, ttl);
    else
        kp_trace_hop(t, ttl, &at, ttl / 1000.0);
}

/* Asks with at most `window` probes out at once. */
static void run(struct way *way, struct kp_trace *t, int window)
{
    uint8_t out[16];
    int count = 0;
    for (int guard = 0; !kp_trace_done(t) || count > 0; guard++) {
        assert_true(guard < 1000);
        uint8_t ttl = count < window ? kp_trace_next(t) : 0;
        if (ttl > 0) {
            out[count++] = ttl;
            continue;
        }
        assert_true(count > 0);
        answer(way, t, out[0]);
        memmove(out, out + 1, (size_t)--count);
    }
}

static void it_stops_at_the_first_answer_of_the_target(void **state)
{
    (void)state;
    for (int window = 1; window <= 4; window++) {
        struct way way = {.distance = 8};
        struct kp_trace t;
        kp_trace_start(&t, 1, 32);
        run(&way, &t, window);
        assert_int_equal(t.reached, 8);
        assert_int_equal(kp_trace_length(&t), 8);
        assert_true(way.asked <= 8 + window);
        struct kp_addr third = hop_address(3);
        assert_true(kp_addr_equal(&t.hops[2].address, &third));
    }
}

static void three_silent_hops_do_not_end_it(void **state)
{
    (void)state;
    struct way way = {.distance = 9, .silent = {[5] = true, [6] = true, [7] = true}};
    struct kp_trace t;
    kp_trace_start(&t, 1, 32);
    run(&way, &t, 1);
    assert_int_equal(t.reached, 9);
    assert_int_equal(t.hops[6].address.family, KP_AF_NONE);
    assert_int_equal(t.hops[6].asked, 2);
}

static void a_hop_that_limits_its_rate_gets_another_chance(void **state)
{
    (void)state;
    struct way way = {.distance = 6, .once = {[2] = true}};
    struct kp_trace t;
    kp_trace_start(&t, 1, 32);
    run(&way, &t, 1);
    struct kp_addr third = hop_address(3);
    assert_true(kp_addr_equal(&t.hops[2].address, &third));
    assert_int_equal(way.asked, 7);
}

static void silence_to_the_end_ends_it_soon(void **state)
{
    (void)state;
    struct way way = {0};
    for (size_t i = 4; i < KP_TRACE_MOST; i++)
        way.silent[i] = true;
    struct kp_trace t;
    kp_trace_start(&t, 1, 64);
    run(&way, &t, 1);
    assert_int_equal(t.reached, 0);
    assert_int_equal(kp_trace_length(&t), 4);
    assert_int_equal(way.asked, 10);
}

static void total_silence_shows_no_hop(void **state)
{
    (void)state;
    struct way way = {0};
    memset(way.silent, true, sizeof way.silent);
    struct kp_trace t;
    kp_trace_start(&t, 1, 32);
    run(&way, &t, 3);
    assert_int_equal(kp_trace_length(&t), 0);
    assert_int_equal(way.asked, 6);
}

static void a_router_that_answers_twice_ends_it(void **state)
{
    (void)state;
    struct kp_trace t;
    struct kp_addr router = hop_address(3);
    kp_trace_start(&t, 1, 32);
    for (uint8_t ttl = 0; (ttl = kp_trace_next(&t)) > 0;) {
        struct kp_addr own = hop_address(ttl);
        kp_trace_hop(&t, ttl, ttl < 3 ? &own : &router, 0.01);
    }
    assert_true(kp_trace_done(&t));
    assert_int_equal(kp_trace_length(&t), 4);
}

static void a_part_of_the_way_can_be_asked(void **state)
{
    (void)state;
    struct way way = {.distance = 12};
    struct kp_trace t;
    kp_trace_start(&t, 4, 8);
    run(&way, &t, 2);
    assert_int_equal(t.reached, 0);
    assert_int_equal(kp_trace_length(&t), 8);
    assert_int_equal(way.asked, 5);
}

static void answers_nobody_waits_for_are_ignored(void **state)
{
    (void)state;
    struct kp_trace t;
    struct kp_addr a = hop_address(1);
    kp_trace_start(&t, 2, 5);
    kp_trace_hop(&t, 1, &a, 0.1);
    kp_trace_hop(&t, 40, &a, 0.1);
    kp_trace_hop(&t, 3, &a, 0.1);
    assert_int_equal(t.waiting, 0);
    assert_int_equal(kp_trace_length(&t), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_at_the_first_answer_of_the_target),
        cmocka_unit_test(three_silent_hops_do_not_end_it),
        cmocka_unit_test(a_hop_that_limits_its_rate_gets_another_chance),
        cmocka_unit_test(silence_to_the_end_ends_it_soon),
        cmocka_unit_test(total_silence_shows_no_hop),
        cmocka_unit_test(a_router_that_answers_twice_ends_it),
        cmocka_unit_test(a_part_of_the_way_can_be_asked),
        cmocka_unit_test(answers_nobody_waits_for_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
