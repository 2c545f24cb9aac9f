#include "lib/core/inner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Successive multiples of the golden ratio spread any number of phases evenly. */
#define GOLDEN 0.61803398874989485

static void *array(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size);
}

static uint32_t enabled(const struct kp_conf_target *list, size_t count, uint32_t *items)
{
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += list[i].enabled;
        *items += list[i].enabled ? (uint32_t)list[i].probe_count : 0;
    }
    return n;
}

static struct kp_address *find_address(struct kp_world *world, const struct kp_addr *addr)
{
    struct kp_address *found = NULL;
    HASH_FIND(hh, world->addresses, addr, sizeof *addr, found);
    return found;
}

static void drop_address(struct kp_world *world, struct kp_address *address)
{
    if (address == NULL || --address->users > 0)
        return;
    HASH_DELETE(hh, world->addresses, address);
    free(address);
}

enum kp_err kp_world_set_address(struct kp_world *world, struct kp_target *target,
                                 const struct kp_addr *addr)
{
    struct kp_address *address = NULL;
    if (addr->family != KP_AF_NONE) {
        address = find_address(world, addr);
        if (address == NULL) {
            address = calloc(1, sizeof *address);
            if (address == NULL)
                return KP_ERR_NOMEM;
            address->addr = *addr;
            address->id = world->address_ids++;
            HASH_ADD(hh, world->addresses, addr, sizeof address->addr, address);
            if (address->hh.tbl == NULL) {
                free(address);
                return KP_ERR_NOMEM;
            }
        }
        address->users++;
    }
    drop_address(world, target->address);
    target->address = address;
    return KP_OK;
}

static enum kp_err build_queries(struct kp_world *world)
{
    const struct kp_conf *conf = world->conf;
    for (size_t i = 0; i < conf->probe_count; i++) {
        const struct kp_conf_probe *p = &conf->probes[i];
        if (p->type != KP_PROBE_DNS)
            continue;
        enum kp_err err =
            kp_dns_query_new(p->qname, p->qtype, p->recursion, &world->queries[i]);
        if (err != KP_OK)
            return err;
    }
    return KP_OK;
}

static void build_paths(struct kp_world *world)
{
    const struct kp_conf *conf = world->conf;
    for (size_t i = 0; i < conf->path_count; i++) {
        world->path_of_conf[i] = conf->paths[i].enabled ? world->path_count : KP_NONE;
        if (!conf->paths[i].enabled)
            continue;
        struct kp_path *path = &world->paths[world->path_count++];
        path->conf = &conf->paths[i];
        kp_window_init(&path->window);
        world->rules[world->path_count - 1] = (struct kp_path_rule){
            path->conf->edges,     path->conf->edge_count, path->conf->hops,
            path->conf->hop_count, path->conf->not_hops,   path->conf->not_hop_count};
    }
}

/* The expected carrier, where exactly one enabled path is expected. */
static uint32_t expected_path(const struct kp_world *world, const struct kp_conf_target *conf)
{
    uint32_t only = KP_NONE;
    for (size_t i = 0; i < conf->path_count; i++) {
        uint32_t path = world->path_of_conf[conf->paths[i]];
        if (path == KP_NONE)
            continue;
        if (only != KP_NONE)
            return KP_NONE;
        only = path;
    }
    return only;
}

static void build_items(struct kp_world *world, uint32_t index)
{
    struct kp_target *target = &world->targets[index];
    target->first_item = world->item_count;
    target->item_count = (uint32_t)target->conf->probe_count;
    for (uint32_t i = 0; i < target->item_count; i++) {
        struct kp_item *item = &world->items[world->item_count++];
        size_t probe = target->conf->probes[i];
        item->probe = &world->conf->probes[probe];
        item->query = world->queries[probe];
        item->target = index;
        item->edge_of = KP_NONE;
        item->carrier = KP_NONE;
        item->timing = kp_conf_timing(world->conf, target->conf, item->probe);
        item->answered_last = true;
        kp_baseline_init(&item->baseline);
    }
}

