/* The inside of the incident table.  Only its own two files include this. */
#ifndef KP_JUDGING_INCIDENT_TABLE_H
#define KP_JUDGING_INCIDENT_TABLE_H

#include "lib/judging/incident.h"

#define KP_INCIDENTS_OPEN 256
#define KP_INCIDENTS_CLOSED 256
#define KP_INCIDENTS_LIST 1024 /* one look may close many before the next forgets them */

struct kp_incidents {
    struct kp_dur recover_after;
    uint32_t last_id;
    bool suspended;         /* the last look found a fault of our own */
    struct kp_wall resumed; /* since when it does not */
    uint32_t count;
    struct kp_incident *list[KP_INCIDENTS_LIST]; /* by id */
    uint32_t change_count;
    struct kp_incident_change changes[KP_INCIDENTS_LIST];
};

static inline bool kp_incident_is_open(const struct kp_incident *i)
{
    return i->phase != KP_CLOSED;
}

#endif
