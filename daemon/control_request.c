/* From the bytes of one request to a call of one method, and its reply. */
#include "daemon/control_call.h"
#include "daemon/control_json.h"
#include "lib/telling/json_obj.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 16

/* --- replies --- */

/* {"error": ..., "parameters": {...}} or {"parameters": {...}}, and the NUL. */
static void put_message(struct kp_text *out, const char *error, const char *params)
{
    if (error)
        kp_text_printf(out, "{\"error\":\"%s\",\"parameters\":", error);
    else
        kp_text_add(out, "{\"parameters\":");
    kp_text_add(out, params);
    kp_text_addn(out, "}", 2);
}

static void answer(struct kpd_conn *conn, const char *error, json_t *params)
{
    char *text = kp_json_dump(params, KP_JSON_FLAGS);
    if (text)
        put_message(&conn->out, error, text);
    else
        put_message(&conn->out, KPD_MONITOR ".Refused", "{\"reason\":\"out of memory\"}");
    free(text);
    json_decref(params);
}

void kpd_call_reply(struct kpd_call *call, json_t *reply)
{
    if (call->oneway)
        json_decref(reply);
    else
        answer(call->conn, NULL, reply);
}

void kpd_call_reply_text(struct kpd_call *call, const char *json)
{
    put_message(&call->conn->out, NULL, json);
}

void kpd_call_error(struct kpd_call *call, const char *error, json_t *params)
{
    if (call->oneway)
        json_decref(params);
    else
        answer(call->conn, error, params);
}

static void error_text(struct kpd_call *call, const char *error, const char *key,
                       const char *value)
{
    struct kp_obj o = kp_obj_begin();
    if (key)
        kp_obj_text(&o, key, value);
    kpd_call_error(call, error, kp_obj_end(&o));
}

void kpd_call_invalid(struct kpd_call *call, const char *parameter)
{
    error_text(call, KPD_SERVICE ".InvalidParameter", "parameter", parameter);
}

void kpd_call_pieces(struct kpd_call *call, kpd_piece_fn *piece)
{
    if (call->oneway)
        return;
    call->conn->params = json_incref(call->params);
    call->conn->piece = piece;
    kp_text_add(&call->conn->out, "{\"parameters\":");
}

void kpd_conn_refuse(struct kpd_conn *conn, const char *error, const char *key, json_t *value)
{
    char name[64] = KPD_MONITOR ".";
    strncat(name, error, sizeof name - strlen(name) - 1);
    struct kp_obj o = kp_obj_begin();
    kp_obj_json(&o, key, value);
    conn->control->stats.bad_requests++;
    answer(conn, name, kp_obj_end(&o));
    conn->closing = true;
}

static void bad_request(struct kpd_conn *conn, const char *reason)
{
    /* The parser quotes what it stumbled over, whatever that is. */
    kpd_conn_refuse(conn, "BadRequest", "reason", kp_json_text(reason));
}

/* --- calls --- */

const char *kpd_call_text(const struct kpd_call *call, const char *name)
{
    return json_string_value(json_object_get(call->params, name));
}

static bool are_texts(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return false;
    return json_is_array(list);
}

static bool right_type(const struct kpd_param *param, const json_t *value)
{
    if (!value || json_is_null(value))
        return !param->required;
    switch (param->type) {
    case KPD_TEXT:
        return json_is_string(value);
    case KPD_FLAG:
        return json_is_boolean(value);
    case KPD_NUMBER:
        return json_is_number(value) && isfinite(json_number_value(value));
    default:
        return are_texts(value);
    }
}

static const struct kpd_param *find_param(const struct kpd_method *method, const char *name)
{
    size_t count = sizeof method->params / sizeof method->params[0];
    for (size_t i = 0; i < count && method->params[i].name; i++)
        if (strcmp(method->params[i].name, name) == 0)
            return &method->params[i];
    return NULL;
}

/* The name of the first parameter that is unknown, missing or of a wrong type;
 * NULL: all are right. */
static const char *wrong_param(const struct kpd_method *method, json_t *params)
{
    const char *name;
    json_t *value;
    json_object_foreach(params, name, value) if (!find_param(method, name)) return name;
    size_t count = sizeof method->params / sizeof method->params[0];
    for (size_t i = 0; i < count && method->params[i].name; i++) {
        const struct kpd_param *param = &method->params[i];
        if (!right_type(param, json_object_get(params, param->name)))
            return param->name;
    }
    return NULL;
}

static void call_method(struct kpd_call *call, const struct kpd_method *method)
{
    const char *wrong;
    if (method->changes && !kpd_control_may_change(call->control, call->conn->uid))
        error_text(call, KPD_SERVICE ".PermissionDenied", NULL, NULL);
    else if (method->more_only && !call->more)
        error_text(call, KPD_SERVICE ".ExpectedMore", NULL, NULL);
    else if ((wrong = wrong_param(method, call->params)))
        kpd_call_invalid(call, wrong);
    else
        method->call(call);
}

/* The interface that name "INTERFACE.Method" begins with; NULL: not ours. */
static const struct kpd_interface *find_interface(const char *name, size_t len)
{
    for (const struct kpd_interface *i = kpd_interfaces; i->name; i++)
        if (strlen(i->name) == len && memcmp(i->name, name, len) == 0)
            return i;
    return NULL;
}

static void unknown_interface(struct kpd_call *call, const char *name, size_t len)
{
    char *interface = strndup(name, len);
    struct kp_obj o = kp_obj_begin();
    kp_obj_json(&o, "interface", interface ? json_string(interface) : NULL);
    free(interface);
    kpd_call_error(call, KPD_SERVICE ".InterfaceNotFound", kp_obj_end(&o));
}

static void dispatch(struct kpd_call *call, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t len = dot ? (size_t)(dot - name) : strlen(name);
    const struct kpd_interface *interface = find_interface(name, len);
    if (!interface) {
        unknown_interface(call, name, len);
        return;
    }
    for (const struct kpd_method *m = interface->methods; dot && m->name; m++) {
        if (strcmp(m->name, dot + 1) == 0) {
            call_method(call, m);
            return;
        }
    }
    error_text(call, KPD_SERVICE ".MethodNotFound", "method", dot ? dot + 1 : "");
}

static bool flag(const json_t *request, const char *name)
{
    return json_is_true(json_object_get(request, name));
}

/* A request that is JSON: whether it is a call. */
static void handle_json(struct kpd_conn *conn, json_t *request)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *given = json_object_get(request, "parameters");
    if (!method) {
        bad_request(conn, "not an object with a method");
        return;
    }
    if (given && !json_is_object(given) && !json_is_null(given)) {
        bad_request(conn, "parameters are not an object");
        return;
    }
    struct kpd_call call = {
        .control = conn->control,
        .conn = conn,
        .params = json_is_object(given) ? json_incref(given) : json_object(),
        .more = flag(request, "more"),
        .oneway = flag(request, "oneway"),
    };
    if (!call.params)
        kpd_call_error(&call, NULL, NULL);
    else if (flag(request, "upgrade"))
        kpd_call_invalid(&call, "upgrade");
    else
        dispatch(&call, method);
    json_decref(call.params);
}

void kpd_request_handle(struct kpd_conn *conn, const char *text, size_t len)
{
    json_error_t error;
    conn->control->stats.requests++;
    conn->served = true;
    json_t *request = kpd_json_parse(text, len, MAX_DEPTH, &error);
    if (request)
        handle_json(conn, request);
    else
        bad_request(conn, error.text);
    json_decref(request);
}
