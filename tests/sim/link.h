/* What a stretch of the way does to packets: loss (independent, and in bursts
 * that hit everything on it), delay, jitter, late packets; all may change over
 * time. */
#ifndef KP_SIM_LINK_H
#define KP_SIM_LINK_H

#include "lib/base/prng.h"

#include <stdbool.h>

/* A value that moves in a straight line from `from` to `to`. */
struct ramp {
    double from, to;
    double begin, end; /* seconds; equal: it is `to` */
};

struct link {
    struct ramp loss;  /* share */
    struct ramp delay; /* seconds added */
    double jitter;     /* mean of what is added at random, seconds */
    struct {           /* Gilbert 1960, Elliott 1963 */
        double mean, gap, loss;
        double flip; /* when the state changes next */
        bool bad;
    } burst; /* mean 0: none */
    double late_share, late_by;
};

double ramp_at(const struct ramp *r, double t);
struct ramp ramp_constant(double value);

/* Whether this link swallows a packet at time t; t never goes back. */
bool link_loses(struct link *l, struct kp_prng *rng, double t);

/* Seconds the link adds to a round trip that begins at t. */
double link_delay(const struct link *l, struct kp_prng *rng, double t);

double draw_exponential(struct kp_prng *rng, double mean);

#endif
