/* What is normal for one item (target x probe), learned while it is healthy. */
#ifndef KP_JUDGING_BASELINE_H
#define KP_JUDGING_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

/* An item votes after this many finished probes at the latest. */
#define KP_BASELINE_PROBES 30

struct kp_baseline {
    float loss;    /* share of probes unanswered while healthy */
    float rtt;     /* seconds, smoothed; negative: none yet */
    float rtt_var; /* mean deviation, seconds (RFC 6298) */
    uint16_t seen; /* finished probes while learning, up to KP_BASELINE_PROBES */
    uint16_t lost; /* of these */
    bool learned;
};

void kp_baseline_init(struct kp_baseline *b);

/* Feeds one finished probe; rtt < 0: no answer.  interval: seconds between
 * probes, so that the average spans about an hour at any rate.  frozen: the
 * item is suspect, a learned baseline stays as it is. */
void kp_baseline_feed(struct kp_baseline *b, double rtt, double interval, bool frozen);

/* Whether the item may vote: learned, and it used to answer at all. */
bool kp_baseline_votes(const struct kp_baseline *b);

/* Baseline loss as the detectors use it, clamped to [0.02, 0.5]. */
double kp_baseline_loss(const struct kp_baseline *b);

/* Whether this RTT is far above normal (slow is evidence of a brown-out). */
bool kp_baseline_slow(const struct kp_baseline *b, double rtt);

#endif
