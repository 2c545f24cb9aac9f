#include "lib/telling/report.h"

#include "lib/base/nearest.h"
#include "lib/telling/json_obj.h"
#include "lib/telling/report_incident.h"

#include <string.h>

static json_t *path_object(const struct kp_path_view *v)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", v->name);
    kp_obj_text(&o, "title", v->title ? v->title : v->name);
    kp_obj_text(&o, "state", kp_state_name(v->state));
    kp_obj_time(&o, "since", v->since);
    kp_obj_real(&o, "answered_ratio", v->answered_ratio);
    kp_obj_real(&o, "rtt_p50_seconds", v->rtt_p50);
    kp_obj_real(&o, "rtt_p95_seconds", v->rtt_p95);
    kp_obj_text(&o, "edge_state", kp_state_name(v->edge_state));
    kp_obj_addr(&o, "last_hop", &v->last_hop);
    kp_obj_count(&o, "targets_up", v->targets[KP_UP]);
    kp_obj_count(&o, "targets_degraded", v->targets[KP_DEGRADED]);
    kp_obj_count(&o, "targets_down", v->targets[KP_DOWN]);
    kp_obj_count(&o, "targets_unknown", v->targets[KP_UNKNOWN]);
    kp_obj_time(&o, "muted_until", v->muted_until);
    kp_obj_json(&o, "spark", kp_json_reals(v->spark, KP_SPARK_CELLS));
    return kp_obj_end(&o);
}

/* The paths, or the one named; *found counts them. */
static json_t *path_list(const struct kp_core *core, const char *name, uint32_t *found)
{
    json_t *list = json_array();
    uint32_t count = kp_core_path_count(core);
    *found = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct kp_path_view v;
        kp_core_path(core, i, &v);
        if (name && strcmp(name, v.name) != 0)
            continue;
        kp_json_append(&list, path_object(&v));
        (*found)++;
    }
    return list;
}

enum kp_err kp_report_paths(const struct kp_core *core, const char *name, json_t **out)
{
    uint32_t found;
    json_t *list = path_list(core, name, &found);
    if (list && name && found == 0) {
        json_decref(list);
        return KP_ERR_NOTFOUND;
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_json(&o, "paths", list);
    json_t *report = kp_obj_end(&o);
    if (!report)
        return KP_ERR_NOMEM;
    *out = report;
    return KP_OK;
}

static json_t *anchor_list(const struct kp_core *core)
{
    json_t *list = json_array();
    uint32_t first = kp_core_target_count(core);
    uint32_t count = kp_core_anchor_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_target_view v;
        kp_core_target(core, first + i, &v);
        struct kp_obj o = kp_obj_begin();
        kp_obj_text(&o, "name", v.name);
        kp_obj_addr(&o, "address", &v.address);
        kp_obj_text(&o, "state", kp_state_name(v.state));
        kp_json_append(&list, kp_obj_end(&o));
    }
    return list;
}

static json_t *vantage_object(const struct kp_core *core, const struct kp_status_view *v,
                              const char *name)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", name);
    if (v->vantage == KP_UNKNOWN)
        kp_obj_null(&o, "healthy");
    else
        kp_obj_bool(&o, "healthy", v->vantage == KP_UP);
    kp_obj_count(&o, "anchors_up", v->anchors_up);
    kp_obj_count(&o, "anchors_total", v->anchors_total);
    kp_obj_json(&o, "anchors", anchor_list(core));
    return kp_obj_end(&o);
}

static json_t *counts_object(const struct kp_status_view *v)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_count(&o, "total", v->targets_total);
    kp_obj_count(&o, "up", v->targets[KP_UP]);
    kp_obj_count(&o, "degraded", v->targets[KP_DEGRADED]);
    kp_obj_count(&o, "down", v->targets[KP_DOWN]);
    kp_obj_count(&o, "unknown", v->targets[KP_UNKNOWN]);
    return kp_obj_end(&o);
}

static json_t *daemon_object(const struct kp_status_view *v, const struct kp_report_daemon *d)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "version", d->version);
    kp_obj_time(&o, "started_at", d->started_at);
    kp_obj_real(&o, "uptime_seconds", kp_dur_seconds(d->uptime));
    kp_obj_time(&o, "config_loaded_at", d->config_loaded_at);
    kp_obj_real(&o, "probes_per_second", v->probes_per_second);
    kp_obj_count(&o, "events_dropped", d->events_dropped);
    return kp_obj_end(&o);
}

json_t *kp_report_status(const struct kp_core *core, const struct kp_report_daemon *daemon)
{
    struct kp_status_view v;
    uint32_t found;
    kp_core_status(core, &v);
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_time(&o, "at", daemon->now);
    kp_obj_text(&o, "verdict", kp_verdict_name(v.verdict));
    kp_obj_text(&o, "summary", v.summary);
    kp_obj_json(&o, "vantage", vantage_object(core, &v, daemon->vantage_name));
    kp_obj_json(&o, "paths", path_list(core, NULL, &found));
    kp_obj_json(&o, "targets", counts_object(&v));
    kp_obj_json(&o, "incidents", kp_report_open_incidents(core));
    kp_obj_json(&o, "suspicions", kp_report_suspicions(core));
    kp_obj_json(&o, "daemon", daemon_object(&v, daemon));
    return kp_obj_end(&o);
}

