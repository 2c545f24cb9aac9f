/* Going on from a learned state: by names, in this core's own time. */
#include "lib/core/feed.h"
#include "lib/core/learned.h"

#include "lib/core/inner.h"

#include <string.h>

/* Times of the state are this much too late for the core. */
struct restore {
    struct kp_core *core;
    int64_t late;
};

static struct kp_mono in(const struct restore *r, struct kp_mono t)
{
    return kp_mono_set(t) ? (struct kp_mono){t.ns + r->late} : t;
}

static void detect_in(const struct restore *r, struct kp_detect *d)
{
    d->last = in(r, d->last);
    d->onset = in(r, d->onset);
    d->suspected = in(r, d->suspected);
}

static struct kp_group group_in(const struct restore *r, const struct kp_group *from)
{
    struct kp_group g = *from;
    const struct kp_target *source = kp_feed_target(r->core, g.run.source, false);
    g.run.source = source != NULL ? (uint32_t)(source - r->core->world->targets) : KP_NONE;
    detect_in(r, &g.outage);
    detect_in(r, &g.certain);
    detect_in(r, &g.brownout);
    detect_in(r, &g.sluggish);
    g.since = in(r, g.since);
    g.run.first = in(r, g.run.first);
    return g;
}

static struct kp_item *find_item(const struct restore *r, const struct kp_learned_item *from)
{
    struct kp_world *world = r->core->world;
    struct kp_item *item =
        kp_feed_item(r->core, kp_feed_target(r->core, from->target, from->anchor), from->probe);
    if (from->edge_of == KP_NO_NAME || item == NULL)
        return item;
    uint32_t path = kp_feed_path(r->core, from->edge_of);
    if (path == KP_NONE)
        return NULL;
    struct kp_item *edge = &world->items[world->item_count + path];
    edge->carrier = (uint32_t)(item - world->items);
    edge->target = item->target;
    edge->probe = item->probe;
    edge->ttl = from->ttl;
    kp_send_schedule(r->core, world->item_count + path);
    return edge;
}

static void item_in(const struct restore *r, const struct kp_learned_item *from)
{
    struct kp_item *item = find_item(r, from);
    if (item == NULL)
        return;
    item->has_last = from->has_last;
    item->last_result = from->last_result;
    item->last_rtt = from->last_rtt;
    item->last_sent = in(r, from->last_sent);
    item->baseline = from->baseline;
    item->group = group_in(r, &from->group);
    item->alone = from->alone;
    detect_in(r, &item->alone);
    item->odds = from->odds;
    item->sent = from->sent;
    item->answered = from->answered;
    item->late = from->late;
}

/* A name's address is good until it is looked up again, if it is still allowed; the
 * configured one needs no help. */
static void address_in(const struct restore *r, const struct kp_addr *address,
                       struct kp_target *target)
{
    bool by_name = target->address == NULL && target->conf->host != NULL;
    if (by_name && address->family != KP_AF_NONE &&
        (r->core->offline || kp_guard_allows(&r->core->world->guard, address)))
        (void)kp_world_set_address(r->core->world, target, address);
}

static void target_in(const struct restore *r, const struct kp_learned_target *from)
{
    struct kp_target *target = kp_feed_target(r->core, from->name, from->anchor);
    if (target == NULL)
        return;
    uint32_t path = kp_feed_path(r->core, from->path);
    if (from->path_seen && path != KP_NONE) {
        target->path = path;
        target->path_seen = true;
    }
    address_in(r, &from->address, target);
    target->suspected = from->suspected;
    target->mismatch = from->mismatch;
    target->told = from->told;
    target->mismatch_since = in(r, from->mismatch_since);
    target->changed = in(r, from->changed);
    target->last_answer = in(r, from->last_answer);
    target->meddled = in(r, from->meddled);
    target->loss = from->loss;
    target->loss_at = in(r, from->loss_at);
    target->group = group_in(r, &from->group);
}

