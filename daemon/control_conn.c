/* One connection: bytes in, bytes out, and never more of either than allowed. */
#include "daemon/control_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS_PER_WAKE 16
#define PIECES_PER_WAKE 64
#define FIRST_IN ((size_t)2 << 10)
#define OUT_LOW ((size_t)64 << 10) /* a reply in pieces is written on while less is unread */

size_t kpd_conn_unread(const struct kpd_conn *conn)
{
    return conn->out.len - conn->sent;
}

/* A reply is still being written: no further request is looked at. */
static bool busy(const struct kpd_conn *conn)
{
    return conn->piece || conn->ticket != 0 || kpd_conn_unread(conn) > 0;
}

/* The end of the next whole request; NULL: there is none. */
static char *request_end(const struct kpd_conn *conn)
{
    if (conn->in_start == conn->in_len)
        return NULL;
    return memchr(conn->in + conn->in_start, '\0', conn->in_len - conn->in_start);
}

/* --- out --- */

static void end_reply(struct kpd_conn *conn)
{
    conn->piece = NULL;
    conn->targets = (struct kp_report_targets){0};
    conn->metrics.text = false;
    kp_export_end(&conn->export.at);
    free(conn->earlier);
    conn->earlier = NULL;
    json_decref(conn->params);
    conn->params = NULL;
}

/* Appends what comes next while the reader keeps up; false: nothing did. */
static bool refill(struct kpd_conn *conn)
{
    size_t before = conn->out.len;
    if (conn->sub)
        kpd_sub_pull(conn);
    for (int i = 0; conn->piece && kpd_conn_unread(conn) < OUT_LOW; i++) {
        if (i >= PIECES_PER_WAKE)
            break;
        if (!conn->piece(conn))
            end_reply(conn);
    }
    if (conn->out.nomem)
        conn->dead = true;
    return conn->out.len > before;
}

/* What was sent goes; a large buffer is given back once it is empty. */
static void forget_sent(struct kpd_conn *conn)
{
    struct kp_text *out = &conn->out;
    if (conn->sent < out->len / 2 + 1)
        return;
    size_t left = out->len - conn->sent;
    memmove(out->data, out->data + conn->sent, left);
    out->len = left;
    conn->sent = 0;
    if (left == 0 && out->room > OUT_LOW)
        kp_text_fini(out);
}

/* Sends what the kernel takes; true: all of it. */
static bool send_some(struct kpd_conn *conn)
{
    while (kpd_conn_unread(conn) > 0) {
        ssize_t n = write(conn->fd, conn->out.data + conn->sent, kpd_conn_unread(conn));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            conn->dead |= n < 0 && errno != EAGAIN;
            return false;
        }
        conn->sent += (size_t)n;
        conn->moved = kpd_loop_now(conn->control->args.loop);
    }
    return true;
}

/* Writes until the kernel has enough or there is nothing more; a reader as fast
 * as we are does not keep the loop: the rest comes with the next wake. */
static void flush(struct kpd_conn *conn)
{
    refill(conn);
    for (int i = 0; !conn->dead && i < 4; i++) {
        bool all = send_some(conn);
        forget_sent(conn);
        if (!all || !refill(conn))
            break;
    }
}

void kpd_conn_last_words(struct kpd_conn *conn)
{
    if (!conn->dead)
        flush(conn);
}

/* --- in --- */

/* Room to read into; false: the request is too long or memory ran out. */
static bool in_room(struct kpd_conn *conn)
{
    size_t limit = conn->control->limits.request + 1;
    if (conn->in_start > 0) {
        memmove(conn->in, conn->in + conn->in_start, conn->in_len - conn->in_start);
        conn->in_len -= conn->in_start;
        conn->in_start = 0;
    }
    if (conn->in_len < conn->in_room)
        return true;
    if (conn->in_room >= limit)
        return false;
    size_t room = conn->in_room ? conn->in_room * 2 : FIRST_IN;
    room = room < limit ? room : limit;
    char *in = realloc(conn->in, room);
    if (!in) {
        conn->dead = true;
        return false;
    }
    conn->in = in;
    conn->in_room = room;
    return true;
}

/* An idle connection costs no buffer. */
static void forget_read(struct kpd_conn *conn)
{
    if (conn->in_start < conn->in_len)
        return;
    conn->in_start = conn->in_len = 0;
    if (conn->in_room > FIRST_IN) {
        free(conn->in);
        conn->in = NULL;
        conn->in_room = 0;
    }
}

/* Reads once; what a subscriber sends is not looked at. */
static void read_some(struct kpd_conn *conn)
{
    if (!in_room(conn)) {
        if (!conn->dead)
            kpd_conn_refuse(conn, "BadRequest", "reason", json_string("longer than 64 KiB"));
        return;
    }
    ssize_t n = read(conn->fd, conn->in + conn->in_len, conn->in_room - conn->in_len);
    if (n > 0 && !conn->sub)
        conn->in_len += (size_t)n;
    else if (n == 0)
        conn->eof = true;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        conn->dead = true;
}