static json_t *mute_object(const struct kp_mute_view *v)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", v->name);
    kp_obj_text(&o, "kind", v->is_path ? "path" : "target");
    kp_obj_time(&o, "until", v->until);
    kp_obj_text(&o, "reason", v->reason ? v->reason : "");
    return kp_obj_end(&o);
}

json_t *kp_report_mutes(const struct kp_core *core)
{
    json_t *list = json_array();
    uint32_t count = kp_core_mute_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_mute_view v;
        kp_core_mute_at(core, i, &v);
        kp_json_append(&list, mute_object(&v));
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_json(&o, "mutes", list);
    return kp_obj_end(&o);
}

json_t *kp_report_mute(const struct kp_core *core, const char *name)
{
    uint32_t count = kp_core_mute_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_mute_view v;
        kp_core_mute_at(core, i, &v);
        if (strcmp(v.name, name) == 0)
            return mute_object(&v);
    }
    return NULL;
}

static json_t *probe_stats_object(const struct kp_stats_view *v, enum kp_probe_type type)
{
    struct kp_obj results = kp_obj_begin();
    for (int r = 0; r < KP_RESULT_COUNT; r++)
        kp_obj_count(&results, kp_result_name((enum kp_result)r), v->results[type][r]);
    struct kp_obj discarded = kp_obj_begin();
    for (int d = KP_DISCARD_NONE + 1; d < KP_DISCARD_COUNT; d++)
        kp_obj_count(&discarded, kp_discard_name((enum kp_discard)d), v->discarded[type][d]);
    struct kp_obj failed = kp_obj_begin();
    for (int e = 1; e < KP_ERRNOS; e++)
        if (v->send_errors[type][e] > 0 && strerrorname_np(e) != NULL)
            kp_obj_count(&failed, strerrorname_np(e), v->send_errors[type][e]);
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "type", kp_probe_type_name(type));
    kp_obj_count(&o, "sent", v->sent[type]);
    kp_obj_count(&o, "late", v->late[type]);
    kp_obj_json(&o, "results", kp_obj_end(&results));
    kp_obj_json(&o, "send_errors", kp_obj_end(&failed));
    kp_obj_json(&o, "discarded", kp_obj_end(&discarded));
    return kp_obj_end(&o);
}

json_t *kp_report_stats(const struct kp_core *core, const struct kp_report_daemon *daemon)
{
    struct kp_stats_view v;
    kp_core_stats(core, &v);
    json_t *probes = json_array();
    for (int type = 0; type < KP_PROBE_COUNT; type++)
        kp_json_append(&probes, probe_stats_object(&v, (enum kp_probe_type)type));
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_time(&o, "at", daemon->now);
    kp_obj_real(&o, "uptime_seconds", kp_dur_seconds(daemon->uptime));
    kp_obj_json(&o, "probes", probes);
    kp_obj_count(&o, "deferred", v.deferred);
    kp_obj_count(&o, "denied", v.denied);
    kp_obj_count(&o, "in_flight", v.in_flight);
    kp_obj_count(&o, "slots", v.slots);
    kp_obj_count(&o, "items", v.items);
    kp_obj_real(&o, "scheduler_lag_seconds", v.scheduler_lag);
    kp_obj_count(&o, "gaps", v.gaps);
    return kp_obj_end(&o);
}

json_t *kp_report_diags(const struct kp_diags *diags)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diags->count; i++) {
        const struct kp_diag *d = &diags->list[i];
        struct kp_obj o = kp_obj_begin();
        kp_obj_text(&o, "file", d->file);
        kp_obj_count(&o, "line", d->pos.line);
        kp_obj_count(&o, "column", d->pos.col);
        kp_obj_text(&o, "severity", "error");
        kp_obj_text(&o, "text", d->text);
        kp_obj_text(&o, "source", d->source);
        kp_obj_count(&o, "source_column", d->source_col);
        kp_json_append(&list, kp_obj_end(&o));
    }
    return list;
}

static void offer_targets(const struct kp_core *core, bool groups, struct kp_nearest *n)
{
    uint32_t count = kp_core_target_count(core) + (groups ? 0 : kp_core_anchor_count(core));
    for (uint32_t i = 0; i < count; i++) {
        struct kp_target_view v;
        kp_core_target(core, i, &v);
        const char *name = groups ? v.group : v.name;
        if (name)
            kp_nearest_offer(n, name);
    }
}

const char *kp_report_nearest(const struct kp_core *core, enum kp_name_kind kind,
                              const char *name)
{
    struct kp_nearest n = kp_nearest_begin(name);
    if (kind == KP_NAME_GROUP || kind == KP_NAME_TARGET || kind == KP_NAME_ANY)
        offer_targets(core, kind == KP_NAME_GROUP, &n);
    if (kind == KP_NAME_PATH || kind == KP_NAME_ANY) {
        uint32_t count = kp_core_path_count(core);
        for (uint32_t i = 0; i < count; i++) {
            struct kp_path_view v;
            kp_core_path(core, i, &v);
            kp_nearest_offer(&n, v.name);
        }
    }
    return n.best;
}
