/* Which upstream path a trace took.  Hops are recognised by prefix, never by who
 * announces them (DOMAIN 4). */
#ifndef KP_JUDGING_PATH_H
#define KP_JUDGING_PATH_H

#include "lib/base/addr.h"

#define KP_PATH_NONE UINT32_MAX

struct kp_path_rule {
    const struct kp_addr *edges; /* its last visible hops; nothing here is owned */
    size_t edge_count;
    const struct kp_prefix *hops; /* its routers lie in these ... */
    size_t hop_count;
    const struct kp_prefix *not_hops; /* ... but not in these */
    size_t not_hop_count;
};

/* Whether this hop is one of the path's. */
bool kp_path_has(const struct kp_path_rule *rule, const struct kp_addr *hop);

struct kp_path_seen {
    uint32_t path; /* index of the rule, or KP_PATH_NONE */
    uint8_t edge;  /* index in hops of the path's last visible hop */
};

/* The path of a trace whose hops are given in order, KP_AF_NONE where silent
 * (the target itself not among them): the one the deepest recognised hop is of. */
struct kp_path_seen kp_path_recognise(const struct kp_path_rule *rules, size_t count,
                                      const struct kp_addr *hops, uint8_t hop_count);

#endif
