/* Whether it is known well enough which path a host takes to blame the host and not its
 * path: BGP may have moved it, or those it is compared with, in the same moment
 * (DETECTION: "Re-trace on suspicion, before judging"). */
#include "lib/core/correlate.h"

/* Traces that are not back by then are not waited for. */
#define WAIT (180 * KP_NS_PER_S)

/* A trace that began since then is over; or there never was one, and so it is where it
 * is expected. */
static bool fresh(const struct kp_target *target, struct kp_mono since)
{
    return target->traced == NULL ? !target->path_seen
                                  : !kp_mono_before(target->traced->began, since);
}

static bool alone(const struct kp_core *core, const struct kp_target *target)
{
    return target->path == KP_NONE || core->world->paths[target->path].target_count < 2;
}

/* Somebody else on its path (or, alone there, anywhere) answers since then. */
static bool leans_on(const struct kp_core *core, const struct kp_target *target,
                     const struct kp_target *other, struct kp_mono since)
{
    return other->address != target->address &&
           (other->path == target->path || alone(core, target)) &&
           !kp_mono_before(other->last_answer, since);
}

/* ... of whom, if only fresh ones count, a trace since then tells the path. */
static bool neighbours(const struct kp_core *core, uint32_t index, struct kp_mono since,
                       bool fresh_only)
{
    const struct kp_world *world = core->world;
    const struct kp_target *target = &world->targets[index];
    bool any_label = !fresh_only || alone(core, target);
    for (uint32_t i = 0; i < world->target_count; i++)
        if (leans_on(core, target, &world->targets[i], since) &&
            (any_label || fresh(&world->targets[i], since)))
            return true;
    return false;
}

bool kp_labels_neighbours(const struct kp_core *core, uint32_t index, struct kp_mono since)
{
    return neighbours(core, index, since, false);
}

/* Its own trace sees another path (the next will say whether it moved), or does not see
 * the last visible hop of its path, which answers others (along its own flow that hop
 * says nothing of others). */
static bool off_path(const struct kp_core *core, uint32_t index)
{
    const struct kp_target *target = &core->world->targets[index];
    const struct kp_item *edge = &core->world->items[core->world->item_count + target->path];
    if (target->traced == NULL || target->traced->path != KP_NONE)
        return target->traced != NULL && target->traced->path != target->path;
    return edge->carrier != KP_NONE && (edge->target == index || edge->group.state != KP_DOWN);
}

bool kp_labels_doubt(const struct kp_core *core, uint32_t index, struct kp_mono since)
{
    const struct kp_target *target = &core->world->targets[index];
    bool told = fresh(target, since) && neighbours(core, index, since, true);
    if (!told && kp_mono_sub(core->now, since).ns < WAIT)
        return true;
    if (target->path == KP_NONE || !target->path_seen)
        return false;
    /* Or the others have just left it: host and path are one. */
    bool left = !kp_mono_before(core->world->paths[target->path].left, since);
    return off_path(core, index) || (alone(core, target) && left);
}

void kp_labels_trace(struct kp_core *core, uint32_t index, uint32_t path)
{
    const struct kp_item *edge =
        path != KP_NONE ? &core->world->items[core->world->item_count + path] : NULL;
    if (edge == NULL || edge->carrier == KP_NONE)
        kp_tracing_ask(core, index, 1, UINT8_MAX);
    else
        kp_tracing_ask(core, index, edge->ttl > 1 ? (uint8_t)(edge->ttl - 1) : 1,
                       (uint8_t)(edge->ttl + 3));
}

/* One of those it is compared with at a time. */
static void trace_neighbour(struct kp_core *core, uint32_t index, struct kp_mono since)
{
    const struct kp_world *world = core->world;
    uint32_t next = KP_NONE;
    for (uint32_t i = 0; i < world->target_count; i++) {
        if (!leans_on(core, &world->targets[index], &world->targets[i], since))
            continue;
        if (world->targets[i].trace != NULL)
            return;
        if (next == KP_NONE && !fresh(&world->targets[i], since))
            next = i;
    }
    if (next != KP_NONE)
        kp_labels_trace(core, next, world->targets[next].path);
}

void kp_labels_refresh(struct kp_core *core, uint32_t index)
{
    const struct kp_target *target = &core->world->targets[index];
    struct kp_mono since = target->group.outage.onset;
    if (kp_mono_sub(core->now, since).ns >= WAIT)
        return;
    if (!fresh(target, since))
        kp_labels_trace(core, index, target->path);
    if (!alone(core, target) && !neighbours(core, index, since, true))
        trace_neighbour(core, index, since);
}
