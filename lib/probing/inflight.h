/* Probes on their way.  Each has one slot, found again by the flow a reply
 * claims to belong to, and answered at most once. */
#ifndef KP_PROBING_INFLIGHT_H
#define KP_PROBING_INFLIGHT_H

#include "lib/base/addr.h"
#include "lib/base/siphash.h"
#include "lib/base/vocab.h"
#include "lib/probing/wheel.h"

/* What identifies a probe on the wire (see kp_claim in lib/wire/probe.h). */
struct kp_flow {
    struct kp_addr dst;
    uint8_t type; /* enum kp_probe_type */
    uint16_t dport, sport;
    uint32_t seq;
};

enum kp_slot_state {
    KP_SLOT_FREE,
    KP_SLOT_OPEN,     /* waits for its answer */
    KP_SLOT_ANSWERED, /* kept a moment to recognise duplicates */
    KP_SLOT_EXPIRED,  /* timed out; kept to recognise a late answer */
};

struct kp_slot {
    struct kp_flow flow;
    uint8_t state; /* enum kp_slot_state */
    uint8_t cause; /* enum kp_cause: of a validated ICMP error */
    uint8_t ttl;   /* hop limit it was sent with; 0: the usual one */
    bool tracing;  /* asks for a hop of a trace */
    uint16_t checksum, size;
    uint32_t serial; /* never 0 for a slot in use */
    uint32_t item;
    uint32_t next; /* same hash chain, or next free */
    uint64_t tag;
    struct kp_mono sent;     /* best known send time */
    struct kp_mono deadline; /* sent + time-out */
};

struct kp_inflight {
    struct kp_slot *slots; /* owned, as all below */
    uint32_t *buckets;
    struct kp_wheel expiry; /* by slot: deadline, then the end of its stay */
    struct kp_key key;
    uint32_t capacity; /* a power of two */
    uint32_t used;
    uint32_t free_head;
};

#define KP_NO_SLOT UINT32_MAX

/* key: against chosen collisions. */
enum kp_err kp_inflight_init(struct kp_inflight *f, const struct kp_key *key,
                             struct kp_mono now);
void kp_inflight_fini(struct kp_inflight *f);

/* A new OPEN slot with flow, item, serial and deadline set and the rest zero;
 * KP_NO_SLOT: out of memory.  May move the slots: indices stay, pointers do
 * not. */
uint32_t kp_inflight_open(struct kp_inflight *f, const struct kp_flow *flow, uint32_t item,
                          uint32_t serial, struct kp_mono deadline);

/* Re-files a slot whose source port became known only on sending. */
void kp_inflight_set_sport(struct kp_inflight *f, uint32_t slot, uint16_t sport);

/* The slots whose flow equals this one: the first after `from` (KP_NO_SLOT to
 * begin with), or KP_NO_SLOT. */
uint32_t kp_inflight_find(const struct kp_inflight *f, const struct kp_flow *flow,
                          uint32_t from);

/* The slot if it is in use under this serial, else NULL. */
struct kp_slot *kp_inflight_get(struct kp_inflight *f, uint32_t slot, uint32_t serial);

/* Changes state and the time at which kp_inflight_expire hands it out again. */
void kp_inflight_keep(struct kp_inflight *f, uint32_t slot, enum kp_slot_state state,
                      struct kp_mono until);
void kp_inflight_close(struct kp_inflight *f, uint32_t slot);

/* A slot whose deadline or stay is over (it stays as it is), or KP_NO_SLOT. */
uint32_t kp_inflight_expire(struct kp_inflight *f, struct kp_mono now);

#endif
