/* Since when what an incident is about answers again. */
#include "lib/core/correlate.h"

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

static void earliest(struct kp_wall *best, struct kp_wall t)
{
    if (t.ns != 0 && (best->ns == 0 || t.ns < best->ns))
        *best = t;
}

static struct kp_wall paths_back(const struct kp_core *core, const struct kp_incident *incident)
{
    struct kp_wall best = never();
    for (uint32_t i = 0; i < core->world->path_count; i++)
        for (uint32_t n = 0; n < incident->what.paths.count && n < KP_INCIDENT_NAMES; n++)
            if (strcmp(core->world->paths[i].conf->name, incident->what.paths.name[n]) == 0)
                earliest(&best, back_since(core, &core->world->paths[i].group, incident));
    return best;
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

static struct kp_wall targets_back(const struct kp_core *core,
                                   const struct kp_incident *incident)
{
    struct kp_wall best = never();
    bool any = false;
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        for (uint32_t n = 0; n < incident->what.targets.count && n < KP_INCIDENT_NAMES; n++) {
            if (strcmp(target->conf->name, incident->what.targets.name[n]) != 0)
                continue;
            any = true;
            earliest(&best, incident->what.class == KP_V_SERVICE_OUTAGE
                                ? service_back(core, target, incident)
                                : back_since(core, &target->group, incident));
        }
    }
    return any ? best : kp_tell_wall(core, core->now);
}

/* More than a tenth of what fell silent still is: back in part, not over. */
static bool in_part(const struct kp_core *core, const struct kp_incident *incident)
{
    uint32_t down = 0;
    uint32_t all = 0;
    for (uint32_t i = 0; i < core->world->target_count; i++)
        for (uint32_t n = 0; n < incident->what.targets.count && n < KP_INCIDENT_NAMES; n++) {
            const struct kp_target *target = &core->world->targets[i];
            if (strcmp(target->conf->name, incident->what.targets.name[n]) != 0)
                continue;
            all++;
            down += target->group.state == KP_DOWN;
        }
    return down * 10 > all;
}

static struct kp_wall wide_back(const struct kp_core *core, const struct kp_incident *incident)
{
    struct kp_wall since = paths_back(core, incident);
    return since.ns != 0 && in_part(core, incident) ? kp_tell_wall(core, core->now) : since;
}

struct kp_wall kp_findings_answering(void *arg, const struct kp_incident *incident)
{
    const struct kp_core *core = arg;
    switch (incident->what.class) {
    case KP_V_VANTAGE_FAULT:
        return core->vantage == KP_DOWN ? never() : kp_tell_wall(core, core->vantage_since);
    case KP_V_COUNTRY_OUTAGE:
    case KP_V_TRANSIT_OUTAGE:
    case KP_V_PATH_OUTAGE:
        return wide_back(core, incident);
    case KP_V_UNKNOWN:
        return incident->what.paths.count > 0 ? paths_back(core, incident)
                                              : back_since(core, &core->country, incident);
    case KP_V_DNS_OUTAGE:
        return back_since(core, &core->dns, incident);
    case KP_V_DEGRADED:
        return incident->what.targets.count > 0 ? targets_back(core, incident)
                                                : paths_back(core, incident);
    default:
        return targets_back(core, incident);
    }
}
