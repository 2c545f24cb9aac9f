/* A subscription to the daemon's events that can be taken up again where it
 * broke off. */
#ifndef KPC_STREAM_H
#define KPC_STREAM_H

#include "ctl/conn.h"
#include "ctl/verb.h"

struct kpc_stream {
    const char *kind;      /* "path", "target"; NULL: all events */
    struct kpc_conn *conn; /* NULL: broken */
    char *cursor;          /* behind the last message; NULL: from now on */
    const char *socket;    /* set by kpc_stream_open */
    unsigned tries;        /* to get a place among the clients */
};

/* Connects and subscribes; an earlier connection is closed. */
enum kpc_conn_err kpc_stream_open(const struct kpc_ctx *ctx, struct kpc_stream *stream,
                                  struct kp_dur timeout);

/* The next message, within timeout; see kpc_conn_receive.  On any other answer
 * than OK and TIMEOUT the connection is closed.  Where all places for clients are
 * taken it subscribes again, for about a second (the socket is another one then). */
enum kpc_conn_err kpc_stream_next(struct kpc_stream *stream, struct kp_dur timeout,
                                  struct kpc_reply *out);

void kpc_stream_close(struct kpc_stream *stream); /* keeps the cursor */
void kpc_stream_fini(struct kpc_stream *stream);

/* Remembers where to go on. */
void kpc_stream_keep(struct kpc_stream *stream, const json_t *message);

/* "3 events were missed" or so; false: the message says nothing of that kind. */
bool kpc_stream_missed(const json_t *message, char *out, size_t size);

#endif
