/* The ring of evidence and the table of the names in it. */
#include "lib/conf/conf_print.h"
#include "lib/core/inner.h"

#include <stdlib.h>
#include <string.h>

/* The ring holds about this much at the configured rate: it is copied into the history,
 * which keeps what is older ... */
#define HELD_SECONDS 3600
/* ... within these bounds (256 KiB, touched only as it fills; 64 MiB). */
#define LEAST 4096
#define MOST 1048576
#define TRACE_RECORDS 17 /* a trace and its usual 16 hops */

struct kp_record_name {
    uint32_t number;
    UT_hash_handle hh;
    char text[];
};

uint32_t kp_record_intern(struct kp_core *core, const char *text)
{
    struct kp_records *r = &core->records;
    struct kp_record_name *found = NULL;
    size_t len = strlen(text);
    HASH_FIND(hh, r->by_text, text, len, found);
    if (found != NULL)
        return found->number;
    if (r->name_count == r->name_room) {
        uint32_t room = r->name_room > 0 ? 2 * r->name_room : 64;
        struct kp_record_name **grown = reallocarray(r->names, room, sizeof(void *));
        if (grown == NULL)
            return KP_NO_NAME;
        r->names = grown;
        r->name_room = room;
    }
    found = calloc(1, sizeof *found + len + 1);
    if (found == NULL)
        return KP_NO_NAME;
    memcpy(found->text, text, len);
    found->number = r->name_count;
    HASH_ADD_KEYPTR(hh, r->by_text, found->text, len, found);
    if (found->hh.tbl == NULL) {
        free(found);
        return KP_NO_NAME;
    }
    r->names[r->name_count++] = found;
    return found->number;
}

static uint32_t capacity_for(const struct kp_world *world)
{
    double rate = 0;
    for (uint32_t i = 0; i < world->item_count; i++)
        rate += 1 / kp_dur_seconds(world->items[i].timing.interval);
    if (world->conf->trace_interval.ns > 0)
        rate +=
            world->target_count * TRACE_RECORDS / kp_dur_seconds(world->conf->trace_interval);
    double wanted = rate * HELD_SECONDS;
    return wanted < LEAST ? LEAST : wanted > MOST ? MOST : (uint32_t)wanted;
}

/* Grows only, and keeps what is held. */
static bool reserve(struct kp_records *r, uint32_t capacity)
{
    if (capacity <= r->capacity)
        return true;
    struct kp_record *ring = calloc(capacity, sizeof *ring);
    if (ring == NULL)
        return false;
    uint64_t held = r->last < r->capacity ? r->last : r->capacity;
    for (uint64_t n = r->last - held + 1; n <= r->last; n++)
        ring[n % capacity] = r->ring[n % r->capacity];
    free(r->ring);
    r->ring = ring;
    r->capacity = capacity;
    return true;
}

/* All targets of a probe share its name. */
static bool name_items(struct kp_core *core, struct kp_world *world)
{
    const struct kp_conf *conf = world->conf;
    uint32_t *numbers = calloc(conf->probe_count + 1, sizeof *numbers);
    bool ok = numbers != NULL;
    for (size_t i = 0; ok && i < conf->probe_count; i++) {
        numbers[i] = kp_record_intern(core, conf->probes[i].name);
        ok = numbers[i] != KP_NO_NAME;
    }
    for (uint32_t i = 0; ok && i < world->item_count; i++)
        world->items[i].name = numbers[world->items[i].probe - conf->probes];
    free(numbers);
    return ok;
}

enum kp_err kp_record_prepare(struct kp_core *core, struct kp_world *world)
{
    if (!reserve(&core->records, capacity_for(world)) || !name_items(core, world))
        return KP_ERR_NOMEM;
    for (uint32_t i = 0; i < world->target_count + world->anchor_count; i++) {
        world->targets[i].name = kp_record_intern(core, world->targets[i].conf->name);
        if (world->targets[i].name == KP_NO_NAME)
            return KP_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < world->path_count; i++) {
        world->paths[i].name = kp_record_intern(core, world->paths[i].conf->name);
        if (world->paths[i].name == KP_NO_NAME)
            return KP_ERR_NOMEM;
    }
    return KP_OK;
}

struct kp_record *kp_record_new(struct kp_core *core, enum kp_record_kind kind)
{
    struct kp_records *r = &core->records;
    struct kp_record *record = &r->ring[++r->last % r->capacity];
    struct kp_wall now = kp_tell_wall(core, core->now);
    *record = (struct kp_record){.at = now,
                                 .done = now,
                                 .name = KP_NO_NAME,
                                 .probe = KP_NO_NAME,
                                 .path = KP_NO_NAME,
                                 .rtt_us = -1,
                                 .kind = (uint8_t)kind};
    return record;
}

uint32_t kp_record_path(const struct kp_core *core, const struct kp_target *target)
{
    return target->path != KP_NONE ? core->world->paths[target->path].name : KP_NO_NAME;
}

void kp_record_fini(struct kp_core *core)
{
    struct kp_records *r = &core->records;
    HASH_CLEAR(hh, r->by_text);
    for (uint32_t i = 0; i < r->name_count; i++)
        free(r->names[i]);
    free(r->names);
    free(r->ring);
    for (int i = 0; i < KP_OLD_CONFIGS; i++)
        free(r->configs[i]);
}

uint64_t kp_core_record_last(const struct kp_core *core)
{
    return core->records.last;
}

uint64_t kp_core_record_oldest(const struct kp_core *core)
{
    const struct kp_records *r = &core->records;
    return r->last < r->capacity ? 1 : r->last - r->capacity + 1;
}

const struct kp_record *kp_core_record(const struct kp_core *core, uint64_t number)
{
    const struct kp_records *r = &core->records;
    if (number > r->last || number < kp_core_record_oldest(core))
        return NULL;
    return &r->ring[number % r->capacity];
}

const char *kp_core_record_name(const struct kp_core *core, uint32_t name)
{
    return name < core->records.name_count ? core->records.names[name]->text : NULL;
}

void kp_record_reload(struct kp_core *core, const struct kp_conf *before)
{
    char **kept = &core->records.configs[core->generation % KP_OLD_CONFIGS];
    free(*kept);
    *kept = kp_conf_print_json(before);
    kp_record_new(core, KP_RECORD_RELOAD)->probe = ++core->generation;
}

char *kp_core_config(const struct kp_core *core, uint32_t generation)
{
    if (generation == core->generation)
        return kp_conf_print_json(core->world->conf);
    if (generation > core->generation || generation + KP_OLD_CONFIGS < core->generation)
        return NULL;
    const char *kept = core->records.configs[generation % KP_OLD_CONFIGS];
    return kept != NULL ? strdup(kept) : NULL;
}

uint32_t kp_core_generation(const struct kp_core *core)
{
    return core->generation;
}
