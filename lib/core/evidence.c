/* What every item that has a voice says now, for stage 2. */
#include "lib/core/correlate.h"

#include <stdlib.h>

bool kp_evidence_votes(const struct kp_core *core, const struct kp_item *item)
{
    return kp_baseline_votes(&item->baseline) &&
           !kp_mute_target(core, &core->world->targets[item->target]);
}

static enum kp_evidence_kind kind_of(const struct kp_core *core, const struct kp_item *item)
{
    if (core->world->targets[item->target].anchor)
        return KP_EVIDENCE_ANCHOR;
    switch (item->probe->type) {
    case KP_PROBE_ICMP:
        return KP_EVIDENCE_ICMP;
    case KP_PROBE_DNS:
        return KP_EVIDENCE_DNS;
    default:
        return KP_EVIDENCE_TCP;
    }
}

static void sooner(const struct kp_group *group, struct kp_mono *since)
{
    if (group->outage.score >= KP_DETECT_SUSPECT &&
        (!kp_mono_set(*since) || kp_mono_before(group->outage.onset, *since)))
        *since = group->outage.onset;
}

/* When the silence that is to be explained began. */
static struct kp_mono silent_since(const struct kp_core *core)
{
    struct kp_mono since = {0};
    sooner(&core->country, &since);
    sooner(&core->dns, &since);
    for (uint32_t i = 0; i < core->world->path_count; i++)
        sooner(&core->world->paths[i].group, &since);
    return since;
}

/* An answer from before the silence says nothing about it. */
static double odds_of(const struct kp_item *item, struct kp_mono since)
{
    bool stale = item->last_rtt >= 0 && kp_mono_before(item->last_sent, since);
    return stale ? 0 : item->odds;
}

static size_t gather(const struct kp_core *core, struct kp_evidence *list)
{
    struct kp_mono since = silent_since(core);
    const struct kp_world *world = core->world;
    size_t count = 0;
    for (uint32_t i = 0; i < world->item_count; i++) {
        const struct kp_item *item = &world->items[i];
        const struct kp_target *target = &world->targets[item->target];
        if (!kp_evidence_votes(core, item) || target->address == NULL)
            continue;
        list[count++] = (struct kp_evidence){odds_of(item, since),
                                             kind_of(core, item),
                                             item->target,
                                             target->address->id,
                                             target->anchor ? KP_EXPLAIN_NONE : target->path,
                                             i};
    }
    for (uint32_t i = 0; i < world->path_count; i++) {
        const struct kp_item *edge = &world->items[world->item_count + i];
        if (edge->carrier != KP_NONE && kp_baseline_votes(&edge->baseline))
            list[count++] = (struct kp_evidence){
                odds_of(edge, since), KP_EVIDENCE_EDGE, KP_EXPLAIN_NONE, KP_EXPLAIN_NONE, i,
                world->item_count + i};
    }
    return count;
}

bool kp_evidence_explain(const struct kp_core *core, struct kp_explanation *out)
{
    size_t room = core->world->item_count + core->world->path_count;
    struct kp_evidence *list = calloc(room + 1, sizeof *list);
    if (list == NULL)
        return false;
    struct kp_explain_input in = {
        .evidence = list, .count = gather(core, list), .path_count = core->world->path_count};
    enum kp_err err = kp_explain(&in, out);
    free(list);
    return err == KP_OK;
}
