/* A reload: what has the same name goes on as it was. */
#include "lib/core/inner.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name;
    uint32_t index;
    UT_hash_handle hh;
};

static bool same_probe(const struct kp_conf_probe *a, const struct kp_conf_probe *b)
{
    return strcmp(a->name, b->name) == 0 && a->type == b->type && a->port == b->port &&
           a->tcp == b->tcp && a->qtype == b->qtype &&
           (a->type != KP_PROBE_DNS || strcmp(a->qname, b->qname) == 0);
}

static bool same_address(const struct kp_target *a, const struct kp_target *b)
{
    return a->address != NULL && b->address != NULL &&
           kp_addr_equal(&a->address->addr, &b->address->addr);
}

static bool same_name(const struct kp_target *a, const struct kp_target *b)
{
    return a->conf->host != NULL && b->conf->host != NULL &&
           strcmp(a->conf->host, b->conf->host) == 0;
}

static void keep_item(struct kp_item *to, const struct kp_item *from, bool same_host)
{
    struct kp_item kept = *from;
    kept.probe = to->probe;
    kept.query = to->query;
    kept.name = to->name;
    kept.target = to->target;
    kept.threshold = to->threshold;
    kept.out = 0;
    if (to->timing.interval.ns != from->timing.interval.ns) {
        kept.nominal = to->nominal;
        kept.due = to->due;
    }
    kept.timing = to->timing;
    if (!same_host) {
        /* Another machine answers now: what was normal for the old one is not. */
        kp_baseline_init(&kept.baseline);
        kept.group = (struct kp_group){0};
    }
    *to = kept;
}

/* What a trace saw outlives the reload, if the path does. */
static void keep_seen_path(const struct kp_world *from, const struct kp_target *old,
                           const struct kp_world *to, struct kp_target *new)
{
    for (uint32_t i = 0; old->path_seen && i < to->path_count; i++)
        if (strcmp(to->paths[i].conf->name, from->paths[old->path].conf->name) == 0) {
            new->path = i;
            new->path_seen = true;
        }
}

/* Whether the new configuration asks this target otherwise than the old one did:
 * silence that follows may be an answer to that (a ban). */
static bool changed_by_us(const struct kp_world *from, const struct kp_target *old,
                          const struct kp_world *to, const struct kp_target *new)
{
    if (old->item_count != new->item_count || !same_address(old, new))
        return true;
    for (uint32_t i = 0; i < new->item_count; i++) {
        const struct kp_item *a = &from->items[old->first_item + i];
        const struct kp_item *b = &to->items[new->first_item + i];
        if (!same_probe(a->probe, b->probe) || a->probe->size != b->probe->size ||
            a->timing.interval.ns != b->timing.interval.ns)
            return true;
    }
    return false;
}

/* Carries over every probe the two targets share; moved[old item] = new item. */
static void keep_target(struct kp_world *from, struct kp_target *old, struct kp_world *to,
                        struct kp_target *new, struct kp_mono core_now, uint32_t *moved)
{
    bool by_name = new->conf->address.family == KP_AF_NONE &&same_name(old, new);
    if (by_name && new->address == NULL &&
        old->address != NULL &&kp_guard_allows(&to->guard, &old->address->addr))
        (void)kp_world_set_address(to, new, &old->address->addr);
    bool same_host = same_address(old, new);
    if (same_host) {
        new->group = old->group;
        new->last_answer = old->last_answer;
    }
    if (same_host) {
        keep_seen_path(from, old, to, new);
        new->traced = old->traced;
        new->traced_before = old->traced_before;
        old->traced = old->traced_before = NULL;
    }
    new->told = same_host ? old->told : KP_UNKNOWN;
    new->suspected = old->suspected;
    new->path_changes = old->path_changes;
    new->meddled = changed_by_us(from, old, to, new) ? core_now : old->meddled;
    /* What the name said binds only where the name alone decides. */
    new->mismatch = by_name && old->mismatch;
    new->mismatch_since = old->mismatch_since;
    new->resolved_as = old->resolved_as;
    for (uint32_t i = 0; i < new->item_count; i++)
        for (uint32_t k = 0; k < old->item_count; k++) {
            struct kp_item *item = &to->items[new->first_item + i];
            struct kp_item *was = &from->items[old->first_item + k];
            if (!same_probe(item->probe, was->probe))
                continue;
            keep_item(item, was, same_host);
            moved[old->first_item + k] = new->first_item + i;
        }
}

