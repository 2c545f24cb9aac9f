/* The core's events, in words. */
#include "lib/core/inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything is told for this long after a change; then only a sample. */
#define DETAIL_SPAN (60 * KP_NS_PER_S)
/* At most this many probe.result events a second, whatever the rate. */
#define RESULT_EVENTS_PER_SECOND 100

struct kp_wall kp_tell_wall(const struct kp_core *core, struct kp_mono t)
{
    if (!kp_mono_set(t))
        return (struct kp_wall){0};
    return (struct kp_wall){t.ns + core->wall_minus_mono.ns};
}

static bool make_room(struct kp_core *core)
{
    if (core->event_head == core->event_tail)
        core->event_head = core->event_tail = 0;
    if (core->event_tail < core->event_room)
        return true;
    size_t room = core->event_room > 0 ? 2 * core->event_room : 16;
    struct kp_event *grown = reallocarray(core->events, room, sizeof *grown);
    if (grown == NULL)
        return false;
    core->events = grown;
    core->event_room = room;
    return true;
}

struct kp_event *kp_tell_new(struct kp_core *core, enum kp_action action, enum kp_level level)
{
    if (!make_room(core)) {
        core->stats.events_lost++;
        return NULL;
    }
    struct kp_event *e = &core->events[core->event_tail++];
    *e = (struct kp_event){
        .action = action, .level = level, .at = kp_tell_wall(core, core->now), .rtt = -1};
    return e;
}

bool kp_tell_pop(struct kp_core *core, struct kp_event *out)
{
    if (core->event_head == core->event_tail)
        return false;
    *out = core->events[core->event_head++];
    return true;
}

static void words(struct kp_event *e, const char *subject, enum kp_state from)
{
    char since[KP_RFC3339_SIZE];
    kp_wall_format(e->since, since);
    memcpy(since + 19, "Z", 2); /* whole seconds read better */
    switch (e->to) {
    case KP_DOWN:
        snprintf(e->message, sizeof e->message, "%s is down: no answer since %s", subject,
                 since);
        return;
    case KP_DEGRADED:
        snprintf(e->message, sizeof e->message,
                 "%s is degraded: answers worse than its baseline since %s", subject, since);
        return;
    case KP_UP:
        snprintf(e->message, sizeof e->message,
                 from == KP_UNKNOWN ? "%s is up" : "%s is up again, since %s", subject, since);
        return;
    case KP_UNKNOWN:
    case KP_STATE_COUNT:
        break;
    }
    snprintf(e->message, sizeof e->message, "%s is unknown: too little can be seen", subject);
}

static enum kp_level level_of(enum kp_state from, enum kp_state to)
{
    if (to == KP_DOWN || to == KP_DEGRADED)
        return KP_LOG_WARNING;
    return from == KP_UNKNOWN ? KP_LOG_INFO : KP_LOG_NOTICE;
}

static struct kp_event *state_event(struct kp_core *core, enum kp_action action,
                                    enum kp_state from, enum kp_state to, struct kp_mono since)
{
    struct kp_event *e = kp_tell_new(core, action, level_of(from, to));
    if (e == NULL)
        return NULL;
    e->from = from;
    e->to = to;
    e->since = kp_tell_wall(core, since);
    return e;
}

static const char *path_name(const struct kp_core *core, const struct kp_target *target)
{
    return target->path != KP_NONE ? core->world->paths[target->path].conf->name : NULL;
}

/* The verdict must not lag behind the state. */
static void look_soon(struct kp_core *core)
{
    if (core->alert)
        kp_correlate_by(core, KP_LOOK_CHANGE);
}

void kp_tell_target(struct kp_core *core, struct kp_target *target)
{
    struct kp_mono since;
    enum kp_state from = (enum kp_state)target->told;
    enum kp_state to = kp_judge_target_state(core, target, &since);
    if (from == to || core->vantage == KP_DOWN || kp_mute_target(core, target))
        return;
    target->told = (uint8_t)to;
    target->changed = core->now;
    look_soon(core);
    struct kp_event *e = state_event(core, KP_EV_TARGET_STATE, from, to, since);
    if (e == NULL)
        return;
    e->target = target->conf->name;
    e->path = path_name(core, target);
    words(e, target->conf->title, from);
}

void kp_tell_path(struct kp_core *core, struct kp_path *path)
{
    enum kp_state from = (enum kp_state)path->told;
    enum kp_state to = kp_judge_path_state(core, path);
    if (from == to || core->vantage == KP_DOWN || kp_mute_path(core, path))
        return;
    path->told = (uint8_t)to;
    path->changed = core->now;
    look_soon(core);
    struct kp_event *e = state_event(core, KP_EV_PATH_STATE, from, to, path->group.since);
    if (e == NULL)
        return;
    char subject[128];
    snprintf(subject, sizeof subject, "path %s", path->conf->title);
    e->path = path->conf->name;
    words(e, subject, from);
}

void kp_tell_move(struct kp_core *core, const struct kp_target *target, uint32_t from)
{
    if (kp_mute_target(core, target))
        return;
    bool moved = from != KP_NONE; /* else its path is merely known now */
    struct kp_event *e =
        kp_tell_new(core, KP_EV_PATH_MOVE, moved ? KP_LOG_NOTICE : KP_LOG_INFO);
    if (e == NULL)
        return;
    const struct kp_conf_path *to = core->world->paths[target->path].conf;
    e->target = target->conf->name;
    e->path = to->name;
    if (moved)
        e->path_before = core->world->paths[from].conf->name;
    snprintf(e->message, sizeof e->message, "%s is reached over %s%s%s", target->conf->title,
             to->title, moved ? " now, no longer over " : "",
             moved ? core->world->paths[from].conf->title : "");
}

