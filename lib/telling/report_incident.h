/* Incidents, suspicions and traces as objects of monitor.varlink. */
#ifndef KP_TELLING_REPORT_INCIDENT_H
#define KP_TELLING_REPORT_INCIDENT_H

#include "lib/telling/report.h"

/* Lists for GetStatus: the open ones, gravest first; what is not yet confirmed.
 * NULL: out of memory. */
json_t *kp_report_open_incidents(const struct kp_core *core);
json_t *kp_report_suspicions(const struct kp_core *core);

/* The reply of ListIncidents as JSON text, piece by piece as kp_report_targets:
 * oldest first.  Incidents may come, go and change between two pieces. */
struct kp_report_incidents {
    enum kp_report_which { KP_REPORT_ALL, KP_REPORT_OPEN, KP_REPORT_CLOSED } which;
    struct kp_wall since; /* leaves out what ended before */
    bool merged;          /* also what went on as a part of another */
    const char *earlier;  /* objects joined by commas that come first; NULL: none */
    uint32_t last;        /* id of the last one told */
    bool begun;
};

/* Appends the next piece, about one incident; false once that was the last. */
bool kp_report_incidents_next(const struct kp_core *core, struct kp_report_incidents *it,
                              struct kp_text *out);

/* The incident with this number or uuid; NULL: none. */
const struct kp_incident *kp_report_find_incident(const struct kp_core *core, const char *id);

/* The number or uuid most like a wrong one, into out; false: none is near. */
bool kp_report_nearest_incident(const struct kp_core *core, const char *id, char out[64]);

/* The reply of Explain; NULL: out of memory. */
json_t *kp_report_explain(const struct kp_core *core, const struct kp_report_daemon *daemon,
                          const struct kp_incident *incident);

/* The reply of GetTrace.  KP_ERR_NOTFOUND (no such target; anchors are not traced)
 * and KP_ERR_NOMEM leave *out alone. */
enum kp_err kp_report_trace(const struct kp_core *core, const char *target, json_t **out);

#endif
