/* Since when what an incident is about answers again. */
#include "lib/core/correlate.h"
#include "lib/judging/finding.h"

#include <string.h>

/* The parts of an incident, one by one. */
struct parts {
    const struct kp_core *core;
    const struct kp_incident *incident;
    struct kp_back back;
    struct kp_wall spared; /* since when the last of those answers that answered all along */
    bool any;              /* one is still asked */
    bool silent, wavers;   /* one is silent; one may be falling silent again */
};

static struct kp_wall now(const struct kp_core *core)
{
    return kp_tell_wall(core, core->now);
}

static bool silent(const struct kp_group *group, const struct kp_incident *incident)
{
    return group->state == KP_DOWN || group->state == KP_UNKNOWN ||
           (incident->what.class == KP_V_DEGRADED && group->state == KP_DEGRADED);
}

static void later(struct kp_wall *t, struct kp_wall than)
{
    if (t->ns < than.ns)
        *t = than;
}

static void add_part(struct parts *p, const struct kp_group *group)
{
    p->any = true;
    p->silent |= silent(group, p->incident);
    p->wavers |= group->state != KP_DOWN && group->outage.score >= KP_DETECT_SUSPECT;
    if (silent(group, p->incident))
        return;
    struct kp_wall since = kp_tell_wall(p->core, group->since);
    if (since.ns < p->incident->fell.ns) {
        later(&p->spared, since);
        return;
    }
    if (p->back.first.ns == 0 || since.ns < p->back.first.ns)
        p->back.first = since;
    later(&p->back.settled, since);
}

static struct kp_back at_once(struct kp_wall t)
{
    return (struct kp_back){t, t};
}

/* What answered all along has not come back, unless all did.  Where nothing of it is
 * asked any more there is nothing to wait for. */
static struct kp_back sum_up(const struct parts *p)
{
    struct kp_back back = p->back;
    if (!p->any)
        return at_once(p->incident->answering.ns > 0 ? p->incident->answering : now(p->core));
    if (back.first.ns == 0 && !p->silent)
        back.first = back.settled = p->spared;
    if (p->wavers)
        back.settled = now(p->core);
    return back;
}

static struct kp_back group_back(const struct kp_core *core, const struct kp_group *group,
                                 const struct kp_incident *incident)
{
    struct parts p = {.core = core, .incident = incident};
    add_part(&p, group);
    return sum_up(&p);
}

/* Of all hosts, or of the name servers: which of them, was not known. */
static struct kp_back wide_groups_back(const struct kp_core *core,
                                       const struct kp_incident *incident)
{
    struct parts p = {.core = core, .incident = incident};
    add_part(&p, &core->country);
    add_part(&p, &core->dns);
    return sum_up(&p);
}

static struct kp_back paths_back(const struct kp_core *core, const struct kp_incident *incident)
{
    struct parts p = {.core = core, .incident = incident};
    for (uint32_t i = 0; i < core->world->path_count; i++)
        if (kp_names_has(&incident->what.paths, core->world->paths[i].conf->name))
            add_part(&p, &core->world->paths[i].group);
    return sum_up(&p);
}

/* The service's item; NULL: it is no longer asked. */
static const struct kp_group *service(const struct kp_core *core,
                                      const struct kp_target *target,
                                      const struct kp_incident *incident)
{
    const char *slash = strrchr(incident->what.where, '/');
    for (uint32_t i = 0; slash != NULL && i < target->item_count; i++) {
        const struct kp_item *item = &core->world->items[target->first_item + i];
        if (strcmp(item->probe->name, slash + 1) == 0)
            return &item->group;
    }
    return NULL;
}

static struct kp_back targets_back(const struct kp_core *core,
                                   const struct kp_incident *incident)
{
    struct parts p = {.core = core, .incident = incident};
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (!kp_names_has(&incident->what.targets, target->conf->name))
            continue;
        const struct kp_group *group = incident->what.class == KP_V_SERVICE_OUTAGE
                                           ? service(core, target, incident)
                                           : &target->group;
        if (group != NULL)
            add_part(&p, group);
    }
    return sum_up(&p);
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
    later(&back.settled, hosts.settled);
    if (in_part(core, incident))
        back.settled = now(core);
    return back;
}

struct kp_back kp_findings_answering(void *arg, const struct kp_incident *incident)
{
    const struct kp_core *core = arg;
    switch (incident->what.class) {
    case KP_V_VANTAGE_FAULT:
        return core->vantage == KP_DOWN ? (struct kp_back){0}
                                        : at_once(kp_tell_wall(core, core->vantage_since));
    case KP_V_COUNTRY_OUTAGE:
    case KP_V_TRANSIT_OUTAGE:
    case KP_V_PATH_OUTAGE:
        return wide_back(core, incident);
    case KP_V_UNKNOWN:
        return incident->what.paths.count > 0 ? paths_back(core, incident)
                                              : wide_groups_back(core, incident);
    case KP_V_DNS_OUTAGE:
        return group_back(core, &core->dns, incident);
    case KP_V_DEGRADED:
        return kp_finding_by_path(&incident->what) ? paths_back(core, incident)
                                                   : targets_back(core, incident);
    default:
        return targets_back(core, incident);
    }
}
