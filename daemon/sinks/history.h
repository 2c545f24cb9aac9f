/* The history: events, roll-ups, evidence and what was learned go to a database
 * (`history:`), in a thread of its own; so what the disk does never stops the loop. */
#ifndef KPD_SINKS_HISTORY_H
#define KPD_SINKS_HISTORY_H

#include "daemon/hub.h"
#include "daemon/loop.h"
#include "daemon/sinks/history_ask.h"

struct kpd_history;

struct kpd_history_args {
    struct kpd_loop *loop;
    struct kpd_hub *hub;
    struct kp_core *core;
    const char *path;
    struct kp_dur keep;
    const char *version;
    /* Gets each answer, on the loop; ask is freed behind it. */
    void (*answer)(void *ctx, struct kpd_ask *ask);
    void *ctx;
};

/* Opens the file and gives the core what the run before learned; so before the core
 * first ticks.  What is wrong is told by daemon.health: a disk that cannot be written
 * is tried again; a file that is not ours is left alone, and the history is off
 * (NULL, as without memory). Starts a thread: give up privileges before. */
struct kpd_history *kpd_history_open(const struct kpd_history_args *args);

/* Writes what is left; waits for the disk at most five seconds.  NULL: nothing. */
void kpd_history_close(struct kpd_history *history);

/* Asks; what was counted until now is taken into account.  ask is taken over. */
void kpd_history_ask(struct kpd_history *history, struct kpd_ask *ask);

struct kpd_history_stats {
    uint64_t last_event;    /* number of the latest on disk */
    uint64_t waiting, lost; /* notes */
    int errnum;             /* why the disk does not take them; 0 */
};
void kpd_history_stats(const struct kpd_history *history, struct kpd_history_stats *out);

#endif
