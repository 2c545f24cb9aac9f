#include "lib/probing/trace.h"

/* So many silent hops in a row end a trace: three are normal behind the border,
 * then the target answers. */
#define SILENT_RUN 6

void kp_trace_start(struct kp_trace *t, uint8_t first, uint8_t last)
{
    *t = (struct kp_trace){.first = first, .last = last, .next = first};
}

static bool answered(const struct kp_trace *t, unsigned ttl)
{
    return t->hops[ttl - 1].address.family != KP_AF_NONE;
}

/* The last hop limit that anything answered; first - 1: none. */
static unsigned last_answer(const struct kp_trace *t)
{
    unsigned ttl = t->last;
    while (ttl >= t->first && !answered(t, ttl))
        ttl--;
    return ttl;
}

/* Beyond this nothing more is asked. */
static unsigned limit(const struct kp_trace *t)
{
    if (t->reached > 0)
        return t->reached;
    unsigned end = last_answer(t) + SILENT_RUN;
    /* Probes on their way may still answer further out. */
    return end < t->last ? end : t->last;
}

static uint8_t ask(struct kp_trace *t, uint8_t ttl)
{
    t->hops[ttl - 1].asked++;
    t->waiting++;
    return ttl;
}

uint8_t kp_trace_next(struct kp_trace *t)
{
    if (!t->again && t->next <= limit(t))
        return ask(t, t->next++);
    if (!t->again && t->waiting > 0)
        return 0;
    if (!t->again) {
        /* A hop that was silent before one that answered may only have been
         * limiting its rate: one more try. */
        t->again = true;
        t->next = t->first;
    }
    unsigned end = t->reached > 0 ? t->reached : last_answer(t);
    for (; t->next < end; t->next++)
        if (!answered(t, t->next) && t->hops[t->next - 1].asked == 1)
            return ask(t, t->next++);
    return 0;
}

static struct kp_trace_hop *settle(struct kp_trace *t, uint8_t ttl)
{
    /* last may have shrunk while probes beyond it were out. */
    if (ttl < t->first || ttl > KP_TRACE_MOST || t->waiting == 0)
        return NULL;
    t->waiting--;
    t->hops[ttl - 1].known = true;
    return &t->hops[ttl - 1];
}

void kp_trace_hop(struct kp_trace *t, uint8_t ttl, const struct kp_addr *address, double rtt)
{
    struct kp_trace_hop *hop = settle(t, ttl);
    if (hop == NULL)
        return;
    hop->address = *address;
    hop->rtt = (float)rtt;
    /* A router that answers twice does not forward (unreachable, prohibited). */
    if (ttl > t->first && kp_addr_equal(address, &t->hops[ttl - 2].address))
        t->last = ttl;
}

void kp_trace_target(struct kp_trace *t, uint8_t ttl, const struct kp_addr *address, double rtt)
{
    kp_trace_hop(t, ttl, address, rtt);
    if (t->reached == 0 || ttl < t->reached)
        t->reached = ttl;
}

void kp_trace_silence(struct kp_trace *t, uint8_t ttl)
{
    (void)settle(t, ttl);
}

bool kp_trace_done(const struct kp_trace *t)
{
    if (t->waiting > 0)
        return false;
    struct kp_trace copy = *t;
    return kp_trace_next(&copy) == 0;
}

uint8_t kp_trace_length(const struct kp_trace *t)
{
    return (uint8_t)(t->reached > 0 ? t->reached : last_answer(t));
}