static enum kp_err build_targets(struct kp_world *world, const struct kp_conf_target *list,
                                 size_t count, bool anchor)
{
    for (size_t i = 0; i < count; i++) {
        if (!list[i].enabled)
            continue;
        uint32_t index = world->target_count + world->anchor_count;
        struct kp_target *target = &world->targets[index];
        *(anchor ? &world->anchor_count : &world->target_count) += 1;
        target->conf = &list[i];
        target->anchor = anchor;
        target->expected = target->path = expected_path(world, target->conf);
        build_items(world, index);
        if (kp_world_set_address(world, target, &target->conf->address) != KP_OK)
            return KP_ERR_NOMEM;
    }
    return KP_OK;
}

/* One sleeping item a path; a trace wakes it (tracing.c). */
static void build_edges(struct kp_world *world)
{
    for (uint32_t i = 0; i < world->path_count; i++) {
        struct kp_item *edge = &world->items[world->item_count + i];
        edge->edge_of = i;
        edge->carrier = KP_NONE;
        edge->timing = world->conf->defaults;
        edge->answered_last = true;
        kp_baseline_init(&edge->baseline);
    }
}

static void build_guard(struct kp_world *world)
{
    const struct kp_conf *conf = world->conf;
    for (size_t i = 0; i < conf->anchor_count; i++)
        world->anchor_addrs[i] = conf->anchors[i].address;
    world->guard = (struct kp_guard){conf->allow, conf->allow_count, world->anchor_addrs,
                                     conf->anchor_count};
    world->total_rate = kp_rate_make(conf->total_rate, conf->burst);
    world->address_rate = kp_rate_make(conf->per_address_rate, conf->burst);
}

static double rate_of(const struct kp_item *item)
{
    return 1 / kp_dur_seconds(item->timing.interval);
}

/* Each group's threshold follows from how often it is asked and how many groups
 * there are to raise a false alarm. */
void kp_world_thresholds(struct kp_world *world)
{
    double false_alarms = world->conf->false_alarms_per_year;
    uint32_t all = world->target_count + world->anchor_count;
    /* Half of the false alarms are for what is wide, where every second counts. */
    unsigned wide = 2 * (world->path_count + 3); /* anchors, country, DNS */
    unsigned narrow = 2 * (world->item_count + all);
    double anchor_rate = 0;
    for (uint32_t i = 0; i < world->path_count; i++) {
        struct kp_path *path = &world->paths[i];
        struct kp_item *edge = &world->items[world->item_count + i];
        path->threshold = 0; /* holds the rate until the loop below */
        path->target_count = 0;
        path->loss_sum = 0;
        edge->threshold = kp_detect_threshold(false_alarms, rate_of(edge), narrow);
    }
    for (uint32_t t = 0; t < all; t++) {
        struct kp_target *target = &world->targets[t];
        double rate = 0;
        for (uint32_t i = target->first_item; i < target->first_item + target->item_count;
             i++) {
            struct kp_item *item = &world->items[i];
            item->threshold = kp_detect_threshold(false_alarms, rate_of(item), narrow);
            rate += rate_of(item);
        }
        target->threshold = kp_detect_threshold(false_alarms, rate, narrow);
        anchor_rate += target->anchor ? rate : 0;
        if (target->path == KP_NONE)
            continue;
        world->paths[target->path].threshold += rate;
        world->paths[target->path].target_count++;
        world->paths[target->path].loss_sum += target->loss;
    }
    for (uint32_t i = 0; i < world->path_count; i++)
        world->paths[i].threshold =
            kp_detect_threshold(false_alarms, world->paths[i].threshold, wide);
    double target_rate = 0;
    double dns_rate = 0;
    for (uint32_t i = 0; i < world->item_count; i++) {
        const struct kp_item *item = &world->items[i];
        if (world->targets[item->target].anchor)
            continue;
        target_rate += rate_of(item);
        dns_rate += item->probe->type == KP_PROBE_DNS ? rate_of(item) : 0;
    }
    /* Thirty seconds, or ten probes where there are few. */
    double rate = fmax(target_rate + anchor_rate, 1e-6);
    world->hiccup = kp_dur_from_seconds(fmax(30, 10 / rate));
    world->country_threshold = kp_detect_threshold(false_alarms, target_rate, wide);
    world->dns_threshold = kp_detect_threshold(false_alarms, dns_rate, wide);
    world->vantage_threshold = kp_detect_threshold(false_alarms, anchor_rate, wide);
}

