#include "lib/core/inner.h"

#include <string.h>

static double mean_rate(const struct kp_core *core)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < KP_RATE_SECONDS; i++)
        sum += core->finished[i];
    double span = kp_dur_seconds(kp_mono_sub(core->now, core->started));
    if (span > KP_RATE_SECONDS)
        span = KP_RATE_SECONDS;
    return span >= 1 ? (double)sum / span : 0;
}

static void count_state(const struct kp_core *core, const struct kp_target *target,
                        uint32_t counts[KP_STATE_COUNT])
{
    struct kp_mono since;
    counts[kp_judge_target_state(core, target, &since)]++;
}

/* Not down by its own record; before it has one, its last probe tells. */
static bool anchor_answers(const struct kp_core *core, const struct kp_target *anchor)
{
    bool last = false;
    for (uint32_t i = 0; i < anchor->item_count; i++) {
        const struct kp_item *item = &core->world->items[anchor->first_item + i];
        last |= item->has_last && item->last_rtt >= 0;
    }
    if (core->vantage == KP_DOWN)
        return false;
    return anchor->group.state == KP_UNKNOWN ? last : anchor->group.state != KP_DOWN;
}

void kp_core_status(const struct kp_core *core, struct kp_status_view *out)
{
    const struct kp_world *world = core->world;
    *out = (struct kp_status_view){.vantage = (enum kp_state)core->vantage,
                                   .targets_total = world->target_count,
                                   .anchors_total = world->anchor_count,
                                   .probes_per_second = mean_rate(core),
                                   .at = kp_tell_wall(core, core->now)};
    for (uint32_t i = 0; i < world->target_count; i++)
        count_state(core, &world->targets[i], out->targets);
    for (uint32_t i = 0; i < world->anchor_count; i++)
        out->anchors_up += anchor_answers(core, &world->targets[world->target_count + i]);
    out->verdict = kp_summary(core, out, out->summary, sizeof out->summary);
}

void kp_core_stats(const struct kp_core *core, struct kp_stats_view *out)
{
    *out = core->stats;
    out->in_flight = 0;
    for (uint32_t i = 0; i < core->inflight.capacity; i++)
        out->in_flight += core->inflight.slots[i].state == KP_SLOT_OPEN;
    out->slots = core->inflight.capacity;
    out->items = core->world->item_count;
    out->scheduler_lag = 0;
    for (size_t i = 0; i < KP_RATE_SECONDS; i++)
        if (core->lag[i] > out->scheduler_lag)
            out->scheduler_lag = core->lag[i];
}

uint32_t kp_core_path_count(const struct kp_core *core)
{
    return core->world->path_count;
}

void kp_core_path(const struct kp_core *core, uint32_t index, struct kp_path_view *out)
{
    const struct kp_world *world = core->world;
    const struct kp_path *path = &world->paths[index];
    *out = (struct kp_path_view){
        .name = path->conf->name,
        .title = path->conf->title,
        .state = kp_judge_path_state(core, path),
        .since = kp_tell_wall(core, core->vantage == KP_DOWN ? core->vantage_since
                                                             : path->group.since),
        .answered_ratio = kp_window_ratio(&path->window, core->now),
        .rtt_p50 = kp_window_rtt(&path->window, core->now, 0.5),
        .rtt_p95 = kp_window_rtt(&path->window, core->now, 0.95),
        .edge_state = kp_judge_item_state(core, &world->items[world->item_count + index]),
        .last_hop = path->last_hop,
        .muted_until = kp_mute_until(core, path->conf->name),
    };
    kp_window_cells(&path->window, core->now, out->spark);
    for (uint32_t i = 0; i < world->target_count; i++)
        if (world->targets[i].path == index)
            count_state(core, &world->targets[i], out->targets);
}

uint32_t kp_core_target_count(const struct kp_core *core)
{
    return core->world->target_count;
}

uint32_t kp_core_anchor_count(const struct kp_core *core)
{
    return core->world->anchor_count;
}

void kp_core_target(const struct kp_core *core, uint32_t index, struct kp_target_view *out)
{
    const struct kp_world *world = core->world;
    const struct kp_target *target = &world->targets[index];
    const struct kp_conf_target *conf = target->conf;
    struct kp_mono since;
    *out = (struct kp_target_view){
        .name = conf->name,
        .title = conf->title,
        .host = conf->host,
        .group = conf->group,
        .state = kp_judge_target_state(core, target, &since),
        .muted_until = kp_mute_until(core, conf->name),
        .is_anchor = target->anchor,
        .path_changes = target->path_changes,
        .probe_count = target->item_count,
    };
    out->since = kp_tell_wall(core, since);
    if (target->address != NULL && !target->mismatch)
        out->address = target->address->addr;
    if (target->path != KP_NONE) {
        out->path = world->paths[target->path].conf->name;
        out->path_source = target->path_seen ? "trace" : "config";
    }
}

