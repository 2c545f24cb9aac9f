/* The past: GetHistory, and incidents the core no longer holds.  The database is asked
 * in its own thread; meanwhile the connection takes no further request, and is closed
 * as a slow one would be where no answer comes. */
#include "daemon/clock.h"
#include "daemon/control_call.h"
#include "lib/telling/json_obj.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_SPAN_S 86400

typedef void answered_fn(struct kpd_call *call, struct kpd_ask *ask);

static struct kpd_ask *new_ask(enum kpd_ask_kind kind)
{
    struct kpd_ask *ask = calloc(1, sizeof *ask);
    if (ask)
        *ask = (struct kpd_ask){.kind = kind, .until = kpd_clock_wall()};
    return ask;
}

/* Takes ask over; NULL is a lack of memory. */
static void question(struct kpd_call *call, struct kpd_ask *ask, answered_fn *answered)
{
    struct kpd_conn *conn = call->conn;
    if (!ask || call->oneway) {
        kpd_ask_free(ask);
        kpd_call_reply(call, NULL);
        return;
    }
    conn->ticket = ask->ticket = ++call->control->tickets;
    conn->answered = answered;
    conn->params = json_incref(call->params);
    kpd_history_ask(call->control->history, ask);
}

void kpd_control_answered(void *ctx, struct kpd_ask *ask)
{
    struct kpd_control *control = ctx;
    struct kpd_conn *conn = control->conns;
    while (conn && conn->ticket != ask->ticket)
        conn = conn->next;
    if (!conn || conn->dead)
        return; /* it did not wait */
    json_t *params = conn->params;
    struct kpd_call call = {.control = control, .conn = conn, .params = params};
    conn->ticket = 0;
    conn->params = NULL;
    conn->answered(&call, ask);
    json_decref(params);
    kpd_conn_update(conn);
}

void kpd_control_set_history(struct kpd_control *control, struct kpd_history *history)
{
    control->history = history;
}

static bool failed(const struct kpd_ask *ask)
{
    return ask->failed || ask->answer.nomem;
}

/* --- GetHistory --- */

static void on_history(struct kpd_call *call, struct kpd_ask *ask)
{
    bool target = ask->subject == KPD_TARGET;
    enum kp_name_kind kind = target ? KP_NAME_TARGET : KP_NAME_PATH;
    const char *nearest = kp_report_nearest(call->control->args.core, kind, ask->name);
    bool known = ask->name[0] == '\0' || (nearest && strcmp(nearest, ask->name) == 0);
    if (failed(ask))
        kpd_call_refuse(call, "the history cannot be read now: see daemon.health");
    else if (!ask->found && !known)
        kpd_call_not_found(call, ask->name, kind);
    else
        kpd_call_reply_text(call, ask->answer.data);
}

/* The time in a parameter; true where it is left out. */
static bool read_time(const struct kpd_call *call, const char *name, struct kp_wall *out)
{
    const char *text = kpd_call_text(call, name);
    return !text || (kp_wall_parse(text, out) == KP_OK && out->ns > 0);
}

/* The parameter that is wrong; NULL: none is. */
static const char *read_span(const struct kpd_call *call, struct kpd_ask *ask)
{
    const json_t *step = json_object_get(call->params, "step_seconds");
    if (!read_time(call, "until", &ask->until))
        return "until";
    ask->since = kp_wall_add(ask->until, kp_dur_s(-USUAL_SPAN_S));
    if (!read_time(call, "since", &ask->since) || ask->since.ns >= ask->until.ns)
        return "since";
    if (json_is_number(step))
        ask->step = kp_dur_from_seconds(json_number_value(step));
    return json_is_number(step) && ask->step.ns <= 0 ? "step_seconds" : NULL;
}

/* Anchors have a past too; they are asked for as targets. */
static const char *read_subject(const struct kpd_call *call, struct kpd_ask *ask)
{
    const char *path = kpd_call_text(call, "path");
    const char *target = kpd_call_text(call, "target");
    const char *name = target ? target : path;
    ask->subject = target ? KPD_TARGET : KPD_PATH;
    if (target && path)
        return "path";
    if (name && (strlen(name) >= sizeof ask->name || name[0] == '\0'))
        return target ? "target" : "path";
    snprintf(ask->name, sizeof ask->name, "%s", name ? name : "");
    return NULL;
}

