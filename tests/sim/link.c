#include "tests/sim/link.h"

#include <math.h>

double draw_exponential(struct kp_prng *rng, double mean)
{
    return -mean * log(1 - kp_prng_unit(rng));
}

double ramp_at(const struct ramp *r, double t)
{
    if (t >= r->end)
        return r->to;
    if (t <= r->begin)
        return r->from;
    return r->from + (r->to - r->from) * (t - r->begin) / (r->end - r->begin);
}

struct ramp ramp_constant(double value)
{
    return (struct ramp){value, value, 0, 0};
}

bool link_loses(struct link *l, struct kp_prng *rng, double t)
{
    double loss = ramp_at(&l->loss, t);
    if (l->burst.mean > 0) {
        while (l->burst.flip <= t) {
            l->burst.bad = !l->burst.bad;
            l->burst.flip += draw_exponential(rng, l->burst.bad ? l->burst.mean : l->burst.gap);
        }
        if (l->burst.bad)
            loss = l->burst.loss;
    }
    return loss > 0 && kp_prng_unit(rng) < loss;
}

double link_delay(const struct link *l, struct kp_prng *rng, double t)
{
    double delay = ramp_at(&l->delay, t);
    if (l->jitter > 0)
        delay += draw_exponential(rng, l->jitter);
    if (l->late_share > 0 && kp_prng_unit(rng) < l->late_share)
        delay += l->late_by;
    return delay;
}
