#include "lib/telling/report_incident.h"

#include "lib/base/nearest.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/json_obj.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MOST 256 /* kp_incidents holds no more */

static bool is_open(const struct kp_incident *incident)
{
    return incident->phase != KP_CLOSED;
}

static int graver_first(const void *a, const void *b)
{
    const struct kp_incident *const *pa = a, *const *pb = b;
    const struct kp_incident *x = *pa, *y = *pb;
    if (x->what.class != y->what.class)
        return x->what.class > y->what.class ? -1 : 1;
    if (x->what.began.ns != y->what.began.ns)
        return x->what.began.ns < y->what.began.ns ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

json_t *kp_report_open_incidents(const struct kp_core *core)
{
    const struct kp_incidents *table = kp_core_incidents(core);
    const struct kp_incident *open[OPEN_MOST];
    uint32_t total = kp_incidents_count(table);
    size_t count = 0;
    for (uint32_t i = 0; i < total && count < OPEN_MOST; i++) {
        open[count] = kp_incidents_at(table, i);
        count += is_open(open[count]);
    }
    qsort(open, count, sizeof open[0], graver_first);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        kp_json_append(&list, kp_incident_json(open[i]));
    return list;
}

json_t *kp_report_suspicions(const struct kp_core *core)
{
    json_t *list = json_array();
    uint32_t count = kp_core_suspicion_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_suspicion_view v;
        kp_core_suspicion_at(core, i, &v);
        struct kp_obj o = kp_obj_begin();
        kp_obj_text(&o, "what", v.what);
        kp_obj_text(&o, "where", v.where);
        kp_obj_time(&o, "since", v.since);
        kp_obj_real(&o, "score", v.score);
        kp_obj_real(&o, "threshold", v.threshold);
        kp_json_append(&list, kp_obj_end(&o));
    }
    return list;
}

static bool fits(const struct kp_report_incidents *it, const struct kp_incident *incident)
{
    if (it->which != KP_REPORT_ALL && is_open(incident) != (it->which == KP_REPORT_OPEN))
        return false;
    if (incident->merged_into != 0 && !it->merged)
        return false;
    return is_open(incident) || incident->ended.ns >= it->since.ns;
}

/* The first that fits behind the last one told: ids ascend, and the table may
 * have changed since. */
static const struct kp_incident *find_next(const struct kp_incidents *table,
                                           const struct kp_report_incidents *it)
{
    uint32_t count = kp_incidents_count(table);
    for (uint32_t i = 0; i < count; i++) {
        const struct kp_incident *incident = kp_incidents_at(table, i);
        if (incident->id > it->last && fits(it, incident))
            return incident;
    }
    return NULL;
}

static void put(const struct kp_incident *incident, struct kp_text *out)
{
    json_t *json = kp_incident_json(incident);
    char *text = kp_json_dump(json, KP_JSON_FLAGS);
    if (text)
        kp_text_add(out, text);
    else
        out->nomem = true;
    free(text);
    json_decref(json);
}

bool kp_report_incidents_next(const struct kp_core *core, struct kp_report_incidents *it,
                              struct kp_text *out)
{
    if (!it->begun)
        kp_text_printf(out, "{\"schema\":%d,\"incidents\":[%s", KP_REPORT_SCHEMA,
                       it->earlier ? it->earlier : "");
    it->begun = true;
    const struct kp_incident *incident = find_next(kp_core_incidents(core), it);
    if (!incident) {
        kp_text_add(out, "]}");
        return false;
    }
    kp_text_add(out, it->last > 0 || (it->earlier && *it->earlier) ? "," : "");
    put(incident, out);
    it->last = incident->id;
    return true;
}

/* --- by name --- */

#define ID_SIZE 16

static void id_text(const struct kp_incident *incident, char out[ID_SIZE])
{
    snprintf(out, ID_SIZE, "%u", (unsigned)incident->id);
}

const struct kp_incident *kp_report_find_incident(const struct kp_core *core, const char *id)
{
    const struct kp_incidents *table = kp_core_incidents(core);
    uint32_t count = kp_incidents_count(table);
    for (uint32_t i = 0; i < count; i++) {
        const struct kp_incident *incident = kp_incidents_at(table, i);
        char number[ID_SIZE], uuid[KP_UUID_SIZE];
        id_text(incident, number);
        kp_uuid_format(incident->uuid, uuid);
        if (strcmp(id, number) == 0 || strcasecmp(id, uuid) == 0)
            return incident;
    }
    return NULL;
}

bool kp_report_nearest_incident(const struct kp_core *core, const char *id, char out[64])
{
    const struct kp_incidents *table = kp_core_incidents(core);
    uint32_t count = kp_incidents_count(table);
    struct kp_nearest n = kp_nearest_begin(id);
    for (uint32_t i = 0; i < count; i++) {
        const struct kp_incident *incident = kp_incidents_at(table, i);
        char number[ID_SIZE], uuid[KP_UUID_SIZE];
        size_t before = n.distance;
        id_text(incident, number);
        kp_uuid_format(incident->uuid, uuid);
        kp_nearest_offer(&n, number);
        kp_nearest_offer(&n, uuid);
        if (n.distance < before)
            snprintf(out, 64, "%s", n.best);
    }
    return n.best != NULL;
}
