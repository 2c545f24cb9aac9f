/* The methods of org.kpwatchd.Monitor; those about events and about the
 * past have their own files. */
#include "daemon/control_call.h"
#include "lib/core/core.h"
#include "lib/telling/json_obj.h"
#include "lib/telling/report_incident.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_MUTE_S (10.0 * 365 * 86400)
#define LONGEST_REASON 200

/* --- errors of the interface --- */

void kpd_call_refuse(struct kpd_call *call, const char *reason)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "reason", reason);
    kpd_call_error(call, KPD_MONITOR ".Refused", kp_obj_end(&o));
}

void kpd_call_not_found(struct kpd_call *call, const char *name, enum kp_name_kind kind)
{
    static const char *const kinds[] = {[KP_NAME_TARGET] = "target",
                                        [KP_NAME_PATH] = "path",
                                        [KP_NAME_GROUP] = "group",
                                        [KP_NAME_ANY] = "name"};
    const char *nearest = kp_report_nearest(call->control->args.core, kind, name);
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", name);
    kp_obj_text(&o, "kind", kinds[kind]);
    if (nearest)
        kp_obj_text(&o, "nearest", nearest);
    kpd_call_error(call, KPD_MONITOR ".NotFound", kp_obj_end(&o));
}

/* --- reading --- */

static void get_status(struct kpd_call *call)
{
    struct kp_report_daemon daemon;
    kpd_control_describe(call->control, &daemon);
    kpd_call_reply(call, kp_report_status(call->control->args.core, &daemon));
}

static void list_paths(struct kpd_call *call)
{
    const char *path = kpd_call_text(call, "path");
    json_t *reply = NULL;
    if (kp_report_paths(call->control->args.core, path, &reply) == KP_ERR_NOTFOUND)
        kpd_call_not_found(call, path, KP_NAME_PATH);
    else
        kpd_call_reply(call, reply);
}

static bool next_target(struct kpd_conn *conn)
{
    if (kp_report_targets_next(conn->control->args.core, &conn->targets, &conn->out))
        return true;
    kp_text_addn(&conn->out, "}", 2); /* and the NUL that ends the reply */
    return false;
}

static void list_targets(struct kpd_call *call)
{
    struct kp_report_filter filter = {
        .target = kpd_call_text(call, "target"),
        .state = kpd_call_text(call, "state"),
        .group = kpd_call_text(call, "group"),
    };
    enum kp_err err =
        kp_report_targets_begin(call->control->args.core, &filter, &call->conn->targets);
    if (err == KP_ERR_RANGE)
        kpd_call_invalid(call, "state");
    else if (err == KP_ERR_NOTFOUND)
        kpd_call_not_found(call, filter.target ? filter.target : filter.group,
                           filter.target ? KP_NAME_TARGET : KP_NAME_GROUP);
    else
        kpd_call_pieces(call, next_target);
}

/* An anchor is a known name, and yet nothing is traced there. */
static void not_traced(struct kpd_call *call, const char *target)
{
    const char *nearest = kp_report_nearest(call->control->args.core, KP_NAME_TARGET, target);
    if (nearest && strcmp(nearest, target) == 0)
        kpd_call_refuse(call, "anchors are not traced");
    else
        kpd_call_not_found(call, target, KP_NAME_TARGET);
}

static void get_trace(struct kpd_call *call)
{
    const char *target = kpd_call_text(call, "target");
    json_t *reply = NULL;
    if (kp_report_trace(call->control->args.core, target, &reply) == KP_ERR_NOTFOUND)
        not_traced(call, target);
    else
        kpd_call_reply(call, reply);
}

static void list_mutes(struct kpd_call *call)
{
    kpd_call_reply(call, kp_report_mutes(call->control->args.core));
}

static json_t *history_object(const struct kpd_control *control)
{
    struct kpd_history_stats stats;
    if (!control->history)
        return json_null();
    kpd_history_stats(control->history, &stats);
    struct kp_obj o = kp_obj_begin();
    kp_obj_count(&o, "last_event", stats.last_event);
    kp_obj_count(&o, "waiting", stats.waiting);
    kp_obj_count(&o, "lost", stats.lost);
    kp_obj_text(&o, "error", stats.errnum != 0 ? strerror(stats.errnum) : NULL);
    return kp_obj_end(&o);
}

