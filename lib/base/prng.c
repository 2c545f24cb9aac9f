#include "lib/base/prng.h"

uint64_t kp_prng_u64(struct kp_prng *r)
{
    return kp_siphash_words(&r->key, r->counter++, 0);
}

uint32_t kp_prng_below(struct kp_prng *r, uint32_t n)
{
    /* The upper half times n: bias below 2^-32, of no consequence here. */
    return (uint32_t)((kp_prng_u64(r) >> 32) * n >> 32);
}

double kp_prng_unit(struct kp_prng *r)
{
    return (double)(kp_prng_u64(r) >> 11) * 0x1.0p-53;
}
