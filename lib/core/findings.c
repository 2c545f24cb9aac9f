#include "lib/core/correlate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A best guess is named this long after a silence nothing explains was confirmed. */
#define GUESS_AFTER (45 * KP_NS_PER_S)
/* So long another explanation must lead before it replaces one that led. */
#define SETTLE (10 * KP_NS_PER_S)
/* A host that falls silent this soon after a change of ours may have banned us. */
#define BAN_WITHIN (15 * 60 * KP_NS_PER_S)

static struct kp_finding *add(struct kp_findings *found, enum kp_verdict class)
{
    if (found->count == KP_FINDINGS)
        return NULL;
    struct kp_finding *f = &found->list[found->count++];
    *f = (struct kp_finding){.class = class};
    return f;
}

static bool in_scope(const struct kp_explanation *e, const struct kp_target *target)
{
    if (e->class == KP_V_COUNTRY_OUTAGE || e->class == KP_V_TRANSIT_OUTAGE)
        return true;
    for (size_t i = 0; e->class == KP_V_PATH_OUTAGE && i < e->path_count; i++)
        if (e->paths[i] == target->path)
            return true;
    return false;
}

static bool path_in_scope(const struct kp_explanation *e, uint32_t path)
{
    return in_scope(e, &(struct kp_target){.path = path});
}

static void name_paths(const struct kp_core *core, const struct kp_explanation *e,
                       struct kp_finding *f)
{
    for (uint32_t i = 0; i < core->world->path_count; i++)
        if (path_in_scope(e, i) && core->world->paths[i].target_count > 0)
            kp_names_add(&f->paths, core->world->paths[i].conf->name);
}

static void join(const struct kp_names *names, char *out, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < names->count && i < KP_INCIDENT_NAMES && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 names->name[i]);
}

static void set_where(struct kp_finding *f)
{
    const char *fixed = f->class == KP_V_COUNTRY_OUTAGE   ? "all paths"
                        : f->class == KP_V_TRANSIT_OUTAGE ? "before the edges"
                        : f->class == KP_V_DNS_OUTAGE     ? "name servers"
                                                          : NULL;
    if (fixed != NULL)
        snprintf(f->where, sizeof f->where, "%s", fixed);
    else
        join(&f->paths, f->where, sizeof f->where);
}

/* The targets that share the silence, and since when all of it lasts. */
static void name_targets(const struct kp_core *core, const struct kp_explanation *e,
                         struct kp_finding *f)
{
    for (uint32_t i = 0; i < core->world->item_count; i++) {
        const struct kp_item *item = &core->world->items[i];
        const struct kp_target *target = &core->world->targets[item->target];
        bool inside = e->class == KP_V_DNS_OUTAGE ? item->probe->type == KP_PROBE_DNS
                                                  : in_scope(e, target);
        if (!target->anchor && inside && item->odds > 0 && kp_evidence_votes(core, item))
            kp_names_add(&f->targets, target->conf->name);
    }
}

static void wide_group(const struct kp_group *group, double threshold, struct kp_finding *f,
                       struct kp_mono *began)
{
    if (group->state != KP_DOWN)
        return;
    const struct kp_group_rule rule = {.threshold = threshold};
    f->certain |= kp_group_certain(group, &rule);
    if (!kp_mono_set(*began) || kp_mono_before(*began, group->since))
        *began = group->since;
}

static void set_began(const struct kp_core *core, const struct kp_explanation *e,
                      struct kp_finding *f)
{
    const struct kp_world *world = core->world;
    struct kp_mono began = {0};
    if (e->class == KP_V_DNS_OUTAGE)
        wide_group(&core->dns, world->dns_threshold, f, &began);
    for (uint32_t i = 0; i < world->path_count; i++)
        if (path_in_scope(e, i))
            wide_group(&world->paths[i].group, world->paths[i].threshold, f, &began);
    if (!kp_mono_set(began))
        wide_group(&core->country, world->country_threshold, f, &began);
    if (!kp_mono_set(began))
        wide_group(&core->dns, world->dns_threshold, f, &began);
    f->began = kp_tell_wall(core, kp_mono_set(began) ? began : core->now);
}

