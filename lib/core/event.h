/* What the core has to tell: one value per event.  Texts belong to the
 * configuration in force, so an event is read before the next configure. */
#ifndef KP_CORE_EVENT_H
#define KP_CORE_EVENT_H

#include "lib/base/addr.h"
#include "lib/base/time.h"
#include "lib/base/vocab.h"
#include "lib/judging/incident.h"

#define KP_EVENT_MESSAGE_SIZE 240
#define KP_EVENT_ADDRS 4

struct kp_event {
    enum kp_action action;
    enum kp_level level;
    struct kp_wall at; /* when it was known */
    char message[KP_EVENT_MESSAGE_SIZE];

    const char *target; /* NULL where the event is not about one */
    const char *path;
    const char *path_before; /* path.move: NULL where none was known */
    const char *probe;

    /* target.state, path.state, vantage.health, suspicion.* */
    enum kp_state from, to;
    struct kp_wall since; /* when the new state began: first missed answer, or first answer */

    /* probe.result */
    enum kp_probe_type type;
    enum kp_result result;
    enum kp_cause cause;
    struct kp_wall sent;
    double rtt;            /* seconds; negative: none */
    uint8_t ttl;           /* 0: none */
    bool late;             /* revises an earlier time-out */
    struct kp_addr sender; /* of the ICMP error, or KP_AF_NONE */

    /* dns.mismatch: what was expected (KP_AF_NONE: any inside allow) and found */
    struct kp_addr expected;
    struct kp_addr found[KP_EVENT_ADDRS];
    size_t found_count;

    /* incident.*: valid until the next tick or receive */
    const struct kp_incident *incident;

    /* config.reload, daemon.*: made by the daemon, not by the core */
    bool success;
    const char *detail;
};

#endif
