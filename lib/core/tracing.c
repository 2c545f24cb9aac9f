/* Traces of the way to each target: when, how they go on, and what they say about
 * paths and their last visible hops. */
#include "lib/core/inner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN 0.61803398874989485
/* Between two looks whether the target's own probe is back. */
#define OWN_PROBE_WAIT (50 * KP_NS_PER_MS)
/* The first trace of each target comes within this time. */
#define FIRST_WITHIN (60 * KP_NS_PER_S)

static bool may_trace(const struct kp_conf *conf, const struct kp_item *item)
{
    enum kp_probe_type type = item->probe->type;
    if (conf->trace_forced)
        return type == conf->trace_probe;
    return type == KP_PROBE_TCP_SYN || type == KP_PROBE_ICMP;
}

/* The item a target is traced with: its first SYN probe, else its first ICMP one;
 * KP_NONE: it has neither. */
static uint32_t tracer(const struct kp_world *world, const struct kp_target *target)
{
    uint32_t found = KP_NONE;
    for (uint32_t i = target->first_item; i < target->first_item + target->item_count; i++) {
        if (!may_trace(world->conf, &world->items[i]))
            continue;
        if (world->items[i].probe->type == KP_PROBE_TCP_SYN)
            return i;
        if (found == KP_NONE)
            found = i;
    }
    return found;
}

static void file_at(struct kp_core *core, uint32_t target, struct kp_mono at)
{
    kp_wheel_set(&core->world->traces, target, kp_tick_ceil(at));
}

void kp_tracing_start_all(struct kp_core *core)
{
    const struct kp_world *world = core->world;
    int64_t interval = world->conf->trace_interval.ns;
    int64_t within = interval < FIRST_WITHIN ? interval : FIRST_WITHIN;
    double offset = kp_prng_unit(&core->rng);
    for (uint32_t i = 0; i < world->target_count; i++) {
        const struct kp_target *target = &world->targets[i];
        double whole = 0;
        double phase = modf(offset + i * GOLDEN, &whole);
        int64_t span = target->traced != NULL ? interval : within;
        if (tracer(world, target) != KP_NONE)
            file_at(core, i,
                    kp_mono_add(core->now, (struct kp_dur){(int64_t)(phase * (double)span)}));
    }
}

void kp_tracing_drop(struct kp_target *target)
{
    free(target->trace);
    free(target->traced);
    free(target->traced_before);
    target->trace = NULL;
    target->traced = target->traced_before = NULL;
}

static bool begin(struct kp_core *core, struct kp_target *target, uint8_t first, uint8_t last)
{
    if (target->trace == NULL)
        target->trace = malloc(sizeof *target->trace);
    if (target->trace == NULL)
        return false;
    uint8_t most = core->world->conf->trace_max_hops;
    kp_trace_start(target->trace, first, last < most ? last : most);
    target->trace_began = core->now;
    return true;
}

void kp_tracing_ask(struct kp_core *core, uint32_t index, uint8_t first, uint8_t last)
{
    struct kp_target *target = &core->world->targets[index];
    if (core->offline || target->trace != NULL || tracer(core->world, target) == KP_NONE)
        return; /* one is under way, which will do */
    if (begin(core, target, first, last))
        file_at(core, index, core->now);
}

/* Sends the next probe of a target's trace, or files it for later. */
static bool step(struct kp_core *core, uint32_t index, struct kp_send *out)
{
    struct kp_world *world = core->world;
    struct kp_target *target = &world->targets[index];
    struct kp_mono later = kp_mono_add(core->now, world->conf->trace_interval);
    struct kp_mono ready = later;
    uint32_t item = tracer(world, target);
    bool probed = item != KP_NONE && target->address != NULL && !target->mismatch &&
                  kp_guard_allows(&world->guard, &target->address->addr);
    if (!probed || (target->trace == NULL && !begin(core, target, 1, UINT8_MAX))) {
        file_at(core, index, later);
        return false;
    }
    if (!kp_send_allowed(core, target->address, &ready)) {
        file_at(core, index, ready);
        return false;
    }
    if (world->items[item].out > 0 && world->items[item].last_rtt >= 0) {
        /* Its own probe is out on the same flow and will be answered: let it. */
        file_at(core, index, kp_mono_add(core->now, (struct kp_dur){OWN_PROBE_WAIT}));
        return false;
    }
    uint8_t ttl = kp_trace_next(target->trace);
    if (ttl == 0)
        return false; /* its results file it again */
    kp_send_spend(core, target->address);
    /* No bursts: hops limit their rate, and the target's own probes come first. */
    file_at(core, index, kp_mono_add(core->now, world->address_rate.period));
    struct kp_slot *slot = kp_send_open(core, item, item, world->items[item].flow, ttl, out);
    if (slot != NULL)
        slot->tracing = true;
    return slot != NULL;
}

bool kp_tracing_next(struct kp_core *core, struct kp_send *out)
{
    uint32_t target = 0;
    while (kp_wheel_pop(&core->world->traces, kp_tick_floor(core->now), &target))
        if (step(core, target, out))
            return true;
    return false;
}

