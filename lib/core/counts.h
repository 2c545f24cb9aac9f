/* What is counted of each way a target is asked, since start: for metrics. */
#ifndef KP_CORE_COUNTS_H
#define KP_CORE_COUNTS_H

#include "lib/base/time.h"
#include "lib/base/vocab.h"

#define KP_RTT_BUCKETS 23
#define KP_RCODES 16

struct kp_counts {
    uint64_t results[KP_RESULT_COUNT];
    uint64_t rtt[KP_RTT_BUCKETS + 1]; /* answers by round-trip time; the last: longer */
    double rtt_sum;                   /* seconds */
    uint64_t rcodes[KP_RCODES];       /* dns: of its answers */
    struct kp_wall last_success;      /* when the last answer was known */
};

/* Upper bounds of the buckets in seconds, inclusive, ascending; close together
 * where answers from the country come. */
extern const double kp_rtt_bounds[KP_RTT_BUCKETS];

/* An answer after rtt seconds; at: now. */
void kp_counts_answer(struct kp_counts *counts, double rtt, struct kp_wall at);

#endif
