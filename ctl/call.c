#include "ctl/call.h"

#include "ctl/diag.h"
#include "lib/base/nearest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CALL_TIMEOUT kp_dur_s(5)
#define PLACE_TRIES 4 /* 64 + 128 + 256 + 512 ms */

static const char *check_prefix; /* NULL: for people, on standard error */

void kpc_say_for_check(const char *prefix)
{
    check_prefix = prefix;
}

void kpc_say(const char *format, ...)
{
    char plain[1024];
    struct kp_text safe = {0};
    va_list ap;
    va_start(ap, format);
    vsnprintf(plain, sizeof plain, format, ap);
    va_end(ap);
    kp_text_add_safe(&safe, plain);
    const char *text = kp_text_str(&safe);
    fprintf(check_prefix != NULL ? stdout : stderr, "%s%s\n",
            check_prefix != NULL ? check_prefix : "kpwatchctl: ",
            text != NULL ? text : "out of memory");
    kp_text_fini(&safe);
}

enum kpc_exit kpc_say_conn(const struct kpc_ctx *ctx, enum kpc_conn_err err)
{
    const char *path = ctx->socket;
    switch (err) {
    case KPC_CONN_OK:
        return KPC_DONE;
    case KPC_CONN_ABSENT:
        kpc_say("no control socket at %s: is kpwatchd running? (systemctl status kpwatchd)",
                path);
        return KPC_UNREACHABLE;
    case KPC_CONN_REFUSED:
        kpc_say("nobody answers at %s: is kpwatchd running? (systemctl status kpwatchd)", path);
        return KPC_UNREACHABLE;
    case KPC_CONN_DENIED:
        kpc_say("permission denied for %s: be root or in the group kpwatchd (see `id`)", path);
        return KPC_PERMISSION;
    case KPC_CONN_BAD_PATH:
        kpc_say("'%.40s...' is too long for the path of a socket", path);
        return KPC_USAGE;
    case KPC_CONN_TIMEOUT:
        kpc_say("kpwatchd does not answer at %s: it may be stuck; look at its journal", path);
        return KPC_UNREACHABLE;
    case KPC_CONN_LOST:
        kpc_say(
            "kpwatchd closed the connection: it may have stopped, or have too many clients");
        return KPC_UNREACHABLE;
    case KPC_CONN_GARBAGE:
        kpc_say("what came from %s is no varlink reply: is that kpwatchd's socket?", path);
        return KPC_UNREACHABLE;
    case KPC_CONN_TOO_BIG:
        kpc_say("the reply from %s does not end: given up after 64 MiB", path);
        return KPC_UNREACHABLE;
    case KPC_CONN_SYSTEM:
        break;
    }
    kpc_say("cannot talk to %s: %s", path, strerror(errno));
    return KPC_UNREACHABLE;
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : otherwise;
}

static enum kpc_exit say_not_found(const struct kpc_ctx *ctx, const json_t *p)
{
    const char *kind = text_of(p, "kind", "name");
    const char *name = text_of(p, "name", "?");
    const char *near = text_of(p, "nearest", NULL);
    bool either = strcmp(kind, "name") == 0;
    if (near != NULL)
        kpc_say("no %s '%s'; did you mean '%s'?", either ? "target or path" : kind, name, near);
    else if (strcmp(ctx->args->words[0], "unmute") == 0)
        kpc_say("'%s' is not muted; `kpwatchctl mutes` lists what is", name);
    else
        kpc_say("no %s '%s'; `kpwatchctl %s` lists them", either ? "target or path" : kind,
                name,
                strcmp(kind, "path") == 0       ? "paths"
                : strcmp(kind, "incident") == 0 ? "incidents"
                                                : "targets");
    return KPC_REFUSED;
}

static enum kpc_exit say_refused(const struct kpc_ctx *ctx, const json_t *p)
{
    (void)ctx;
    kpc_say("refused: %s", text_of(p, "reason", "no reason given"));
    return KPC_REFUSED;
}

static enum kpc_exit say_invalid_config(const struct kpc_ctx *ctx, const json_t *p)
{
    const json_t *list = json_object_get(p, "diagnostics");
    (void)ctx;
    kpc_diag_print(stderr, list);
    kpc_say("%zu %s; the configuration in force stays", json_array_size(list),
            json_array_size(list) == 1 ? "error" : "errors");
    return KPC_REFUSED;
}

static enum kpc_exit say_too_many(const struct kpc_ctx *ctx, const json_t *p)
{
    (void)ctx;
    kpc_say("all %lld places for clients are taken; end a `kpwatchctl watch` somewhere",
            (long long)json_integer_value(json_object_get(p, "limit")));
    return KPC_REFUSED;
}

static enum kpc_exit say_denied(const struct kpc_ctx *ctx, const json_t *p)
{
    (void)p;
    kpc_say("only root and the daemon's own user may %s: try sudo", ctx->args->words[0]);
    return KPC_PERMISSION;
}

static enum kpc_exit say_parameter(const struct kpc_ctx *ctx, const json_t *p)
{
    (void)ctx;
    kpc_say("kpwatchd does not take this %s", text_of(p, "parameter", "parameter"));
    return KPC_REFUSED;
}

