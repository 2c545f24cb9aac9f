/* A keyed generator: SipHash of a counter.  Unpredictable to whoever lacks the
 * key, and repeatable from it, so simulations and replays can be seeded. */
#ifndef KP_BASE_PRNG_H
#define KP_BASE_PRNG_H

#include "lib/base/siphash.h"

struct kp_prng {
    struct kp_key key;
    uint64_t counter;
};

uint64_t kp_prng_u64(struct kp_prng *r);

/* A whole number in [0, n), n > 0. */
uint32_t kp_prng_below(struct kp_prng *r, uint32_t n);

/* A number in [0, 1). */
double kp_prng_unit(struct kp_prng *r);

#endif
