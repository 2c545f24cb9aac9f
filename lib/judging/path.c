#include "lib/judging/path.h"

static bool in_prefixes(const struct kp_prefix *list, size_t count, const struct kp_addr *hop)
{
    for (size_t i = 0; i < count; i++)
        if (kp_prefix_contains(&list[i], hop))
            return true;
    return false;
}

bool kp_path_has(const struct kp_path_rule *rule, const struct kp_addr *hop)
{
    for (size_t i = 0; i < rule->edge_count; i++)
        if (kp_addr_equal(&rule->edges[i], hop))
            return true;
    return in_prefixes(rule->hops, rule->hop_count, hop) &&
           !in_prefixes(rule->not_hops, rule->not_hop_count, hop);
}

struct kp_path_seen kp_path_recognise(const struct kp_path_rule *rules, size_t count,
                                      const struct kp_addr *hops, uint8_t hop_count)
{
    for (uint8_t h = hop_count; h > 0; h--)
        for (uint32_t p = 0; p < count && hops[h - 1].family != KP_AF_NONE; p++)
            if (kp_path_has(&rules[p], &hops[h - 1]))
                return (struct kp_path_seen){p, (uint8_t)(h - 1)};
    return (struct kp_path_seen){KP_PATH_NONE, 0};
}