/* What stage 2 is sure of, each part of it is silent with. */
static void blame_scope(struct kp_core *core, const struct kp_explanation *e)
{
    for (uint32_t i = 0; i < core->world->path_count; i++) {
        struct kp_group *group = &core->world->paths[i].group;
        if (path_in_scope(e, i) && group->state != KP_DOWN && group->state != KP_UNKNOWN &&
            group->outage.score > 0) {
            kp_group_blame(group);
            kp_tell_path(core, &core->world->paths[i]);
        }
    }
}

static bool is_wide(enum kp_verdict class)
{
    return class == KP_V_COUNTRY_OUTAGE || class == KP_V_TRANSIT_OUTAGE ||
           class == KP_V_PATH_OUTAGE || class == KP_V_DNS_OUTAGE;
}

/* Confirmed, and not on its way back: then the open incident tells the rest. */
static bool silent(const struct kp_group *group)
{
    return group->state == KP_DOWN && group->run.answers == 0;
}

static bool wide_confirmed(const struct kp_core *core)
{
    bool any = silent(&core->country) || silent(&core->dns);
    for (uint32_t i = 0; i < core->world->path_count; i++)
        any |=
            silent(&core->world->paths[i].group) && !kp_mute_path(core, &core->world->paths[i]);
    return any;
}

/* Two hosts of what the explanation covers are silent beyond doubt each by itself, as
 * where answers of others that moved away hide it from their path. */
static bool hosts_confirm(const struct kp_core *core, const struct kp_explanation *e)
{
    const struct kp_address *first = NULL;
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (!in_scope(e, target) || !silent(&target->group) || kp_mute_target(core, target) ||
            target->group.outage.score < target->threshold)
            continue;
        if (first != NULL && first != target->address)
            return true;
        first = target->address;
    }
    return false;
}

/* A path that is not named may be falling silent too, or has not been heard since:
 * whether one path fails or more is not known yet. */
static bool others_open(const struct kp_core *core, const struct kp_explanation *e)
{
    struct kp_mono began = {0};
    for (uint32_t i = 0; i < core->world->path_count; i++)
        if (path_in_scope(e, i) && kp_mono_before(began, core->world->paths[i].group.since))
            began = core->world->paths[i].group.since;
    for (uint32_t i = 0; i < core->world->path_count && e->class == KP_V_PATH_OUTAGE; i++) {
        const struct kp_path *path = &core->world->paths[i];
        if (!path_in_scope(e, i) && path->target_count > 0 && path->group.state == KP_UP &&
            (path->group.outage.score >= KP_DETECT_SUSPECT / 2 ||
             kp_mono_before(path->last_answer, began)))
            return true;
    }
    return false;
}

static void name_servers(const struct kp_core *core, struct kp_finding *f)
{
    name_targets(core, &(struct kp_explanation){.class = KP_V_DNS_OUTAGE}, f);
}

/* What nothing explains yet is at least known by the groups that may be silent; false
 * if none is. */
static bool name_silent(const struct kp_core *core, struct kp_finding *f)
{
    for (uint32_t i = 0; i < core->world->path_count; i++)
        if (kp_group_suspect(&core->world->paths[i].group))
            kp_names_add(&f->paths, core->world->paths[i].conf->name);
    for (uint32_t i = 0; i < core->world->target_count; i++)
        if (kp_group_suspect(&core->world->targets[i].group))
            kp_names_add(&f->targets, core->world->targets[i].conf->name);
    if (silent(&core->dns))
        name_servers(core, f);
    snprintf(f->where, sizeof f->where, "%s",
             silent(&core->dns) ? "name servers" : "all paths");
    if (f->paths.count > 0)
        join(&f->paths, f->where, sizeof f->where);
    return f->paths.count > 0 || f->targets.count > 0;
}

