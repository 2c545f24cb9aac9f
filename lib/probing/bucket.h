/* Token buckets in the form of the generic cell rate algorithm (ITU-T I.371):
 * one theoretical arrival time instead of a count that must be refilled. */
#ifndef KP_PROBING_BUCKET_H
#define KP_PROBING_BUCKET_H

#include "lib/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct kp_rate {
    struct kp_dur period;    /* between two tokens */
    struct kp_dur tolerance; /* (burst - 1) periods */
};

struct kp_bucket {
    struct kp_mono tat; /* zero-initialised: full */
};

/* per_second > 0, burst >= 1. */
struct kp_rate kp_rate_make(double per_second, uint32_t burst);

/* When the next token can be taken; not after now: at once. */
struct kp_mono kp_bucket_ready(const struct kp_bucket *b, const struct kp_rate *rate);

/* Takes one token; call only where kp_bucket_ready says now. */
void kp_bucket_take(struct kp_bucket *b, const struct kp_rate *rate, struct kp_mono now);

#endif
