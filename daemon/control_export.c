/* Export: evidence in many replies, each as large as a reader takes at once. */
#include "daemon/control_call.h"
#include "lib/telling/json_obj.h"

#include <stdlib.h>
#include <string.h>

#define REPLY_BYTES ((size_t)16 << 10)
/* After an incident has closed nothing but this is of interest. */
#define AFTERWARDS (60 * KP_NS_PER_S)

static void put_reply(struct kpd_conn *conn, const struct kp_text *text, bool more)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_json(&o, "text", json_stringn(text->len > 0 ? text->data : "", text->len));
    kp_obj_bool(&o, "complete", conn->export.at.complete);
    json_t *json = kp_obj_end(&o);
    char *quoted = kp_json_dump(json, KP_JSON_FLAGS);
    if (quoted == NULL)
        conn->out.nomem = true;
    kp_text_add(&conn->out, conn->export.begun ? "{\"parameters\":" : "");
    kp_text_add(&conn->out, quoted != NULL ? quoted : "");
    kp_text_add(&conn->out, more ? ",\"continues\":true" : "");
    kp_text_addn(&conn->out, "}", 2); /* and the NUL that ends the reply */
    conn->export.begun = true;
    free(quoted);
    json_decref(json);
}

static bool next_reply(struct kpd_conn *conn)
{
    struct kp_text text = {0};
    struct kp_report_daemon daemon;
    enum kp_err err = KP_OK;
    kpd_control_describe(conn->control, &daemon);
    while (err == KP_OK && text.len < REPLY_BYTES)
        err = kp_export_next(conn->control->args.core, daemon.version, &conn->export.at, &text);
    if (err == KP_ERR_RANGE) /* it reads slower than records come: no evidence with a hole */
        conn->dead = true;
    conn->out.nomem |= text.nomem || err == KP_ERR_NOMEM;
    put_reply(conn, &text, err == KP_OK);
    kp_text_fini(&text);
    if (err != KP_OK)
        kp_export_end(&conn->export.at);
    return err == KP_OK;
}

/* --- out of the history --- */

/* The next lines of conn->earlier, whole ones. */
static bool next_lines(struct kpd_conn *conn)
{
    const char *rest = conn->earlier + conn->export.told;
    size_t len = strlen(rest);
    const char *end = len > REPLY_BYTES ? strchr(rest + REPLY_BYTES, '\n') : NULL;
    struct kp_text text = {0};
    len = end != NULL ? (size_t)(end + 1 - rest) : len;
    kp_text_addn(&text, rest, len);
    conn->out.nomem |= text.nomem;
    conn->export.told += len;
    put_reply(conn, &text, rest[len] != '\0');
    kp_text_fini(&text);
    return rest[len] != '\0';
}

static void on_evidence(struct kpd_call *call, struct kpd_ask *ask)
{
    struct kpd_conn *conn = call->conn;
    const char *id = kpd_call_text(call, "id");
    char *lines = ask->found && !ask->failed ? kp_text_take(&ask->answer) : NULL;
    if (lines != NULL) {
        conn->earlier = lines;
        conn->export = (struct kpd_export){.at = {.complete = ask->complete}};
        kpd_call_pieces(call, next_lines);
    } else if (ask->failed || kp_report_find_incident(call->control->args.core, id) != NULL) {
        kpd_call_refuse(call, "its records are no longer held");
    } else {
        kpd_call_no_incident(call, id);
    }
}

static void ask_history(struct kpd_call *call)
{
    kpd_call_ask_name(call, KPD_ASK_EVIDENCE, kpd_call_text(call, "id"), on_evidence);
}

/* --- out of memory --- */

static void begin(struct kpd_call *call, struct kp_wall since, struct kp_wall until, bool whole)
{
    struct kpd_conn *conn = call->conn;
    conn->export.begun = false;
    enum kp_err err = kp_export_begin(call->control->args.core, since, until, &conn->export.at);
    if (err != KP_OK) {
        kpd_call_refuse(call, "there are no records yet");
    } else if (whole && !conn->export.at.complete && call->control->history != NULL) {
        kp_export_end(&conn->export.at);
        ask_history(call);
    } else if (whole && !conn->export.at.complete) {
        kp_export_end(&conn->export.at);
        kpd_call_refuse(call,
                        "its records are no longer held in memory, or not all of them; what is "
                        "left of them is in export --since");
    } else if (call->oneway) {
        kp_export_end(&conn->export.at);
    } else {
        kpd_call_pieces(call, next_reply);
    }
}

void kpd_call_export(struct kpd_call *call)
{
    const char *id = kpd_call_text(call, "id");
    const char *since = kpd_call_text(call, "since");
    struct kp_wall from = {0};
    if ((id != NULL) == (since != NULL)) {
        kpd_call_invalid(call, id != NULL ? "since" : "id");
        return;
    }
    if (since != NULL) {
        if (kp_wall_parse(since, &from) == KP_OK)
            begin(call, from, (struct kp_wall){0}, false);
        else
            kpd_call_invalid(call, "since");
        return;
    }
    const struct kp_incident *incident = kp_report_find_incident(call->control->args.core, id);
    if (incident == NULL && call->control->history != NULL) {
        ask_history(call);
        return;
    }
    if (incident == NULL) {
        kpd_call_no_incident(call, id);
        return;
    }
    from = incident->what.began;
    struct kp_wall until = {incident->phase == KP_CLOSED ? incident->closed_at.ns + AFTERWARDS
                                                         : 0};
    begin(call, from, until, true);
}
