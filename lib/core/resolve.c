/* Names: when to look them up, and what their addresses mean. */
#include "lib/core/inner.h"

#include <stdlib.h>
#include <string.h>

#define RESOLVE_EVERY (10 * 60 * KP_NS_PER_S)
#define RESOLVE_AGAIN (30 * KP_NS_PER_S) /* after a failure */
#define MOST_ADDRS 8

static void look_up_in(struct kp_core *core, uint32_t target, int64_t ns)
{
    struct kp_mono at = kp_mono_add(core->now, (struct kp_dur){ns});
    kp_wheel_set(&core->world->resolve, target, kp_tick_ceil(at));
}

void kp_resolve_start(struct kp_core *core)
{
    const struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->target_count && world->conf->resolve_at_count > 0; i++)
        if (world->targets[i].conf->host != NULL) /* those in need first */
            look_up_in(core, i, world->targets[i].address != NULL ? KP_NS_PER_S : 0);
}

/* A look-up is two questions, which may go to the same server. */
static struct kp_rate lookup_rate(const struct kp_core *core)
{
    struct kp_rate rate = core->world->address_rate;
    rate.tolerance.ns -= rate.tolerance.ns > 0 ? rate.period.ns : 0;
    rate.period.ns *= 2;
    return rate;
}

bool kp_resolve_next_due(const struct kp_core *core, struct kp_mono *at)
{
    int64_t tick = 0;
    struct kp_rate rate = lookup_rate(core);
    struct kp_mono ready = kp_bucket_ready(&core->lookups, &rate);
    if (!kp_wheel_next(&core->world->resolve, &tick))
        return false;
    *at = kp_tick_time(tick);
    if (kp_mono_before(*at, ready))
        *at = ready;
    return true;
}

bool kp_resolve_next(struct kp_core *core, struct kp_act *act)
{
    uint32_t target = 0;
    struct kp_rate rate = lookup_rate(core);
    if (kp_mono_before(core->now, kp_bucket_ready(&core->lookups, &rate)) ||
        !kp_wheel_pop(&core->world->resolve, kp_tick_floor(core->now), &target))
        return false;
    kp_bucket_take(&core->lookups, &rate, core->now);
    for (int question = 0; question < 2; question++)
        kp_bucket_take(&core->total, &core->world->total_rate, core->now);
    look_up_in(core, target, RESOLVE_AGAIN);
    act->kind = KP_ACT_RESOLVE;
    act->target = target;
    act->host = core->world->targets[target].conf->host;
    return true;
}

static bool contains(const struct kp_addr *addrs, size_t count, const struct kp_addr *a)
{
    for (size_t i = 0; i < count; i++)
        if (kp_addr_equal(&addrs[i], a))
            return true;
    return false;
}

static size_t keep_family(struct kp_addr *addrs, size_t count, uint8_t family)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (addrs[i].family == family)
            addrs[kept++] = addrs[i];
    return kept;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct kp_addr));
}

/* Pinned: the address must be among those of its family.  Else the present one
 * if it is still there, or the first allowed one, is taken. */
static bool matches(struct kp_core *core, struct kp_target *target, const struct kp_addr *addrs,
                    size_t count)
{
    const struct kp_addr *pinned = &target->conf->address;
    if (pinned->family != KP_AF_NONE)
        return count == 0 || contains(addrs, count, pinned);
    if (target->address != NULL && contains(addrs, count, &target->address->addr))
        return true;
    for (size_t i = 0; i < count; i++)
        if (kp_guard_allows(&core->world->guard, &addrs[i]))
            return kp_world_set_address(core->world, target, &addrs[i]) == KP_OK;
    target->mismatch = true;
    return false;
}

static struct kp_addr address_of(const struct kp_target *target)
{
    return target->address != NULL ? target->address->addr : (struct kp_addr){0};
}

static void record(struct kp_core *core, const struct kp_target *target)
{
    struct kp_record *r = kp_record_new(core, KP_RECORD_ADDRESS);
    r->name = target->name;
    r->flag = target->mismatch;
    r->address = address_of(target);
}

void kp_core_resolved(struct kp_core *core, uint32_t index, const struct kp_addr *addrs,
                      size_t count)
{
    if (index >= core->world->target_count || count == 0)
        return;
    struct kp_target *target = &core->world->targets[index];
    if (target->conf->host == NULL)
        return;
    struct kp_addr sorted[MOST_ADDRS] = {0};
    count = count < MOST_ADDRS ? count : MOST_ADDRS;
    memcpy(sorted, addrs, count * sizeof *addrs);
    qsort(sorted, count, sizeof *sorted, by_bytes);
    look_up_in(core, index, RESOLVE_EVERY);
    if (target->conf->address.family != KP_AF_NONE)
        count = keep_family(sorted, count, target->conf->address.family);
    uint64_t hash = kp_siphash(&core->rng.key, sorted, count * sizeof *sorted);
    bool was_mismatch = target->mismatch;
    struct kp_addr was = address_of(target);
    target->mismatch = false;
    bool good = matches(core, target, sorted, count);
    if (target->mismatch && !was_mismatch)
        target->mismatch_since = core->now;
    if (!good && target->resolved_as != hash)
        kp_tell_mismatch(core, target, sorted, count);
    target->resolved_as = good ? 0 : hash;
    struct kp_addr now = address_of(target);
    if (target->mismatch != was_mismatch || memcmp(&now, &was, sizeof now) != 0)
        record(core, target);
    kp_tell_target(core, target);
}
