/* What waits to be written: bounded in number and bytes.  Where it is full, single
 * probe results go first, then the oldest; each loss is counted by the caller.
 * Not thread safe. */
#ifndef KPD_SINKS_QUEUE_H
#define KPD_SINKS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KPD_QUEUE_ENTRIES 4096
#define KPD_QUEUE_BYTES ((size_t)8 << 20)

struct kpd_queued {
    struct kpd_queued *next, *prev;
    size_t len;
    bool expendable;
    char bytes[];
};

struct kpd_queue {
    struct kpd_queued *head; /* the oldest */
    size_t count, bytes, expendable;
    size_t max_count, max_bytes;
};

/* 0: KPD_QUEUE_ENTRIES, KPD_QUEUE_BYTES. */
void kpd_queue_init(struct kpd_queue *queue, size_t max_count, size_t max_bytes);
void kpd_queue_fini(struct kpd_queue *queue);

/* Copies bytes in behind the others.  How many entries were lost for it, itself
 * included (full of better ones, too long, or out of memory). */
uint64_t kpd_queue_push(struct kpd_queue *queue, const char *bytes, size_t len,
                        bool expendable);

/* Takes the oldest out, for the caller to free(); NULL: empty. */
struct kpd_queued *kpd_queue_take(struct kpd_queue *queue);

#endif
