#include "lib/core/counts.h"

const double kp_rtt_bounds[KP_RTT_BUCKETS] = {
    0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.225,
    0.25,  0.275, 0.3,  0.325, 0.35, 0.4,   0.5, 0.75,  1,    2.5,   5};

void kp_counts_answer(struct kp_counts *counts, double rtt, struct kp_wall at)
{
    unsigned bucket = 0;
    while (bucket < KP_RTT_BUCKETS && rtt > kp_rtt_bounds[bucket])
        bucket++;
    counts->rtt[bucket]++;
    counts->rtt_sum += rtt;
    counts->last_success = at;
}