static enum kp_level incident_level(enum kp_action action, const struct kp_incident *incident)
{
    if (action == KP_EV_INCIDENT_CLOSED || incident->phase == KP_RECOVERING)
        return KP_LOG_NOTICE;
    return incident->what.class >= KP_V_DNS_OUTAGE ? KP_LOG_ERROR : KP_LOG_WARNING;
}

void kp_tell_incident(struct kp_core *core, enum kp_action action,
                      const struct kp_incident *incident)
{
    if (incident == NULL)
        return;
    struct kp_event *e = kp_tell_new(core, action, incident_level(action, incident));
    if (e == NULL)
        return;
    char began[KP_RFC3339_SIZE];
    kp_wall_format(incident->what.began, began);
    e->incident = incident;
    snprintf(e->message, sizeof e->message,
             "incident %" PRIu32 " %s: %s%s%.100s, since %.19sZ, %s, confidence %s",
             incident->id, strchr(kp_action_name(action), '.') + 1,
             kp_verdict_name(incident->what.class),
             incident->what.where[0] != '\0' ? " at " : "", incident->what.where, began,
             kp_phase_name(incident->phase), kp_confidence_name(incident->confidence));
}

void kp_tell_suspicion(struct kp_core *core, bool raised, const struct kp_target *target,
                       const struct kp_path *path, const char *what, struct kp_mono since)
{
    struct kp_event *e = kp_tell_new(
        core, raised ? KP_EV_SUSPICION_RAISED : KP_EV_SUSPICION_CLEARED, KP_LOG_INFO);
    if (e == NULL)
        return;
    e->target = target != NULL ? target->conf->name : NULL;
    e->path = path != NULL ? path->conf->name : NULL;
    e->from = raised ? KP_UP : KP_UNKNOWN;
    e->to = raised ? KP_UNKNOWN : KP_UP;
    e->since = kp_tell_wall(core, since);
    snprintf(e->message, sizeof e->message,
             raised ? "%s may be silent: looking closer" : "%s answers after all", what);
}

void kp_tell_vantage(struct kp_core *core, enum kp_state from)
{
    enum kp_state to = (enum kp_state)core->vantage;
    struct kp_event *e = state_event(core, KP_EV_VANTAGE_HEALTH, from, to, core->vantage_since);
    if (e == NULL)
        return;
    e->success = to == KP_UP;
    snprintf(e->message, sizeof e->message, "%s",
             to == KP_UP ? "our own connection works"
                         : "our own connection is broken: no anchor and no target answers, or "
                           "nothing can be sent; judging is suspended");
}

/* Whether this result is worth an event: all of them around a change, else the
 * configured sample. */
static bool sampled(struct kp_core *core, const struct kp_target *target)
{
    static const struct kp_rate limit = {{KP_NS_PER_S / RESULT_EVENTS_PER_SECOND},
                                         {KP_NS_PER_S}};
    struct kp_mono changed = target->changed;
    if (target->path != KP_NONE &&
        kp_mono_before(changed, core->world->paths[target->path].changed))
        changed = core->world->paths[target->path].changed;
    bool detail = kp_mono_set(changed) && kp_mono_sub(core->now, changed).ns < DETAIL_SPAN;
    if (!detail && kp_prng_unit(&core->rng) >= core->world->conf->log_sample)
        return false;
    if (kp_mono_before(core->now, kp_bucket_ready(&core->sample_bucket, &limit)))
        return false;
    kp_bucket_take(&core->sample_bucket, &limit, core->now);
    return true;
}

void kp_tell_result(struct kp_core *core, const struct kp_item *item, struct kp_mono sent,
                    bool late)
{
    const struct kp_target *target = &core->world->targets[item->target];
    if (!sampled(core, target))
        return;
    struct kp_event *e = kp_tell_new(core, KP_EV_PROBE_RESULT, KP_LOG_DEBUG);
    if (e == NULL)
        return;
    e->target = target->conf->name;
    e->path = path_name(core, target);
    e->probe = item->probe->name;
    e->type = item->probe->type;
    e->result = (enum kp_result)item->last_result;
    e->cause = (enum kp_cause)item->last_cause;
    e->sent = kp_tell_wall(core, sent);
    e->rtt = (double)item->last_rtt;
    e->ttl = item->last_ttl;
    e->late = late;
    if (e->cause != KP_CAUSE_NONE)
        e->sender = item->sender;
    int used = snprintf(e->message, sizeof e->message, "%s %s: %s%s", e->target, e->probe,
                        late ? "late, " : "", kp_result_name(e->result));
    if (e->rtt >= 0 && used > 0 && (size_t)used < sizeof e->message)
        snprintf(e->message + used, sizeof e->message - (size_t)used, " in %.1f ms",
                 e->rtt * 1e3);
}

void kp_tell_mismatch(struct kp_core *core, const struct kp_target *target,
                      const struct kp_addr *found, size_t count)
{
    if (kp_mute_target(core, target))
        return;
    struct kp_event *e = kp_tell_new(core, KP_EV_DNS_MISMATCH, KP_LOG_WARNING);
    if (e == NULL)
        return;
    e->target = target->conf->name;
    e->expected = target->conf->address;
    e->found_count = count < KP_EVENT_ADDRS ? count : KP_EVENT_ADDRS;
    memcpy(e->found, found, e->found_count * sizeof *found);
    char first[KP_ADDR_SIZE];
    kp_addr_format(&found[0], first);
    bool pinned = e->expected.family != KP_AF_NONE;
    snprintf(e->message, sizeof e->message, "%s resolves to %s, %s", target->conf->host, first,
             pinned ? "not to its configured address"
                    : "outside the allow list: it is not probed");
}
