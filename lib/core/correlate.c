/* Which thing failed: from group states and stage 2 to findings, and through the
 * incident table to events. */
#include "lib/core/correlate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Looks happen at full seconds of the wall clock while something is amiss; at a full
 * quarter of one after a new result, and at a full tick after a change of state.
 * What is looked at is always what was known up to that moment, however late the
 * loop comes round to it: so a replay of the records sees the same. */
#define LOOK_EVERY KP_NS_PER_S

static bool group_amiss(const struct kp_group *group)
{
    return kp_group_suspect(group) || group->state == KP_DEGRADED;
}

static bool amiss(const struct kp_core *core)
{
    const struct kp_world *world = core->world;
    bool any = core->vantage == KP_DOWN || kp_incidents_open_count(core->incidents) > 0 ||
               group_amiss(&core->country) || group_amiss(&core->dns) ||
               core->country_suspected || core->dns_suspected;
    for (uint32_t i = 0; i < world->path_count && !any; i++)
        any = group_amiss(&world->paths[i].group) || world->paths[i].suspected;
    for (uint32_t i = 0; i < world->target_count && !any; i++)
        any = group_amiss(&world->targets[i].group) || world->targets[i].suspected;
    for (uint32_t i = 0; i < world->item_count && !any; i++)
        any = group_amiss(&world->items[i].group);
    return any;
}

/* Raised at the suspicion threshold, unless something wider is suspect and says it
 * already; cleared when the score is back at 0, and silently over once confirmed. */
static bool suspicion(bool before, const struct kp_group *group, bool wider, bool *raised,
                      bool *cleared)
{
    bool open = group->state != KP_DOWN && group->state != KP_UNKNOWN;
    bool rising = group->outage.score >= KP_DETECT_SUSPECT && !wider;
    bool now = open && (before ? group->outage.score > 0 : rising);
    *raised = now && !before;
    *cleared = before && !now && group->state != KP_DOWN;
    return now;
}

static bool path_suspect(const struct kp_core *core, uint32_t path)
{
    return path != KP_NONE && kp_group_suspect(&core->world->paths[path].group);
}

/* Every path that carries targets is suspect. */
static bool all_suspect(const struct kp_core *core)
{
    for (uint32_t i = 0; i < core->world->path_count; i++)
        if (core->world->paths[i].target_count > 0 && !path_suspect(core, i))
            return false;
    return true;
}

static bool any_path_suspect(const struct kp_core *core)
{
    bool any = false;
    for (uint32_t i = 0; i < core->world->path_count; i++)
        any |= path_suspect(core, i);
    return any;
}

static void trace_path(struct kp_core *core, uint32_t path)
{
    const struct kp_world *world = core->world;
    const struct kp_item *edge = &world->items[world->item_count + path];
    if (edge->carrier != KP_NONE) {
        kp_labels_trace(core, edge->target, path);
        return;
    }
    for (uint32_t i = 0; i < world->target_count; i++)
        if (world->targets[i].path == path) {
            kp_labels_trace(core, i, path);
            return;
        }
}

static void suspect_paths(struct kp_core *core)
{
    for (uint32_t i = 0; i < core->world->path_count; i++) {
        struct kp_path *path = &core->world->paths[i];
        bool raised = false;
        bool cleared = false;
        path->suspected = suspicion(path->suspected, &path->group, false, &raised, &cleared);
        if (raised)
            trace_path(core, i);
        if ((raised || cleared) && !kp_mute_path(core, path))
            kp_tell_suspicion(core, raised, NULL, path, path->conf->title,
                              path->group.outage.onset);
    }
}

static bool is_name_server(const struct kp_core *core, const struct kp_target *target)
{
    const struct kp_item *items = &core->world->items[target->first_item];
    for (uint32_t i = 0; i < target->item_count; i++)
        if (items[i].probe->type == KP_PROBE_DNS)
            return true;
    return false;
}

static void suspect_targets(struct kp_core *core)
{
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        struct kp_target *target = &core->world->targets[i];
        bool raised = false;
        bool cleared = false;
        target->suspected = suspicion(target->suspected, &target->group,
                                      path_suspect(core, target->path), &raised, &cleared);
        bool down = target->group.state == KP_DOWN;
        bool wider = path_suspect(core, target->path) || kp_group_suspect(&core->country) ||
                     (!down && kp_group_suspect(&core->dns) && is_name_server(core, target));
        if ((target->suspected || down) && !wider)
            kp_labels_refresh(core, i);
        if ((raised || cleared) && !kp_mute_target(core, target))
            kp_tell_suspicion(core, raised, target, NULL, target->conf->title,
                              target->group.outage.onset);
    }
}

