/* Events as datagrams to a local socket (the journal's, or syslog's), never waiting
 * for whoever reads it: what is not taken at once waits in a bounded queue. */
#ifndef KPD_SINKS_DGRAM_H
#define KPD_SINKS_DGRAM_H

#include "daemon/sinks/outlet.h"
#include "daemon/sinks/queue.h"

struct kpd_dgram {
    struct kpd_outlet outlet;
    struct kpd_loop *loop;
    struct kpd_queue queue;
    struct kpd_timer *look; /* tries again, and says what is wrong */
    struct kpd_watch *room; /* waits for the reader */
    const char *path;
    int fd;
    int errnum; /* why it does not work; 0: it does */
    bool looking;
};

/* loop and outlet.hub, .reader and .name set by the caller; path must stay.  Limits as in
 * kpd_queue_init.  False: out of memory.  A socket that does not exist yet is no error. */
bool kpd_dgram_init(struct kpd_dgram *dgram, const char *path, size_t max_count,
                    size_t max_bytes);

/* Tries a last time to send what waits. */
void kpd_dgram_fini(struct kpd_dgram *dgram);

/* From sink callbacks. */
void kpd_dgram_send(struct kpd_dgram *dgram, const char *bytes, size_t len, bool expendable);

#endif
