/* What becomes of one probe: where it dies, or who answers and when. */
#ifndef KP_SIM_WAY_H
#define KP_SIM_WAY_H

#include "tests/sim/packet.h"
#include "tests/sim/world.h"

struct arrival {
    double delay;            /* seconds after the send */
    enum kp_probe_type type; /* of the socket it comes by */
    struct kp_addr from;
    uint8_t ttl; /* hop limit left */
    struct packet packet;
};

/* The probe leaves at t (seconds) with this hop limit.  false: silence. */
bool way_travel(struct world *w, const struct probe *probe, uint8_t ttl, double t,
                struct arrival *out);

/* Whether a packet to dst at time t, or its answer, is lost. */
bool way_loses(struct world *w, const struct kp_addr *dst, double t);

/* Whether a name server at addr would answer us now (no chance in it). */
bool way_resolver_answers(struct world *w, const struct kp_addr *addr);

#endif