static json_t *hub_object(const struct kpd_control *control)
{
    struct kpd_hub_stats hub;
    kpd_hub_stats(control->args.hub, &hub);
    struct kp_obj o = kp_obj_begin();
    kp_obj_count(&o, "published", hub.last);
    kp_obj_count(&o, "dropped", hub.dropped);
    kp_obj_count(&o, "held", hub.last + 1 - hub.oldest);
    kp_obj_count(&o, "held_bytes", hub.bytes);
    return kp_obj_end(&o);
}

static json_t *control_object(const struct kpd_control *control)
{
    const struct kpd_control_stats *stats = &control->stats;
    uint64_t subscribers = 0, unread = 0;
    for (const struct kpd_conn *c = control->conns; c; c = c->next) {
        subscribers += c->sub != NULL;
        unread += kpd_conn_unread(c);
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_count(&o, "clients", control->conn_count);
    kp_obj_count(&o, "subscribers", subscribers);
    kp_obj_count(&o, "accepted", stats->accepted);
    kp_obj_count(&o, "turned_away", stats->turned_away);
    kp_obj_count(&o, "closed_slow", stats->closed_slow);
    kp_obj_count(&o, "requests", stats->requests);
    kp_obj_count(&o, "bad_requests", stats->bad_requests);
    kp_obj_count(&o, "events_lost", stats->lost);
    kp_obj_count(&o, "unread_bytes", unread);
    return kp_obj_end(&o);
}

static void get_stats(struct kpd_call *call)
{
    struct kp_report_daemon daemon;
    kpd_control_describe(call->control, &daemon);
    struct kp_obj o = {kp_report_stats(call->control->args.core, &daemon)};
    kp_obj_json(&o, "events", hub_object(call->control));
    kp_obj_json(&o, "history", history_object(call->control));
    kp_obj_json(&o, "control", control_object(call->control));
    kpd_call_reply(call, kp_obj_end(&o));
}

/* As the inside of a JSON string. */
static void add_quoted(struct kp_text *out, const struct kp_text *piece)
{
    json_t *json = json_stringn_nocheck(piece->data, piece->len);
    char *quoted = kp_json_dump(json, KP_JSON_FLAGS);
    if (quoted)
        kp_text_addn(out, quoted + 1, strlen(quoted) - 2);
    else
        out->nomem = true;
    free(quoted);
    json_decref(json);
}

static bool next_metrics(struct kpd_conn *conn)
{
    struct kp_text piece = {0};
    struct kpd_metrics_reply *m = &conn->metrics;
    if (!m->text)
        kp_text_add(&conn->out,
                    "{\"schema\":1,\"content_type\":\"" KP_METRICS_TYPE "\",\"text\":\"");
    m->text = true;
    bool more = kp_metrics_next(conn->control->args.core, &m->facts, &m->at, &piece);
    if (piece.len > 0)
        add_quoted(&conn->out, &piece);
    conn->out.nomem |= piece.nomem;
    kp_text_fini(&piece);
    if (!more)
        kp_text_addn(&conn->out, "\"}}", 4); /* and the NUL that ends the reply */
    return more;
}

static void get_metrics(struct kpd_call *call)
{
    const struct kpd_control_args *args = &call->control->args;
    struct kpd_metrics_reply *m = &call->conn->metrics;
    *m = (struct kpd_metrics_reply){0};
    args->ops->facts(args->ctx, &m->facts);
    kpd_call_pieces(call, next_metrics);
}

/* --- changing --- */

static void pump(struct kpd_call *call)
{
    if (call->control->args.ops->pump)
        call->control->args.ops->pump(call->control->args.ctx);
}

/* What was asked for and when, so that its outcome can be told from older ones. */
static void requested(struct kpd_call *call, const char *target)
{
    struct kp_report_daemon daemon;
    kpd_control_describe(call->control, &daemon);
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_text(&o, "target", target);
    kp_obj_time(&o, "requested_at", daemon.now);
    kpd_call_reply(call, kp_obj_end(&o));
    pump(call);
}

static void probe(struct kpd_call *call)
{
    const char *target = kpd_call_text(call, "target");
    enum kp_err err = kp_core_probe_now(call->control->args.core, target);
    if (err == KP_ERR_NOTFOUND)
        kpd_call_not_found(call, target, KP_NAME_TARGET);
    else if (err == KP_ERR_DENIED)
        kpd_call_refuse(call, "the target has no address that may be probed");
    else if (err != KP_OK)
        kpd_call_refuse(call, kp_err_name(err));
    else
        requested(call, target);
}

static void trace(struct kpd_call *call)
{
    const char *target = kpd_call_text(call, "target");
    enum kp_err err = kp_core_trace_now(call->control->args.core, target);
    if (err == KP_ERR_NOTFOUND)
        not_traced(call, target);
    else if (err == KP_ERR_DENIED)
        kpd_call_refuse(call, "none of the target's probes can be traced");
    else if (err != KP_OK)
        kpd_call_refuse(call, kp_err_name(err));
    else
        requested(call, target);
}

/* The parameter of Mute that is out of bounds; NULL: none is. */
static const char *wrong_mute(double seconds, const char *reason)
{
    size_t len = strlen(reason);
    if (!(seconds > 0) || seconds > LONGEST_MUTE_S)
        return "for_seconds";
    return len == 0 || len > LONGEST_REASON ? "reason" : NULL;
}

static void mute(struct kpd_call *call)
{
    struct kp_core *core = call->control->args.core;
    const char *name = kpd_call_text(call, "name");
    const char *reason = kpd_call_text(call, "reason");
    double seconds = json_number_value(json_object_get(call->params, "for_seconds"));
    const char *wrong = wrong_mute(seconds, reason);
    if (wrong) {
        kpd_call_invalid(call, wrong);
        return;
    }
    struct kp_report_daemon daemon;
    kpd_control_describe(call->control, &daemon);
    struct kp_wall until = kp_wall_add(daemon.now, kp_dur_from_seconds(seconds));
    enum kp_err err = kp_core_mute(core, name, until, reason);
    if (err == KP_ERR_NOTFOUND) {
        kpd_call_not_found(call, name, KP_NAME_ANY);
    } else if (err != KP_OK) {
        kpd_call_refuse(call, kp_err_name(err));
    } else {
        struct kp_obj o = kp_obj_begin();
        kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
        kp_obj_json(&o, "mute", kp_report_mute(core, name));
        kpd_call_reply(call, kp_obj_end(&o));
        pump(call);
    }
}

/* A known name that is not muted is another mistake than an unknown one. */
static void not_muted(struct kpd_call *call, const char *name)
{
    const char *nearest = kp_report_nearest(call->control->args.core, KP_NAME_ANY, name);
    if (!nearest || strcmp(nearest, name) != 0) {
        kpd_call_not_found(call, name, KP_NAME_ANY);
        return;
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", name);
    kp_obj_text(&o, "kind", "mute");
    kpd_call_error(call, KPD_MONITOR ".NotFound", kp_obj_end(&o));
}

static void unmute(struct kpd_call *call)
{
    const char *name = kpd_call_text(call, "name");
    enum kp_err err = kp_core_unmute(call->control->args.core, name);
    if (err == KP_ERR_NOTFOUND) {
        not_muted(call, name);
    } else if (err != KP_OK) {
        kpd_call_refuse(call, kp_err_name(err));
    } else {
        struct kp_obj o = kp_obj_begin();
        kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
        kp_obj_text(&o, "name", name);
        kpd_call_reply(call, kp_obj_end(&o));
        pump(call);
    }
}

static void reload(struct kpd_call *call)
{
    const struct kpd_control_args *args = &call->control->args;
    json_t *diagnostics = NULL;
    enum kp_err err = args->ops->reload(args->ctx, &diagnostics);
    if (err != KP_OK && err != KP_ERR_MALFORMED) {
        json_decref(diagnostics);
        kpd_call_refuse(call, kp_err_name(err));
        return;
    }
    if (!diagnostics)
        diagnostics = json_array();
    struct kp_obj o = kp_obj_begin();
    if (err == KP_ERR_MALFORMED) {
        kp_obj_json(&o, "diagnostics", diagnostics);
        kpd_call_error(call, KPD_MONITOR ".InvalidConfig", kp_obj_end(&o));
        return;
    }
    struct kp_report_daemon daemon;
    kpd_control_describe(call->control, &daemon);
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_time(&o, "config_loaded_at", daemon.config_loaded_at);
    kp_obj_json(&o, "diagnostics", diagnostics);
    kpd_call_reply(call, kp_obj_end(&o));
}

static void check_config(struct kpd_call *call)
{
    const struct kpd_control_args *args = &call->control->args;
    json_t *diagnostics = NULL;
    enum kp_err err = args->ops->check(args->ctx, &diagnostics);
    if (err != KP_OK && err != KP_ERR_MALFORMED) {
        json_decref(diagnostics);
        kpd_call_refuse(call, kp_err_name(err));
        return;
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_bool(&o, "valid", err == KP_OK);
    kp_obj_json(&o, "diagnostics", diagnostics ? diagnostics : json_array());
    kpd_call_reply(call, kp_obj_end(&o));
}

static void set_log_level(struct kpd_call *call)
{
    const struct kpd_control_args *args = &call->control->args;
    enum kp_level level;
    if (!kp_level_parse(kpd_call_text(call, "level"), &level)) {
        kpd_call_invalid(call, "level");
        return;
    }
    enum kp_level before = args->ops->log_level(args->ctx, level);
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_text(&o, "level", kp_level_name(level));
    kp_obj_text(&o, "previous", kp_level_name(before));
    kpd_call_reply(call, kp_obj_end(&o));
}

#define NAME_OF(text)                                                                          \
    {                                                                                          \
        text, KPD_TEXT, true                                                                   \
    }
#define MAYBE(text)                                                                            \
    {                                                                                          \
        text, KPD_TEXT, false                                                                  \
    }
#define KINDS                                                                                  \
    {                                                                                          \
        "kinds", KPD_TEXTS, false                                                              \
    }

const struct kpd_method kpd_monitor_methods[] = {
    {"GetStatus", get_status, false, false, {{0}}},
    {"ListPaths", list_paths, false, false, {MAYBE("path")}},
    {"ListTargets",
     list_targets,
     false,
     false,
     {MAYBE("target"), MAYBE("state"), MAYBE("group")}},
    {"ListIncidents",
     kpd_call_list_incidents,
     false,
     false,
     {{"open", KPD_FLAG, false}, MAYBE("since"), {"merged", KPD_FLAG, false}}},
    {"Explain", kpd_call_explain, false, false, {NAME_OF("id")}},
    {"GetTrace", get_trace, false, false, {NAME_OF("target")}},
    {"GetHistory",
     kpd_call_get_history,
     false,
     false,
     {MAYBE("since"),
      MAYBE("until"),
      {"step_seconds", KPD_NUMBER, false},
      MAYBE("path"),
      MAYBE("target")}},
    {"ListEvents", kpd_call_list_events, false, false, {MAYBE("since"), KINDS}},
    {"Export", kpd_call_export, false, true, {MAYBE("id"), MAYBE("since")}},
    {"Subscribe", kpd_call_subscribe, false, true, {KINDS, MAYBE("cursor")}},
    {"Probe", probe, true, false, {NAME_OF("target")}},
    {"Trace", trace, true, false, {NAME_OF("target")}},
    {"Mute",
     mute,
     true,
     false,
     {NAME_OF("name"), {"for_seconds", KPD_NUMBER, true}, NAME_OF("reason")}},
    {"Unmute", unmute, true, false, {NAME_OF("name")}},
    {"ListMutes", list_mutes, false, false, {{0}}},
    {"Reload", reload, true, false, {{0}}},
    {"CheckConfig", check_config, false, false, {{0}}},
    {"SetLogLevel", set_log_level, true, false, {NAME_OF("level")}},
    {"GetMetrics", get_metrics, false, false, {{0}}},
    {"GetStats", get_stats, false, false, {{0}}},
    {0},
};