static enum kpc_exit say_no_method(const struct kpc_ctx *ctx, const json_t *p)
{
    (void)p;
    kpc_say("this kpwatchd does not know '%s': is it older than kpwatchctl? restart it",
            ctx->args->words[0]);
    return KPC_REFUSED;
}

#define SERVICE "org.varlink.service."
#define MONITOR KPC_CONN_INTERFACE "."

static const struct {
    const char *name;
    enum kpc_exit (*say)(const struct kpc_ctx *ctx, const json_t *parameters);
} errors[] = {
    {MONITOR "NotFound", say_not_found},
    {MONITOR "Refused", say_refused},
    {MONITOR "InvalidConfig", say_invalid_config},
    {MONITOR "TooManyClients", say_too_many},
    {MONITOR "BadRequest", say_refused},
    {SERVICE "PermissionDenied", say_denied},
    {SERVICE "InvalidParameter", say_parameter},
    {SERVICE "MethodNotFound", say_no_method},
    {SERVICE "MethodNotImplemented", say_no_method},
    {SERVICE "InterfaceNotFound", say_no_method},
};

enum kpc_exit kpc_say_reply(const struct kpc_ctx *ctx, const struct kpc_reply *reply)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(errors[i].name, reply->error) == 0)
            return errors[i].say(ctx, reply->parameters);
    kpc_say("kpwatchd answered with the error %s", reply->error);
    return KPC_REFUSED;
}

enum kpc_exit kpc_say_unknown(const char *kind, const char *given, const char *const *names,
                              size_t count)
{
    struct kp_nearest near = kp_nearest_begin(given);
    char all[256] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(all);
        kp_nearest_offer(&near, names[i]);
        snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    if (near.best != NULL)
        kpc_say("no %s '%s'; did you mean '%s'?", kind, given, near.best);
    else
        kpc_say("no %s '%s'; there are: %s", kind, given, all);
    return KPC_USAGE;
}

static enum kpc_conn_err exchange(struct kpc_ctx *ctx, const char *method,
                                  const json_t *parameters, struct kpc_reply *reply)
{
    enum kpc_conn_err err = KPC_CONN_OK;
    if (ctx->conn == NULL)
        err = kpc_conn_open(ctx->socket, CALL_TIMEOUT, &ctx->conn);
    if (err == KPC_CONN_OK)
        err = kpc_conn_send(ctx->conn, method, parameters, false);
    /* A daemon that turns us away says why and closes: the reason may be there
     * although sending failed. */
    if (err == KPC_CONN_OK || (err == KPC_CONN_LOST && ctx->conn != NULL))
        err = kpc_conn_receive(ctx->conn, CALL_TIMEOUT, reply);
    if (err != KPC_CONN_OK) {
        int keep = errno;
        kpc_conn_free(ctx->conn);
        ctx->conn = NULL;
        errno = keep;
    }
    return err;
}

bool kpc_wait_for_place(const struct kpc_reply *reply, unsigned *tries)
{
    if (reply->error == NULL || strcmp(reply->error, MONITOR "TooManyClients") != 0 ||
        *tries >= PLACE_TRIES)
        return false;
    struct timespec pause = {0, (INT64_C(64) << (*tries)++) * KP_NS_PER_MS};
    nanosleep(&pause, NULL);
    return true;
}

/* Others mostly ask and go: a place is often free again at once. */
static enum kpc_conn_err exchange_patiently(struct kpc_ctx *ctx, const char *method,
                                            const json_t *parameters, struct kpc_reply *reply)
{
    unsigned tries = 0;
    enum kpc_conn_err err = exchange(ctx, method, parameters, reply);
    while (err == KPC_CONN_OK && kpc_wait_for_place(reply, &tries)) {
        kpc_reply_fini(reply);
        kpc_conn_free(ctx->conn); /* the daemon has closed it */
        ctx->conn = NULL;
        err = exchange(ctx, method, parameters, reply);
    }
    return err;
}

bool kpc_call_quiet(struct kpc_ctx *ctx, const char *method, json_t *parameters,
                    struct kpc_reply *reply, enum kpc_conn_err *err)
{
    *err = exchange_patiently(ctx, method, parameters, reply);
    json_decref(parameters);
    return *err == KPC_CONN_OK && reply->error == NULL;
}

enum kpc_exit kpc_call(struct kpc_ctx *ctx, const char *method, json_t *parameters,
                       struct kpc_reply *reply)
{
    enum kpc_conn_err err = KPC_CONN_OK;
    if (kpc_call_quiet(ctx, method, parameters, reply, &err))
        return KPC_DONE;
    if (err != KPC_CONN_OK)
        return kpc_say_conn(ctx, err);
    enum kpc_exit code = kpc_say_reply(ctx, reply);
    kpc_reply_fini(reply);
    return code;
}

json_t *kpc_parameter(const char *name, const char *value)
{
    return value != NULL ? json_pack("{s:s}", name, value) : json_object();
}
