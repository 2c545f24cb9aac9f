#include "tests/unit/unit.h"

#include "lib/base/prng.h"
#include "lib/probing/inflight.h"

#include <stdlib.h>

static const struct kp_key key = {"inflight key"};

static struct kp_inflight *make(void)
{
    struct kp_inflight *f = malloc(sizeof *f);
    assert_non_null(f);
    assert_int_equal(kp_inflight_init(f, &key, (struct kp_mono){KP_NS_PER_S}), KP_OK);
    return f;
}

static void end(struct kp_inflight *f)
{
    kp_inflight_fini(f);
    free(f);
}

static struct kp_flow flow_of(uint32_t n)
{
    struct kp_flow flow = {.type = KP_PROBE_TCP_SYN, .dport = 80, .sport = 61000, .seq = n};
    flow.dst.family = KP_IPV4;
    flow.dst.bytes[0] = 198;
    return flow;
}

static void found_by_its_flow_until_closed(void **state)
{
    (void)state;
    struct kp_inflight *f = make();
    struct kp_flow a = flow_of(1);
    struct kp_flow b = flow_of(2);
    uint32_t slot = kp_inflight_open(f, &a, 7, 1, (struct kp_mono){5 * KP_NS_PER_S});
    assert_int_equal(kp_inflight_find(f, &a, KP_NO_SLOT), slot);
    assert_int_equal(kp_inflight_find(f, &b, KP_NO_SLOT), KP_NO_SLOT);
    assert_non_null(kp_inflight_get(f, slot, 1));
    assert_null(kp_inflight_get(f, slot, 2));
    assert_null(kp_inflight_get(f, 1000000, 1));
    kp_inflight_set_sport(f, slot, 62000);
    assert_int_equal(kp_inflight_find(f, &a, KP_NO_SLOT), KP_NO_SLOT);
    a.sport = 62000;
    assert_int_equal(kp_inflight_find(f, &a, KP_NO_SLOT), slot);
    kp_inflight_close(f, slot);
    assert_int_equal(kp_inflight_find(f, &a, KP_NO_SLOT), KP_NO_SLOT);
    assert_null(kp_inflight_get(f, slot, 1));
    end(f);
}

static void twins_are_both_found(void **state)
{
    (void)state;
    struct kp_inflight *f = make();
    struct kp_flow a = flow_of(1);
    uint32_t one = kp_inflight_open(f, &a, 0, 1, (struct kp_mono){5 * KP_NS_PER_S});
    uint32_t two = kp_inflight_open(f, &a, 0, 2, (struct kp_mono){5 * KP_NS_PER_S});
    uint32_t first = kp_inflight_find(f, &a, KP_NO_SLOT);
    uint32_t second = kp_inflight_find(f, &a, first);
    assert_true((first == one && second == two) || (first == two && second == one));
    assert_int_equal(kp_inflight_find(f, &a, second), KP_NO_SLOT);
    end(f);
}

static void expires_at_its_deadline(void **state)
{
    (void)state;
    struct kp_inflight *f = make();
    struct kp_flow a = flow_of(1);
    struct kp_mono deadline = {5 * KP_NS_PER_S};
    uint32_t slot = kp_inflight_open(f, &a, 0, 1, deadline);
    assert_int_equal(kp_inflight_expire(f, (struct kp_mono){deadline.ns - KP_TICK}),
                     KP_NO_SLOT);
    assert_int_equal(kp_inflight_expire(f, deadline), slot);
    kp_inflight_keep(f, slot, KP_SLOT_EXPIRED, (struct kp_mono){9 * KP_NS_PER_S});
    assert_int_equal(kp_inflight_expire(f, (struct kp_mono){8 * KP_NS_PER_S}), KP_NO_SLOT);
    assert_int_equal(kp_inflight_expire(f, (struct kp_mono){9 * KP_NS_PER_S}), slot);
    end(f);
}

/* Many slots opened and closed in random order: each open one is found by its
 * flow, none that was closed is. */
static void survives_growth_and_reuse(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    struct kp_inflight *f = make();
    struct kp_prng rng = {{"inflight seed"}, 0};
    uint32_t slots[MOST];
    for (uint32_t i = 0; i < MOST; i++)
        slots[i] = KP_NO_SLOT;
    for (uint32_t step = 0; step < 30000; step++) {
        uint32_t n = kp_prng_below(&rng, MOST);
        struct kp_flow flow = flow_of(n);
        if (slots[n] == KP_NO_SLOT) {
            slots[n] = kp_inflight_open(f, &flow, n, n + 1, (struct kp_mono){5 * KP_NS_PER_S});
            assert_int_not_equal(slots[n], KP_NO_SLOT);
        } else {
            kp_inflight_close(f, slots[n]);
            slots[n] = KP_NO_SLOT;
        }
    }
    uint32_t open = 0;
    for (uint32_t n = 0; n < MOST; n++) {
        struct kp_flow flow = flow_of(n);
        assert_int_equal(kp_inflight_find(f, &flow, KP_NO_SLOT), slots[n]);
        if (slots[n] == KP_NO_SLOT)
            continue;
        open++;
        assert_int_equal(kp_inflight_get(f, slots[n], n + 1)->item, n);
    }
    assert_int_equal(f->used, open);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_its_flow_until_closed),
        cmocka_unit_test(twins_are_both_found),
        cmocka_unit_test(expires_at_its_deadline),
        cmocka_unit_test(survives_growth_and_reuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
