#include "lib/base/siphash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Spelt out, compilers make one load of it. */
static uint64_t load_le(const uint8_t *p)
{
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* Several hashes for each probe: inlined, the state stays in registers, which is a third of
 * the instructions. */
static inline __attribute__((always_inline)) void sip_round(struct state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 = rotl(s->v2, 32);
}

static inline __attribute__((always_inline)) void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static struct state start(const struct kp_key *key)
{
    uint64_t k0 = load_le(key->bytes);
    uint64_t k1 = load_le(key->bytes + 8);
    return (struct state){k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                          k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
}

static inline __attribute__((always_inline)) uint64_t finish(struct state *s)
{
    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t kp_siphash(const struct kp_key *key, const void *data, size_t len)
{
    const uint8_t *p = data;
    struct state s = start(key);
    size_t left = len;
    for (; left >= 8; p += 8, left -= 8)
        absorb(&s, load_le(p));
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    absorb(&s, last);
    return finish(&s);
}

uint64_t kp_siphash_words(const struct kp_key *key, uint64_t a, uint64_t b)
{
    struct state s = start(key);
    absorb(&s, a);
    absorb(&s, b);
    absorb(&s, UINT64_C(16) << 56);
    return finish(&s);
}
