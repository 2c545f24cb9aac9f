/* Events to a file as JSON lines.  A thread of its own writes, so a slow, full or
 * broken disk stops nothing but itself; what it cannot write waits in a bounded
 * queue.  A line is in the file whole or not at all. */
#ifndef KPD_SINKS_FILE_H
#define KPD_SINKS_FILE_H

#include "daemon/hub.h"
#include "daemon/loop.h"

struct kpd_file;

/* Registers with the hub and starts the thread, which opens (and makes) the file:
 * regular, no symlink, mode 0640; where it cannot, daemon.health says so and it is
 * tried again.  max_count as in kpd_queue_init.  NULL: out of memory or threads. */
struct kpd_file *kpd_file_open(struct kpd_loop *loop, struct kpd_hub *hub, const char *path,
                               size_t max_count);

/* Goes on in a newly opened file of that name (after a rotation), or of another
 * (path not NULL; false: out of memory). */
bool kpd_file_reopen(struct kpd_file *file, const char *path);

/* Stops; NULL is none.  wait: gives what waits up to two seconds to be written;
 * else it is written in the background. */
void kpd_file_close(struct kpd_file *file, bool wait);

#endif
