/* Which events matter most, and which log.level lets through. */
#ifndef KPD_SINKS_LEVEL_H
#define KPD_SINKS_LEVEL_H

#include "daemon/hub.h"

/* Incidents, and states of targets, paths and the vantage. */
static inline bool kpd_is_change(enum kp_action action)
{
    switch (action) {
    case KP_EV_TARGET_STATE:
    case KP_EV_PATH_STATE:
    case KP_EV_VANTAGE_HEALTH:
    case KP_EV_INCIDENT_OPENED:
    case KP_EV_INCIDENT_UPDATED:
    case KP_EV_INCIDENT_CLOSED:
        return true;
    default:
        return false;
    }
}

/* Changes always pass: they are never dropped silently. */
static inline bool kpd_level_passes(enum kp_level least, const struct kpd_hub_entry *entry)
{
    return kpd_is_change(entry->action) || entry->level <= least;
}

#endif
