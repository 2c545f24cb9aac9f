/* Traces: the way to a target, now and before. */
#include "lib/telling/json_obj.h"
#include "lib/telling/report_incident.h"

#include <string.h>

static json_t *hop_list(const struct kp_trace_view *v)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < v->count && i < KP_TRACE_HOPS; i++) {
        const struct kp_hop_view *hop = &v->hops[i];
        bool silent = hop->address.family == KP_AF_NONE;
        struct kp_obj o = kp_obj_begin();
        kp_obj_count(&o, "ttl", hop->ttl);
        kp_obj_addr(&o, "address", &hop->address);
        kp_obj_real(&o, "rtt_seconds", silent ? -1 : hop->rtt);
        kp_obj_text(&o, "path", hop->path);
        kp_obj_bool(&o, "is_target", hop->target);
        kp_json_append(&list, kp_obj_end(&o));
    }
    return list;
}

static json_t *trace_object(const struct kp_trace_view *v, const char *target, bool running)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "target", target);
    kp_obj_time(&o, "at", v->at);
    kp_obj_bool(&o, "reached", v->reached);
    kp_obj_text(&o, "path", v->path);
    kp_obj_json(&o, "hops", hop_list(v));
    kp_obj_bool(&o, "running", running);
    return kp_obj_end(&o);
}

static bool find(const struct kp_core *core, const char *name, uint32_t *index)
{
    uint32_t count = kp_core_target_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_target_view v;
        kp_core_target(core, i, &v);
        if (strcmp(name, v.name) != 0)
            continue;
        *index = i;
        return true;
    }
    return false;
}

enum kp_err kp_report_trace(const struct kp_core *core, const char *target, json_t **out)
{
    uint32_t index;
    struct kp_trace_view v;
    if (!find(core, target, &index))
        return KP_ERR_NOTFOUND;
    bool running = kp_core_tracing(core, index);
    json_t *list = json_array();
    if (kp_core_trace(core, index, false, &v))
        kp_json_append(&list, trace_object(&v, target, running));
    if (kp_core_trace(core, index, true, &v))
        kp_json_append(&list, trace_object(&v, target, false));
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_text(&o, "target", target);
    kp_obj_bool(&o, "running", running);
    kp_obj_json(&o, "traces", list);
    json_t *report = kp_obj_end(&o);
    if (!report)
        return KP_ERR_NOMEM;
    *out = report;
    return KP_OK;
}
