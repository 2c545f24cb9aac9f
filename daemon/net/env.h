/* What every part of the packet path shares. */
#ifndef KPD_NET_ENV_H
#define KPD_NET_ENV_H

#include "daemon/clock.h"
#include "daemon/net/net.h"

enum {
    KPD_PACKET_MAX = 1500,
    KPD_WAKE_MAX = 256, /* packets read per wake and socket (HOSTILE: "How") */
};

struct kpd_env {
    struct kp_wire wire;
    struct kpd_net_handlers on;
    struct kpd_net_stats stats;
    struct kpd_clock clock;
};

/* How a packet is to leave; no address and 0: as the kernel would send it. */
struct kpd_pin {
    struct kp_addr src;
    unsigned ifindex;
    uint8_t ttl;
};

/* Older stamps are from before a step of the clock; a stopped process may find
 * packets that waited for minutes. */
#define KPD_STAMP_AGE kp_dur_s(300)

/* A send whose stamp has not come after this was dropped in this machine. */
#define KPD_STAMP_WAIT kp_dur_s(1)

static inline void kpd_env_failed(struct kpd_env *env, const struct kp_send *send, int errnum)
{
    env->on.failed(env->on.ctx, send->slot, send->serial, errnum);
}

#endif
