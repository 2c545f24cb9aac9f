/* Since when what an incident is about answers again. */
#include "lib/core/correlate.h"
#include "lib/judging/finding.h"

#include <string.h>

static struct kp_wall never(void)
{
    return (struct kp_wall){0};
}

/* First answer of the run that brought this group back; never: it is silent, or
 * was never found silent and so cannot have come back. */
static struct kp_wall back_since(const struct kp_core *core, const struct kp_group *group,
                                 const struct kp_incident *incident)
{
    if (group->state == KP_DOWN || group->state == KP_UNKNOWN)
        return never();
    if (incident->what.class == KP_V_DEGRADED && group->state == KP_DEGRADED)
        return never();
    struct kp_wall since = kp_tell_wall(core, group->since);
    return since.ns >= incident->fell.ns ? since : never();
}

/* Adds one part: back since `since`, or still silent (never). */
static void add_part(struct kp_back *back, struct kp_wall since)
{
    if (since.ns == 0)
        return;
    if (back->first.ns == 0 || since.ns < back->first.ns)
        back->first = since;
    if (since.ns > back->settled.ns)
        back->settled = since;
}

static struct kp_back since(struct kp_wall t)
{
    return (struct kp_back){t, t};
}

/* May be falling silent again: to be awaited before it counts as over. */
static bool wavers(const struct kp_group *group)
{
    return group->state != KP_DOWN && group->outage.score >= KP_DETECT_SUSPECT;
}

static struct kp_back paths_back(const struct kp_core *core, const struct kp_incident *incident)
{
    struct kp_back back = {0};
    for (uint32_t i = 0; i < core->world->path_count; i++) {
        const struct kp_path *path = &core->world->paths[i];
        if (!kp_names_has(&incident->what.paths, path->conf->name))
            continue;
        add_part(&back, back_since(core, &path->group, incident));
        if (wavers(&path->group))
            back.settled = kp_tell_wall(core, core->now);
    }
    return back;
}

static struct kp_wall service_back(const struct kp_core *core, const struct kp_target *target,
                                   const struct kp_incident *incident)
{
    const char *slash = strrchr(incident->what.where, '/');
    for (uint32_t i = 0; slash != NULL && i < target->item_count; i++) {
        const struct kp_item *item = &core->world->items[target->first_item + i];
        if (strcmp(item->probe->name, slash + 1) == 0)
            return back_since(core, &item->group, incident);
    }
    return kp_tell_wall(core, core->now); /* no longer asked: nothing to wait for */
}

static struct kp_back targets_back(const struct kp_core *core,
                                   const struct kp_incident *incident)
{
    struct kp_back back = {0};
    bool any = false;
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (!kp_names_has(&incident->what.targets, target->conf->name))
            continue;
        any = true;
        add_part(&back, incident->what.class == KP_V_SERVICE_OUTAGE
                            ? service_back(core, target, incident)
                            : back_since(core, &target->group, incident));
        if (wavers(&target->group))
            back.settled = kp_tell_wall(core, core->now);
    }
    return any ? back : since(kp_tell_wall(core, core->now));
}

/* More than a tenth of what fell silent still is: back in part, not over. */
static bool in_part(const struct kp_core *core, const struct kp_incident *incident)
{
    uint32_t down = 0;
    uint32_t all = 0;
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (!kp_names_has(&incident->what.targets, target->conf->name))
            continue;
        all++;
        down += target->group.state == KP_DOWN;
    }
    return down * 10 > all;
}

/* Its hosts come back one by one: it is over once no more do. */
static struct kp_back wide_back(const struct kp_core *core, const struct kp_incident *incident)
{
    struct kp_back back = paths_back(core, incident);
    struct kp_back hosts = targets_back(core, incident);
    if (hosts.settled.ns > back.settled.ns)
        back.settled = hosts.settled;
    if (in_part(core, incident))
        back.settled = kp_tell_wall(core, core->now);
    return back;
}

struct kp_back kp_findings_answering(void *arg, const struct kp_incident *incident)
{
    const struct kp_core *core = arg;
    switch (incident->what.class) {
    case KP_V_VANTAGE_FAULT:
        return since(core->vantage == KP_DOWN ? never()
                                              : kp_tell_wall(core, core->vantage_since));
    case KP_V_COUNTRY_OUTAGE:
    case KP_V_TRANSIT_OUTAGE:
    case KP_V_PATH_OUTAGE:
        return wide_back(core, incident);
    case KP_V_UNKNOWN:
        return incident->what.paths.count > 0
                   ? paths_back(core, incident)
                   : since(back_since(core, &core->country, incident));
    case KP_V_DNS_OUTAGE:
        return since(back_since(core, &core->dns, incident));
    case KP_V_DEGRADED:
        return kp_finding_by_path(&incident->what) ? paths_back(core, incident)
                                                   : targets_back(core, incident);
    default:
        return targets_back(core, incident);
    }
}
