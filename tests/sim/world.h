/* The pretended Internet: a vantage, hops that all share, one chain of hops per
 * path, hosts behind them and anchors beside them.
 *
 *   us - isp - isp - transit -+- path hops - edge - silent hops - hosts
 *                             +- anchors
 *
 * Only what the world does is here; when and why is in faults.c. */
#ifndef KP_SIM_WORLD_H
#define KP_SIM_WORLD_H

#include "lib/conf/conf.h"
#include "tests/sim/link.h"

enum {
    SHARED_HOPS = 3,
    ANCHOR_DISTANCE = SHARED_HOPS + 2,
    HOPS_MAX = 32,
    PATHS_MAX = 8,
    HOSTS_MAX = 512,
    PORTS_MAX = 8,
    NO_PATH = -1,
};

enum service { SERVICE_OPEN, SERVICE_REFUSES, SERVICE_SILENT };

struct hop {
    struct kp_addr addr;
    bool silent;
    bool short_quotes;       /* quotes 8 bytes of transport, as RFC 792 asks; else all */
    double tokens, refilled; /* of its ICMP errors */
};

struct path {
    const char *name;
    struct hop hops[HOPS_MAX]; /* [0] is one hop from us; hosts follow the last */
    int edge;                  /* distance of the edge; 0: it has none */
    int distance;              /* of its hosts */
    int alive_to;              /* packets die behind this distance; HOPS_MAX: none do */
    double rtt;                /* to its hosts, seconds */
    double error_rate;         /* ICMP errors a second and hop; 0: no limit */
    struct link link;
};

struct host {
    struct kp_addr addr;
    bool anchor;
    int path, back_path; /* NO_PATH: an anchor, or the way back is the way there */
    bool down, icmp, icmp_filtered, dns_dead;
    int banned_at; /* packets to it die behind this distance; 0: not */
    enum service dns;
    struct {
        uint16_t number;
        enum service service;
    } ports[PORTS_MAX];
    size_t port_count;
    int unreachable; /* ICMP code said instead of an answer; negative: none */
    bool from_edge;  /* ... by the path's edge, else by the host itself */
    struct link link;
};

struct name {
    const char *host;
    struct kp_addr addr; /* KP_AF_NONE: does not resolve */
};

struct world {
    struct kp_prng *rng;
    struct path paths[PATHS_MAX];
    int path_count;
    struct host hosts[HOSTS_MAX];
    int host_count;
    struct name names[HOSTS_MAX];
    int name_count;
    struct link uplink, anchor_link;
    bool uplink_dead;
    int send_error; /* errno of every send; 0: sends work */
    bool transit_down;
    uint32_t soa_serial;
    double anchor_rtt;
};

/* A healthy world that holds everything conf speaks of. */
void world_init(struct world *w, const struct kp_conf *conf, struct kp_prng *rng);

/* Adds the hosts of a changed configuration; what is there stays as it is. */
void world_extend(struct world *w, const struct kp_conf *conf);

struct host *world_host(struct world *w, const struct kp_addr *addr);
int world_path(const struct world *w, const char *name); /* NO_PATH: unknown */
struct kp_addr *world_name(struct world *w, const char *host);

/* The address conf's target of this name has in this world; NULL: none. */
struct host *world_target(struct world *w, const struct kp_conf *conf, const char *name);

/* Hosts (at most HOSTS_MAX) or links a scenario's word means: "all", a path, a
 * target, a prefix; for links also "uplink" and "anchors".  0: nothing. */
int world_hosts(struct world *w, const struct kp_conf *conf, const char *word,
                struct host *out[]);
int world_links(struct world *w, const struct kp_conf *conf, const char *word,
                struct link *out[]);

#endif
