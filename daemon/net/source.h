/* The address the kernel would send from, remembered per destination until
 * addresses, routes, rules or links change. */
#ifndef KPD_NET_SOURCE_H
#define KPD_NET_SOURCE_H

#include "lib/base/siphash.h"
#include "lib/base/time.h"
#include "lib/conf/conf.h"

struct kpd_source;

/* key keeps the table's order private.  NULL: errno says why. */
struct kpd_source *kpd_source_new(const struct kp_key *key);
void kpd_source_free(struct kpd_source *source);

/* Readable when something changed; then kpd_source_changed must be called.  -1:
 * netlink sockets are not allowed here, and nothing is kept for long. */
int kpd_source_fd(const struct kpd_source *source);
void kpd_source_changed(struct kpd_source *source);

/* 0, or the errno that a send to dst would get.  via may be NULL. */
int kpd_source_find(struct kpd_source *source, const struct kp_addr *dst,
                    const struct kp_via *via, struct kp_mono now, struct kp_addr *src);

/* The index of a device; 0: there is none of that name. */
unsigned kpd_source_device(struct kpd_source *source, const char *name);

#endif
