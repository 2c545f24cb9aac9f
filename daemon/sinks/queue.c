#include "daemon/sinks/queue.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void kpd_queue_init(struct kpd_queue *queue, size_t max_count, size_t max_bytes)
{
    *queue = (struct kpd_queue){
        .max_count = max_count ? max_count : KPD_QUEUE_ENTRIES,
        .max_bytes = max_bytes ? max_bytes : KPD_QUEUE_BYTES,
    };
}

static void take_out(struct kpd_queue *queue, struct kpd_queued *entry)
{
    DL_DELETE(queue->head, entry);
    queue->count--;
    queue->bytes -= entry->len;
    queue->expendable -= entry->expendable;
}

struct kpd_queued *kpd_queue_take(struct kpd_queue *queue)
{
    struct kpd_queued *entry = queue->head;
    if (entry)
        take_out(queue, entry);
    return entry;
}

void kpd_queue_fini(struct kpd_queue *queue)
{
    for (struct kpd_queued *entry = kpd_queue_take(queue); entry; entry = kpd_queue_take(queue))
        free(entry);
}

static bool fits(const struct kpd_queue *queue, size_t len)
{
    return queue->count < queue->max_count && queue->bytes + len <= queue->max_bytes;
}

/* The entry that matters least. */
static struct kpd_queued *least(const struct kpd_queue *queue)
{
    struct kpd_queued *entry = queue->head;
    while (queue->expendable > 0 && !entry->expendable)
        entry = entry->next;
    return entry;
}

uint64_t kpd_queue_push(struct kpd_queue *queue, const char *bytes, size_t len, bool expendable)
{
    uint64_t lost = 0;
    if (len > queue->max_bytes)
        return 1;
    if (expendable && queue->expendable == 0 && !fits(queue, len))
        return 1; /* all that waits is better */
    struct kpd_queued *entry = malloc(sizeof *entry + len);
    if (!entry)
        return 1;
    for (; !fits(queue, len); lost++) {
        struct kpd_queued *gone = least(queue);
        take_out(queue, gone);
        free(gone);
    }
    entry->len = len;
    entry->expendable = expendable;
    memcpy(entry->bytes, bytes, len);
    DL_APPEND(queue->head, entry);
    queue->count++;
    queue->bytes += len;
    queue->expendable += expendable;
    return lost;
}
