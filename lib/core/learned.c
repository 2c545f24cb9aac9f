#include "lib/core/learned.h"

#include "lib/core/inner.h"

#include <stdlib.h>
#include <string.h>

/* Closed incidents are of use while they may come back: the latest of a day. */
#define CLOSED_STAY (24 * 3600 * KP_NS_PER_S)
#define CLOSED_MOST 24

struct kp_learned *kp_learned_new(const struct kp_learned *counts)
{
    struct kp_learned *l = malloc(sizeof *l);
    if (l == NULL)
        return NULL;
    *l = *counts;
    l->users = 1;
    l->items = calloc(l->item_count + 1, sizeof *l->items);
    l->targets = calloc(l->target_count + 1, sizeof *l->targets);
    l->paths = calloc(l->path_count + 1, sizeof *l->paths);
    l->incidents = calloc(l->incident_count + 1, sizeof *l->incidents);
    l->mutes = calloc(l->mute_count + 1, sizeof *l->mutes);
    if (l->items != NULL && l->targets != NULL && l->paths != NULL && l->incidents != NULL &&
        l->mutes != NULL)
        return l;
    kp_learned_free(l);
    return NULL;
}

void kp_learned_free(struct kp_learned *l)
{
    if (l == NULL || --l->users > 0)
        return;
    free(l->items);
    free(l->targets);
    free(l->paths);
    free(l->incidents);
    for (uint32_t i = 0; l->mutes != NULL && i < l->mute_count; i++)
        free(l->mutes[i].reason);
    free(l->mutes);
    free(l);
}

static uint32_t target_name(const struct kp_world *world, uint32_t index)
{
    bool known = index < world->target_count + world->anchor_count;
    return known ? world->targets[index].name : KP_NO_NAME;
}

static struct kp_group group_out(const struct kp_world *world, const struct kp_group *group)
{
    struct kp_group out = *group;
    out.run.source = target_name(world, group->run.source);
    return out;
}

static void item_out(const struct kp_core *core, const struct kp_item *item,
                     struct kp_learned_item *out)
{
    const struct kp_world *world = core->world;
    bool edge = item->edge_of != KP_NONE;
    *out = (struct kp_learned_item){
        .target = target_name(world, item->target),
        .probe = edge ? world->items[item->carrier].name : item->name,
        .edge_of = edge ? world->paths[item->edge_of].name : KP_NO_NAME,
        .ttl = item->ttl,
        .anchor = world->targets[item->target].anchor,
        .has_last = item->has_last,
        .last_result = item->last_result,
        .last_rtt = item->last_rtt,
        .last_sent = item->last_sent,
        .baseline = item->baseline,
        .group = group_out(world, &item->group),
        .alone = item->alone,
        .odds = item->odds,
        .sent = item->sent,
        .answered = item->answered,
        .late = item->late,
    };
}

static void items_out(const struct kp_core *core, struct kp_learned *l)
{
    const struct kp_world *world = core->world;
    l->item_count = 0;
    for (uint32_t i = 0; i < world->item_count + world->path_count; i++) {
        const struct kp_item *item = &world->items[i];
        if (item->edge_of == KP_NONE || item->carrier != KP_NONE)
            item_out(core, item, &l->items[l->item_count++]);
    }
}

static void targets_out(const struct kp_core *core, struct kp_learned *l)
{
    for (uint32_t i = 0; i < l->target_count; i++) {
        const struct kp_target *t = &core->world->targets[i];
        l->targets[i] = (struct kp_learned_target){
            .name = t->name,
            .path = kp_record_path(core, t),
            .anchor = t->anchor,
            .path_seen = t->path_seen,
            .suspected = t->suspected,
            .mismatch = t->mismatch,
            .told = t->told,
            .address = t->address != NULL ? t->address->addr : (struct kp_addr){0},
            .mismatch_since = t->mismatch_since,
            .changed = t->changed,
            .last_answer = t->last_answer,
            .meddled = t->meddled,
            .loss = t->loss,
            .loss_at = t->loss_at,
            .group = group_out(core->world, &t->group),
        };
    }
}

static void paths_out(const struct kp_core *core, struct kp_learned *l)
{
    for (uint32_t i = 0; i < l->path_count; i++) {
        const struct kp_path *p = &core->world->paths[i];
        l->paths[i] = (struct kp_learned_path){p->name,
                                               p->suspected,
                                               p->told,
                                               p->last_hop,
                                               p->changed,
                                               p->last_answer,
                                               group_out(core->world, &p->group)};
    }
}

/* The index of the first incident of which the closed ones are kept. */
static uint32_t first_closed(const struct kp_core *core)
{
    uint32_t closed = 0;
    uint32_t i = kp_incidents_count(core->incidents);
    for (; i > 0 && closed < CLOSED_MOST; i--)
        closed += kp_incidents_at(core->incidents, i - 1)->phase == KP_CLOSED;
    return i;
}

