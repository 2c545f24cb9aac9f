/* What the daemon knows of itself, for metrics. */
#ifndef KPD_FACTS_H
#define KPD_FACTS_H

#include "daemon/hub.h"
#include "lib/telling/metrics.h"

/* Counts what passes the hub. */
struct kpd_facts {
    struct kpd_hub *hub;
    uint64_t incidents_opened[KP_VERDICT_COUNT];
    bool reload_failed; /* the last one */
    uint64_t max_fds;
};

/* Registers with the hub; facts must outlive it.  False: out of memory. */
bool kpd_facts_open(struct kpd_facts *facts, struct kpd_hub *hub);

/* Fills dropped, incidents_opened, reload_ok and what the kernel says of this
 * process; the rest of out stays. */
void kpd_facts_fill(const struct kpd_facts *facts, struct kp_metrics_daemon *out);

#endif