/* One wide explanation gives way to another only once that has led for a while:
 * when things come back, they do not come back at once. */
static void settle(struct kp_core *core, struct kp_explanation *e)
{
    bool same = e->leads && e->class == core->led.class &&
                e->path_count == core->led.path_count &&
                memcmp(e->paths, core->led.paths, e->path_count * sizeof e->paths[0]) == 0;
    if (same || !e->leads || core->led.class == KP_V_CLEAR) {
        core->led_until = core->now;
        if (e->leads && is_wide(e->class))
            core->led = *e;
        return;
    }
    if (kp_mono_sub(core->now, core->led_until).ns < SETTLE)
        *e = core->led;
    else
        core->led = *e;
}

/* A confirmed silence of more than a host.  e says what it is once that leads;
 * its class becomes clear where nothing is covered. */
static void find_wide(struct kp_core *core, struct kp_explanation *e, struct kp_findings *found)
{
    settle(core, e);
    bool sure = e->leads && is_wide(e->class);
    bool host = e->class == KP_V_HOST_OUTAGE || e->class == KP_V_SERVICE_OUTAGE;
    bool confirmed = wide_confirmed(core) || (sure && hosts_confirm(core, e));
    if (!confirmed || (host && e->leads)) {
        /* What it covers, if it leads, is not yet put on single hosts either. */
        if (!sure)
            e->class = KP_V_CLEAR;
        core->led.class = KP_V_CLEAR;
        core->puzzled = (struct kp_mono){0};
        return;
    }
    sure = sure && !others_open(core, e);
    if (sure)
        core->puzzled = (struct kp_mono){0};
    else if (!kp_mono_set(core->puzzled))
        core->puzzled = core->now;
    bool guess = !sure && kp_mono_sub(core->now, core->puzzled).ns >= GUESS_AFTER;
    struct kp_finding *f = add(found, sure || guess ? e->class : KP_V_UNKNOWN);
    if (f == NULL)
        return;
    if (!is_wide(f->class))
        f->class = KP_V_UNKNOWN;
    f->leads = sure;
    f->unsure = f->class == KP_V_COUNTRY_OUTAGE && !e->edge_known;
    if (sure)
        blame_scope(core, e);
    set_began(core, e, f);
    if (f->class == KP_V_UNKNOWN) {
        if (!name_silent(core, f)) {
            found->count--;
            return;
        }
    } else {
        name_paths(core, e, f);
        name_targets(core, e, f);
        set_where(f);
    }
    kp_facts_explain(core, e, f);
}

static bool wider_is_suspect(const struct kp_core *core, const struct kp_target *target)
{
    const struct kp_path *path =
        target->path != KP_NONE ? &core->world->paths[target->path] : NULL;
    return kp_group_suspect(&core->country) ||
           (path != NULL && path->target_count > 1 && kp_group_suspect(&path->group));
}

static void host_facts(const struct kp_core *core, const struct kp_target *target,
                       const struct kp_group *group, double threshold, struct kp_finding *f)
{
    kp_facts_add(f, "silence", "clear", group->outage.score, threshold,
                 "its silence is more than loss bursts explain");
    kp_facts_add(f, "neighbours", "path-outage", 1, 1,
                 "other hosts%s%s answer since it fell silent",
                 target->path != KP_NONE ? " on " : "",
                 target->path != KP_NONE ? core->world->paths[target->path].conf->title : "");
    if (f->class == KP_V_SERVICE_OUTAGE)
        kp_facts_add(f, "host", "host-outage", 1, 1, "the host answers other probes");
    if (f->class == KP_V_POSSIBLE_BAN)
        kp_facts_add(f, "change", "host-outage", 1, 1,
                     "it fell silent within 15 minutes after a change of how we ask it: it may "
                     "be that only we are refused");
}

