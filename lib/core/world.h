/* The inside of the core: what a configuration becomes.  Only core's own files
 * include this. */
#ifndef KP_CORE_WORLD_H
#define KP_CORE_WORLD_H

#include "lib/base/prng.h"
#include "lib/core/core.h"
#include "lib/core/view.h"
#include "lib/judging/baseline.h"
#include "lib/judging/group.h"
#include "lib/judging/window.h"
#include "lib/probing/bucket.h"
#include "lib/probing/guard.h"
#include "lib/probing/inflight.h"
#include "lib/wire/cookie.h"
#include "lib/wire/probe_dns.h"

/* Out of memory is an error like others, never an exit. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define KP_NONE UINT32_MAX

/* One per distinct address, shared by its targets: they share its rate. */
struct kp_address {
    struct kp_addr addr;
    struct kp_bucket bucket;
    uint32_t users;
    UT_hash_handle hh;
};

struct kp_recent {
    uint32_t serial;
    float rtt; /* negative: no answer */
};

struct kp_item { /* target x probe */
    const struct kp_conf_probe *probe;
    const struct kp_dns_query *query; /* dns */
    uint32_t target;
    uint32_t flow; /* probes with the same number travel along one path */
    struct kp_timing timing;
    struct kp_mono nominal; /* due time without jitter */
    struct kp_mono due;     /* nominal with jitter */
    bool asked;             /* an extra probe was asked for */
    bool answered_last;
    bool has_last;
    uint8_t last_result, last_cause, last_ttl;
    int last_errnum;
    float last_rtt;
    struct kp_mono last_sent;
    struct kp_addr sender; /* of the last validated ICMP error */
    struct kp_dns_answer dns;
    uint64_t sent, answered, late;
    struct kp_baseline baseline;
    struct kp_group group;
    double threshold;
    uint32_t recent_total;
    struct kp_recent recent[KP_RECENT];
};

struct kp_target { /* or anchor */
    const struct kp_conf_target *conf;
    bool anchor;
    bool mismatch; /* its name resolves outside the allow list */
    struct kp_mono mismatch_since;
    uint32_t first_item, item_count;
    uint32_t path;              /* KP_NONE: not known */
    struct kp_address *address; /* NULL: none yet */
    uint64_t resolved_as;       /* hash of the addresses last reported */
    struct kp_group group;
    double threshold;
    uint8_t told; /* the state last told by an event */
    struct kp_mono changed;
    struct kp_mono last_answer; /* send time of the last answered probe */
};

struct kp_path {
    const struct kp_conf_path *conf;
    struct kp_group group;
    double threshold;
    uint32_t target_count;
    uint8_t told;
    struct kp_mono changed;
    struct kp_window window;
};

struct kp_world {
    const struct kp_conf *conf;
    struct kp_target *targets; /* enabled targets, then enabled anchors */
    uint32_t target_count, anchor_count;
    struct kp_item *items;
    uint32_t item_count;
    struct kp_path *paths; /* enabled */
    uint32_t path_count;
    uint32_t *path_of_conf;        /* conf path index -> index here, or KP_NONE */
    struct kp_dns_query **queries; /* by conf probe index */
    struct kp_address *addresses;  /* hash */
    struct kp_addr *anchor_addrs;
    struct kp_guard guard;
    struct kp_rate total_rate, address_rate;
    struct kp_wheel sched;   /* items */
    struct kp_wheel resolve; /* targets with a host */
    double vantage_threshold;
};

struct kp_mute {
    char *name, *reason;
    struct kp_wall until;
};

#define KP_RATE_SECONDS 60

struct kp_core {
    struct kp_wire wire;
    struct kp_prng rng;
    struct kp_world *world;
    struct kp_inflight inflight;
    struct kp_bucket total;
    struct kp_bucket lookups;
    uint32_t serial;
    struct kp_mono now;
    struct kp_dur wall_minus_mono;

    struct kp_event *events; /* queue: events[event_head .. event_tail) */
    size_t event_head, event_tail, event_room;
    struct kp_send *releases; /* queue of ended DNS probes */
    size_t release_head, release_tail, release_room;
    struct kp_bucket sample_bucket; /* bounds probe.result events */

