#include "tests/sim/queue.h"

#include <stdlib.h>

static bool before(const struct coming *a, const struct coming *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

static void swap(struct coming *a, struct coming *b)
{
    struct coming t = *a;
    *a = *b;
    *b = t;
}

void queue_push(struct queue *q, struct coming c)
{
    if (q->count == q->room) {
        q->room = q->room > 0 ? 2 * q->room : 64;
        q->heap = reallocarray(q->heap, q->room, sizeof *q->heap);
        if (q->heap == NULL)
            abort();
    }
    c.order = q->order++;
    size_t i = q->count++;
    q->heap[i] = c;
    for (; i > 0 && before(&q->heap[i], &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&q->heap[i], &q->heap[(i - 1) / 2]);
}

const struct coming *queue_first(const struct queue *q)
{
    return q->count > 0 ? &q->heap[0] : NULL;
}

struct coming queue_pop(struct queue *q)
{
    struct coming first = q->heap[0];
    q->heap[0] = q->heap[--q->count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < q->count; k++)
            if (before(&q->heap[k], &q->heap[least]))
                least = k;
        if (least == i)
            return first;
        swap(&q->heap[i], &q->heap[least]);
        i = least;
    }
}

void queue_fini(struct queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->heap[i].kind == COMING_PACKET)
            free((void *)(uintptr_t)q->heap[i].rx.bytes);
    free(q->heap);
    *q = (struct queue){0};
}
