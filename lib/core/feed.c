#include "lib/core/feed.h"

#include "lib/core/inner.h"

#include <stdlib.h>

/* Numbers of names, and what the world in force has under them. */
struct kp_feed_index {
    const struct kp_world *world;
    uint32_t count;
    struct {
        uint32_t target, anchor, path; /* KP_NONE: no such */
    } of[];
};

struct kp_core *kp_core_new_offline(void)
{
    static const struct kp_wire wire = {.port_min = 1, .port_max = 1};
    static const struct kp_key key = {{0}};
    struct kp_core *core = kp_core_new(&wire, &key);
    if (core != NULL)
        core->offline = true;
    return core;
}

uint32_t kp_core_name_number(struct kp_core *core, const char *text)
{
    return kp_record_intern(core, text);
}

struct kp_mono kp_core_mono(const struct kp_core *core, struct kp_wall t)
{
    return (struct kp_mono){t.ns - core->wall_minus_mono.ns};
}

static const struct kp_feed_index *index_of(struct kp_core *core)
{
    const struct kp_world *world = core->world;
    struct kp_feed_index *x = core->feed_index;
    if (x != NULL && x->world == world)
        return x;
    free(x);
    uint32_t count = core->records.name_count;
    core->feed_index = x = malloc(sizeof *x + count * sizeof x->of[0]);
    if (x == NULL)
        return NULL;
    *x = (struct kp_feed_index){world, count};
    for (uint32_t i = 0; i < count; i++)
        x->of[i].target = x->of[i].anchor = x->of[i].path = KP_NONE;
    for (uint32_t i = 0; i < world->target_count; i++)
        x->of[world->targets[i].name].target = i;
    for (uint32_t i = 0; i < world->anchor_count; i++)
        x->of[world->targets[world->target_count + i].name].anchor = world->target_count + i;
    for (uint32_t i = 0; i < world->path_count; i++)
        x->of[world->paths[i].name].path = i;
    return x;
}

struct kp_target *kp_feed_target(struct kp_core *core, uint32_t name, bool anchor)
{
    const struct kp_feed_index *x = index_of(core);
    if (x == NULL || name >= x->count)
        return NULL;
    uint32_t i = anchor ? x->of[name].anchor : x->of[name].target;
    return i != KP_NONE ? &core->world->targets[i] : NULL;
}

uint32_t kp_feed_path(struct kp_core *core, uint32_t name)
{
    const struct kp_feed_index *x = index_of(core);
    return x != NULL && name < x->count ? x->of[name].path : KP_NONE;
}

struct kp_item *kp_feed_item(const struct kp_core *core, const struct kp_target *target,
                             uint32_t probe)
{
    for (uint32_t i = 0; target != NULL && i < target->item_count; i++)
        if (core->world->items[target->first_item + i].name == probe)
            return &core->world->items[target->first_item + i];
    return NULL;
}

/* The path somebody saw the target on; false: no such path. */
static bool take_path(struct kp_core *core, struct kp_target *target, uint32_t name)
{
    uint32_t path = kp_feed_path(core, name);
    uint32_t before = target->path;
    if (name == KP_NO_NAME || path == KP_NONE || path == before)
        return name == KP_NO_NAME || path != KP_NONE;
    target->path = path;
    target->path_seen = true;
    kp_world_thresholds(core->world);
    kp_tell_move(core, target, before);
    return true;
}

/* Where the name stands for the host, its address does not matter, but what has
 * none is not judged: one of the discard prefix (RFC 6666) stands in. */
static void stand_in(struct kp_core *core, struct kp_target *target)
{
    uint32_t n = (uint32_t)(target - core->world->targets);
    struct kp_addr a = {.family = KP_IPV6, .bytes = {1}};
    if (target->address != NULL)
        return;
    for (int i = 15; i > 11; i--, n >>= 8)
        a.bytes[i] = (uint8_t)n;
    (void)kp_world_set_address(core->world, target, &a);
}

static struct kp_outcome outcome_of(struct kp_core *core, const struct kp_record *r)
{
    struct kp_outcome o = {.result = (enum kp_result)r->result,
                           .cause = (enum kp_cause)r->cause,
                           .rtt = r->rtt_us >= 0 ? r->rtt_us / 1e6 : -1,
                           .ttl = r->ttl,
                           .sent = kp_core_mono(core, r->at),
                           .serial = r->late ? 0 : ++core->serial};
    if (o.result == KP_LOCAL_ERROR)
        o.errnum = r->errnum;
    /* Who does not record that sends work again shows it so. */
    else if (kp_mono_before(core->failing_since, o.sent))
        core->failing_count = 0;
    return o;
}

