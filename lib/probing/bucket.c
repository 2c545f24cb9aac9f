#include "lib/probing/bucket.h"

struct kp_rate kp_rate_make(double per_second, uint32_t burst)
{
    struct kp_dur period = kp_dur_from_seconds(1.0 / per_second);
    return (struct kp_rate){period, {period.ns * (int64_t)(burst - 1)}};
}

struct kp_mono kp_bucket_ready(const struct kp_bucket *b, const struct kp_rate *rate)
{
    return (struct kp_mono){b->tat.ns - rate->tolerance.ns};
}

void kp_bucket_take(struct kp_bucket *b, const struct kp_rate *rate, struct kp_mono now)
{
    struct kp_mono from = kp_mono_before(b->tat, now) ? now : b->tat;
    b->tat = kp_mono_add(from, rate->period);
}
