#include "lib/probing/inflight.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

static uint32_t bucket_of(const struct kp_inflight *f, const struct kp_flow *flow)
{
    uint64_t words[4] = {0};
    memcpy(words, flow->dst.bytes, 16);
    words[2] = (uint64_t)flow->dport << 48 | (uint64_t)flow->sport << 32 | flow->seq;
    words[3] = (uint64_t)flow->type << 8 | flow->dst.family;
    return (uint32_t)kp_siphash(&f->key, words, sizeof words) & (f->capacity - 1);
}

static bool same_flow(const struct kp_flow *a, const struct kp_flow *b)
{
    return a->seq == b->seq && a->sport == b->sport && a->dport == b->dport &&
           a->type == b->type && kp_addr_equal(&a->dst, &b->dst);
}

static void chain(struct kp_inflight *f, uint32_t slot)
{
    uint32_t *head = &f->buckets[bucket_of(f, &f->slots[slot].flow)];
    f->slots[slot].next = *head;
    *head = slot;
}

static void unchain(struct kp_inflight *f, uint32_t slot)
{
    uint32_t *at = &f->buckets[bucket_of(f, &f->slots[slot].flow)];
    while (*at != slot)
        at = &f->slots[*at].next;
    *at = f->slots[slot].next;
}

static enum kp_err grow(struct kp_inflight *f, uint32_t capacity)
{
    if (kp_wheel_reserve(&f->expiry, capacity) != KP_OK)
        return KP_ERR_NOMEM;
    uint32_t *buckets = malloc(capacity * sizeof *buckets);
    struct kp_slot *slots = reallocarray(f->slots, capacity, sizeof *slots);
    if (slots != NULL)
        f->slots = slots;
    if (buckets == NULL || slots == NULL) {
        free(buckets);
        return KP_ERR_NOMEM;
    }
    free(f->buckets);
    f->buckets = buckets;
    memset(buckets, 0xff, capacity * sizeof *buckets);
    uint32_t old = f->capacity;
    f->capacity = capacity;
    for (uint32_t i = 0; i < old; i++)
        chain(f, i);
    memset(slots + old, 0, (capacity - old) * sizeof *slots);
    for (uint32_t i = capacity; i > old; i--) {
        slots[i - 1].next = f->free_head;
        f->free_head = i - 1;
    }
    return KP_OK;
}

enum kp_err kp_inflight_init(struct kp_inflight *f, const struct kp_key *key,
                             struct kp_mono now)
{
    *f = (struct kp_inflight){.key = *key, .free_head = KP_NO_SLOT};
    kp_wheel_init(&f->expiry, kp_tick_floor(now));
    enum kp_err err = grow(f, FIRST_CAPACITY);
    if (err != KP_OK)
        kp_inflight_fini(f);
    return err;
}

void kp_inflight_fini(struct kp_inflight *f)
{
    free(f->slots);
    free(f->buckets);
    kp_wheel_fini(&f->expiry);
    f->slots = NULL;
    f->buckets = NULL;
}

uint32_t kp_inflight_open(struct kp_inflight *f, const struct kp_flow *flow, uint32_t item,
                          uint32_t serial, struct kp_mono deadline)
{
    /* Growing re-chains every slot, so it happens only when all are in use. */
    if (f->free_head == KP_NO_SLOT &&
        (f->capacity > UINT32_MAX / 4 || grow(f, f->capacity * 2) != KP_OK))
        return KP_NO_SLOT;
    uint32_t slot = f->free_head;
    f->free_head = f->slots[slot].next;
    f->slots[slot] = (struct kp_slot){.flow = *flow,
                                      .state = KP_SLOT_OPEN,
                                      .serial = serial,
                                      .item = item,
                                      .deadline = deadline};
    chain(f, slot);
    f->used++;
    kp_wheel_set(&f->expiry, slot, kp_tick_ceil(deadline));
    return slot;
}

void kp_inflight_set_sport(struct kp_inflight *f, uint32_t slot, uint16_t sport)
{
    if (f->slots[slot].flow.sport == sport)
        return;
    unchain(f, slot);
    f->slots[slot].flow.sport = sport;
    chain(f, slot);
}

uint32_t kp_inflight_find(const struct kp_inflight *f, const struct kp_flow *flow,
                          uint32_t from)
{
    uint32_t slot = from == KP_NO_SLOT ? f->buckets[bucket_of(f, flow)] : f->slots[from].next;
    while (slot != KP_NO_SLOT && !same_flow(&f->slots[slot].flow, flow))
        slot = f->slots[slot].next;
    return slot;
}

struct kp_slot *kp_inflight_get(struct kp_inflight *f, uint32_t slot, uint32_t serial)
{
    if (slot >= f->capacity || f->slots[slot].state == KP_SLOT_FREE ||
        f->slots[slot].serial != serial)
        return NULL;
    return &f->slots[slot];
}

void kp_inflight_keep(struct kp_inflight *f, uint32_t slot, enum kp_slot_state state,
                      struct kp_mono until)
{
    f->slots[slot].state = (uint8_t)state;
    kp_wheel_set(&f->expiry, slot, kp_tick_ceil(until));
}

void kp_inflight_close(struct kp_inflight *f, uint32_t slot)
{
    kp_wheel_cancel(&f->expiry, slot);
    unchain(f, slot);
    f->slots[slot].state = KP_SLOT_FREE;
    f->slots[slot].next = f->free_head;
    f->free_head = slot;
    f->used--;
}

uint32_t kp_inflight_expire(struct kp_inflight *f, struct kp_mono now)
{
    uint32_t slot = KP_NO_SLOT;
    return kp_wheel_pop(&f->expiry, kp_tick_floor(now), &slot) ? slot : KP_NO_SLOT;
}
