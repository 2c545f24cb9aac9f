/* The last ten minutes of one path: answered share and RTT distribution.  Loss
 * is a view: a late answer revises the cell of its probe's send time. */
#ifndef KP_JUDGING_WINDOW_H
#define KP_JUDGING_WINDOW_H

#include "lib/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define KP_WINDOW_CELLS 60 /* of 10 s */
#define KP_WINDOW_SPANS 10 /* of 60 s, for the RTT histograms */
#define KP_WINDOW_BINS 416 /* 16 per octave of microseconds: bins are 4.4 % wide */

struct kp_window {
    struct kp_window_cell {
        int64_t index; /* of the 10 s since the clock's start */
        uint32_t finished, answered;
    } cells[KP_WINDOW_CELLS];
    struct kp_window_span {
        int64_t index; /* of the minute */
        uint32_t count;
        uint16_t bins[KP_WINDOW_BINS];
    } spans[KP_WINDOW_SPANS];
};

void kp_window_init(struct kp_window *w);

/* Adds a finished probe sent at `sent`; rtt < 0: no answer. */
void kp_window_add(struct kp_window *w, struct kp_mono sent, double rtt);

/* A probe counted as lost was answered after all. */
void kp_window_revise(struct kp_window *w, struct kp_mono sent, double rtt);

/* Answered share of the last 10 min; negative: nothing finished. */
double kp_window_ratio(const struct kp_window *w, struct kp_mono now);

/* The RTT quantile q in (0, 1) of the last 10 min, seconds, within half a bin
 * (2.2 %); negative: no answers. */
double kp_window_rtt(const struct kp_window *w, struct kp_mono now, double q);

/* Answered share per cell, oldest first; negative: nothing finished. */
void kp_window_cells(const struct kp_window *w, struct kp_mono now,
                     double out[KP_WINDOW_CELLS]);

#endif
