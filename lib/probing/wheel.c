#include "lib/probing/wheel.h"

#include <stdlib.h>
#include <string.h>

#define NIL UINT32_MAX

int64_t kp_tick_floor(struct kp_mono t)
{
    return t.ns / KP_TICK;
}

int64_t kp_tick_ceil(struct kp_mono t)
{
    return (t.ns + KP_TICK - 1) / KP_TICK;
}

struct kp_mono kp_tick_time(int64_t tick)
{
    return (struct kp_mono){tick * KP_TICK};
}

void kp_wheel_init(struct kp_wheel *w, int64_t at)
{
    *w = (struct kp_wheel){.at = at};
    memset(w->head, 0xff, sizeof w->head);
    memset(w->tail, 0xff, sizeof w->tail);
}

void kp_wheel_fini(struct kp_wheel *w)
{
    free(w->nodes);
    w->nodes = NULL;
    w->node_count = 0;
}

enum kp_err kp_wheel_reserve(struct kp_wheel *w, uint32_t count)
{
    if (count <= w->node_count)
        return KP_OK;
    struct kp_wheel_node *nodes = reallocarray(w->nodes, count, sizeof *nodes);
    if (nodes == NULL)
        return KP_ERR_NOMEM;
    for (uint32_t i = w->node_count; i < count; i++)
        nodes[i] = (struct kp_wheel_node){NIL, NIL, KP_WHEEL_SLOTS, 0};
    w->nodes = nodes;
    w->node_count = count;
    return KP_OK;
}

/* The slot an entry for this tick waits in: its own, or the last one of this
 * turn where it is too far ahead. */
static size_t slot_of(const struct kp_wheel *w, int64_t tick)
{
    int64_t last = w->at + KP_WHEEL_SLOTS - 1;
    int64_t at = tick < w->at ? w->at : tick > last ? last : tick;
    return (size_t)(at % KP_WHEEL_SLOTS);
}

static void append(struct kp_wheel *w, uint32_t id, int64_t tick)
{
    size_t slot = slot_of(w, tick);
    w->nodes[id] = (struct kp_wheel_node){w->tail[slot], NIL, (uint32_t)slot, tick};
    if (w->tail[slot] == NIL)
        w->head[slot] = id;
    else
        w->nodes[w->tail[slot]].next = id;
    w->tail[slot] = id;
    w->used[slot / 64] |= UINT64_C(1) << slot % 64;
    w->queued++;
}

void kp_wheel_cancel(struct kp_wheel *w, uint32_t id)
{
    struct kp_wheel_node *node = &w->nodes[id];
    size_t slot = node->slot;
    if (slot == KP_WHEEL_SLOTS)
        return;
    *(node->prev == NIL ? &w->head[slot] : &w->nodes[node->prev].next) = node->next;
    *(node->next == NIL ? &w->tail[slot] : &w->nodes[node->next].prev) = node->prev;
    if (w->head[slot] == NIL)
        w->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    node->slot = KP_WHEEL_SLOTS;
    w->queued--;
}

bool kp_wheel_queued(const struct kp_wheel *w, uint32_t id)
{
    return w->nodes[id].slot != KP_WHEEL_SLOTS;
}

void kp_wheel_set(struct kp_wheel *w, uint32_t id, int64_t tick)
{
    kp_wheel_cancel(w, id);
    append(w, id, tick);
}

/* The end of this turn, which is no tick of it. */
static int64_t turn_end(const struct kp_wheel *w)
{
    return w->at + KP_WHEEL_SLOTS;
}

/* The first tick of this turn from `from` on whose slot holds anything, or its end. */
static int64_t used_from(const struct kp_wheel *w, int64_t from)
{
    while (from < turn_end(w)) {
        size_t slot = (size_t)(from % KP_WHEEL_SLOTS);
        uint64_t bits = w->used[slot / 64] >> slot % 64;
        if (bits != 0) {
            int64_t tick = from + __builtin_ctzll(bits);
            return tick < turn_end(w) ? tick : turn_end(w);
        }
        from += 64 - (int64_t)(slot % 64);
    }
    return turn_end(w);
}

bool kp_wheel_pop(struct kp_wheel *w, int64_t now, uint32_t *id)
{
    while (w->queued > 0) {
        int64_t tick = used_from(w, w->at);
        if (tick > now)
            break;
        w->at = tick;
        uint32_t first = w->head[tick % KP_WHEEL_SLOTS];
        int64_t due = w->nodes[first].tick;
        kp_wheel_cancel(w, first);
        if (due <= tick) {
            *id = first;
            return true;
        }
        append(w, first, due);
    }
    if (w->at < now)
        w->at = now;
    return false;
}

/* Whether its slot holds more than what goes round again. */
static bool any_due(const struct kp_wheel *w, int64_t tick)
{
    uint32_t id = w->head[tick % KP_WHEEL_SLOTS];
    while (id != NIL && w->nodes[id].tick > tick)
        id = w->nodes[id].next;
    return id != NIL;
}

bool kp_wheel_next(const struct kp_wheel *w, int64_t *tick)
{
    if (w->queued == 0)
        return false;
    int64_t last = turn_end(w) - 1;
    int64_t at = used_from(w, w->at);
    while (at < last && !any_due(w, at))
        at = used_from(w, at + 1);
    *tick = at < last ? at : last;
    return true;
}
