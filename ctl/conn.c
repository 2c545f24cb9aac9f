#include "ctl/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)

struct kpc_conn {
    int fd;
    struct kp_dur timeout; /* of connecting and sending */
    char *buf;             /* what came and was not taken yet */
    size_t cap, len;
    size_t scanned; /* bytes of buf known to hold no NUL */
};

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

static enum kpc_conn_err from_errno(int err)
{
    static const struct {
        int err;
        enum kpc_conn_err is;
    } known[] = {{ENOENT, KPC_CONN_ABSENT},        {ENOTDIR, KPC_CONN_ABSENT},
                 {ECONNREFUSED, KPC_CONN_REFUSED}, {EACCES, KPC_CONN_DENIED},
                 {EPERM, KPC_CONN_DENIED},         {EPIPE, KPC_CONN_LOST},
                 {ECONNRESET, KPC_CONN_LOST},      {EAGAIN, KPC_CONN_TIMEOUT},
                 {ENOTSOCK, KPC_CONN_REFUSED},     {EPROTOTYPE, KPC_CONN_REFUSED}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].err == err)
            return known[i].is;
    return KPC_CONN_SYSTEM;
}

/* The kernel's own time-outs bound connect and send; receive polls. */
static bool bound(int fd, struct kp_dur timeout)
{
    struct timeval tv = {timeout.ns / KP_NS_PER_S, timeout.ns % KP_NS_PER_S / 1000};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0;
}

enum kpc_conn_err kpc_conn_open(const char *path, struct kp_dur timeout, struct kpc_conn **out)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof sun.sun_path)
        return KPC_CONN_BAD_PATH;
    memcpy(sun.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return KPC_CONN_SYSTEM;
    struct kpc_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL || !bound(fd, timeout) ||
        connect(fd, (const struct sockaddr *)&sun, sizeof sun) != 0) {
        enum kpc_conn_err err = from_errno(errno);
        close(fd);
        free(conn);
        return err;
    }
    conn->fd = fd;
    conn->timeout = timeout;
    *out = conn;
    return KPC_CONN_OK;
}

void kpc_conn_free(struct kpc_conn *conn)
{
    if (conn == NULL)
        return;
    close(conn->fd);
    free(conn->buf);
    free(conn);
}

int kpc_conn_fd(const struct kpc_conn *conn)
{
    return conn->fd;
}

static enum kpc_conn_err send_all(struct kpc_conn *conn, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(conn->fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return from_errno(errno);
        data += n;
        len -= (size_t)n;
    }
    return KPC_CONN_OK;
}

static json_t *call_object(const char *method, const json_t *parameters, bool more)
{
    json_t *call = json_pack("{s:s+}", "method", KPC_CONN_INTERFACE ".", method);
    if (call == NULL)
        return NULL;
    int bad = 0;
    if (parameters != NULL)
        bad |= json_object_set_new(call, "parameters", json_deep_copy(parameters));
    if (more)
        bad |= json_object_set_new(call, "more", json_true());
    if (bad == 0)
        return call;
    json_decref(call);
    return NULL;
}

enum kpc_conn_err kpc_conn_send(struct kpc_conn *conn, const char *method,
                                const json_t *parameters, bool more)
{
    json_t *call = call_object(method, parameters, more);
    char *text = call == NULL ? NULL : json_dumps(call, JSON_COMPACT);
    json_decref(call);
    errno = ENOMEM;
    /* The NUL that ends the C string is the one that ends the message. */
    enum kpc_conn_err err =
        text == NULL ? KPC_CONN_SYSTEM : send_all(conn, text, strlen(text) + 1);
    free(text);
    return err;
}

static bool room(struct kpc_conn *conn)
{
    if (conn->cap - conn->len >= CHUNK)
        return true;
    size_t cap = conn->cap == 0 ? 2 * CHUNK : 2 * conn->cap;
    char *buf = realloc(conn->buf, cap);
    if (buf == NULL)
        return false;
    conn->buf = buf;
    conn->cap = cap;
    return true;
}

/* The length of the first whole message in the buffer; false: none yet. */
static bool whole(struct kpc_conn *conn, size_t *len)
{
    if (conn->len == conn->scanned)
        return false;
    const char *end = memchr(conn->buf + conn->scanned, 0, conn->len - conn->scanned);
    if (end == NULL) {
        conn->scanned = conn->len;
        return false;
    }
    *len = (size_t)(end - conn->buf);
    return true;
}

static enum kpc_conn_err read_some(struct kpc_conn *conn, int64_t deadline)
{
    int64_t left = deadline - now_ns();
    struct pollfd p = {.fd = conn->fd, .events = POLLIN};
    int ready = poll(&p, 1, left > 0 ? (int)((left + 999999) / KP_NS_PER_MS) : 0);
    if (ready < 0)
        return errno == EINTR ? KPC_CONN_OK : KPC_CONN_SYSTEM;
    if (ready == 0)
        return left > 0 ? KPC_CONN_OK : KPC_CONN_TIMEOUT;
    if (conn->len >= KPC_CONN_REPLY_MAX)
        return KPC_CONN_TOO_BIG;
    errno = ENOMEM;
    if (!room(conn))
        return KPC_CONN_SYSTEM;
    ssize_t n = recv(conn->fd, conn->buf + conn->len, CHUNK, MSG_DONTWAIT);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? KPC_CONN_OK : from_errno(errno);
    if (n == 0)
        return KPC_CONN_LOST;
    conn->len += (size_t)n;
    return KPC_CONN_OK;
}

static enum kpc_conn_err decode(const char *text, size_t len, struct kpc_reply *out)
{
    json_t *reply = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(reply)) {
        json_decref(reply);
        return KPC_CONN_GARBAGE;
    }
    /* A reply may leave its parameters out; one place for that is enough. */
    json_t *parameters = json_object_get(reply, "parameters");
    if (parameters == NULL || json_is_null(parameters)) {
        parameters = json_object();
        json_object_set_new(reply, "parameters", parameters);
    }
    json_t *error = json_object_get(reply, "error");
    if (!json_is_object(parameters) || (error != NULL && !json_is_string(error))) {
        json_decref(reply);
        return KPC_CONN_GARBAGE;
    }
    *out = (struct kpc_reply){.whole = reply,
                              .parameters = parameters,
                              .error = json_string_value(error),
                              .continues = json_is_true(json_object_get(reply, "continues"))};
    return KPC_CONN_OK;
}

enum kpc_conn_err kpc_conn_receive(struct kpc_conn *conn, struct kp_dur timeout,
                                   struct kpc_reply *out)
{
    int64_t deadline = now_ns() + timeout.ns;
    size_t len = 0;
    while (!whole(conn, &len)) {
        enum kpc_conn_err err = read_some(conn, deadline);
        if (err != KPC_CONN_OK)
            return err;
    }
    enum kpc_conn_err err = decode(conn->buf, len, out);
    conn->len -= len + 1;
    memmove(conn->buf, conn->buf + len + 1, conn->len);
    conn->scanned = 0;
    return err;
}

void kpc_reply_fini(struct kpc_reply *reply)
{
    json_decref(reply->whole);
    *reply = (struct kpc_reply){0};
}
