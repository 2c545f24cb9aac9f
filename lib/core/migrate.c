/* A reload: what has the same name goes on as it was. */
#include "lib/core/world.h"

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
    kept.target = to->target;
    kept.threshold = to->threshold;
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

/* Carries over every probe the two targets share; moved[old item] = new item. */
static void keep_target(struct kp_world *from, struct kp_target *old, struct kp_world *to,
                        struct kp_target *new, uint32_t *moved)
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
    new->told = same_host ? old->told : KP_UNKNOWN;
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
            HASH_ADD(hh, to->addresses, addr, sizeof new->addr, new);
        }
        if (new != NULL)
            new->bucket = old->bucket;
    }
}

static void keep_paths(struct kp_world *from, struct kp_world *to)
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
    uint32_t *moved = malloc((from->item_count + 1) * sizeof *moved);
    if (entries != NULL && moved != NULL) {
        memset(moved, 0xff, (from->item_count + 1) * sizeof *moved);
        struct entry *head = index_names(from, entries);
        for (uint32_t i = 0; i < to->target_count + to->anchor_count; i++) {
            struct kp_target *new = &to->targets[i];
            struct entry *found = NULL;
            HASH_FIND_STR(head, new->conf->name, found);
            if (found != NULL && from->targets[found->index].anchor == new->anchor)
                keep_target(from, &from->targets[found->index], to, new, moved);
        }
        HASH_CLEAR(hh, head);
        keep_paths(from, to);
    }
    keep_buckets(core, from, to);
    /* Without memory for the map everything starts anew, which is still sound. */
    move_slots(core, entries != NULL ? moved : NULL);
    free(entries);
    free(moved);
}
