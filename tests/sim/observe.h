/* What the core shows and tells, as scenarios ask for it: the one file that
 * knows the views and the event vocabulary. */
#ifndef KP_SIM_OBSERVE_H
#define KP_SIM_OBSERVE_H

#include "lib/core/view.h"

enum { HISTORY_MAX = 16 };

/* Whether incidents and their verdicts can be seen at all. */
bool observe_has_incidents(void);

/* The state of a thing; false: there is no such thing. */
bool observe_path(const struct kp_core *core, const char *name, enum kp_state *out);
bool observe_target(const struct kp_core *core, const char *name, enum kp_state *out);
bool observe_probe(const struct kp_core *core, const char *target, const char *probe,
                   enum kp_state *out);
enum kp_state observe_vantage(const struct kp_core *core);
const char *observe_path_of(const struct kp_core *core, const char *target); /* or NULL */
enum kp_state observe_edge(const struct kp_core *core, const char *path);

enum kp_verdict observe_verdict(const struct kp_core *core);

struct incident {
    unsigned id;
    enum kp_verdict class;
    enum kp_phase phase;
    enum kp_confidence confidence;
    char where[201];
    enum kp_verdict history[HISTORY_MAX];
    unsigned history_count;
    double began, ended; /* seconds of the wall clock; 0: never */
};

unsigned observe_incident_count(const struct kp_core *core); /* since the start */
/* The gravest open one; the latest one of all.  false: none. */
bool observe_open(const struct kp_core *core, struct incident *out);
bool observe_latest(const struct kp_core *core, struct incident *out);

/* An event that says something is wrong: anything but learning, recovery, single
 * results, suspicions and what the daemon says of itself. */
bool observe_alarm(const struct kp_event *e);
/* A target's or path's change between two known states. */
bool observe_state_change(const struct kp_event *e);
/* Whether e is of this action and about this target or path (NULL: any). */
bool observe_is(const struct kp_event *e, const char *action, const char *about);

#endif
