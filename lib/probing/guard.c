#include "lib/probing/guard.h"

bool kp_guard_allows(const struct kp_guard *guard, const struct kp_addr *addr)
{
    bool special = kp_addr_special(addr);
    for (size_t i = 0; i < guard->allow_count; i++)
        if (kp_prefix_contains(&guard->allow[i], addr) &&
            (!special || kp_prefix_special(&guard->allow[i])))
            return true;
    for (size_t i = 0; i < guard->anchor_count && !special; i++)
        if (kp_addr_equal(&guard->anchors[i], addr))
            return true;
    return false;
}
