/* Sends whose transmit stamp is still to come, in order of sending.  The kernel
 * numbers the packets of a socket; that number is the id here. */
#ifndef KPD_NET_STAMPS_H
#define KPD_NET_STAMPS_H

#include "lib/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct kpd_stamp {
    uint32_t slot;
    uint32_t serial;
    struct kp_mono at; /* just before the send call */
    bool settled;
};

struct kpd_stamps {
    struct kpd_stamp *ring; /* ids tail .. head - 1, wrapping */
    uint32_t size;          /* a power of two */
    uint32_t tail, head;
    bool proven; /* stamps do come here, so a missing one means something */
};

bool kpd_stamps_init(struct kpd_stamps *stamps);
void kpd_stamps_fini(struct kpd_stamps *stamps);

/* Returns the id.  With too many outstanding the oldest is forgotten. */
uint32_t kpd_stamps_push(struct kpd_stamps *stamps, uint32_t slot, uint32_t serial,
                         struct kp_mono at);

/* The stamp of id came; false: nobody waits for it. */
bool kpd_stamps_settle(struct kpd_stamps *stamps, uint32_t id, struct kpd_stamp *out);

/* Takes the oldest send before `before` that still waits. */
bool kpd_stamps_take(struct kpd_stamps *stamps, struct kp_mono before, struct kpd_stamp *out);

/* Forgets all; the next id is 0. */
void kpd_stamps_reset(struct kpd_stamps *stamps);

/* When the oldest that still waits was sent; false: none waits. */
bool kpd_stamps_oldest(const struct kpd_stamps *stamps, struct kp_mono *at);

static inline bool kpd_stamps_waiting(const struct kpd_stamps *stamps)
{
    return stamps->tail != stamps->head;
}

#endif
