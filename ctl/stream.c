#include "ctl/stream.h"

#include "ctl/call.h"
#include "ctl/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kpc_stream_close(struct kpc_stream *stream)
{
    int keep = errno;
    kpc_conn_free(stream->conn);
    stream->conn = NULL;
    errno = keep;
}

void kpc_stream_fini(struct kpc_stream *stream)
{
    kpc_stream_close(stream);
    free(stream->cursor);
    stream->cursor = NULL;
}

static enum kpc_conn_err subscribe(struct kpc_stream *stream, struct kp_dur timeout)
{
    json_t *parameters = json_object();
    kpc_stream_close(stream);
    if (stream->kind != NULL)
        json_object_set_new(parameters, "kinds", json_pack("[s]", stream->kind));
    if (stream->cursor != NULL)
        json_object_set_new(parameters, "cursor", json_string(stream->cursor));
    enum kpc_conn_err err = kpc_conn_open(stream->socket, timeout, &stream->conn);
    if (err == KPC_CONN_OK)
        err = kpc_conn_send(stream->conn, "Subscribe", parameters, true);
    json_decref(parameters);
    if (err != KPC_CONN_OK && err != KPC_CONN_LOST)
        kpc_stream_close(stream);
    /* Where it was lost at once, the reason may be there to be read. */
    return err == KPC_CONN_LOST && stream->conn != NULL ? KPC_CONN_OK : err;
}

enum kpc_conn_err kpc_stream_open(const struct kpc_ctx *ctx, struct kpc_stream *stream,
                                  struct kp_dur timeout)
{
    stream->socket = ctx->socket;
    stream->tries = 0;
    return subscribe(stream, timeout);
}

void kpc_stream_keep(struct kpc_stream *stream, const json_t *message)
{
    const char *cursor = kpc_get_text(message, "cursor");
    char *copy = cursor != NULL ? strdup(cursor) : NULL;
    if (copy == NULL)
        return;
    free(stream->cursor);
    stream->cursor = copy;
}

enum kpc_conn_err kpc_stream_next(struct kpc_stream *stream, struct kp_dur timeout,
                                  struct kpc_reply *out)
{
    enum kpc_conn_err err = kpc_conn_receive(stream->conn, timeout, out);
    if (err == KPC_CONN_OK && kpc_wait_for_place(out, &stream->tries)) {
        kpc_reply_fini(out);
        err = subscribe(stream, kp_dur_s(1));
        return err == KPC_CONN_OK ? KPC_CONN_TIMEOUT : err;
    }
    if (err == KPC_CONN_OK && out->error == NULL)
        kpc_stream_keep(stream, out->parameters);
    else if (err != KPC_CONN_OK && err != KPC_CONN_TIMEOUT)
        kpc_stream_close(stream);
    return err;
}

bool kpc_stream_missed(const json_t *message, char *out, size_t size)
{
    long long lost = kpc_get_count(message, "lost");
    bool restarted = json_is_true(kpc_get(message, "restarted"));
    if (lost > 0)
        snprintf(out, size, "%lld event%s missed", lost, lost == 1 ? " was" : "s were");
    else if (restarted)
        snprintf(out, size, "kpwatchd was restarted; its last events may have been missed");
    return lost > 0 || restarted;
}
