#include "lib/judging/baseline.h"

#include <math.h>

#define SPAN_S 3600.0    /* the slow average forgets over about an hour */
#define QUICK_PROBES 10  /* this many answers in a row are enough to learn from */
#define SILENT_LOSS 0.9F /* an item that was never better than this cannot vote */

void kp_baseline_init(struct kp_baseline *b)
{
    *b = (struct kp_baseline){.rtt = -1};
}

static void feed_rtt(struct kp_baseline *b, float rtt, float weight)
{
    if (b->rtt < 0) {
        b->rtt = rtt;
        b->rtt_var = rtt / 2;
        return;
    }
    b->rtt_var += (fabsf(rtt - b->rtt) - b->rtt_var) * fmaxf(weight, 0.01F);
    b->rtt += (rtt - b->rtt) * weight;
}

static void learn(struct kp_baseline *b, bool lost)
{
    b->seen++;
    b->lost = (uint16_t)(b->lost + lost);
    b->loss = (float)b->lost / (float)b->seen;
    b->learned = b->seen >= KP_BASELINE_PROBES || (b->lost == 0 && b->seen >= QUICK_PROBES);
}

void kp_baseline_feed(struct kp_baseline *b, double rtt, double interval, bool frozen)
{
    bool lost = rtt < 0;
    /* A silent item that begins to answer was down at our start: learn anew. */
    if (b->learned && b->loss > SILENT_LOSS && !lost)
        kp_baseline_init(b);
    if (!b->learned) {
        learn(b, lost);
        if (!lost)
            feed_rtt(b, (float)rtt, 1 / (float)(b->seen - b->lost));
        return;
    }
    if (frozen)
        return;
    float weight = (float)fmin(interval / SPAN_S, 0.1);
    b->loss += ((lost ? 1 : 0) - b->loss) * weight;
    if (!lost)
        feed_rtt(b, (float)rtt, weight);
}

bool kp_baseline_votes(const struct kp_baseline *b)
{
    return b->learned && b->loss <= SILENT_LOSS;
}

double kp_baseline_loss(const struct kp_baseline *b)
{
    return fmin(fmax((double)b->loss, 0.02), 0.5);
}

bool kp_baseline_slow(const struct kp_baseline *b, double rtt)
{
    /* Twice normal, and at least 100 ms more: a short RTT may double unnoticed. */
    double normal = (double)b->rtt;
    return b->learned && normal >= 0 &&
           rtt > fmax(2 * normal, normal + 0.1 + 4 * (double)b->rtt_var);
}
