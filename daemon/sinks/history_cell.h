/* What a target, path or anchor did within one stretch of time, small enough to be
 * kept for years and exact when added up: counts, seconds in each state, and round
 * trip times as a histogram of logarithmic bins (each 5 % wide, as in DDSketch,
 * Masson et al. 2019), so that percentiles of any sum are within 2.5 %. */
#ifndef KPD_SINKS_HISTORY_CELL_H
#define KPD_SINKS_HISTORY_CELL_H

#include "lib/base/bytes.h"
#include "lib/base/text.h"
#include "lib/base/vocab.h"

#define KPD_CELL_BINS 40

struct kpd_cell {
    uint32_t sent, answered; /* refused is an answer */
    uint32_t seconds[KP_STATE_COUNT];
    uint32_t bin_count;
    struct kpd_bin {
        uint32_t index, count;
    } bins[KPD_CELL_BINS]; /* ascending; the least populated neighbours merge when full */
};

void kpd_cell_rtt(struct kpd_cell *cell, int32_t rtt_us);
void kpd_cell_add(struct kpd_cell *sum, const struct kpd_cell *more);
bool kpd_cell_empty(const struct kpd_cell *cell);

/* Seconds below which the share q (0 to 1) of the answers came; negative: none came. */
double kpd_cell_percentile(const struct kpd_cell *cell, double q);

/* Appends the cell as bytes, about ten of them; nomem of out says whether that failed. */
void kpd_cell_write(const struct kpd_cell *cell, struct kp_text *out);

/* Reads what kpd_cell_write wrote; in->bad: it did not. */
void kpd_cell_read(struct kp_rd *in, struct kpd_cell *out);

/* Whole numbers as above: seven bits a byte, the lowest first. */
void kpd_cell_write_number(struct kp_text *out, uint64_t v);
uint64_t kpd_cell_read_number(struct kp_rd *in);

#endif
