/* Lines in the order in which they were known: a binary heap. */
#include "ctl/replay.h"

#include <stdlib.h>

static bool earlier(const struct kpc_waiting *a, const struct kpc_waiting *b)
{
    return a->done.ns != b->done.ns ? a->done.ns < b->done.ns : a->number < b->number;
}

bool kpc_replay_push(struct kpc_replay *r, const struct kpc_waiting *w)
{
    if (r->count == r->room) {
        size_t room = r->room > 0 ? 2 * r->room : 256;
        struct kpc_waiting *grown = reallocarray(r->heap, room, sizeof *grown);
        if (grown == NULL)
            return false;
        r->heap = grown;
        r->room = room;
    }
    size_t i = r->count++;
    for (; i > 0 && earlier(w, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
        r->heap[i] = r->heap[(i - 1) / 2];
    r->heap[i] = *w;
    return true;
}

bool kpc_replay_pop(struct kpc_replay *r, struct kpc_waiting *out)
{
    if (r->count == 0)
        return false;
    *out = r->heap[0];
    struct kpc_waiting last = r->heap[--r->count];
    size_t i = 0;
    for (size_t child = 1; child < r->count; child = 2 * i + 1) {
        if (child + 1 < r->count && earlier(&r->heap[child + 1], &r->heap[child]))
            child++;
        if (!earlier(&r->heap[child], &last))
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = last;
    return true;
}
