/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012). */
#ifndef KP_BASE_SIPHASH_H
#define KP_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct kp_key {
    uint8_t bytes[16];
};

/* The 64-bit tag of len bytes of data under key. */
uint64_t kp_siphash(const struct kp_key *key, const void *data, size_t len);

/* The tag of two words, the form cookies and the generator use. */
uint64_t kp_siphash_words(const struct kp_key *key, uint64_t a, uint64_t b);

#endif
