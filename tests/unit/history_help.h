/* What the tests of the history share: a directory, notes, and simple queries. */
#ifndef KP_TESTS_HISTORY_HELP_H
#define KP_TESTS_HISTORY_HELP_H

#include "tests/unit/unit.h"

#include "daemon/sinks/history_roll.h"
#include "daemon/sinks/history_store.h"

extern char hist_dir[64], hist_path[80];
int hist_set_up(void **state);
int hist_tear_down(void **state);

#define HIST_T0 INT64_C(1764979200)     /* 2025-12-06T00:00:00Z */
struct kp_wall hist_at(double seconds); /* after HIST_T0 */

struct kpd_store_args hist_args(const char *boot);
struct kpd_store *hist_open(const char *boot); /* fails the test where it cannot */

/* Queues a note. */
void hist_note(struct kpd_queue *queue, enum kpd_note_kind kind, double from, double to,
               bool kept, const char *bytes, size_t len);
void hist_event(struct kpd_queue *queue, unsigned seq, double at, const char *action,
                const char *kp); /* kp: members of that object */
void hist_write(struct kpd_store *store, struct kpd_queue *queue, const char *learned,
                double now); /* and empties queue */

/* The first column of the first row. */
int64_t hist_number(struct kpd_store *store, const char *query);
void hist_expect_text(struct kpd_store *store, const char *query, const char *wanted);

#endif