static bool allocate(struct kp_world *world)
{
    const struct kp_conf *conf = world->conf;
    uint32_t items = 0;
    uint32_t targets = enabled(conf->targets, conf->target_count, &items);
    targets += enabled(conf->anchors, conf->anchor_count, &items);
    world->targets = array(targets, sizeof *world->targets);
    items += (uint32_t)conf->path_count; /* their edges */
    world->items = array(items, sizeof *world->items);
    world->paths = array(conf->path_count, sizeof *world->paths);
    world->path_of_conf = array(conf->path_count, sizeof *world->path_of_conf);
    world->queries = array(conf->probe_count, sizeof(struct kp_dns_query *));
    world->anchor_addrs = array(conf->anchor_count, sizeof *world->anchor_addrs);
    world->rules = array(conf->path_count, sizeof *world->rules);
    return world->targets != NULL && world->items != NULL && world->paths != NULL &&
           world->path_of_conf != NULL && world->queries != NULL &&
           world->anchor_addrs != NULL && world->rules != NULL &&
           kp_wheel_reserve(&world->traces, targets) == KP_OK &&
           kp_wheel_reserve(&world->sched, items) == KP_OK &&
           kp_wheel_reserve(&world->resolve, targets) == KP_OK;
}

static void first_phases(struct kp_core *core, struct kp_world *world)
{
    double offset = kp_prng_unit(&core->rng);
    for (uint32_t i = 0; i < world->item_count; i++) {
        struct kp_item *item = &world->items[i];
        double whole = 0;
        double phase = modf(offset + i * GOLDEN, &whole);
        int64_t delay = (int64_t)(phase * (double)item->timing.interval.ns);
        item->nominal = kp_mono_add(core->now, (struct kp_dur){delay});
        item->due = item->nominal;
    }
}

enum kp_err kp_world_build(struct kp_core *core, const struct kp_conf *conf,
                           struct kp_world **out)
{
    struct kp_world *world = calloc(1, sizeof *world);
    if (world == NULL)
        return KP_ERR_NOMEM;
    world->conf = conf;
    kp_wheel_init(&world->sched, kp_tick_floor(core->now));
    kp_wheel_init(&world->resolve, kp_tick_floor(core->now));
    kp_wheel_init(&world->traces, kp_tick_floor(core->now));
    enum kp_err err = allocate(world) ? KP_OK : KP_ERR_NOMEM;
    if (err == KP_OK)
        err = build_queries(world);
    if (err == KP_OK) {
        build_paths(world);
        err = build_targets(world, conf->targets, conf->target_count, false);
    }
    if (err == KP_OK)
        err = build_targets(world, conf->anchors, conf->anchor_count, true);
    if (err != KP_OK) {
        kp_world_free(world);
        return err;
    }
    build_edges(world);
    build_guard(world);
    kp_world_thresholds(world);
    first_phases(core, world);
    *out = world;
    return KP_OK;
}

void kp_world_free(struct kp_world *world)
{
    if (world == NULL)
        return;
    for (uint32_t i = 0; i < world->target_count + world->anchor_count; i++) {
        drop_address(world, world->targets[i].address);
        kp_tracing_drop(&world->targets[i]);
    }
    struct kp_address *address, *next;
    HASH_ITER(hh, world->addresses, address, next)
    {
        HASH_DELETE(hh, world->addresses, address);
        free(address);
    }
    for (size_t i = 0; world->queries != NULL && i < world->conf->probe_count; i++)
        kp_dns_query_free(world->queries[i]);
    kp_wheel_fini(&world->sched);
    kp_wheel_fini(&world->resolve);
    kp_wheel_fini(&world->traces);
    free(world->targets);
    free(world->items);
    free(world->paths);
    free(world->path_of_conf);
    free(world->queries);
    free(world->anchor_addrs);
    free(world->rules);
    free(world);
}
