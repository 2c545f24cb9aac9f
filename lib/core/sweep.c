/* The sweep: while something is suspect, a small polite budget of extra probes
 * goes to what tells the rival explanations apart (DETECTION, stage 1). */
#include "lib/core/inner.h"

/* One extra probe per path in this time ... */
#define PATH_EVERY (250 * KP_NS_PER_MS)
/* ... one in this to its last visible hop, which stage 2 needs ... */
#define EDGE_EVERY (10 * KP_NS_PER_S)
/* ... at most one per item in this, but for a single suspect host or service. */
#define ITEM_EVERY (4 * KP_NS_PER_S)
#define SUSPECT_EVERY KP_NS_PER_S

static const struct kp_rate budget = {{10 * KP_NS_PER_S}, {59 * 10 * KP_NS_PER_S}};

static bool ask(struct kp_core *core, uint32_t index, int64_t every)
{
    struct kp_item *item = &core->world->items[index];
    if (kp_mono_sub(core->now, item->asked_at).ns < every || item->asked ||
        kp_mono_before(core->now, kp_bucket_ready(&core->sweep, &budget)))
        return false;
    kp_bucket_take(&core->sweep, &budget, core->now);
    item->asked = true;
    kp_wheel_set(&core->world->sched, index, kp_tick_floor(core->now));
    return true;
}

/* Asks the item of this path that was asked longest ago, its edge first. */
static void sweep_path(struct kp_core *core, uint32_t index)
{
    struct kp_world *world = core->world;
    struct kp_path *path = &world->paths[index];
    uint32_t oldest = KP_NONE;
    if (kp_mono_sub(core->now, path->swept).ns < PATH_EVERY)
        return;
    path->swept = core->now;
    if (world->items[world->item_count + index].carrier != KP_NONE &&
        ask(core, world->item_count + index, EDGE_EVERY))
        return;
    for (uint32_t i = 0; i < world->item_count; i++) {
        const struct kp_item *item = &world->items[i];
        if (world->targets[item->target].path != index || !kp_baseline_votes(&item->baseline))
            continue;
        if (oldest == KP_NONE || kp_mono_before(item->asked_at, world->items[oldest].asked_at))
            oldest = i;
    }
    if (oldest != KP_NONE)
        (void)ask(core, oldest, ITEM_EVERY);
}

static void sweep_target(struct kp_core *core, const struct kp_target *target)
{
    for (uint32_t i = 0; i < target->item_count; i++)
        (void)ask(core, target->first_item + i, SUSPECT_EVERY);
}

/* Asks the name servers where they alone are suspect. */
static void sweep_dns(struct kp_core *core)
{
    const struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->item_count; i++)
        if (world->items[i].probe->type == KP_PROBE_DNS &&
            !world->targets[world->items[i].target].anchor)
            (void)ask(core, i, SUSPECT_EVERY);
}

static bool rising(const struct kp_group *group)
{
    return group->state != KP_DOWN && kp_group_suspect(group);
}

void kp_sweep_tick(struct kp_core *core)
{
    struct kp_world *world = core->world;
    if (core->offline || !core->alert || kp_mono_before(core->now, core->sweep_at))
        return;
    core->sweep_at = kp_mono_add(core->now, (struct kp_dur){PATH_EVERY});
    bool wide = rising(&core->country);
    for (uint32_t i = 0; i < world->path_count; i++) {
        wide |= rising(&world->paths[i].group);
        if (rising(&world->paths[i].group) || rising(&core->country))
            sweep_path(core, i);
    }
    if (!wide && rising(&core->dns)) {
        sweep_dns(core);
        return;
    }
    for (uint32_t i = 0; i < world->target_count + world->anchor_count && !wide; i++)
        if (rising(&world->targets[i].group))
            sweep_target(core, &world->targets[i]);
}