static void suspect_wide(struct kp_core *core, bool *flag, const struct kp_group *group,
                         bool wider, const char *what)
{
    bool raised = false;
    bool cleared = false;
    *flag = suspicion(*flag, group, wider, &raised, &cleared);
    if (raised || cleared)
        kp_tell_suspicion(core, raised, NULL, NULL, what, group->outage.onset);
}

static void record(struct kp_core *core, const struct kp_incident *incident)
{
    struct kp_record *r = kp_record_new(core, KP_RECORD_INCIDENT);
    r->probe = incident->id;
    r->result = (uint8_t)incident->what.class;
    r->cause = (uint8_t)incident->phase;
    r->count = (uint8_t)incident->confidence;
    memcpy(r->uuid, incident->uuid, sizeof r->uuid);
}

static void tell_changes(struct kp_core *core)
{
    size_t count = 0;
    const struct kp_incident_change *changes = kp_incidents_changes(core->incidents, &count);
    for (size_t i = 0; i < count; i++) {
        const struct kp_incident *incident = kp_incidents_by_id(core->incidents, changes[i].id);
        record(core, incident);
        kp_tell_incident(core, changes[i].action, incident);
    }
}

/* A replay gives an incident the same one (RFC 9562 section 5.8): it follows from
 * who saw it open, when, and as which of those that opened then. */
static void fresh_uuid(void *arg, uint8_t out[16])
{
    struct kp_core *core = arg;
    struct kp_wr w = kp_wr_init(out, 16);
    struct {
        char vantage[64];
        int64_t at;
        uint64_t nth;
    } seed = {.at = kp_tell_wall(core, core->now).ns, .nth = core->opened++};
    const char *vantage = core->world->conf->vantage_name;
    memcpy(seed.vantage, vantage, strnlen(vantage, sizeof seed.vantage));
    for (uint8_t half = 0; half < 2; half++)
        kp_wr_u64(&w, kp_siphash(&(struct kp_key){{half}}, &seed, sizeof seed));
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x80);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

static void observe(struct kp_core *core)
{
    const struct kp_incident_host host = {core, kp_findings_answering, fresh_uuid};
    if (core->findings == NULL)
        core->findings = malloc(KP_FINDINGS * sizeof *core->findings);
    if (core->findings == NULL)
        return; /* the next look tries again */
    struct kp_findings found = {.list = core->findings};
    core->opened = 0;
    kp_findings_collect(core, &found);
    (void)kp_incidents_observe(core->incidents, kp_tell_wall(core, core->now), found.list,
                               found.count, &host);
    tell_changes(core);
}

void kp_correlate_by(struct kp_core *core, int64_t grid_ns)
{
    int64_t wall = core->now.ns + core->wall_minus_mono.ns;
    int64_t next = (wall / grid_ns + 1) * grid_ns;
    struct kp_mono at = {next - core->wall_minus_mono.ns};
    if (!core->alert || kp_mono_before(at, core->look_at))
        core->look_at = at;
    core->alert = true;
}

static void look(struct kp_core *core)
{
    core->alert = false;
    kp_correlate_by(core, LOOK_EVERY);
    suspect_paths(core);
    suspect_targets(core);
    suspect_wide(core, &core->country_suspected, &core->country, !all_suspect(core),
                 "the country");
    suspect_wide(core, &core->dns_suspected, &core->dns, any_path_suspect(core),
                 "the name servers");
    observe(core);
    core->alert = amiss(core);
    if (core->alert)
        return;
    free(core->findings);
    core->findings = NULL;
}

void kp_correlate_until(struct kp_core *core, struct kp_mono now)
{
    while (core->alert && !kp_mono_before(now, core->look_at)) {
        if (kp_mono_before(core->now, core->look_at))
            core->now = core->look_at;
        look(core);
    }
}

const struct kp_incidents *kp_core_incidents(const struct kp_core *core)
{
    return core->incidents;
}