static enum kp_fed feed_probe(struct kp_core *core, const struct kp_record *r)
{
    struct kp_target *target = kp_feed_target(core, r->name, r->kind == KP_RECORD_ANCHOR);
    struct kp_item *item = kp_feed_item(core, target, r->probe);
    if (item == NULL)
        return target == NULL ? KP_FED_NO_NAME : KP_FED_NO_PROBE;
    struct kp_outcome o = outcome_of(core, r);
    bool known = target->anchor || take_path(core, target, r->path);
    stand_in(core, target);
    if (r->late && o.rtt >= 0)
        kp_funnel_late(core, item, &o);
    else if (!r->late)
        kp_funnel_result(core, item, &o);
    return known ? KP_FED : KP_FED_NO_PATH;
}

/* Without traces nobody has told along whose flow the hop is asked: any target of
 * the path will do. */
static bool carry(struct kp_core *core, uint32_t path, struct kp_item *edge)
{
    struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->target_count && edge->carrier == KP_NONE; i++) {
        const struct kp_target *target = &world->targets[i];
        if (target->path != path || target->item_count == 0)
            continue;
        edge->carrier = target->first_item;
        edge->target = i;
        edge->probe = world->items[edge->carrier].probe;
    }
    return edge->carrier != KP_NONE;
}

/* A hop of the path that nobody named is its own; flag: it was none. */
static void name_hop(const struct kp_core *core, const struct kp_record *r, uint32_t path,
                     struct kp_item *edge)
{
    const struct kp_path_rule *rule = &core->world->rules[path];
    edge->sender = r->address;
    if (r->address.family != KP_AF_NONE || r->flag)
        return;
    if (rule->edge_count > 0)
        edge->sender = rule->edges[0];
    else if (rule->hop_count > 0)
        edge->sender = rule->hops[0].addr;
}

static enum kp_fed feed_edge(struct kp_core *core, const struct kp_record *r)
{
    uint32_t path = kp_feed_path(core, r->name);
    if (path == KP_NONE)
        return KP_FED_NO_NAME;
    struct kp_item *edge = &core->world->items[core->world->item_count + path];
    if (r->late || !carry(core, path, edge))
        return r->late ? KP_FED : KP_FED_NO_USE;
    struct kp_outcome o = outcome_of(core, r);
    if (o.rtt >= 0)
        name_hop(core, r, path, edge);
    kp_funnel_result(core, edge, &o);
    return KP_FED;
}

static enum kp_fed feed_trace(struct kp_core *core, const struct kp_record *r)
{
    struct kp_target *target = kp_feed_target(core, r->name, false);
    uint8_t first = r->count > 0 ? r[1].ttl : 1;
    uint8_t count = r->count > 0 ? (uint8_t)(r[r->count].ttl - first + 1) : 0;
    if (target == NULL)
        return KP_FED_NO_NAME;
    struct kp_traced *t = calloc(1, sizeof *t + count * sizeof t->hops[0]);
    if (t == NULL || target->item_count == 0) {
        free(t);
        return KP_FED_NO_USE;
    }
    t->began = kp_core_mono(core, r->at);
    t->at = core->now;
    t->path = KP_NONE;
    t->first = first;
    t->reached = r->reached;
    t->count = count;
    for (uint8_t i = 1; i <= r->count; i++) {
        struct kp_trace_hop *hop = &t->hops[r[i].ttl - first];
        hop->address = r[i].address;
        hop->rtt = r[i].rtt_us >= 0 ? (float)(r[i].rtt_us / 1e6) : 0;
        hop->known = true;
    }
    kp_tracing_take(core, target, t);
    /* Hops that say nothing to us may have said it to whoever wrote this. */
    return t->path != KP_NONE || take_path(core, target, r->path) ? KP_FED : KP_FED_NO_PATH;
}

