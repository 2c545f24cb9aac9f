/* Stage 1: has something changed?  A CUSUM (Page 1954) whose loss model is a
 * hidden two-state burst channel (Gilbert 1960), optimal in the limit for such
 * chains (Fuh, Annals of Statistics 31:942, 2003).  One detector watches one
 * group of items; each result is fed once, in order of being known. */
#ifndef KP_JUDGING_DETECT_H
#define KP_JUDGING_DETECT_H

#include "lib/base/time.h"

#include <stdbool.h>

struct kp_detect_model {
    double burst_s; /* mean length of a loss burst, seconds */
    double gap_s;   /* mean time between bursts, seconds */
    double p_burst; /* loss inside a burst */
    double p_after; /* loss after the change looked for */
};

/* Of a path, or wider: its links lose in bursts. */
extern const struct kp_detect_model kp_detect_confirm; /* an outage */
extern const struct kp_detect_model kp_detect_certain; /* an outage, beyond doubt */
/* Of one host or service, whose p0 knows the bursts of its path (kp_detect_loss):
 * its own are rare. */
extern const struct kp_detect_model kp_detect_confirm_one, kp_detect_certain_one;
/* A brown-out of either: half is lost or slow, or nearly all. */
extern const struct kp_detect_model kp_detect_degraded, kp_detect_sluggish;

/* A change is suspected from here on (nats). */
#define KP_DETECT_SUSPECT 6.0

struct kp_detect {
    double score;             /* CUSUM statistic, nats; 0: healthy */
    double in_burst;          /* chance of being inside a loss burst after the last result */
    struct kp_mono last;      /* send time of the last result */
    struct kp_mono onset;     /* send time of the first loss of the present rise */
    struct kp_mono suspected; /* ... and of the one that brought it to KP_DETECT_SUSPECT */
};

/* The chance that a probe sent at `sent` is lost though all is well: by chance (p0)
 * or in a burst, as far as the results so far tell. */
double kp_detect_loss(const struct kp_detect *d, const struct kp_detect_model *model, double p0,
                      struct kp_mono sent);

/* Feeds one result sent at `sent`: loss, against the item's baseline loss p0.
 * ceiling bounds the score, so that recovery is not paid for a long outage. */
void kp_detect_feed(struct kp_detect *d, const struct kp_detect_model *model, double p0,
                    struct kp_mono sent, bool lost, double ceiling);

/* The score at which an outage is confirmed: one false alarm in 1/per_year
 * years over all groups (Lorden 1971): ln(results per year / false alarms per
 * year) + ln(groups). */
double kp_detect_threshold(double false_alarms_per_year, double results_per_second,
                           unsigned groups);

#endif
