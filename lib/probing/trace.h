/* One trace of the way to a target: which hop limits to ask next, and what
 * answered.  The caller sends along one constant flow (Augustin et al., "Avoiding
 * traceroute anomalies with Paris traceroute", IMC 2006). */
#ifndef KP_PROBING_TRACE_H
#define KP_PROBING_TRACE_H

#include "lib/base/addr.h"

#define KP_TRACE_MOST 64 /* hops */

struct kp_trace {
    uint8_t first, last; /* hop limits to be asked, inclusive */
    uint8_t next;        /* the one to ask next */
    uint8_t waiting;     /* probes out */
    uint8_t reached;     /* least hop limit at which the target answered; 0: none yet */
    bool again;          /* second round: what was silent is asked once more */
    struct kp_trace_hop {
        struct kp_addr address; /* KP_AF_NONE: silent */
        float rtt;              /* seconds */
        uint8_t asked;          /* times */
        bool known;             /* answered, or its last probe timed out */
    } hops[KP_TRACE_MOST];      /* by hop limit - 1 */
};

/* 1 <= first <= last <= KP_TRACE_MOST. */
void kp_trace_start(struct kp_trace *t, uint8_t first, uint8_t last);

/* A hop limit to ask now; 0: none (see kp_trace_done). */
uint8_t kp_trace_next(struct kp_trace *t);

/* What came of asking ttl: a hop that let it expire, the target itself, or
 * nothing.  rtt in seconds. */
void kp_trace_hop(struct kp_trace *t, uint8_t ttl, const struct kp_addr *address, double rtt);
void kp_trace_target(struct kp_trace *t, uint8_t ttl, const struct kp_addr *address,
                     double rtt);
void kp_trace_silence(struct kp_trace *t, uint8_t ttl);

/* Whether nothing is left to ask or to wait for. */
bool kp_trace_done(const struct kp_trace *t);

/* The last hop limit worth showing: of the target, or of the last answer. */
uint8_t kp_trace_length(const struct kp_trace *t);

#endif