static enum kp_fed feed_change(struct kp_core *core, const struct kp_record *r)
{
    struct kp_world *world = core->world;
    struct kp_target *one = r->kind == KP_RECORD_REQUEST || r->name != KP_NO_NAME
                                ? kp_feed_target(core, r->name, false)
                                : NULL;
    if (one != NULL)
        one->meddled = core->now;
    else if (r->name != KP_NO_NAME && kp_feed_target(core, r->name, true) == NULL)
        return KP_FED_NO_NAME;
    for (uint32_t i = 0; r->kind == KP_RECORD_RELOAD && one == NULL && i < world->target_count;
         i++)
        world->targets[i].meddled = core->now;
    return KP_FED;
}

static enum kp_fed feed_address(struct kp_core *core, const struct kp_record *r)
{
    struct kp_target *target = kp_feed_target(core, r->name, false);
    if (target == NULL)
        return KP_FED_NO_NAME;
    if (r->address.family != KP_AF_NONE)
        (void)kp_world_set_address(core->world, target, &r->address);
    if (r->flag && !target->mismatch)
        target->mismatch_since = core->now;
    target->mismatch = r->flag;
    kp_tell_target(core, target);
    return KP_FED;
}

static enum kp_fed feed_mute(struct kp_core *core, const struct kp_record *r)
{
    const char *name = kp_core_record_name(core, r->name);
    enum kp_err err = name == NULL ? KP_ERR_NOTFOUND
                      : r->flag    ? kp_core_mute(core, name, r->from, "as recorded")
                                   : kp_core_unmute(core, name);
    return err == KP_OK ? KP_FED : KP_FED_NO_NAME;
}

static enum kp_fed feed_own(struct kp_core *core, const struct kp_record *r)
{
    const char *reason = kp_core_record_name(core, r->name);
    if (r->kind == KP_RECORD_GAP)
        kp_core_gap(core, kp_core_mono(core, r->from), kp_core_mono(core, r->at),
                    reason != NULL ? reason : "as recorded");
    else if (r->kind == KP_RECORD_SENDS)
        kp_judge_sends(core, false);
    return KP_FED;
}

/* Further than from 1970 to now no clock was ever wrong, and times stay within 64 bits. */
#define MOST_OFFSET (INT64_C(2000000000) * KP_NS_PER_S)

bool kp_feed_step(struct kp_dur *offset, struct kp_dur step)
{
    if (step.ns > MOST_OFFSET || step.ns < -MOST_OFFSET)
        return false;
    int64_t ns = offset->ns + step.ns;
    if (ns > MOST_OFFSET || ns < -MOST_OFFSET)
        return false;
    offset->ns = ns;
    return true;
}

static enum kp_fed feed_clock(struct kp_core *core, const struct kp_record *r)
{
    struct kp_dur offset = core->wall_minus_mono;
    if (!kp_feed_step(&offset, r->step))
        return KP_FED_NO_USE;
    kp_core_set_clock(core, offset);
    return KP_FED;
}

enum kp_fed kp_core_feed(struct kp_core *core, const struct kp_record *r)
{
    if (r->kind == KP_RECORD_CLOCK)
        return feed_clock(core, r);
    kp_core_advance(core, kp_core_mono(core, r->done));
    switch ((enum kp_record_kind)r->kind) {
    case KP_RECORD_PROBE:
    case KP_RECORD_ANCHOR:
        return feed_probe(core, r);
    case KP_RECORD_EDGE:
        return feed_edge(core, r);
    case KP_RECORD_TRACE:
        return feed_trace(core, r);
    case KP_RECORD_RELOAD:
    case KP_RECORD_REQUEST:
        return feed_change(core, r);
    case KP_RECORD_ADDRESS:
        return feed_address(core, r);
    case KP_RECORD_MUTE:
        return feed_mute(core, r);
    default:
        return feed_own(core, r);
    }
}

struct kp_wall kp_core_feed_done(struct kp_core *core, const struct kp_record *r)
{
    bool result =
        r->kind == KP_RECORD_PROBE || r->kind == KP_RECORD_ANCHOR || r->kind == KP_RECORD_EDGE;
    if (!result || r->result == KP_LOCAL_ERROR)
        return r->at;
    if (r->rtt_us >= 0)
        return (struct kp_wall){r->at.ns + r->rtt_us * KP_NS_PER_US};
    const struct kp_item *item =
        r->kind == KP_RECORD_EDGE
            ? NULL
            : kp_feed_item(core, kp_feed_target(core, r->name, r->kind == KP_RECORD_ANCHOR),
                           r->probe);
    return kp_wall_add(r->at, item != NULL ? item->timing.timeout
                                           : core->world->conf->defaults.timeout);
}
