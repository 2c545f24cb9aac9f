/* Evidence: every finished result, and all else that judging depends on, as one
 * fixed-size value.  The latest are held in a ring, by ever growing numbers; fed
 * in this order (feed.h) they lead to the same verdicts again. */
#ifndef KP_CORE_RECORD_H
#define KP_CORE_RECORD_H

#include "lib/base/addr.h"
#include "lib/base/time.h"
#include "lib/base/vocab.h"

struct kp_core;

#define KP_NO_NAME UINT32_MAX

/* Times are whole microseconds, so that text holds them exactly. */
struct kp_record {
    struct kp_wall at;   /* sent, or when it happened; trace: when it began */
    struct kp_wall done; /* when it was known, and judged */
    uint32_t name;       /* kp_core_record_name: the target, anchor or path; gap: the reason */
    uint32_t probe;      /* probe, anchor: its name; incident: its number; reload: see below */
    uint32_t path;       /* probe, trace: the path the target is on now */
    int32_t rtt_us;      /* negative: no answer */
    uint8_t kind;        /* enum kp_record_kind */
    uint8_t result;      /* enum kp_result; incident: enum kp_verdict */
    uint8_t cause;       /* enum kp_cause; incident: enum kp_phase */
    uint8_t ttl;         /* probe, anchor: of the reply; hop: its hop limit; 0: none */
    uint8_t count;       /* trace: hop records that follow; incident: enum kp_confidence */
    uint8_t reached;     /* trace: hop limit at which the target answered; 0: it did not */
    bool late;           /* revises an earlier time-out */
    bool flag;           /* address: outside the allow list; mute: begins (else it ends);
                            edge that is fed: no hop answered, but the target */
    union {
        struct kp_addr address; /* edge, hop: who answered; address: now probed */
        uint8_t uuid[16];       /* incident */
        struct kp_wall from;    /* gap: since when; mute: until when */
        struct kp_dur step;     /* clock: how far forward */
        int errnum;             /* local-error: why */
    };
};
_Static_assert(sizeof(struct kp_record) <= 64, "one cache line");

/* Number of the newest record; 0: none yet. */
uint64_t kp_core_record_last(const struct kp_core *core);

/* The record of that number (from 1); NULL: not yet, or no longer held.  Valid until the
 * core is called again. */
const struct kp_record *kp_core_record(const struct kp_core *core, uint64_t number);

/* The number of the oldest record held; last + 1: none is. */
uint64_t kp_core_record_oldest(const struct kp_core *core);

/* The text behind kp_record.name, .probe and .path; NULL: none.  Names never
 * change their number, whatever is reloaded. */
const char *kp_core_record_name(const struct kp_core *core, uint32_t name);

/* Configurations are counted from 1; record.probe of a reload is the number of the one
 * that came into force.  kp_core_config: that configuration as one line of JSON, of
 * those before the present one the latest four; the caller frees; NULL: not held, or
 * out of memory. */
uint32_t kp_core_generation(const struct kp_core *core);
char *kp_core_config(const struct kp_core *core, uint32_t generation);

#endif
