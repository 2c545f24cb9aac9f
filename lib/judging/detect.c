#include "lib/judging/detect.h"

#include <math.h>

const struct kp_detect_model kp_detect_confirm = {5, 120, 0.85, 0.99};
const struct kp_detect_model kp_detect_certain = {5, 120, 0.97, 0.999};
const struct kp_detect_model kp_detect_confirm_one = {5, 3600, 0.8, 0.99};
const struct kp_detect_model kp_detect_certain_one = {5, 3600, 0.99, 0.999};
const struct kp_detect_model kp_detect_degraded = {10, 120, 0.9, 0.5};
const struct kp_detect_model kp_detect_sluggish = {10, 120, 0.85, 0.9};

#define SECONDS_PER_YEAR (365.0 * 86400)

/* The chance of being inside a burst at `sent`. */
static double in_burst(const struct kp_detect *d, const struct kp_detect_model *model,
                       struct kp_mono sent)
{
    double a = 1 / model->gap_s;
    double b = 1 / model->burst_s;
    double steady = a / (a + b);
    double dt = kp_mono_set(d->last) ? kp_dur_seconds(kp_mono_sub(sent, d->last)) : INFINITY;
    return steady + (d->in_burst - steady) * exp(-(a + b) * fmax(dt, 0));
}

static double lost_by(double pi, const struct kp_detect_model *model, double p0)
{
    return pi * model->p_burst + (1 - pi) * p0;
}

double kp_detect_loss(const struct kp_detect *d, const struct kp_detect_model *model, double p0,
                      struct kp_mono sent)
{
    return lost_by(in_burst(d, model, sent), model, p0);
}

void kp_detect_feed(struct kp_detect *d, const struct kp_detect_model *model, double p0,
                    struct kp_mono sent, bool lost, double ceiling)
{
    double pi = in_burst(d, model, sent);
    double q = lost_by(pi, model, p0);
    bool rising = d->score > 0;
    bool suspect = d->score >= KP_DETECT_SUSPECT;
    /* An answer can only lower a score, and it is mostly 0 already. */
    if (lost)
        d->score += log(model->p_after / q);
    else if (rising)
        d->score += log((1 - model->p_after) / (1 - q));
    d->score = fmin(fmax(d->score, 0), ceiling);
    if (lost && !rising)
        d->onset = sent;
    if (lost && !suspect && d->score >= KP_DETECT_SUSPECT)
        d->suspected = sent;
    d->in_burst = lost ? pi * model->p_burst / q : pi * (1 - model->p_burst) / (1 - q);
    if (kp_mono_before(d->last, sent))
        d->last = sent;
}

double kp_detect_threshold(double false_alarms_per_year, double results_per_second,
                           unsigned groups)
{
    double per_year = results_per_second * SECONDS_PER_YEAR;
    return log(fmax(per_year, 1) / false_alarms_per_year) + log(fmax(groups, 1));
}