/* Writes those of use where out is not NULL; their number. */
static uint32_t incidents_out(const struct kp_core *core, struct kp_incident *out)
{
    uint32_t first = first_closed(core);
    uint32_t n = 0;
    for (uint32_t i = 0; i < kp_incidents_count(core->incidents); i++) {
        const struct kp_incident *incident = kp_incidents_at(core->incidents, i);
        int64_t ago = kp_tell_wall(core, core->now).ns - incident->closed_at.ns;
        if (incident->phase == KP_CLOSED && (i < first || ago > CLOSED_STAY))
            continue;
        if (out != NULL)
            out[n] = *incident;
        n++;
    }
    return n;
}

static void core_out(const struct kp_core *core, struct kp_learned_core *out)
{
    *out = (struct kp_learned_core){
        .anchors = group_out(core->world, &core->anchors),
        .country = group_out(core->world, &core->country),
        .dns = group_out(core->world, &core->dns),
        .country_suspected = core->country_suspected,
        .dns_suspected = core->dns_suspected,
        .alert = core->alert,
        .vantage = core->vantage,
        .failing_count = core->failing_count,
        .anchor_losses = core->anchor_losses,
        .vantage_since = core->vantage_since,
        .last_anchor_answer = core->last_anchor_answer,
        .last_target_answer = core->last_target_answer,
        .failing_since = core->failing_since,
        .gap_from = core->gap_from,
        .gap_to = core->gap_to,
        .look_at = core->look_at,
        .puzzled = core->puzzled,
        .led_until = core->led_until,
        .led = core->led,
        .incidents = kp_incidents_state(core->incidents),
    };
    for (size_t i = 0; i < core->led.path_count; i++)
        out->led.paths[i] = core->world->paths[core->led.paths[i]].name;
}

struct kp_learned *kp_core_learned(struct kp_core *core)
{
    const struct kp_world *world = core->world;
    struct kp_learned *l = kp_learned_new(&(struct kp_learned){
        .record = core->records.last,
        .generation = core->generation,
        .now = core->now,
        .wall_minus_mono = core->wall_minus_mono,
        .item_count = world->item_count + world->path_count,
        .target_count = world->target_count + world->anchor_count,
        .path_count = world->path_count,
        .incident_count = incidents_out(core, NULL),
        .mute_count = core->mute_count,
    });
    if (l == NULL)
        return NULL;
    core_out(core, &l->core);
    items_out(core, l);
    targets_out(core, l);
    paths_out(core, l);
    (void)incidents_out(core, l->incidents);
    for (uint32_t i = 0; i < core->mute_count; i++)
        l->mutes[i] =
            (struct kp_learned_mute){kp_record_intern(core, core->mutes[i].name),
                                     core->mutes[i].until, strdup(core->mutes[i].reason)};
    return l;
}

/* The configuration of what was learned then is still held. */
static bool held(const struct kp_core *core, const struct kp_learned *l)
{
    return l->generation + KP_OLD_CONFIGS >= core->generation;
}

/* Small ones often, so that an export need not begin long before what it is about;
 * large ones only so that there is always one. */
static uint32_t kept(const struct kp_core *core)
{
    return core->world->item_count > 10000 ? 2 : KP_CHECKPOINTS;
}

void kp_checkpoint_tick(struct kp_core *core)
{
    struct kp_records *r = &core->records;
    uint32_t newest = (r->checkpoint_next + KP_CHECKPOINTS - 1) % KP_CHECKPOINTS;
    const struct kp_learned *last = r->checkpoints[newest];
    /* One reload more, and there would be none to begin with. */
    bool current = last != NULL && last->generation + KP_OLD_CONFIGS > core->generation;
    if (core->offline || (current && r->last - last->record < r->capacity / kept(core) - 1))
        return;
    struct kp_learned *l = kp_core_learned(core);
    if (l == NULL)
        return; /* the next tick tries again */
    uint32_t oldest = (r->checkpoint_next + KP_CHECKPOINTS - kept(core)) % KP_CHECKPOINTS;
    kp_learned_free(r->checkpoints[oldest]);
    r->checkpoints[oldest] = NULL;
    kp_learned_free(r->checkpoints[r->checkpoint_next]);
    r->checkpoints[r->checkpoint_next] = l;
    r->checkpoint_next = (r->checkpoint_next + 1) % KP_CHECKPOINTS;
}

void kp_checkpoint_fini(struct kp_core *core)
{
    for (int i = 0; i < KP_CHECKPOINTS; i++)
        kp_learned_free(core->records.checkpoints[i]);
}

struct kp_learned *kp_core_checkpoint(struct kp_core *core, struct kp_wall before)
{
    struct kp_learned *best = NULL;
    for (int i = 0; i < KP_CHECKPOINTS; i++) {
        struct kp_learned *l = core->records.checkpoints[i];
        if (l == NULL || l->record + 1 < kp_core_record_oldest(core) || !held(core, l))
            continue;
        bool fits = l->now.ns + l->wall_minus_mono.ns <= before.ns;
        bool best_fits = best != NULL && best->now.ns + best->wall_minus_mono.ns <= before.ns;
        if (best == NULL || (fits && (!best_fits || l->record > best->record)) ||
            (!fits && !best_fits && l->record < best->record))
            best = l;
    }
    if (best != NULL)
        best->users++;
    return best;
}
