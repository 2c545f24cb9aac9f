#include "tests/sim/observe.h"

#include "lib/judging/incident.h"

#include <string.h>

static bool find_target(const struct kp_core *core, const char *name,
                        struct kp_target_view *out, uint32_t *index)
{
    uint32_t count = kp_core_target_count(core) + kp_core_anchor_count(core);
    for (uint32_t i = 0; i < count; i++) {
        kp_core_target(core, i, out);
        *index = i;
        if (strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

static bool find_path(const struct kp_core *core, const char *name, struct kp_path_view *out)
{
    for (uint32_t i = 0; i < kp_core_path_count(core); i++) {
        kp_core_path(core, i, out);
        if (strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

bool observe_path(const struct kp_core *core, const char *name, enum kp_state *out)
{
    struct kp_path_view view;
    bool found = find_path(core, name, &view);
    *out = found ? view.state : KP_UNKNOWN;
    return found;
}

enum kp_state observe_edge(const struct kp_core *core, const char *path)
{
    struct kp_path_view view;
    return find_path(core, path, &view) ? view.edge_state : KP_UNKNOWN;
}

bool observe_target(const struct kp_core *core, const char *name, enum kp_state *out)
{
    struct kp_target_view view;
    uint32_t index = 0;
    bool found = find_target(core, name, &view, &index);
    *out = found ? view.state : KP_UNKNOWN;
    return found;
}

const char *observe_path_of(const struct kp_core *core, const char *target)
{
    struct kp_target_view view;
    uint32_t index = 0;
    return find_target(core, target, &view, &index) ? view.path : NULL;
}

bool observe_probe(const struct kp_core *core, const char *target, const char *probe,
                   enum kp_state *out)
{
    struct kp_target_view view;
    struct kp_probe_view item;
    uint32_t index = 0;
    *out = KP_UNKNOWN;
    if (!find_target(core, target, &view, &index))
        return false;
    for (uint32_t i = 0; i < view.probe_count; i++) {
        kp_core_probe(core, index, i, &item);
        *out = item.state;
        if (strcmp(item.name, probe) == 0)
            return true;
    }
    return false;
}

enum kp_state observe_vantage(const struct kp_core *core)
{
    struct kp_status_view view;
    kp_core_status(core, &view);
    return view.vantage;
}

enum kp_verdict observe_verdict(const struct kp_core *core)
{
    struct kp_status_view view;
    kp_core_status(core, &view);
    return view.verdict;
}

bool observe_alarm(const struct kp_event *e)
{
    switch (e->action) {
    case KP_EV_TARGET_STATE:
    case KP_EV_PATH_STATE:
    case KP_EV_VANTAGE_HEALTH:
        return e->to == KP_DOWN || e->to == KP_DEGRADED;
    case KP_EV_INCIDENT_OPENED:
    case KP_EV_DNS_MISMATCH:
        return true;
    default:
        return false;
    }
}

bool observe_state_change(const struct kp_event *e)
{
    return (e->action == KP_EV_TARGET_STATE || e->action == KP_EV_PATH_STATE) &&
           e->from != KP_UNKNOWN;
}

bool observe_is(const struct kp_event *e, const char *action, const char *about)
{
    if (strcmp(kp_action_name(e->action), action) != 0)
        return false;
    if (about == NULL)
        return true;
    const char *name = e->target != NULL ? e->target : e->path;
    return name != NULL && strcmp(name, about) == 0;
}

/* Until lib/core has them, their addresses are null and checks that need them are
 * reported as not supported. */
#pragma weak kp_core_incidents
#pragma weak kp_incidents_count
#pragma weak kp_incidents_at
#pragma weak kp_incidents_gravest

bool observe_has_incidents(void)
{
    return kp_core_incidents != NULL && kp_incidents_count != NULL;
}

/* Those that were found to be part of another one do not count. */
unsigned observe_incident_count(const struct kp_core *core)
{
    const struct kp_incidents *table = kp_core_incidents(core);
    unsigned count = 0;
    for (uint32_t i = 0; i < kp_incidents_count(table); i++)
        count += kp_incidents_at(table, i)->merged_into == 0;
    return count;
}

static bool copy(const struct kp_incident *from, struct incident *out)
{
    if (from == NULL)
        return false;
    *out = (struct incident){.id = from->id,
                             .class = from->what.class,
                             .phase = from->phase,
                             .confidence = from->confidence,
                             .history_count = from->history_count,
                             .began = (double)from->what.began.ns / 1e9,
                             .ended = (double)from->ended.ns / 1e9};
    memcpy(out->where, from->what.where, sizeof out->where);
    for (unsigned i = 0; i < from->history_count && i < HISTORY_MAX; i++)
        out->history[i] = from->history[i].class;
    return true;
}

bool observe_open(const struct kp_core *core, struct incident *out)
{
    return copy(kp_incidents_gravest(kp_core_incidents(core)), out);
}

/* The one of the largest id that stands for itself. */
bool observe_latest(const struct kp_core *core, struct incident *out)
{
    const struct kp_incidents *table = kp_core_incidents(core);
    for (uint32_t i = kp_incidents_count(table); i > 0; i--)
        if (kp_incidents_at(table, i - 1)->merged_into == 0)
            return copy(kp_incidents_at(table, i - 1), out);
    return false;
}
