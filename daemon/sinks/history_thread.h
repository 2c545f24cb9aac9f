/* The thread behind the history: it alone touches the database once it runs.  What
 * comes waits in a bounded queue; all that waits is committed together. */
#ifndef KPD_SINKS_HISTORY_THREAD_H
#define KPD_SINKS_HISTORY_THREAD_H

#include "daemon/sinks/history_ask.h"
#include "daemon/sinks/history_store.h"

struct kpd_hthread;

#define KPD_HTHREAD_BYTES ((size_t)32 << 20) /* that may wait */

/* args are copied, and used to open the store where there is none yet (store NULL) or
 * where it broke; store is taken over.  max_count: of waiting notes; 0: 65,536.
 * NULL: out of memory, threads or descriptors; store is then closed. */
struct kpd_hthread *kpd_hthread_new(const struct kpd_store_args *args, struct kpd_store *store,
                                    size_t max_count);

/* Has all that waits written, for at most `seconds`, and ends.  A thread that then
 * still waits for its disk is left behind. */
void kpd_hthread_free(struct kpd_hthread *thread, unsigned seconds);

/* A note and its bytes; together with what is added before kpd_hthread_commit it is
 * written in one transaction. */
void kpd_hthread_add(struct kpd_hthread *thread, const struct kpd_note *note, const char *bytes,
                     size_t len);

/* Hands over what was added, and learned (taken over; NULL: none), of which only the
 * latest waits.  How many notes were lost for want of room or memory. */
uint64_t kpd_hthread_commit(struct kpd_hthread *thread, char *learned);

/* Takes ask over; its answer comes by kpd_hthread_answer. */
void kpd_hthread_ask(struct kpd_hthread *thread, struct kpd_ask *ask);

/* Readable when an answer or a change of state is there. */
int kpd_hthread_fd(const struct kpd_hthread *thread);
struct kpd_ask *kpd_hthread_answer(struct kpd_hthread *thread); /* the caller's; NULL: none */

struct kpd_hthread_state {
    int errnum;               /* why the disk does not take what waits (or soon will not); 0 */
    bool refused;             /* not ours to write */
    uint64_t last_event;      /* number of the latest on disk */
    uint64_t committed;       /* notes on disk */
    uint64_t waiting;         /* notes */
    char warning[KPD_DB_WHY]; /* to be said once; "": none */
};
void kpd_hthread_state(struct kpd_hthread *thread, struct kpd_hthread_state *out);

#endif
