/* The incident table, beside what a look makes of it. */
#include "lib/judging/incident_table.h"

#include <stdlib.h>
#include <string.h>

struct kp_incidents *kp_incidents_new(struct kp_dur recover_after)
{
    struct kp_incidents *table = calloc(1, sizeof *table);
    if (table != NULL)
        table->recover_after = recover_after;
    return table;
}

void kp_incidents_free(struct kp_incidents *table)
{
    for (uint32_t n = 0; table != NULL && n < table->count; n++)
        free(table->list[n]);
    free(table);
}

void kp_incidents_configure(struct kp_incidents *table, struct kp_dur recover_after)
{
    table->recover_after = recover_after;
}

enum kp_err kp_incidents_restore(struct kp_incidents *table, const struct kp_incident *incident)
{
    if (incident->id == 0 || kp_incidents_by_id(table, incident->id) != NULL)
        return KP_ERR_RANGE;
    if (table->count >= KP_INCIDENTS_OPEN + KP_INCIDENTS_CLOSED)
        return KP_ERR_BUSY;
    struct kp_incident *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return KP_ERR_NOMEM;
    *copy = *incident;
    uint32_t n = table->count++;
    for (; n > 0 && table->list[n - 1]->id > copy->id; n--)
        table->list[n] = table->list[n - 1];
    table->list[n] = copy;
    table->last_id = table->list[table->count - 1]->id;
    return KP_OK;
}

struct kp_incidents_state kp_incidents_state(const struct kp_incidents *table)
{
    return (struct kp_incidents_state){table->last_id, table->suspended, table->resumed};
}

void kp_incidents_set_state(struct kp_incidents *table, const struct kp_incidents_state *s)
{
    if (table->last_id < s->last_id)
        table->last_id = s->last_id;
    table->suspended = s->suspended;
    table->resumed = s->resumed;
}

const struct kp_incident_change *kp_incidents_changes(const struct kp_incidents *table,
                                                      size_t *count)
{
    *count = table->change_count;
    return table->changes;
}

uint32_t kp_incidents_open_count(const struct kp_incidents *table)
{
    uint32_t open = 0;
    for (uint32_t n = 0; n < table->count; n++)
        open += kp_incident_is_open(table->list[n]);
    return open;
}

const struct kp_incident *kp_incidents_gravest(const struct kp_incidents *table)
{
    const struct kp_incident *gravest = NULL;
    for (uint32_t n = 0; n < table->count; n++) {
        const struct kp_incident *i = table->list[n];
        if (kp_incident_is_open(i) && (gravest == NULL || i->what.class > gravest->what.class))
            gravest = i;
    }
    return gravest;
}

uint32_t kp_incidents_count(const struct kp_incidents *table)
{
    return table->count;
}

const struct kp_incident *kp_incidents_at(const struct kp_incidents *table, uint32_t index)
{
    return table->list[index];
}

const struct kp_incident *kp_incidents_by_id(const struct kp_incidents *table, uint32_t id)
{
    for (uint32_t n = 0; n < table->count; n++)
        if (table->list[n]->id == id)
            return table->list[n];
    return NULL;
}

const struct kp_incident *kp_incidents_by_uuid(const struct kp_incidents *table,
                                               const uint8_t uuid[16])
{
    for (uint32_t n = 0; n < table->count; n++)
        if (memcmp(table->list[n]->uuid, uuid, 16) == 0)
            return table->list[n];
    return NULL;
}
