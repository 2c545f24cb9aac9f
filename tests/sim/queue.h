/* What happens later, in order of time; equal times in the order they came. */
#ifndef KP_SIM_QUEUE_H
#define KP_SIM_QUEUE_H

#include "lib/wire/probe.h"

struct coming {
    struct kp_mono at;
    uint64_t order; /* set by queue_push */
    enum coming_kind {
        COMING_PACKET,   /* rx, whose bytes are owned */
        COMING_LINE,     /* index: of the script's line */
        COMING_RESOLVED, /* index: target, number: generation of the configuration */
        COMING_FLAP,     /* index: path; see there */
        COMING_HOST_UP,  /* index: host */
        COMING_HOST_DOWN,
        COMING_CUT, /* index: path */
        COMING_OVERFLOW,
    } kind;
    uint32_t index;
    uint32_t number;
    double down, up, until; /* flap: seconds of each, and when it ends */
    struct kp_rx rx;
};

struct queue {
    struct coming *heap;
    size_t count, room;
    uint64_t order;
};

/* Takes over the bytes of a packet. */
void queue_push(struct queue *q, struct coming c);

/* The next one, still in the queue; NULL: none. */
const struct coming *queue_first(const struct queue *q);
struct coming queue_pop(struct queue *q);
void queue_fini(struct queue *q);

#endif
