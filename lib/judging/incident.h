/* The life of incidents: what the two stages find, look after look, becomes
 * incidents that open, change class, recover, close and come back (CONTRACT:
 * "Incidents").  Pure; names are copied, since configurations are reloaded;
 * struct kp_incident holds no pointer and may be stored as it is. */
#ifndef KP_JUDGING_INCIDENT_H
#define KP_JUDGING_INCIDENT_H

#include "lib/judging/finding.h"

#include "lib/base/err.h"
#include "lib/base/time.h"
#include "lib/base/vocab.h"

#include <stddef.h>
#include <stdint.h>

#define KP_INCIDENT_HISTORY 16

struct kp_incident {
    uint32_t id; /* from 1 */
    uint8_t uuid[16];
    struct kp_finding what; /* began: of the whole incident */
    enum kp_phase phase;
    enum kp_confidence confidence;
    struct kp_wall confirmed; /* when it opened */
    struct kp_wall ended;     /* closed: first answer of the run that closed it; else never */
    struct kp_wall closed_at;
    uint32_t merged_into; /* closed as a part of that one; 0: not */
    struct kp_class_change {
        struct kp_wall at;
        enum kp_verdict class;
    } history[KP_INCIDENT_HISTORY]; /* oldest first; the first is always kept */
    uint32_t history_count;
    struct kp_wall fell;      /* began of the present silence: later after a relapse */
    struct kp_wall grew;      /* began of the latest finding that made it wider */
    struct kp_wall answering; /* recovering: first answer of the present run */
    struct kp_wall broken;    /* recovering: when a part of it was silent again, last */
    uint8_t news;             /* the machine's own: what this look changed */
    bool held;                /* the machine's own: this look finds it silent */
};

/* Since when what an incident is about answers: the part back first (never: all are
 * silent), and since when no part fell or came back (now: not settled yet). */
struct kp_back {
    struct kp_wall first, settled;
};

/* Asked while observing. */
struct kp_incident_host {
    void *arg; /* what is gone answers */
    struct kp_back (*answering)(void *arg, const struct kp_incident *incident);
    void (*uuid)(void *arg, uint8_t out[16]); /* a fresh one */
};

struct kp_incident_change {
    enum kp_action action; /* KP_EV_INCIDENT_OPENED, _UPDATED (reopened too), _CLOSED */
    uint32_t id;
};

struct kp_incidents; /* up to 256 open ones and the latest 256 closed ones */

/* Answers for recover_after close an incident.  NULL: no memory. */
struct kp_incidents *kp_incidents_new(struct kp_dur recover_after);
void kp_incidents_free(struct kp_incidents *table);
void kp_incidents_configure(struct kp_incidents *table, struct kp_dur recover_after);

/* Takes an incident of an earlier run; new ids follow the largest.
 * KP_ERR_RANGE: id 0 or taken; KP_ERR_BUSY: full; KP_ERR_NOMEM. */
enum kp_err kp_incidents_restore(struct kp_incidents *table,
                                 const struct kp_incident *incident);

/* What else a table goes on from, beside its incidents. */
struct kp_incidents_state {
    uint32_t last_id;
    bool suspended;
    struct kp_wall resumed;
};
struct kp_incidents_state kp_incidents_state(const struct kp_incidents *table);
void kp_incidents_set_state(struct kp_incidents *table, const struct kp_incidents_state *s);

/* One look: all findings of now, in any order.  Call when findings change and
 * once a second while one is open.  While a finding is a vantage-fault nothing
 * else is judged.  KP_ERR_NOMEM, KP_ERR_BUSY (256 open): some incident did not
 * open; the next look tries again. */
enum kp_err kp_incidents_observe(struct kp_incidents *table, struct kp_wall now,
                                 const struct kp_finding *findings, size_t count,
                                 const struct kp_incident_host *host);

/* What the last observe changed, by ascending id, each once. */
const struct kp_incident_change *kp_incidents_changes(const struct kp_incidents *table,
                                                      size_t *count);

/* Recovering ones are open. */
uint32_t kp_incidents_open_count(const struct kp_incidents *table);

/* The open one of the largest class, the oldest of these; NULL: none. */
const struct kp_incident *kp_incidents_gravest(const struct kp_incidents *table);

/* index < count, by ascending id.  Incidents stay valid until the next observe. */
uint32_t kp_incidents_count(const struct kp_incidents *table);
const struct kp_incident *kp_incidents_at(const struct kp_incidents *table, uint32_t index);
const struct kp_incident *kp_incidents_by_id(const struct kp_incidents *table, uint32_t id);
const struct kp_incident *kp_incidents_by_uuid(const struct kp_incidents *table,
                                               const uint8_t uuid[16]); /* NULL: unknown */
#endif