static struct kp_traced *keep(const struct kp_target *target, struct kp_mono now)
{
    const struct kp_trace *trace = target->trace;
    uint8_t length = kp_trace_length(trace);
    uint8_t count = length >= trace->first ? (uint8_t)(length - trace->first + 1) : 0;
    struct kp_traced *t = malloc(sizeof *t + count * sizeof t->hops[0]);
    if (t == NULL)
        return NULL;
    *t = (struct kp_traced){.began = target->trace_began,
                            .at = now,
                            .path = KP_NONE,
                            .first = trace->first,
                            .reached = trace->reached,
                            .count = count};
    memcpy(t->hops, &trace->hops[trace->first - 1], count * sizeof t->hops[0]);
    return t;
}

/* The edge of a path is asked along the flow of the target whose trace showed it,
 * until that one goes elsewhere or the edge falls silent. */
static void learn_edge(struct kp_core *core, uint32_t path, uint32_t carrier, uint8_t ttl,
                       const struct kp_addr *hop)
{
    struct kp_world *world = core->world;
    struct kp_item *edge = &world->items[world->item_count + path];
    world->paths[path].last_hop = *hop;
    bool answers = !edge->has_last || edge->last_rtt >= 0;
    bool stands =
        edge->carrier != KP_NONE && answers && world->targets[edge->target].path == path;
    if (stands && edge->carrier != carrier)
        return;
    bool asleep = edge->carrier == KP_NONE;
    if (edge->carrier != carrier)
        kp_judge_edge_anew(edge);
    edge->carrier = carrier;
    edge->target = world->items[carrier].target;
    edge->probe = world->items[carrier].probe;
    edge->ttl = ttl;
    if (!asleep)
        return;
    edge->nominal = edge->due = core->now;
    kp_send_schedule(core, world->item_count + path);
}

static void attribute(struct kp_core *core, struct kp_target *target, struct kp_traced *t)
{
    struct kp_world *world = core->world;
    struct kp_addr hops[KP_TRACE_MOST] = {0};
    uint8_t count = 0;
    for (; count < t->count && t->first + count != t->reached; count++)
        hops[count] = t->hops[count].address;
    struct kp_path_seen seen = kp_path_recognise(world->rules, world->path_count, hops, count);
    t->path = seen.path;
    if (seen.path == KP_PATH_NONE)
        return;
    uint32_t before = target->path;
    bool moved = before != seen.path;
    target->path_changes += moved && before != KP_NONE;
    target->path = seen.path;
    target->path_seen = true;
    if (moved) {
        if (before != KP_NONE)
            world->paths[before].left = core->now;
        kp_world_thresholds(world);
        kp_tell_move(core, target, before);
    }
    /* Only a trace that got beyond it shows that this hop is the last visible one. */
    uint32_t carrier = tracer(world, target);
    if (carrier == KP_NONE)
        carrier = target->first_item; /* of a foreign trace */
    if (t->reached > 0)
        learn_edge(core, seen.path, carrier, (uint8_t)(t->first + seen.edge), &hops[seen.edge]);
}

static void record(struct kp_core *core, const struct kp_target *target,
                   const struct kp_traced *t)
{
    struct kp_record *r = kp_record_new(core, KP_RECORD_TRACE);
    r->at = kp_tell_wall(core, t->began);
    r->name = target->name;
    if (t->path != KP_NONE)
        r->path = core->world->paths[t->path].name;
    r->reached = t->reached;
    for (uint8_t i = 0; i < t->count; i++)
        if (t->hops[i].address.family != KP_AF_NONE)
            r->count++;
    for (uint8_t i = 0; i < t->count; i++) {
        if (t->hops[i].address.family == KP_AF_NONE)
            continue;
        r = kp_record_new(core, KP_RECORD_HOP);
        r->name = target->name;
        r->ttl = (uint8_t)(t->first + i);
        r->address = t->hops[i].address;
        r->rtt_us = (int32_t)lroundf(t->hops[i].rtt * 1e6F);
    }
}

void kp_tracing_take(struct kp_core *core, struct kp_target *target, struct kp_traced *t)
{
    free(target->traced_before);
    target->traced_before = target->traced;
    target->traced = t;
    attribute(core, target, t);
    record(core, target, t);
}

static void finish(struct kp_core *core, uint32_t index)
{
    struct kp_target *target = &core->world->targets[index];
    struct kp_traced *t = keep(target, core->now);
    free(target->trace);
    target->trace = NULL;
    file_at(core, index, kp_mono_add(core->now, core->world->conf->trace_interval));
    if (t != NULL)
        kp_tracing_take(core, target, t);
}

void kp_tracing_result(struct kp_core *core, const struct kp_slot *slot,
                       const struct kp_addr *hop, double rtt)
{
    uint32_t index = core->world->items[slot->item].target;
    struct kp_target *target = &core->world->targets[index];
    if (target->trace == NULL)
        return;
    if (rtt < 0)
        kp_trace_silence(target->trace, slot->ttl);
    else if (hop != NULL)
        kp_trace_hop(target->trace, slot->ttl, hop, rtt);
    else
        kp_trace_target(target->trace, slot->ttl, &slot->flow.dst, rtt);
    if (kp_trace_done(target->trace))
        finish(core, index);
    else if (!kp_wheel_queued(&core->world->traces, index))
        file_at(core, index, core->now);
}
