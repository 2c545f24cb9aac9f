#include "lib/core/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kp_core *kp_core_new(const struct kp_wire *wire, const struct kp_key *seed)
{
    struct kp_core *core = calloc(1, sizeof *core);
    if (core == NULL)
        return NULL;
    core->wire = *wire;
    core->rng.key = *seed;
    core->incidents = kp_incidents_new((struct kp_dur){0});
    if (core->incidents == NULL) {
        free(core);
        return NULL;
    }
    return core;
}

void kp_core_free(struct kp_core *core)
{
    if (core == NULL)
        return;
    kp_world_free(core->world);
    kp_inflight_fini(&core->inflight);
    kp_mute_fini(core);
    kp_incidents_free(core->incidents);
    free(core->findings);
    kp_checkpoint_fini(core);
    kp_record_fini(core);
    free(core->feed_index);
    free(core->events);
    free(core->releases);
    free(core);
}

void kp_core_advance(struct kp_core *core, struct kp_mono now)
{
    now = kp_whole_us(now);
    kp_correlate_until(core, now);
    if (kp_mono_before(core->now, now))
        core->now = now;
    kp_funnel_second(core);
}

/* Baselines of a restart or reload speak at once; the others begin to learn. */
static void schedule_all(struct kp_core *core)
{
    for (uint32_t i = 0; i < core->world->item_count; i++)
        kp_send_schedule(core, i);
    for (uint32_t i = 0; i < core->world->path_count; i++)
        if (core->world->items[core->world->item_count + i].carrier != KP_NONE)
            kp_send_schedule(core, core->world->item_count + i);
    kp_resolve_start(core);
    kp_tracing_start_all(core);
}

enum kp_err kp_core_configure(struct kp_core *core, const struct kp_conf *conf,
                              struct kp_mono now)
{
    struct kp_world *world = NULL;
    if (!kp_mono_set(core->started)) {
        core->finished_second = now.ns / KP_NS_PER_S;
        core->started = now;
        /* A late answer must not be taken for a state that began at time 0. */
        core->vantage_since = now;
        enum kp_err err = kp_inflight_init(&core->inflight, &core->rng.key, now);
        if (err != KP_OK)
            return err;
    }
    kp_core_advance(core, now);
    enum kp_err err = kp_world_build(core, conf, &world);
    if (err == KP_OK)
        err = kp_record_prepare(core, world);
    if (err != KP_OK) {
        kp_world_free(world);
        return err;
    }
    struct kp_world *old = core->world;
    core->world = world;
    if (old == NULL) {
        core->generation = 1;
    } else {
        kp_world_migrate(core, old, world);
        kp_record_reload(core, old->conf);
    }
    kp_world_free(old);
    kp_incidents_configure(core->incidents, conf->recover_after);
    kp_correlate_by(core, KP_LOOK_RESULT); /* incidents may be about what is gone */
    schedule_all(core);
    return KP_OK;
}

void kp_core_set_clock(struct kp_core *core, struct kp_dur wall_minus_mono)
{
    struct kp_dur step = {wall_minus_mono.ns - wall_minus_mono.ns % KP_NS_PER_US -
                          core->wall_minus_mono.ns};
    core->wall_minus_mono.ns += step.ns;
    if (core->world != NULL && step.ns != 0)
        kp_record_new(core, KP_RECORD_CLOCK)->step = step;
}

void kp_core_tick(struct kp_core *core, struct kp_mono now)
{
    kp_core_advance(core, now);
    kp_send_expire(core);
    kp_sweep_tick(core);
    kp_checkpoint_tick(core);
}

static void sooner(bool has, struct kp_mono at, struct kp_mono *best, bool *any)
{
    if (has && (!*any || kp_mono_before(at, *best)))
        *best = at;
    *any |= has;
}

bool kp_core_next_due(const struct kp_core *core, struct kp_mono *at)
{
    bool any = false;
    int64_t tick = 0;
    struct kp_mono send;
    bool has = kp_send_next_due(core, &send);
    sooner(has, send, at, &any);
    has = kp_wheel_next(&core->inflight.expiry, &tick);
    sooner(has, kp_tick_time(tick), at, &any);
    has = kp_resolve_next_due(core, &send);
    sooner(has, send, at, &any);
    sooner(core->alert, core->look_at, at, &any);
    sooner(core->alert, core->sweep_at, at, &any);
    return any;
}

bool kp_core_pop_action(struct kp_core *core, struct kp_act *act)
{
    if (kp_tell_pop(core, &act->event)) {
        act->kind = KP_ACT_EVENT;
        return true;
    }
    if (core->offline)
        return false;
    if (kp_send_pop_release(core, &act->send)) {
        act->kind = KP_ACT_RELEASE;
        return true;
    }
    if (kp_send_next(core, &act->send)) {
        act->kind = KP_ACT_SEND;
        return true;
    }
    return kp_resolve_next(core, act);
}

void kp_core_gap(struct kp_core *core, struct kp_mono from, struct kp_mono to,
                 const char *reason)
{
    from = kp_whole_us(from);
    to = kp_whole_us(to);
    /* Gaps close to each other count as one: only the newest is kept. */
    bool joins = kp_mono_set(core->gap_to) && kp_mono_sub(from, core->gap_to).ns < KP_NS_PER_S;
    if (!core->offline) /* records tell of gaps before they are over, too */
        kp_core_advance(core, to);
    core->gap_from = joins ? core->gap_from : from;
    core->gap_to = to;
    core->stats.gaps++;
    struct kp_record *r = kp_record_new(core, KP_RECORD_GAP);
    r->at = kp_tell_wall(core, to);
    r->from = kp_tell_wall(core, from);
    r->name = kp_record_intern(core, reason);
    if (joins)
        return;
    struct kp_event *e = kp_tell_new(core, KP_EV_DAEMON_HEALTH, KP_LOG_WARNING);
    if (e == NULL)
        return;
    e->detail = reason;
    snprintf(e->message, sizeof e->message,
             "we may have missed answers (%s): silence in this time is no evidence", reason);
}

enum kp_err kp_core_probe_now(struct kp_core *core, const char *name)
{
    struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->target_count + world->anchor_count; i++) {
        struct kp_target *target = &world->targets[i];
        if (strcmp(target->conf->name, name) != 0)
            continue;
        if (target->address == NULL || target->mismatch)
            return KP_ERR_DENIED;
        target->meddled = core->now;
        kp_record_new(core, KP_RECORD_REQUEST)->name = target->name;
        for (uint32_t k = 0; k < target->item_count; k++) {
            world->items[target->first_item + k].asked = true;
            kp_wheel_set(&world->sched, target->first_item + k, kp_tick_floor(core->now));
        }
        return KP_OK;
    }
    return KP_ERR_NOTFOUND;
}

enum kp_err kp_core_trace_now(struct kp_core *core, const char *name)
{
    struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->target_count; i++) {
        if (strcmp(world->targets[i].conf->name, name) != 0)
            continue;
        kp_tracing_ask(core, i, 1, UINT8_MAX);
        return world->targets[i].trace != NULL ? KP_OK : KP_ERR_DENIED;
    }
    return KP_ERR_NOTFOUND;
}