void kpd_call_get_history(struct kpd_call *call)
{
    if (!call->control->history) {
        kpd_call_refuse(call, "there is no history: `history:` is not in the configuration, "
                              "or its file cannot be used");
        return;
    }
    struct kpd_ask *ask = new_ask(KPD_ASK_HISTORY);
    const char *wrong = ask ? read_span(call, ask) : NULL;
    if (ask && !wrong)
        wrong = read_subject(call, ask);
    if (wrong) {
        kpd_ask_free(ask);
        kpd_call_invalid(call, wrong);
        return;
    }
    question(call, ask, on_history);
}

/* A name too long for any is not found either way. */
void kpd_call_ask_name(struct kpd_call *call, enum kpd_ask_kind kind, const char *name,
                       answered_fn *answered)
{
    struct kpd_ask *ask = new_ask(kind);
    if (ask)
        snprintf(ask->name, sizeof ask->name, "%s", name);
    question(call, ask, answered);
}

/* --- ListIncidents --- */

static bool next_incident(struct kpd_conn *conn)
{
    if (kp_report_incidents_next(conn->control->args.core, &conn->incidents, &conn->out))
        return true;
    kp_text_addn(&conn->out, "}", 2);
    return false;
}

/* Where the history does not answer, there is still what the core holds. */
static void on_incidents(struct kpd_call *call, struct kpd_ask *ask)
{
    if (!failed(ask))
        call->conn->earlier = kp_text_take(&ask->answer);
    call->conn->incidents.earlier = call->conn->earlier;
    kpd_call_pieces(call, next_incident);
}

static struct kpd_ask *ask_for_others(const struct kp_report_incidents *it,
                                      const struct kp_core *core)
{
    const struct kp_incidents *table = kp_core_incidents(core);
    uint32_t count = kp_incidents_count(table);
    struct kpd_ask *ask = new_ask(KPD_ASK_INCIDENTS);
    if (ask)
        ask->known = calloc(count + 1, sizeof ask->known[0]);
    if (!ask || !ask->known) {
        kpd_ask_free(ask);
        return NULL;
    }
    ask->since = it->since;
    ask->closed_only = it->which == KP_REPORT_CLOSED;
    ask->merged = it->merged;
    for (; ask->known_count < count; ask->known_count++)
        memcpy(ask->known[ask->known_count],
               kp_incidents_at(table, (uint32_t)ask->known_count)->uuid, 16);
    return ask;
}

void kpd_call_list_incidents(struct kpd_call *call)
{
    struct kp_report_incidents *it = &call->conn->incidents;
    const json_t *open = json_object_get(call->params, "open");
    const char *since = kpd_call_text(call, "since");
    *it = (struct kp_report_incidents){
        .which = json_is_true(open)    ? KP_REPORT_OPEN
                 : json_is_false(open) ? KP_REPORT_CLOSED
                                       : KP_REPORT_ALL,
        .merged = json_is_true(json_object_get(call->params, "merged"))};
    if (since && kp_wall_parse(since, &it->since) != KP_OK)
        kpd_call_invalid(call, "since");
    else if (it->which == KP_REPORT_OPEN || !call->control->history)
        kpd_call_pieces(call, next_incident);
    else
        question(call, ask_for_others(it, call->control->args.core), on_incidents);
}

/* --- Explain --- */

void kpd_call_no_incident(struct kpd_call *call, const char *id)
{
    char nearest[64];
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", id);
    kp_obj_text(&o, "kind", "incident");
    if (kp_report_nearest_incident(call->control->args.core, id, nearest))
        kp_obj_text(&o, "nearest", nearest);
    kpd_call_error(call, KPD_MONITOR ".NotFound", kp_obj_end(&o));
}

/* What is over for so long is changed by nothing. */
static void on_incident(struct kpd_call *call, struct kpd_ask *ask)
{
    if (!ask->found || failed(ask)) {
        kpd_call_no_incident(call, kpd_call_text(call, "id"));
        return;
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_json(&o, "incident", json_loadb(ask->answer.data, ask->answer.len, 0, NULL));
    kp_obj_json(&o, "closes_when", json_array());
    kp_obj_json(&o, "escalates_when", json_array());
    kpd_call_reply(call, kp_obj_end(&o));
}

void kpd_call_explain(struct kpd_call *call)
{
    const struct kp_core *core = call->control->args.core;
    const char *id = kpd_call_text(call, "id");
    const struct kp_incident *incident = kp_report_find_incident(core, id);
    if (incident) {
        struct kp_report_daemon daemon;
        kpd_control_describe(call->control, &daemon);
        kpd_call_reply(call, kp_report_explain(core, &daemon, incident));
        return;
    }
    if (call->control->history)
        kpd_call_ask_name(call, KPD_ASK_INCIDENT, id, on_incident);
    else
        kpd_call_no_incident(call, id);
}