/* Answers the requests that are whole, in order, each once the reply before it
 * is written; the rest waits for its reader or for the next wake. */
static void answer(struct kpd_conn *conn)
{
    for (int i = 0; i < REQUESTS_PER_WAKE; i++) {
        if (busy(conn) || conn->sub || conn->closing || conn->dead)
            break;
        char *end = request_end(conn);
        if (!end)
            break;
        char *begin = conn->in + conn->in_start;
        conn->in_start = (size_t)(end + 1 - conn->in);
        conn->partial = (struct kp_mono){0};
        kpd_request_handle(conn, begin, (size_t)(end - begin));
        flush(conn);
    }
    if (conn->sub)
        conn->in_start = conn->in_len;
    forget_read(conn);
}

/* --- what comes next --- */

/* Nothing is left to be done for this peer. */
static bool finished(const struct kpd_conn *conn)
{
    if (busy(conn))
        return false;
    if (conn->closing)
        return true;
    return conn->eof && (conn->sub ? !conn->sub->behind : !request_end(conn));
}

static void keep_times(struct kpd_conn *conn)
{
    struct kp_mono now = kpd_loop_now(conn->control->args.loop);
    bool unread = kpd_conn_unread(conn) > 0 || conn->ticket != 0;
    bool partial = !unread && !conn->closing && conn->in_start < conn->in_len;
    if (!unread)
        conn->moved = (struct kp_mono){0};
    else if (!kp_mono_set(conn->moved))
        conn->moved = now;
    if (!partial)
        conn->partial = (struct kp_mono){0};
    else if (!kp_mono_set(conn->partial))
        conn->partial = now;
    if (unread || partial)
        kpd_control_watch_slow(conn->control, false);
}

void kpd_conn_update(struct kpd_conn *conn)
{
    if (conn->out.nomem || finished(conn)) /* half a reply is none */
        conn->dead = true;
    if (conn->dead) {
        kpd_control_watch_slow(conn->control, true);
        return;
    }
    keep_times(conn);
    bool waiting = !conn->sub && !busy(conn) && request_end(conn);
    bool more = conn->sub && (conn->sub->behind || conn->sub->lost > 0);
    unsigned what = busy(conn) || waiting || more ? KPD_WRITE : 0U;
    if (conn->ticket != 0 && !kpd_conn_unread(conn))
        what = 0;
    if (!conn->eof && !conn->closing && (conn->sub || (!busy(conn) && !waiting)))
        what |= KPD_READ;
    kpd_watch_set(conn->watch, what);
}

static void on_conn(int fd, unsigned what, void *ctx)
{
    (void)fd;
    struct kpd_conn *conn = ctx;
    struct kpd_control *control = conn->control;
    if (what & KPD_READ)
        read_some(conn);
    if (!conn->dead)
        flush(conn);
    if (!conn->dead)
        answer(conn);
    kpd_conn_update(conn);
    kpd_control_reap(control);
}

void kpd_conn_too_slow(struct kpd_conn *conn)
{
    conn->control->stats.closed_slow++;
    conn->dead = true;
}

bool kpd_conn_sweep(struct kpd_conn *conn, struct kp_mono now)
{
    int64_t stall = conn->control->limits.stall.ns;
    bool unread = kp_mono_set(conn->moved);
    bool partial = kp_mono_set(conn->partial);
    if (conn->dead)
        return false;
    if (unread && kp_mono_sub(now, conn->moved).ns > stall) {
        kpd_conn_too_slow(conn);
        return false;
    }
    if (partial && kp_mono_sub(now, conn->partial).ns > stall) {
        conn->control->stats.closed_slow++;
        kpd_conn_refuse(conn, "BadRequest", "reason", json_string("not complete in time"));
        flush(conn);
        kpd_conn_update(conn);
    }
    return unread || partial;
}

/* --- its life --- */

struct kpd_conn *kpd_conn_new(struct kpd_control *control, int fd, uid_t uid)
{
    struct kpd_conn *conn = calloc(1, sizeof *conn);
    if (conn) {
        conn->control = control;
        conn->fd = fd;
        conn->uid = uid;
        conn->since = kpd_loop_now(control->args.loop);
        conn->watch = kpd_watch_new(control->args.loop, fd, KPD_READ, on_conn, conn);
    }
    if (!conn || !conn->watch) {
        free(conn);
        close(fd);
        return NULL;
    }
    return conn;
}

void kpd_conn_free(struct kpd_conn *conn)
{
    kpd_watch_free(conn->watch);
    close(conn->fd);
    free(conn->in);
    kp_text_fini(&conn->out);
    json_decref(conn->params);
    kp_export_end(&conn->export.at);
    free(conn->earlier);
    free(conn->sub);
    free(conn);
}
