#include "lib/conf/conf.h"

#include "lib/conf/arena.h"

void kp_conf_free(struct kp_conf *conf)
{
    /* The configuration itself lies in its arena. */
    if (conf != NULL)
        kp_arena_free(conf->arena);
}

bool kp_conf_allows(const struct kp_conf *conf, const struct kp_addr *address)
{
    bool special = kp_addr_special(address);
    for (size_t i = 0; i < conf->allow_count; i++)
        if (kp_prefix_contains(&conf->allow[i], address) &&
            (!special || kp_prefix_special(&conf->allow[i])))
            return true;
    for (size_t i = 0; i < conf->anchor_count && !special; i++)
        if (kp_addr_equal(&conf->anchors[i].address, address))
            return true;
    return false;
}

struct kp_timing kp_conf_timing(const struct kp_conf *conf, const struct kp_conf_target *target,
                                const struct kp_conf_probe *probe)
{
    const struct kp_timing *wide[] = {&target->timing, &probe->timing, &conf->defaults};
    struct kp_timing t = {{-1}, {-1}, -1};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (t.interval.ns < 0)
            t.interval = wide[i]->interval;
        if (t.timeout.ns < 0)
            t.timeout = wide[i]->timeout;
        if (t.jitter < 0)
            t.jitter = wide[i]->jitter;
    }
    return t;
}