static void view_recent(const struct kp_item *item, struct kp_probe_view *out)
{
    uint32_t count = item->recent_total < KP_RECENT ? item->recent_total : KP_RECENT;
    out->recent_count = count;
    for (uint32_t i = 0; i < count; i++)
        out->recent_rtt[i] =
            (double)item->recent[(item->recent_total - count + i) % KP_RECENT].rtt;
}

void kp_core_probe(const struct kp_core *core, uint32_t target, uint32_t probe,
                   struct kp_probe_view *out)
{
    const struct kp_world *world = core->world;
    const struct kp_item *item = &world->items[world->targets[target].first_item + probe];
    *out = (struct kp_probe_view){
        .name = item->probe->name,
        .type = item->probe->type,
        .state = kp_judge_item_state(core, item),
        .has_result = item->has_last,
        .result = (enum kp_result)item->last_result,
        .cause = (enum kp_cause)item->last_cause,
        .errnum = item->last_errnum,
        .rtt = (double)item->last_rtt,
        .reply_ttl = item->last_ttl,
        .at = kp_tell_wall(core, item->last_sent),
        .dns = item->dns,
        .baseline_ratio = item->baseline.learned ? 1 - (double)item->baseline.loss : -1,
        .baseline_rtt = item->baseline.learned ? (double)item->baseline.rtt : -1,
        .sent = item->sent,
        .answered = item->answered,
        .late = item->late,
    };
    if (out->cause != KP_CAUSE_NONE)
        out->sender = item->sender;
    view_recent(item, out);
}

const struct kp_counts *kp_core_counts(const struct kp_core *core, uint32_t target,
                                       uint32_t probe)
{
    const struct kp_world *world = core->world;
    return &world->items[world->targets[target].first_item + probe].counts;
}

static const char *hop_path(const struct kp_world *world, const struct kp_addr *hop)
{
    struct kp_path_seen seen = kp_path_recognise(world->rules, world->path_count, hop, 1);
    return seen.path != KP_PATH_NONE ? world->paths[seen.path].conf->name : NULL;
}

bool kp_core_trace(const struct kp_core *core, uint32_t target, bool before,
                   struct kp_trace_view *out)
{
    const struct kp_world *world = core->world;
    const struct kp_traced *t =
        before ? world->targets[target].traced_before : world->targets[target].traced;
    if (t == NULL)
        return false;
    *out = (struct kp_trace_view){
        .at = kp_tell_wall(core, t->at), .reached = t->reached > 0, .count = t->count};
    if (t->path != KP_NONE)
        out->path = world->paths[t->path].conf->name;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct kp_trace_hop *hop = &t->hops[i];
        out->hops[i] = (struct kp_hop_view){.ttl = (uint8_t)(t->first + i),
                                            .address = hop->address,
                                            .rtt = (double)hop->rtt,
                                            .target = t->first + i == t->reached};
        if (hop->address.family != KP_AF_NONE && !out->hops[i].target)
            out->hops[i].path = hop_path(world, &hop->address);
    }
    return true;
}

bool kp_core_tracing(const struct kp_core *core, uint32_t target)
{
    return core->world->targets[target].trace != NULL;
}

/* The suspicions in one order: paths, targets, the country, the name servers. */
static bool nth_suspicion(const struct kp_core *core, uint32_t index,
                          struct kp_suspicion_view *out)
{
    const struct kp_world *world = core->world;
    const struct kp_group *group = NULL;
    for (uint32_t i = 0; i < world->path_count && group == NULL; i++)
        if (world->paths[i].suspected && index-- == 0) {
            group = &world->paths[i].group;
            *out = (struct kp_suspicion_view){.what = "path",
                                              .where = world->paths[i].conf->name,
                                              .threshold = world->paths[i].threshold};
        }
    for (uint32_t i = 0; i < world->target_count && group == NULL; i++)
        if (world->targets[i].suspected && index-- == 0) {
            group = &world->targets[i].group;
            *out = (struct kp_suspicion_view){.what = "target",
                                              .where = world->targets[i].conf->name,
                                              .threshold = world->targets[i].threshold};
        }
    if (group == NULL && core->country_suspected && index-- == 0) {
        group = &core->country;
        *out = (struct kp_suspicion_view){
            .what = "country", .where = "all paths", .threshold = world->country_threshold};
    }
    if (group == NULL && core->dns_suspected && index-- == 0) {
        group = &core->dns;
        *out = (struct kp_suspicion_view){
            .what = "dns", .where = "name servers", .threshold = world->dns_threshold};
    }
    if (group == NULL)
        return false;
    out->since = kp_tell_wall(core, group->outage.onset);
    out->score = group->outage.score;
    return true;
}

uint32_t kp_core_suspicion_count(const struct kp_core *core)
{
    uint32_t count = 0;
    struct kp_suspicion_view view;
    while (nth_suspicion(core, count, &view))
        count++;
    return count;
}

void kp_core_suspicion_at(const struct kp_core *core, uint32_t index,
                          struct kp_suspicion_view *out)
{
    *out = (struct kp_suspicion_view){0};
    (void)nth_suspicion(core, index, out);
}
