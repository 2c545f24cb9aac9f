/* Read-only views of the core's state, cheap to take; texts stay owned by the
 * configuration or the core and are valid until the next configure. */
#ifndef KP_CORE_VIEW_H
#define KP_CORE_VIEW_H

#include "lib/core/core.h"
#include "lib/core/counts.h"
#include "lib/judging/incident.h"

#define KP_TRACE_HOPS 64
#define KP_ERRNOS 134     /* larger than any errno */
#define KP_SPARK_CELLS 60 /* of 10 s each: the last 10 minutes */

/* Negative doubles mean "unknown" throughout; times with ns 0 "never". */

struct kp_status_view {
    enum kp_verdict verdict;
    char summary[KP_EVENT_MESSAGE_SIZE]; /* one sentence for people */
    enum kp_state vantage;               /* up: healthy; down: not; unknown: not yet known */
    uint32_t anchors_up, anchors_total;
    uint32_t targets[KP_STATE_COUNT]; /* enabled targets by state */
    uint32_t targets_total;
    double probes_per_second; /* finished probes, mean of the last 60 s */
    struct kp_wall at;
};

struct kp_path_view {
    const char *name, *title;
    enum kp_state state;
    struct kp_wall since;
    double answered_ratio;    /* last 10 min */
    double rtt_p50, rtt_p95;  /* seconds, last 10 min */
    enum kp_state edge_state; /* unknown until edges are probed */
    struct kp_addr last_hop;  /* KP_AF_NONE: none seen */
    uint32_t targets[KP_STATE_COUNT];
    struct kp_wall muted_until;
    double spark[KP_SPARK_CELLS]; /* answered share per cell, oldest first */
};

struct kp_target_view {
    const char *name, *title, *host, *group;
    struct kp_addr address;  /* the one probed; KP_AF_NONE: none yet */
    const char *path;        /* NULL: not known */
    const char *path_source; /* "trace", "config" or NULL */
    enum kp_state state;
    struct kp_wall since;
    struct kp_wall muted_until;
    bool is_anchor;
    uint64_t path_changes; /* since start: seen on another path than before */
    uint32_t probe_count;
};

#define KP_RECENT 32

struct kp_probe_view {
    const char *name;
    enum kp_probe_type type;
    enum kp_state state;
    bool has_result;       /* the fields from here to `dns` are set */
    enum kp_result result; /* of the last finished probe */
    enum kp_cause cause;   /* unreachable: why */
    struct kp_addr sender; /* unreachable: who said so */
    int errnum;            /* local-error: why */
    double rtt;            /* seconds */
    uint8_t reply_ttl;     /* 0: none */
    struct kp_wall at;     /* when the last finished probe was sent */
    struct kp_dns_answer dns;
    double baseline_ratio;        /* answered share while healthy; unknown while learning */
    double baseline_rtt;          /* seconds */
    uint64_t sent, answered;      /* since start; answered holds refused too: alive */
    uint64_t late;                /* answers that came after their time-out */
    double recent_rtt[KP_RECENT]; /* oldest first: RTT of the last probes; negative: */
    uint32_t recent_count;        /* no answer */
};

/* One finished trace of a target. */
struct kp_trace_view {
    struct kp_wall at;
    bool reached;
    const char *path; /* NULL: not recognised */
    uint32_t count;
    struct kp_hop_view {
        uint8_t ttl;
        struct kp_addr address; /* KP_AF_NONE: silent */
        double rtt;             /* seconds */
        const char *path;       /* whose hop this is; NULL: nobody's we know */
        bool target;            /* the target itself */
    } hops[KP_TRACE_HOPS];
};

struct kp_mute_view {
    const char *name;
    const char *reason;
    struct kp_wall until;
    bool is_path;
};

struct kp_stats_view {
    uint64_t sent[KP_PROBE_COUNT];
    uint64_t results[KP_PROBE_COUNT][KP_RESULT_COUNT];
    uint64_t discarded[KP_PROBE_COUNT][KP_DISCARD_COUNT];
    uint64_t late[KP_PROBE_COUNT];
    uint64_t send_errors[KP_PROBE_COUNT][KP_ERRNOS]; /* traces included */
    uint64_t deferred;                               /* sends put off by a rate limit */
    uint64_t denied; /* sends refused by the allow list; must stay 0 */
    uint32_t in_flight;
    uint32_t slots;       /* allocated */
    uint32_t items;       /* target x probe */
    double scheduler_lag; /* seconds, worst of the last minute */
    uint64_t gaps;        /* times we may have missed answers */
    uint64_t events_lost; /* for want of memory */
};

void kp_core_status(const struct kp_core *core, struct kp_status_view *out);
void kp_core_stats(const struct kp_core *core, struct kp_stats_view *out);

uint32_t kp_core_path_count(const struct kp_core *core);
void kp_core_path(const struct kp_core *core, uint32_t index, struct kp_path_view *out);

/* Enabled targets first (0 .. target_count-1), in the order of the file; the
 * anchors follow (target_count .. target_count+anchor_count-1). */
uint32_t kp_core_target_count(const struct kp_core *core);
uint32_t kp_core_anchor_count(const struct kp_core *core);
void kp_core_target(const struct kp_core *core, uint32_t index, struct kp_target_view *out);
void kp_core_probe(const struct kp_core *core, uint32_t target, uint32_t probe,
                   struct kp_probe_view *out);

/* Valid until the next tick or receive. */
const struct kp_counts *kp_core_counts(const struct kp_core *core, uint32_t target,
                                       uint32_t probe);

/* The last finished trace of a target (before: the one before it); false: none. */
bool kp_core_trace(const struct kp_core *core, uint32_t target, bool before,
                   struct kp_trace_view *out);
bool kp_core_tracing(const struct kp_core *core, uint32_t target); /* one is under way */

/* Open and recently closed incidents; valid until the next tick or receive. */
const struct kp_incidents *kp_core_incidents(const struct kp_core *core);

/* Something that may have changed, not yet confirmed. */
struct kp_suspicion_view {
    const char *what;        /* "path", "target", "dns" or "country" */
    const char *where;       /* its name; "name servers", "all paths" */
    struct kp_wall since;    /* first missed answer */
    double score, threshold; /* nats; confirmed at threshold */
};
uint32_t kp_core_suspicion_count(const struct kp_core *core);
void kp_core_suspicion_at(const struct kp_core *core, uint32_t index,
                          struct kp_suspicion_view *out);

uint32_t kp_core_mute_count(const struct kp_core *core);
void kp_core_mute_at(const struct kp_core *core, uint32_t index, struct kp_mute_view *out);

#endif