/* The rate is the address's, whatever its targets are called now; one that has
 * gone is remembered while it is not to be asked, for it may come back. */
static void keep_buckets(const struct kp_core *core, struct kp_world *from, struct kp_world *to)
{
    struct kp_address *old, *next;
    HASH_ITER(hh, from->addresses, old, next)
    {
        struct kp_address *new = NULL;
        HASH_FIND(hh, to->addresses, &old->addr, sizeof old->addr, new);
        if (new == NULL && kp_mono_before(core->now, old->bucket.tat)) {
            new = calloc(1, sizeof *new);
            if (new == NULL)
                continue;
            new->addr = old->addr;
            new->id = to->address_ids++;
            HASH_ADD(hh, to->addresses, addr, sizeof new->addr, new);
        }
        if (new != NULL)
            new->bucket = old->bucket;
    }
}

/* The edge goes on along the flow of its carrier, if that is still there. */
static void keep_edge(struct kp_world *from, uint32_t old, struct kp_world *to, uint32_t new,
                      uint32_t *moved)
{
    const struct kp_item *was = &from->items[from->item_count + old];
    struct kp_item *edge = &to->items[to->item_count + new];
    uint32_t carrier = was->carrier != KP_NONE ? moved[was->carrier] : KP_NONE;
    if (carrier == KP_NONE)
        return;
    struct kp_item kept = *was;
    kept.edge_of = new;
    kept.carrier = carrier;
    kept.target = to->items[carrier].target;
    kept.probe = to->items[carrier].probe;
    kept.threshold = edge->threshold;
    kept.timing = edge->timing;
    *edge = kept;
    moved[from->item_count + old] = to->item_count + new;
}

static void keep_paths(struct kp_world *from, struct kp_world *to, uint32_t *moved)
{
    for (uint32_t i = 0; i < to->path_count; i++)
        for (uint32_t k = 0; k < from->path_count; k++) {
            struct kp_path *new = &to->paths[i];
            const struct kp_path *old = &from->paths[k];
            if (strcmp(new->conf->name, old->conf->name) != 0)
                continue;
            new->group = old->group;
            new->told = old->told;
            new->changed = old->changed;
            new->window = old->window;
            new->last_hop = old->last_hop;
            new->suspected = old->suspected;
            new->last_answer = old->last_answer;
            keep_edge(from, k, to, i, moved);
        }
}

/* Probes on their way stay with their items; those of items that are gone end. */
static void move_slots(struct kp_core *core, const uint32_t *moved)
{
    for (uint32_t i = 0; i < core->inflight.capacity; i++) {
        struct kp_slot *slot = &core->inflight.slots[i];
        if (slot->state == KP_SLOT_FREE)
            continue;
        uint32_t item = moved != NULL ? moved[slot->item] : KP_NONE;
        if (item != KP_NONE)
            slot->item = item;
        else
            kp_send_release(core, i);
    }
}

static struct entry *index_names(const struct kp_world *world, struct entry *entries)
{
    struct entry *head = NULL;
    for (uint32_t i = 0; i < world->target_count + world->anchor_count; i++) {
        entries[i].name = world->targets[i].conf->name;
        entries[i].index = i;
        HASH_ADD_KEYPTR(hh, head, entries[i].name, strlen(entries[i].name), &entries[i]);
    }
    return head;
}

void kp_world_migrate(struct kp_core *core, struct kp_world *from, struct kp_world *to)
{
    uint32_t count = from->target_count + from->anchor_count;
    struct entry *entries = calloc(count + 1, sizeof *entries);
    uint32_t items = from->item_count + from->path_count;
    uint32_t *moved = malloc((items + 1) * sizeof *moved);
    if (entries != NULL && moved != NULL) {
        memset(moved, 0xff, (items + 1) * sizeof *moved);
        struct entry *head = index_names(from, entries);
        for (uint32_t i = 0; i < to->target_count + to->anchor_count; i++) {
            struct kp_target *new = &to->targets[i];
            struct entry *found = NULL;
            HASH_FIND_STR(head, new->conf->name, found);
            if (found != NULL && from->targets[found->index].anchor == new->anchor)
                keep_target(from, &from->targets[found->index], to, new, core->now, moved);
        }
        HASH_CLEAR(hh, head);
        keep_paths(from, to, moved);
        kp_world_thresholds(to);
    }
    keep_buckets(core, from, to);
    /* Without memory for the map everything starts anew, which is still sound. */
    move_slots(core, entries != NULL ? moved : NULL);
    free(entries);
    free(moved);
}