static struct kp_finding *find_silent(const struct kp_core *core, uint32_t index,
                                      const struct kp_group *group, double threshold,
                                      enum kp_verdict class, struct kp_findings *found)
{
    const struct kp_target *target = &core->world->targets[index];
    struct kp_finding *f = add(found, class);
    if (f == NULL)
        return NULL;
    f->leads = kp_labels_neighbours(core, index, group->since);
    f->unsure = class != KP_V_SERVICE_OUTAGE && kp_labels_doubt(core, index, group->since);
    f->certain = kp_group_certain(group, &(struct kp_group_rule){.threshold = threshold});
    f->began = kp_tell_wall(core, group->since);
    kp_names_add(&f->targets, target->conf->name);
    if (target->path != KP_NONE)
        kp_names_add(&f->paths, core->world->paths[target->path].conf->name);
    host_facts(core, target, group, threshold, f);
    return f;
}

static bool meddled(const struct kp_target *target)
{
    int64_t after = kp_mono_sub(target->group.since, target->meddled).ns;
    return kp_mono_set(target->meddled) && after >= 0 && after <= BAN_WITHIN;
}

/* Targets behind one address are one host: the first of them speaks. */
static bool first_of_host(const struct kp_core *core, uint32_t index)
{
    const struct kp_target *target = &core->world->targets[index];
    for (uint32_t i = 0; i < index && target->address->users > 1; i++)
        if (core->world->targets[i].address == target->address &&
            core->world->targets[i].group.state == KP_DOWN)
            return false;
    return true;
}

static void find_host(const struct kp_core *core, uint32_t index, struct kp_findings *found)
{
    const struct kp_world *world = core->world;
    const struct kp_target *target = &world->targets[index];
    if (!first_of_host(core, index))
        return;
    enum kp_verdict class = meddled(target) ? KP_V_POSSIBLE_BAN : KP_V_HOST_OUTAGE;
    struct kp_finding *f =
        find_silent(core, index, &target->group, target->threshold, class, found);
    if (f == NULL)
        return;
    snprintf(f->where, sizeof f->where, "%s", target->conf->name);
    for (uint32_t i = index + 1; i < world->target_count; i++)
        if (world->targets[i].address == target->address)
            kp_names_add(&f->targets, world->targets[i].conf->name);
}

static void find_services(const struct kp_core *core, uint32_t index, struct kp_findings *found)
{
    const struct kp_target *target = &core->world->targets[index];
    for (uint32_t i = target->first_item; i < target->first_item + target->item_count; i++) {
        const struct kp_item *item = &core->world->items[i];
        if (!silent(&item->group) || item->probe->type == KP_PROBE_ICMP)
            continue;
        struct kp_finding *f =
            find_silent(core, index, &item->group, item->threshold, KP_V_SERVICE_OUTAGE, found);
        if (f != NULL)
            snprintf(f->where, sizeof f->where, "%s/%s", target->conf->name, item->probe->name);
    }
}

static void find_hosts(const struct kp_core *core, const struct kp_explanation *e,
                       struct kp_findings *found)
{
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (target->address == NULL || in_scope(e, target) || kp_mute_target(core, target) ||
            wider_is_suspect(core, target))
            continue;
        /* A host that was silent with its path must be found so by itself, now. */
        if (silent(&target->group) && target->group.outage.score >= target->threshold)
            find_host(core, i, found);
        else if (target->group.state != KP_DOWN && e->class != KP_V_DNS_OUTAGE)
            find_services(core, i, found);
    }
}