static void path_in(const struct restore *r, const struct kp_learned_path *from)
{
    uint32_t index = kp_feed_path(r->core, from->name);
    if (index == KP_NONE)
        return;
    struct kp_path *path = &r->core->world->paths[index];
    path->suspected = from->suspected;
    path->told = from->told;
    path->last_hop = from->last_hop;
    path->changed = in(r, from->changed);
    path->last_answer = in(r, from->last_answer);
    path->group = group_in(r, &from->group);
}

static void led_in(struct kp_core *core, const struct kp_explanation *led)
{
    core->led = *led;
    core->led.path_count = 0;
    for (size_t i = 0; i < led->path_count && i < KP_EXPLAIN_PATHS; i++) {
        uint32_t path = kp_feed_path(core, led->paths[i]);
        if (path != KP_NONE)
            core->led.paths[core->led.path_count++] = path;
    }
    if (core->led.path_count < led->path_count)
        core->led.class = KP_V_CLEAR;
}

static void core_in(const struct restore *r, const struct kp_learned_core *from)
{
    struct kp_core *core = r->core;
    core->anchors = group_in(r, &from->anchors);
    core->country = group_in(r, &from->country);
    core->dns = group_in(r, &from->dns);
    core->country_suspected = from->country_suspected;
    core->dns_suspected = from->dns_suspected;
    core->alert = from->alert;
    core->vantage = from->vantage;
    core->failing_count = from->failing_count;
    core->anchor_losses = from->anchor_losses;
    core->vantage_since = in(r, from->vantage_since);
    core->last_anchor_answer = in(r, from->last_anchor_answer);
    core->last_target_answer = in(r, from->last_target_answer);
    core->failing_since = in(r, from->failing_since);
    core->gap_from = in(r, from->gap_from);
    core->gap_to = in(r, from->gap_to);
    core->look_at = in(r, from->look_at);
    core->puzzled = in(r, from->puzzled);
    core->led_until = in(r, from->led_until);
    led_in(core, &from->led);
}

static enum kp_err incidents_in(struct kp_core *core, const struct kp_learned *l)
{
    enum kp_err err = KP_OK;
    for (uint32_t i = 0; i < l->incident_count; i++)
        if (kp_incidents_restore(core->incidents, &l->incidents[i]) == KP_ERR_NOMEM)
            err = KP_ERR_NOMEM;
    kp_incidents_set_state(core->incidents, &l->core.incidents);
    return err;
}

static void mutes_in(struct kp_core *core, const struct kp_learned *l)
{
    for (uint32_t i = 0; i < l->mute_count; i++) {
        const struct kp_learned_mute *mute = &l->mutes[i];
        const char *name = kp_core_record_name(core, mute->name);
        if (name != NULL)
            (void)kp_core_mute(core, name, mute->until,
                               mute->reason != NULL ? mute->reason : "");
    }
}

/* We saw nothing while we were away: that is no evidence, and no answer. */
static void note_absence(const struct restore *r, const struct kp_learned *l)
{
    struct kp_mono left = in(r, l->now);
    if (kp_mono_sub(r->core->now, left).ns < KP_NS_PER_S)
        return;
    struct kp_incidents_state state = kp_incidents_state(r->core->incidents);
    state.resumed = kp_tell_wall(r->core, r->core->now);
    kp_incidents_set_state(r->core->incidents, &state);
    kp_core_gap(r->core, left, r->core->now, KP_NOT_RUNNING);
}

enum kp_err kp_core_restore(struct kp_core *core, const struct kp_learned *l)
{
    const struct restore r = {core, l->wall_minus_mono.ns - core->wall_minus_mono.ns};
    for (uint32_t i = 0; i < l->target_count; i++)
        target_in(&r, &l->targets[i]);
    for (uint32_t i = 0; i < l->item_count; i++)
        item_in(&r, &l->items[i]);
    for (uint32_t i = 0; i < l->path_count; i++)
        path_in(&r, &l->paths[i]);
    core_in(&r, &l->core);
    kp_world_thresholds(core->world);
    mutes_in(core, l);
    enum kp_err err = incidents_in(core, l);
    note_absence(&r, l);
    return err;
}
