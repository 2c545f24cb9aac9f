/* The thread behind the file sink. */
#ifndef KPD_SINKS_FILE_WRITER_H
#define KPD_SINKS_FILE_WRITER_H

#include "daemon/sinks/queue.h"

struct kpd_writer;

/* Copies path.  NULL: out of memory or threads. */
struct kpd_writer *kpd_writer_new(const char *path, size_t max_count);

/* Queues a line, its newline included; as kpd_queue_push.  Never waits for the disk. */
uint64_t kpd_writer_push(struct kpd_writer *writer, const char *line, size_t len,
                         bool expendable);

/* Opens the file anew before the next line; path NULL: the same. False: no memory. */
bool kpd_writer_reopen(struct kpd_writer *writer, const char *path);

/* Why the last try failed (errno); 0: it did not.  *waiting: lines not written yet. */
int kpd_writer_state(struct kpd_writer *writer, size_t *waiting);

/* Ends the thread once all is written or the disk refuses; waits for that at most
 * `seconds`.  The thread then cleans up behind itself. */
void kpd_writer_free(struct kpd_writer *writer, unsigned seconds);

#endif