static void find_vantage(const struct kp_core *core, struct kp_findings *found)
{
    struct kp_finding *f = add(found, KP_V_VANTAGE_FAULT);
    bool sends = core->failing_count > 0;
    struct kp_mono began = sends ? core->failing_since : core->anchors.outage.onset;
    f->leads = f->certain = true;
    f->began = kp_tell_wall(core, began);
    snprintf(f->where, sizeof f->where, "%s", core->world->conf->vantage_name);
    if (sends)
        kp_facts_add(f, "sends", "transit-outage", core->failing_count, 3,
                     "our own sends fail: nothing leaves this machine");
    else
        kp_facts_add(f, "anchors", "transit-outage", core->anchors.outage.score,
                     core->world->vantage_threshold,
                     "every anchor is silent and no target answers");
}

/* A path is degraded where most of its living targets are, not where a few are
 * down. */
static bool most_are_brown(const struct kp_core *core, uint32_t path)
{
    uint32_t brown = 0;
    uint32_t alive = 0;
    struct kp_mono since;
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (target->path != path || target->group.state == KP_DOWN ||
            target->group.state == KP_UNKNOWN)
            continue;
        alive++;
        brown += kp_group_worse(&target->group, &since) > 0;
    }
    return brown * 2 > alive;
}

/* Degraded, or about to be found so: then its targets are no news. */
static bool path_is_worse(const struct kp_core *core, uint32_t path)
{
    struct kp_mono since;
    if (path == KP_NONE)
        return false;
    const struct kp_group *group = &core->world->paths[path].group;
    return group->state == KP_DEGRADED ||
           (kp_group_worse(group, &since) > 0 && most_are_brown(core, path));
}

static void degraded(const struct kp_core *core, const struct kp_group *group, const char *path,
                     const char *target, struct kp_findings *found)
{
    struct kp_finding *f = add(found, KP_V_DEGRADED);
    struct kp_mono since;
    if (f == NULL)
        return;
    f->leads = true;
    f->began = kp_tell_wall(core, group->since);
    snprintf(f->where, sizeof f->where, "%s", target != NULL ? target : path);
    if (path != NULL)
        kp_names_add(&f->paths, path);
    if (target != NULL)
        kp_names_add(&f->targets, target);
    kp_facts_add(f, "brown-out", "clear", kp_group_worse(group, &since), 0,
                 "loss or round-trip time far above its baseline for two minutes");
    kp_facts_add(f, "answers", "path-outage", 1, 1, "some probes are still answered");
}

static void find_degraded(const struct kp_core *core, const struct kp_explanation *e,
                          struct kp_findings *found)
{
    const struct kp_world *world = core->world;
    size_t first = found->count;
    uint32_t with_targets = 0;
    for (uint32_t i = 0; i < world->path_count; i++) {
        const struct kp_path *path = &world->paths[i];
        with_targets += path->target_count > 0;
        if (path->group.state == KP_DEGRADED && !path_in_scope(e, i) &&
            !kp_mute_path(core, path) && most_are_brown(core, i))
            degraded(core, &path->group, path->conf->name, NULL, found);
    }
    if (with_targets > 1 && found->count - first == with_targets) {
        for (size_t i = first + 1; i < found->count; i++)
            kp_names_add(&found->list[first].paths, found->list[i].paths.name[0]);
        snprintf(found->list[first].where, sizeof found->list[first].where, "all paths");
        found->count = first + 1;
    }
    for (uint32_t i = 0; i < world->target_count; i++) {
        const struct kp_target *target = &world->targets[i];
        if (target->group.state == KP_DEGRADED && !path_is_worse(core, target->path) &&
            !in_scope(e, target) && !kp_mute_target(core, target))
            degraded(core, &target->group,
                     target->path != KP_NONE ? world->paths[target->path].conf->name : NULL,
                     target->conf->name, found);
    }
}

void kp_findings_collect(struct kp_core *core, struct kp_findings *found)
{
    struct kp_explanation e = {0};
    if (core->vantage == KP_DOWN) {
        find_vantage(core, found);
        return;
    }
    if (!kp_evidence_explain(core, &e))
        return;
    find_wide(core, &e, found);
    find_hosts(core, &e, found);
    find_degraded(core, &e, found);
}
