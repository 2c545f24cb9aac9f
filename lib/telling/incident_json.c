#include "lib/telling/incident_json.h"

#include "lib/telling/json_obj.h"

#include <stdbool.h>

void kp_uuid_format(const uint8_t uuid[16], char out[KP_UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[uuid[i] >> 4];
        *out++ = digits[uuid[i] & 15];
    }
    *out = '\0';
}

static json_t *names(const struct kp_names *n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n->count && i < KP_INCIDENT_NAMES; i++)
        kp_json_append(&list, kp_json_text(n->name[i]));
    return list;
}

static json_t *history(const struct kp_incident *incident)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < incident->history_count && i < KP_INCIDENT_HISTORY; i++) {
        struct kp_obj o = kp_obj_begin();
        kp_obj_time(&o, "at", incident->history[i].at);
        kp_obj_text(&o, "class", kp_verdict_name(incident->history[i].class));
        kp_json_append(&list, kp_obj_end(&o));
    }
    return list;
}

static json_t *evidence(const struct kp_finding *what)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < what->fact_count && i < KP_INCIDENT_FACTS; i++) {
        const struct kp_fact *fact = &what->facts[i];
        struct kp_obj o = kp_obj_begin();
        kp_obj_text(&o, "rule", fact->rule);
        kp_obj_text(&o, "text", fact->text);
        kp_obj_text(&o, "excludes", fact->excludes[0] ? fact->excludes : NULL);
        kp_obj_real(&o, "value", fact->value);
        kp_obj_real(&o, "threshold", fact->threshold);
        kp_json_append(&list, kp_obj_end(&o));
    }
    return list;
}

json_t *kp_incident_json(const struct kp_incident *incident)
{
    const struct kp_finding *what = &incident->what;
    char uuid[KP_UUID_SIZE];
    kp_uuid_format(incident->uuid, uuid);
    struct kp_obj o = kp_obj_begin();
    kp_obj_count(&o, "id", incident->id);
    kp_obj_text(&o, "uuid", uuid);
    kp_obj_text(&o, "class", kp_verdict_name(what->class));
    kp_obj_text(&o, "phase", kp_phase_name(incident->phase));
    kp_obj_text(&o, "confidence", kp_confidence_name(incident->confidence));
    kp_obj_text(&o, "where", what->where);
    kp_obj_time(&o, "began", what->began);
    kp_obj_time(&o, "confirmed", incident->confirmed);
    kp_obj_time(&o, "ended", incident->ended);
    kp_obj_json(&o, "targets", names(&what->targets));
    kp_obj_count(&o, "targets_total", what->targets.count);
    kp_obj_json(&o, "paths", names(&what->paths));
    kp_obj_json(&o, "class_history", history(incident));
    kp_obj_json(&o, "evidence", evidence(what));
    if (incident->merged_into != 0)
        kp_obj_count(&o, "merged_into", incident->merged_into);
    else
        kp_obj_null(&o, "merged_into");
    return kp_obj_end(&o);
}
