/* The allow list: the last gate before a send, and again on receive. */
#ifndef KP_PROBING_GUARD_H
#define KP_PROBING_GUARD_H

#include "lib/base/addr.h"

struct kp_guard {
    const struct kp_prefix *allow; /* not owned */
    size_t allow_count;
    const struct kp_addr *anchors; /* allowed one by one; not owned */
    size_t anchor_count;
};

/* Whether this address may be probed: an anchor, or inside the allow list; a
 * special address (kp_addr_special) only where an allow prefix that lies itself
 * in a special range names it. */
bool kp_guard_allows(const struct kp_guard *guard, const struct kp_addr *addr);

#endif
