/* What all sinks that may fail have in common: they count what they lose, and say
 * by daemon.health when they stop working, what was lost, and when they work
 * again. */
#ifndef KPD_SINKS_OUTLET_H
#define KPD_SINKS_OUTLET_H

#include "daemon/hub.h"
#include "daemon/loop.h"

#define KPD_OUTLET_NAME 160

struct kpd_outlet {
    struct kpd_hub *hub;
    enum kpd_reader reader;
    char name[KPD_OUTLET_NAME]; /* for people: "log.file /var/log/x" */
    const char *trouble;        /* what it is when it does not work; NULL: only the reason */
    uint64_t lost;              /* since start */
    uint64_t told;              /* how many of these were said */
    struct kp_mono told_at;     /* when losses were said last */
    bool broken;                /* was said to be */
};

/* At sink callbacks: n more events were lost. */
void kpd_outlet_lose(struct kpd_outlet *outlet, uint64_t n);

/* Says what changed; errnum: why it does not take events now, 0: it does.  Not from
 * within a sink callback: it publishes. */
void kpd_outlet_say(struct kpd_outlet *outlet, struct kp_mono now, int errnum);

/* Whether an event may go first where room is short: a single probe result. */
bool kpd_outlet_expendable(const struct kpd_hub_entry *entry);

#endif
