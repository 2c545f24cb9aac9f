/* Names to addresses, asked of given servers and nobody else: neither
 * resolv.conf nor /etc/hosts has a say. */
#ifndef KPD_NET_RESOLVE_H
#define KPD_NET_RESOLVE_H

#include "daemon/loop.h"
#include "lib/base/addr.h"

/* At most this many addresses are told of a name. */
enum { KPD_RESOLVE_MAX = 8 };

struct kpd_resolve;

/* count 0: the look-up failed.  May start look-ups, but not free the resolver. */
typedef void kpd_resolve_fn(void *ctx, uint32_t target, const struct kp_addr *addrs,
                            size_t count);

/* NULL: no memory, or no server. */
struct kpd_resolve *kpd_resolve_new(struct kpd_loop *loop, const struct kp_addr *servers,
                                    size_t count, kpd_resolve_fn *fn, void *ctx);

/* Drops what is under way without telling. */
void kpd_resolve_free(struct kpd_resolve *resolve);

/* Looks host up; host is copied.  A target is queued or asked for once at a
 * time.  The answer comes from the loop, never from within this call. */
void kpd_resolve_lookup(struct kpd_resolve *resolve, uint32_t target, const char *host);

#endif
