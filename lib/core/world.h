/* The inside of the core, its state: what a configuration becomes.  Only core's
 * own files include this. */
#ifndef KP_CORE_WORLD_H
#define KP_CORE_WORLD_H

#include "lib/base/prng.h"
#include "lib/core/core.h"
#include "lib/core/record.h"
#include "lib/core/view.h"
#include "lib/judging/baseline.h"
#include "lib/judging/explain.h"
#include "lib/judging/group.h"
#include "lib/judging/path.h"
#include "lib/judging/window.h"
#include "lib/probing/bucket.h"
#include "lib/probing/guard.h"
#include "lib/probing/inflight.h"
#include "lib/probing/trace.h"
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
    uint32_t id; /* names it in evidence */
    uint32_t users;
    UT_hash_handle hh;
};

struct kp_recent {
    uint32_t serial;
    float rtt; /* negative: no answer */
};

struct kp_item { /* target x probe, or the last visible hop of a path */
    const struct kp_conf_probe *probe;
    const struct kp_dns_query *query; /* dns */
    uint32_t name;                    /* of its probe, in records */
    uint32_t target;
    uint32_t edge_of; /* the path whose last visible hop is asked; KP_NONE: the target is */
    uint32_t carrier; /* edge: the item along whose flow; KP_NONE: not learned yet */
    uint8_t ttl;      /* edge: its hop limit */
    uint32_t flow;    /* probes with the same number travel along one path */
    struct kp_timing timing;
    struct kp_mono nominal;  /* due time without jitter */
    struct kp_mono due;      /* nominal with jitter */
    bool asked;              /* an extra probe was asked for */
    uint8_t out;             /* its probes on their way */
    struct kp_mono asked_at; /* when the last one left */
    bool answered_last;
    bool has_last;
    uint8_t last_result, last_cause, last_ttl;
    int last_errnum;
    float last_rtt;
    struct kp_mono last_sent;
    struct kp_addr sender; /* of the last validated ICMP error */
    struct kp_dns_answer dns;
    uint64_t sent, answered, late;
    struct kp_counts counts;
    struct kp_baseline baseline;
    struct kp_group group;
    double threshold;
    struct kp_detect alone; /* its losses against its own bursts, for odds */
    double odds;            /* log-odds of being silent for more than a burst (stage 2) */
    uint32_t recent_total;
    struct kp_recent recent[KP_RECENT];
};

/* A finished trace. */
struct kp_traced {
    struct kp_mono began, at; /* at: when it ended */
    uint32_t path;            /* KP_NONE: not recognised */
    uint8_t first;            /* hop limit of hops[0] */
    uint8_t reached;          /* hop limit at which the target answered; 0: it did not */
    uint8_t count;
    struct kp_trace_hop hops[];
};

struct kp_target { /* or anchor */
    const struct kp_conf_target *conf;
    uint32_t name; /* in records */
    bool anchor;
    bool mismatch; /* its name resolves outside the allow list */
    struct kp_mono mismatch_since;
    uint32_t first_item, item_count;
    uint32_t expected;      /* the one path configured; KP_NONE: not one */
    uint32_t path;          /* it is on; KP_NONE: not known */
    bool path_seen;         /* a trace said so */
    uint64_t path_changes;  /* since start */
    struct kp_trace *trace; /* under way; NULL: none */
    struct kp_mono trace_began;
    struct kp_traced *traced, *traced_before; /* the last two; NULL: none */
    struct kp_address *address;               /* NULL: none yet */
    uint64_t resolved_as;                     /* hash of the addresses last reported */
    struct kp_group group;
    double threshold;
    double loss; /* share lost lately, of what was sent until loss_at */
    struct kp_mono loss_at;
    uint8_t told;   /* the state last told by an event */
    bool suspected; /* a suspicion was told */
    struct kp_mono changed;
    struct kp_mono last_answer; /* send time of the last answered probe */
    struct kp_mono meddled;     /* when we last changed how it is probed */
};

