/* All that judging has learned and is in the middle of, as plain values: what a
 * restart goes on from, and what an export begins with.  A core that restores it
 * and gets the same records then judges as this one did. */
#ifndef KP_CORE_LEARNED_H
#define KP_CORE_LEARNED_H

#include "lib/core/record.h"
#include "lib/judging/baseline.h"
#include "lib/judging/explain.h"
#include "lib/judging/group.h"
#include "lib/judging/incident.h"

/* Names are numbers of kp_core_record_name, also in group.run.source (a target) and
 * in led.paths. */
struct kp_learned_item {    /* of a target or anchor, or the last visible hop of a path */
    uint32_t target, probe; /* hop: along whose flow it is asked */
    uint32_t edge_of;       /* the path; KP_NO_NAME: it is no hop */
    uint8_t ttl;            /* hop: its hop limit */
    bool anchor;
    bool has_last;
    uint8_t last_result; /* enum kp_result */
    float last_rtt;
    struct kp_mono last_sent;
    struct kp_baseline baseline;
    struct kp_group group;
    struct kp_detect alone;
    double odds;
    uint64_t sent, answered, late;
};

struct kp_learned_target { /* or anchor */
    uint32_t name, path;
    bool anchor, path_seen, suspected, mismatch;
    uint8_t told;           /* enum kp_state */
    struct kp_addr address; /* the one probed; KP_AF_NONE: none */
    struct kp_mono mismatch_since, changed, last_answer, meddled;
    double loss; /* share lost lately, until loss_at */
    struct kp_mono loss_at;
    struct kp_group group;
};

struct kp_learned_path {
    uint32_t name;
    bool suspected;
    uint8_t told;
    struct kp_addr last_hop;
    struct kp_mono changed, last_answer;
    struct kp_group group;
};

struct kp_learned_mute {
    uint32_t name;
    struct kp_wall until;
    char *reason; /* owned; NULL: none, or no memory for it */
};

struct kp_learned {
    uint32_t users;      /* kp_learned_free frees at the last */
    uint64_t record;     /* the last one that is in it */
    uint32_t generation; /* of the configuration */
    struct kp_mono now;  /* monotonic times are this core's own; wall = mono + */
    struct kp_dur wall_minus_mono;
    struct kp_learned_core {
        struct kp_group anchors, country, dns;
        bool country_suspected, dns_suspected, alert;
        uint8_t vantage; /* enum kp_state */
        uint32_t failing_count, anchor_losses;
        struct kp_mono vantage_since, last_anchor_answer, last_target_answer, failing_since;
        struct kp_mono gap_from, gap_to, look_at, puzzled, led_until;
        struct kp_explanation led;
        struct kp_incidents_state incidents;
    } core;
    uint32_t item_count, target_count, path_count, incident_count, mute_count;
    struct kp_learned_item *items; /* owned, as all below */
    struct kp_learned_target *targets;
    struct kp_learned_path *paths;
    struct kp_incident *incidents; /* open, and the latest closed ones */
    struct kp_learned_mute *mutes;
};

/* As of now; NULL: out of memory. */
struct kp_learned *kp_core_learned(struct kp_core *core);

/* One with room for so many of each, zeroed; NULL: out of memory. */
struct kp_learned *kp_learned_new(const struct kp_learned *counts);
void kp_learned_free(struct kp_learned *learned); /* lets go of it */

/* The reason of the gap that stands for the time away. */
#define KP_NOT_RUNNING "not running"

/* Goes on from there: matched by names, what the configuration lacks is left out.
 * Call after configure, with the clock set, on a core that has judged nothing.
 * KP_ERR_NOMEM: some of it is missing. */
enum kp_err kp_core_restore(struct kp_core *core, const struct kp_learned *learned);

/* The latest state kept that is not younger than `before` and from which on all
 * records are held, else the oldest of these; NULL: none.  Let go of it with
 * kp_learned_free. */
struct kp_learned *kp_core_checkpoint(struct kp_core *core, struct kp_wall before);

#endif
