/* When and whom to ask: due items past both rates and the guard. */
#include "lib/core/inner.h"

#include <stdlib.h>

/* How long a timed-out probe is remembered, to recognise a late answer. */
#define LATE_STAY (30 * KP_NS_PER_S)

void kp_send_schedule(struct kp_core *core, uint32_t index)
{
    struct kp_item *item = &core->world->items[index];
    kp_wheel_set(&core->world->sched, index, kp_tick_ceil(item->due));
}

/* The next due time follows from the previous one, not from when it was sent,
 * so nothing drifts; turns that a stall made us miss are skipped. */
static void advance(struct kp_core *core, struct kp_item *item)
{
    int64_t interval = item->timing.interval.ns;
    int64_t behind = core->now.ns - item->nominal.ns;
    item->nominal.ns += interval * (behind > interval ? behind / interval + 1 : 1);
    double jitter = (2 * kp_prng_unit(&core->rng) - 1) * item->timing.jitter;
    item->due.ns = item->nominal.ns + (int64_t)(jitter * (double)interval);
}

/* By the configured path, not the one traces see: that one depends on how we
 * send, and the way out must not follow it. */
static const struct kp_via *via_of(const struct kp_world *world, const struct kp_target *target)
{
    if (target->expected == KP_NONE)
        return NULL;
    const struct kp_via *via = &world->paths[target->expected].conf->via;
    return via->device != NULL || via->source.family != KP_AF_NONE ? via : NULL;
}

static void note_lag(struct kp_core *core, const struct kp_item *item)
{
    double lag = kp_dur_seconds(kp_mono_sub(core->now, item->due));
    double *worst = &core->lag[core->finished_second % KP_RATE_SECONDS];
    if (item->due.ns > 0 && lag > *worst)
        *worst = lag;
}

struct kp_slot *kp_send_open(struct kp_core *core, uint32_t item, uint32_t carrier,
                             uint32_t flow_number, uint8_t ttl, struct kp_send *out)
{
    struct kp_item *flow_item = &core->world->items[carrier];
    const struct kp_target *target = &core->world->targets[flow_item->target];
    const struct kp_conf_probe *probe = flow_item->probe;
    if (++core->serial == 0)
        ++core->serial;
    struct kp_shot shot = {
        .dst = target->address->addr, .dport = probe->port, .size = probe->size};
    kp_cookie_make(&core->wire, probe->type, carrier, flow_number, core->serial, &shot);
    struct kp_flow flow = {shot.dst, (uint8_t)probe->type, shot.dport, shot.sport, shot.seq};
    struct kp_mono deadline = kp_mono_add(core->now, core->world->items[item].timing.timeout);
    uint32_t slot = kp_inflight_open(&core->inflight, &flow, item, core->serial, deadline);
    if (slot == KP_NO_SLOT)
        return NULL;
    struct kp_slot *s = &core->inflight.slots[slot];
    s->tag = shot.tag;
    s->checksum = shot.checksum;
    s->size = shot.size;
    s->sent = core->now;
    s->ttl = ttl;
    *out = (struct kp_send){.slot = slot,
                            .serial = core->serial,
                            .type = probe->type,
                            .dst = shot.dst,
                            .dport = shot.dport,
                            .dns_tcp = probe->tcp,
                            .via = via_of(core->world, target),
                            .ttl = ttl};
    return s;
}

static bool open_probe(struct kp_core *core, uint32_t index, struct kp_send *out)
{
    struct kp_item *item = &core->world->items[index];
    uint32_t carrier = item->edge_of != KP_NONE ? item->carrier : index;
    const struct kp_trace *trace = core->world->targets[item->target].trace;
    /* A stuck or half-open flow must not silence a host: after silence, or while
     * an earlier probe is still out, take a fresh one. */
    if (!item->answered_last)
        item->flow++;
    item->answered_last = false;
    uint32_t flow = core->world->items[carrier].flow;
    /* Two SYNs at once on one flow would answer each other. */
    if (carrier == index && trace != NULL && trace->waiting > 0)
        flow++;
    if (kp_send_open(core, index, carrier, flow, item->ttl, out) == NULL)
        return false;
    item->out++;
    item->asked_at = core->now;
    item->sent++;
    core->stats.sent[item->probe->type]++;
    return true;
}

bool kp_send_allowed(const struct kp_core *core, const struct kp_address *address,
                     struct kp_mono *ready)
{
    *ready = kp_bucket_ready(&address->bucket, &core->world->address_rate);
    return !kp_mono_before(core->now, *ready);
}

