/* export: the evidence, as the daemon holds it, to standard output. */
#include "ctl/call.h"
#include "ctl/out.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT kp_dur_s(30)

static enum kpc_conn_err ask(struct kpc_ctx *ctx, const json_t *parameters)
{
    kpc_conn_free(ctx->conn);
    ctx->conn = NULL;
    enum kpc_conn_err err = kpc_conn_open(ctx->socket, TIMEOUT, &ctx->conn);
    return err == KPC_CONN_OK ? kpc_conn_send(ctx->conn, "Export", parameters, true) : err;
}

/* Writes one reply; *more: others follow. */
static enum kpc_exit take(struct kpc_ctx *ctx, const struct kpc_reply *reply, bool *warned,
                          bool *more)
{
    const char *text = kpc_get_text(reply->parameters, "text");
    *more = reply->continues;
    if (reply->error != NULL)
        return kpc_say_reply(ctx, reply);
    if (!*warned && json_is_false(kpc_get(reply->parameters, "complete")))
        kpc_say("records do not reach so far back: this begins with the oldest that are held");
    *warned = true;
    kp_text_add(&ctx->out, text != NULL ? text : "");
    return kpc_out_flush(ctx) ? KPC_DONE : KPC_REFUSED;
}

static enum kpc_exit stream(struct kpc_ctx *ctx, const json_t *parameters)
{
    bool warned = false;
    bool more = true;
    unsigned tries = 0;
    enum kpc_exit code = KPC_DONE;
    enum kpc_conn_err err = ask(ctx, parameters);
    while (err == KPC_CONN_OK && code == KPC_DONE && more) {
        struct kpc_reply reply;
        err = kpc_conn_receive(ctx->conn, TIMEOUT, &reply);
        if (err != KPC_CONN_OK)
            break;
        if (kpc_wait_for_place(&reply, &tries))
            err = ask(ctx, parameters);
        else
            code = take(ctx, &reply, &warned, &more);
        kpc_reply_fini(&reply);
    }
    if (err == KPC_CONN_LOST && warned)
        kpc_say("the evidence ends here: records came faster than this was read");
    return err == KPC_CONN_OK ? code : kpc_say_conn(ctx, err);
}

enum kpc_exit kpc_export_exec(struct kpc_ctx *ctx)
{
    const char *id = kpc_word(ctx, 0);
    char since[KP_RFC3339_SIZE] = "";
    bool given = kpc_args_has(ctx->args, KPC_OPT_SINCE);
    if ((id != NULL) == given) {
        kpc_say("export needs either the ID of an incident or --since T");
        return KPC_USAGE;
    }
    if (id != NULL && id[0] == '#') /* as screens say it */
        id++;
    if (given)
        kp_wall_format(ctx->args->since, since);
    json_t *parameters = kpc_parameter(given ? "since" : "id", given ? since : id);
    enum kpc_exit code = stream(ctx, parameters);
    json_decref(parameters);
    return code;
}