    struct kp_group anchors;
    uint8_t vantage; /* enum kp_state */
    struct kp_mono vantage_since;
    struct kp_mono last_anchor_answer, last_target_answer; /* send times */
    struct kp_mono failing_since; /* sends have only failed since then; {0}: they work */
    uint32_t failing_count;
    struct kp_mono gap_from, gap_to;

    struct kp_mute *mutes;
    uint32_t mute_count;

    struct kp_stats_view stats;
    struct kp_mono started;
    uint32_t finished[KP_RATE_SECONDS]; /* by second */
    int64_t finished_second;            /* the newest of these */
    double lag[KP_RATE_SECONDS];        /* worst by second */
};

/* world.c */
enum kp_err kp_world_build(struct kp_core *core, const struct kp_conf *conf,
                           struct kp_world **out);
void kp_world_migrate(struct kp_core *core, struct kp_world *from, struct kp_world *to);
void kp_world_free(struct kp_world *world);
/* Gives target this address, shared with whoever else has it. */
enum kp_err kp_world_set_address(struct kp_world *world, struct kp_target *target,
                                 const struct kp_addr *addr);

/* send.c */
void kp_send_schedule(struct kp_core *core, uint32_t item); /* files it at its due time */
bool kp_send_next(struct kp_core *core, struct kp_send *out);
bool kp_send_next_due(const struct kp_core *core, struct kp_mono *at);
void kp_send_expire(struct kp_core *core); /* slots whose time is over */
void kp_send_release(struct kp_core *core, uint32_t slot);
bool kp_send_pop_release(struct kp_core *core, struct kp_send *out);

/* funnel.c: every outcome of a probe ends here */
struct kp_outcome {
    enum kp_result result;
    double rtt; /* seconds; negative: no answer */
    uint8_t ttl;
    int errnum;
    const struct kp_dns_answer *dns; /* NULL: none */
};
void kp_funnel_finish(struct kp_core *core, struct kp_slot *slot, const struct kp_outcome *o);
void kp_funnel_late(struct kp_core *core, struct kp_slot *slot, double rtt, uint8_t ttl);
void kp_funnel_second(struct kp_core *core); /* moves the per-second counters on */

/* judge.c */
void kp_judge_result(struct kp_core *core, struct kp_item *item, struct kp_mono sent,
                     double rtt);
void kp_judge_sends(struct kp_core *core, bool failed);
bool kp_judge_suspect(const struct kp_core *core, const struct kp_item *item);
/* The state of an item, target or path as people are told it. */
enum kp_state kp_judge_item_state(const struct kp_core *core, const struct kp_item *item);
enum kp_state kp_judge_target_state(const struct kp_core *core, const struct kp_target *target,
                                    struct kp_mono *since);
enum kp_state kp_judge_path_state(const struct kp_core *core, const struct kp_path *path);

/* resolve.c */
void kp_resolve_start(struct kp_core *core); /* looks every name up soon */
bool kp_resolve_next_due(const struct kp_core *core, struct kp_mono *at);
bool kp_resolve_next(struct kp_core *core, struct kp_act *act);

/* tell.c */
struct kp_event *kp_tell_new(struct kp_core *core, enum kp_action action, enum kp_level level);
/* Raises the state event if people were last told something else. */
void kp_tell_target(struct kp_core *core, struct kp_target *target);
void kp_tell_path(struct kp_core *core, struct kp_path *path);
void kp_tell_vantage(struct kp_core *core, enum kp_state from);
void kp_tell_result(struct kp_core *core, const struct kp_item *item,
                    const struct kp_slot *slot, bool late);
void kp_tell_mismatch(struct kp_core *core, const struct kp_target *target,
                      const struct kp_addr *found, size_t count);
struct kp_wall kp_tell_wall(const struct kp_core *core, struct kp_mono t);
bool kp_tell_pop(struct kp_core *core, struct kp_event *out);

/* summary.c: the verdict, and in out the sentence for people */
enum kp_verdict kp_summary(const struct kp_core *core, const struct kp_status_view *view,
                           char *out, size_t size);

/* mute.c */
bool kp_mute_target(const struct kp_core *core, const struct kp_target *target);
bool kp_mute_path(const struct kp_core *core, const struct kp_path *path);
struct kp_wall kp_mute_until(const struct kp_core *core, const char *name);
void kp_mute_fini(struct kp_core *core);

#endif