void kp_send_spend(struct kp_core *core, struct kp_address *address)
{
    /* Now is cut to microseconds: the packet leaves within the next one. */
    struct kp_mono at = kp_mono_add(core->now, (struct kp_dur){KP_NS_PER_US});
    kp_bucket_take(&address->bucket, &core->world->address_rate, at);
    kp_bucket_take(&core->total, &core->world->total_rate, at);
}

/* Sends item now if it may be; else files it for when it may. */
static bool try_item(struct kp_core *core, uint32_t index, struct kp_send *out)
{
    struct kp_world *world = core->world;
    struct kp_item *item = &world->items[index];
    const struct kp_target *target = &world->targets[item->target];
    struct kp_address *address = target->mismatch ? NULL : target->address;
    bool extra = item->asked && kp_mono_before(core->now, item->due);
    struct kp_mono ready;
    if (address == NULL || !kp_guard_allows(&world->guard, &address->addr)) {
        core->stats.denied += address != NULL;
        item->asked = false;
        advance(core, item);
        kp_send_schedule(core, index);
        return false;
    }
    if (!kp_send_allowed(core, address, &ready)) {
        core->stats.deferred++;
        kp_wheel_set(&world->sched, index, kp_tick_ceil(ready));
        return false;
    }
    kp_send_spend(core, address);
    note_lag(core, item);
    item->asked = false;
    if (!extra)
        advance(core, item);
    kp_send_schedule(core, index);
    return open_probe(core, index, out);
}

static bool total_ready(const struct kp_core *core, struct kp_mono *ready)
{
    *ready = kp_bucket_ready(&core->total, &core->world->total_rate);
    return !kp_mono_before(core->now, *ready);
}

bool kp_send_next(struct kp_core *core, struct kp_send *out)
{
    struct kp_mono ready;
    uint32_t item = 0;
    while (total_ready(core, &ready) &&
           kp_wheel_pop(&core->world->sched, kp_tick_floor(core->now), &item))
        if (try_item(core, item, out))
            return true;
    return total_ready(core, &ready) && kp_tracing_next(core, out);
}

bool kp_send_next_due(const struct kp_core *core, struct kp_mono *at)
{
    int64_t tick = 0;
    int64_t trace_tick = 0;
    struct kp_mono ready;
    bool items = kp_wheel_next(&core->world->sched, &tick);
    bool traces = kp_wheel_next(&core->world->traces, &trace_tick);
    if (!items && !traces)
        return false;
    if (!items || (traces && trace_tick < tick))
        tick = trace_tick;
    *at = kp_tick_time(tick);
    if (!total_ready(core, &ready) && kp_mono_before(*at, ready))
        *at = ready;
    return true;
}

static bool queue_release(struct kp_core *core, const struct kp_send *send)
{
    if (core->release_head == core->release_tail)
        core->release_head = core->release_tail = 0;
    if (core->release_tail == core->release_room) {
        size_t room = core->release_room > 0 ? 2 * core->release_room : 64;
        struct kp_send *grown = reallocarray(core->releases, room, sizeof *grown);
        if (grown == NULL)
            return false;
        core->releases = grown;
        core->release_room = room;
    }
    core->releases[core->release_tail++] = *send;
    return true;
}

void kp_send_release(struct kp_core *core, uint32_t index)
{
    const struct kp_slot *slot = &core->inflight.slots[index];
    if (slot->flow.type == KP_PROBE_DNS)
        (void)queue_release(
            core,
            &(struct kp_send){.slot = index, .serial = slot->serial, .type = KP_PROBE_DNS});
    kp_inflight_close(&core->inflight, index);
}

bool kp_send_pop_release(struct kp_core *core, struct kp_send *out)
{
    if (core->release_head == core->release_tail)
        return false;
    *out = core->releases[core->release_head++];
    return true;
}

static void expire(struct kp_core *core, uint32_t index)
{
    struct kp_slot *slot = &core->inflight.slots[index];
    if (slot->state != KP_SLOT_OPEN) {
        kp_send_release(core, index);
        return;
    }
    enum kp_result result = slot->cause != KP_CAUSE_NONE ? KP_UNREACHABLE : KP_TIMEOUT;
    struct kp_mono until = kp_mono_add(core->now, (struct kp_dur){LATE_STAY});
    kp_inflight_keep(&core->inflight, index, KP_SLOT_EXPIRED, until);
    kp_funnel_finish(
        core, slot,
        &(struct kp_outcome){.result = result, .cause = (enum kp_cause)slot->cause, .rtt = -1});
}

void kp_send_expire(struct kp_core *core)
{
    for (uint32_t slot = kp_inflight_expire(&core->inflight, core->now); slot != KP_NO_SLOT;
         slot = kp_inflight_expire(&core->inflight, core->now))
        expire(core, slot);
}
