/* A blocking varlink client over the daemon's Unix socket. */
#ifndef KPC_CONN_H
#define KPC_CONN_H

#include "lib/base/time.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define KPC_CONN_DEFAULT "/run/kpwatchd/control.sock"
#define KPC_CONN_INTERFACE "org.kpwatchd.Monitor"
#define KPC_CONN_REPLY_MAX ((size_t)64 << 20)

enum kpc_conn_err {
    KPC_CONN_OK,
    KPC_CONN_ABSENT,   /* no such socket */
    KPC_CONN_REFUSED,  /* a socket, but nobody listens */
    KPC_CONN_DENIED,   /* we may not open it */
    KPC_CONN_BAD_PATH, /* longer than a socket's name may be */
    KPC_CONN_TIMEOUT,  /* nothing whole came in time */
    KPC_CONN_LOST,     /* the daemon went away */
    KPC_CONN_GARBAGE,  /* what came is no varlink reply */
    KPC_CONN_TOO_BIG,  /* more than KPC_CONN_REPLY_MAX without an end */
    KPC_CONN_SYSTEM,   /* errno says why */
};

struct kpc_conn;

/* One reply; call kpc_reply_fini on it. */
struct kpc_reply {
    json_t *whole;      /* owned */
    json_t *parameters; /* inside whole; an object, never NULL */
    const char *error;  /* inside whole; NULL: none */
    bool continues;     /* more replies follow */
};

/* Connects to the socket at path; *out is to be freed where the answer is OK. */
enum kpc_conn_err kpc_conn_open(const char *path, struct kp_dur timeout, struct kpc_conn **out);
void kpc_conn_free(struct kpc_conn *conn);

/* Sends one call of method (without the interface) with parameters, NULL for
 * none; `more` asks for a stream of replies.  Parameters stay the caller's. */
enum kpc_conn_err kpc_conn_send(struct kpc_conn *conn, const char *method,
                                const json_t *parameters, bool more);

/* Waits at most timeout for a whole reply; 0 takes one only if it is there.
 * After anything but OK and TIMEOUT the connection is of no more use. */
enum kpc_conn_err kpc_conn_receive(struct kpc_conn *conn, struct kp_dur timeout,
                                   struct kpc_reply *out);
void kpc_reply_fini(struct kpc_reply *reply);

/* The socket, for poll. */
int kpc_conn_fd(const struct kpc_conn *conn);

#endif
