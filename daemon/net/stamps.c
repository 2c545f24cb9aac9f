#include "daemon/net/stamps.h"

#include <stdlib.h>

enum {
    SIZE_MIN = 1024,
    SIZE_MAX_RING = 65536, /* 65,536 sends within one second */
};

bool kpd_stamps_init(struct kpd_stamps *stamps)
{
    *stamps = (struct kpd_stamps){.size = SIZE_MIN};
    stamps->ring = calloc(SIZE_MIN, sizeof *stamps->ring);
    return stamps->ring != NULL;
}

void kpd_stamps_fini(struct kpd_stamps *stamps)
{
    free(stamps->ring);
    stamps->ring = NULL;
}

static struct kpd_stamp *entry(const struct kpd_stamps *stamps, uint32_t id)
{
    return &stamps->ring[id & (stamps->size - 1)];
}

/* False: no memory, or as large as it may be. */
static bool grow(struct kpd_stamps *stamps)
{
    if (stamps->size >= SIZE_MAX_RING)
        return false;
    struct kpd_stamps larger = *stamps;
    larger.size *= 2;
    larger.ring = calloc(larger.size, sizeof *larger.ring);
    if (!larger.ring)
        return false;
    for (uint32_t id = stamps->tail; id != stamps->head; id++)
        *entry(&larger, id) = *entry(stamps, id);
    free(stamps->ring);
    *stamps = larger;
    return true;
}

static void skip_settled(struct kpd_stamps *stamps)
{
    while (stamps->tail != stamps->head && entry(stamps, stamps->tail)->settled)
        stamps->tail++;
}

uint32_t kpd_stamps_push(struct kpd_stamps *stamps, uint32_t slot, uint32_t serial,
                         struct kp_mono at)
{
    if (stamps->head - stamps->tail == stamps->size && !grow(stamps)) {
        stamps->tail++;
        skip_settled(stamps);
    }
    uint32_t id = stamps->head++;
    *entry(stamps, id) = (struct kpd_stamp){.slot = slot, .serial = serial, .at = at};
    return id;
}

bool kpd_stamps_settle(struct kpd_stamps *stamps, uint32_t id, struct kpd_stamp *out)
{
    if (id - stamps->tail >= stamps->head - stamps->tail)
        return false;
    struct kpd_stamp *found = entry(stamps, id);
    if (found->settled)
        return false;
    *out = *found;
    found->settled = true;
    stamps->proven = true;
    skip_settled(stamps);
    return true;
}

bool kpd_stamps_take(struct kpd_stamps *stamps, struct kp_mono before, struct kpd_stamp *out)
{
    struct kp_mono at;
    if (!kpd_stamps_oldest(stamps, &at) || !kp_mono_before(at, before))
        return false;
    *out = *entry(stamps, stamps->tail);
    stamps->tail++;
    skip_settled(stamps);
    return true;
}

/* The entry at the tail is never a settled one. */
bool kpd_stamps_oldest(const struct kpd_stamps *stamps, struct kp_mono *at)
{
    if (!kpd_stamps_waiting(stamps))
        return false;
    *at = entry(stamps, stamps->tail)->at;
    return true;
}

void kpd_stamps_reset(struct kpd_stamps *stamps)
{
    stamps->tail = 0;
    stamps->head = 0;
}