struct kp_path {
    const struct kp_conf_path *conf;
    uint32_t name; /* in records */
    struct kp_group group;
    double threshold;
    uint32_t target_count;
    double loss_sum; /* of its targets' loss */
    uint8_t told;
    bool suspected;
    struct kp_mono changed;
    struct kp_mono last_answer;
    struct kp_mono swept; /* when a sweep last asked for one of its items */
    struct kp_mono left;  /* when a target last was seen on another path instead */
    struct kp_window window;
    struct kp_addr last_hop; /* the last visible hop seen */
};

struct kp_world {
    const struct kp_conf *conf;
    struct kp_target *targets; /* enabled targets, then enabled anchors */
    uint32_t target_count, anchor_count;
    struct kp_item *items;
    uint32_t item_count;   /* of targets and anchors; the edges follow, one a path */
    struct kp_path *paths; /* enabled */
    uint32_t path_count;
    uint32_t *path_of_conf;        /* conf path index -> index here, or KP_NONE */
    struct kp_dns_query **queries; /* by conf probe index */
    struct kp_address *addresses;  /* hash */
    uint32_t address_ids;
    struct kp_addr *anchor_addrs;
    struct kp_guard guard;
    struct kp_rate total_rate, address_rate;
    struct kp_wheel sched;      /* items */
    struct kp_path_rule *rules; /* how to recognise each path */
    struct kp_wheel resolve;    /* targets with a host */
    struct kp_wheel traces;     /* targets */
    double vantage_threshold, country_threshold, dns_threshold;
    struct kp_dur hiccup; /* if nobody answers for so long and then somebody does, it was us */
};

struct kp_mute {
    char *name, *reason;
    struct kp_wall until;
};

#define KP_OLD_CONFIGS 4
#define KP_CHECKPOINTS 8

struct kp_records {
    struct kp_record *ring; /* record n is ring[n % capacity]; owned, as all here */
    uint64_t last;
    uint32_t capacity;
    struct kp_record_name *by_text; /* hash */
    struct kp_record_name **names;  /* by number */
    uint32_t name_count, name_room;
    struct kp_learned *checkpoints[KP_CHECKPOINTS];
    uint32_t checkpoint_next;
    char *configs[KP_OLD_CONFIGS]; /* of generation n: n % KP_OLD_CONFIGS; may be NULL */
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

    struct kp_group anchors, country, dns;
    bool country_suspected, dns_suspected;
    struct kp_incidents *incidents;
    struct kp_finding *findings; /* room for a look's; NULL: nothing is amiss */
    uint64_t opened;             /* incidents, in this look */
    bool alert;                  /* something is suspect, silent or open: correlate */
    struct kp_mono look_at;      /* when to correlate next */
    struct kp_mono puzzled;    /* since when nothing explains a confirmed silence; {0}: it is */
    struct kp_explanation led; /* the wide explanation in force; class clear: none */
    struct kp_mono led_until;  /* when it led last */
    struct kp_bucket sweep;
    struct kp_mono sweep_at; /* when to sweep next */
    uint8_t vantage;         /* enum kp_state */
    struct kp_mono vantage_since;
    struct kp_mono last_anchor_answer, last_target_answer; /* send times */
    uint32_t anchor_losses;                                /* since anybody answered */
    struct kp_mono failing_since; /* sends have only failed since then; {0}: they work */
    uint32_t failing_count;
    struct kp_mono gap_from, gap_to;

    struct kp_mute *mutes;
    uint32_t mute_count;

    struct kp_records records;
    bool offline;                     /* fed with records: sends nothing */
    struct kp_feed_index *feed_index; /* owned; NULL: none yet */
    uint32_t generation;              /* configurations so far */

    struct kp_stats_view stats;
    struct kp_mono started;
    uint32_t finished[KP_RATE_SECONDS]; /* by second */
    int64_t finished_second;            /* the newest of these */
    double lag[KP_RATE_SECONDS];        /* worst by second */
};

#endif
