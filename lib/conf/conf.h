/* The configuration as one immutable value.  conf_load (conf_load.h) makes it
 * from YAML; everything else only reads it. */
#ifndef KP_CONF_CONF_H
#define KP_CONF_CONF_H

#include "lib/base/addr.h"
#include "lib/base/time.h"
#include "lib/base/vocab.h"

/* When to ask.  In a probe or a target a field that was not given is negative
 * and falls through to the next wider one; kp_conf_timing resolves that. */
struct kp_timing {
    struct kp_dur interval;
    struct kp_dur timeout;
    double jitter; /* share of the interval, 0..0.5 */
};

struct kp_conf_probe {
    const char *name;
    enum kp_probe_type type;
    uint16_t port;     /* tcp-syn: required; dns: 53 unless given; icmp: 0 */
    uint16_t size;     /* icmp: payload bytes, 24..1400 */
    const char *qname; /* dns: the name asked for, without trailing dot; "." is the root */
    uint16_t qtype;    /* dns: IANA type number */
    bool tcp;          /* dns: over TCP */
    bool recursion;    /* dns: RD bit */
    struct kp_timing timing;
};

/* How packets of a path leave a multi-homed vantage. */
struct kp_via {
    struct kp_addr source; /* KP_AF_NONE: the kernel's choice */
    const char *device;    /* NULL: the kernel's choice */
};

struct kp_conf_path {
    const char *name;
    const char *title; /* the name where none was given */
    bool enabled;
    uint32_t *asn;
    size_t asn_count;
    struct kp_addr *edges;
    size_t edge_count;
    struct kp_prefix *hops;
    size_t hop_count;
    struct kp_prefix *not_hops;
    size_t not_hop_count;
    struct kp_via via;
};

/* A target, or an anchor (which has no host, group or paths). */
struct kp_conf_target {
    const char *name;
    const char *title; /* the name where none was given */
    const char *host;  /* NULL: none */
    const char *group; /* NULL: none */
    bool enabled;
    struct kp_addr address; /* KP_AF_NONE: to be resolved from host */
    size_t *probes;         /* indices into kp_conf.probes */
    size_t probe_count;
    size_t *paths; /* indices into kp_conf.paths, the expected carriers */
    size_t path_count;
    struct kp_timing timing;
};

struct kp_conf {
    struct kp_arena *arena; /* owns everything below */
    const char *file;       /* where it came from */
    const char *vantage_name;
    const char *vantage_country; /* ISO 3166-1 alpha-2, or NULL */
    uint32_t vantage_asn;        /* 0: not given */
    const char *vantage_contact; /* goes into ICMP payloads; NULL: none */
    struct kp_prefix *allow;     /* as listed; anchors are allowed besides (kp_conf_allows) */
    size_t allow_count;
    double total_rate;         /* probes per second */
    double per_address_rate;   /* probes per second */
    uint32_t burst;            /* probes, per address and in total */
    struct kp_timing defaults; /* complete */
    struct kp_conf_probe *probes;
    size_t probe_count;
    struct kp_conf_path *paths;
    size_t path_count;
    struct kp_conf_target *anchors;
    size_t anchor_count;
    struct kp_conf_target *targets;
    size_t target_count;
    struct kp_addr *resolve_at;
    size_t resolve_at_count;
    struct kp_dur trace_interval;
    uint8_t trace_max_hops;
    bool trace_forced;              /* trace.probe was given ... */
    enum kp_probe_type trace_probe; /* ... and is this */
    double false_alarms_per_year;   /* 0.1 is "1/10y" ... */
    double false_alarms_count;      /* ... given as this many ... */
    struct kp_dur false_alarms_in;  /* ... in this time */
    struct kp_dur recover_after;
    enum kp_level log_level;
    enum kp_conf_switch { KP_OFF, KP_ON, KP_AUTO } journal; /* on, off, auto */
    bool syslog;
    const char *log_file;     /* NULL: off */
    double log_sample;        /* share of probe.result events kept, 0..1 */
    const char *metrics_host; /* NULL: off; numeric address text */
    uint16_t metrics_port;
    const char *control_socket;
    const char *history_path; /* NULL: off */
    struct kp_dur history_keep;
};

void kp_conf_free(struct kp_conf *conf);

/* Whether anything may be sent to this address: it is in the allow list or an
 * anchor's, and no special one (kp_addr_special) that was not listed as such. */
bool kp_conf_allows(const struct kp_conf *conf, const struct kp_addr *address);

/* The timing in force for a target's (or anchor's) probe: the target's own,
 * else the probe's, else the defaults, field by field. */
struct kp_timing kp_conf_timing(const struct kp_conf *conf, const struct kp_conf_target *target,
                                const struct kp_conf_probe *probe);

#endif
