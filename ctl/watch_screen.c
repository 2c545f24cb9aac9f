#include "ctl/watch.h"

#include "ctl/call.h"
#include "ctl/events.h"
#include "ctl/show.h"
#include "ctl/tty.h"
#include "ctl/when.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_KEPT 200
#define REFRESH kp_dur_s(1)
#define PATIENCE kp_dur_s(5)  /* a reply that takes longer does not come */
#define BREATH kp_dur_ms(100) /* between refreshes, however many events there are */
#define CONNECTING kp_dur_s(1)

struct screen {
    struct kpc_ctx *ctx;
    const struct kpc_watch_view *view;
    struct kpc_tty tty;
    struct kpc_stream stream;
    json_t *events; /* the latest, oldest first */
    json_t *reply;  /* of view->method, the latest; NULL: none yet */
    bool asked;     /* for the next one, at asked_at */
    bool stale;     /* something to draw */
    struct kp_mono asked_at, refresh_at, retry_at, lost_at;
    unsigned tries; /* to connect again */
    char note[160]; /* what went wrong, for the last line */
};

static bool connected(const struct screen *s)
{
    return s->stream.conn != NULL && s->ctx->conn != NULL;
}

static void disconnect(struct screen *s, const char *why)
{
    struct kp_mono now = kpc_watch_now();
    kpc_stream_close(&s->stream);
    kpc_conn_free(s->ctx->conn);
    s->ctx->conn = NULL;
    s->asked = false;
    s->stale = true;
    s->retry_at = kp_mono_add(now, kpc_watch_backoff(s->tries++));
    if (!kp_mono_set(s->lost_at))
        s->lost_at = now;
    snprintf(s->note, sizeof s->note, "%s", why);
}

static void keep_event(struct screen *s, json_t *event)
{
    if (!kpc_events_wanted(s->ctx, event))
        return;
    json_array_append(s->events, event);
    while (json_array_size(s->events) > EVENTS_KEPT)
        json_array_remove(s->events, 0);
}

/* --- drawing --- */

static void footer(const struct screen *s, struct kp_text *out)
{
    char text[256];
    char since[KPC_WHEN_SIZE];
    if (connected(s)) {
        snprintf(text, sizeof text, "q quits%s%s", *s->note != '\0' ? kpc_show_dot(s->ctx) : "",
                 s->note);
        kp_render_text(out, text, KP_ROLE_DIM, s->ctx->term.color);
        return;
    }
    kpc_when_length(kp_mono_sub(kpc_watch_now(), s->lost_at), since);
    snprintf(text, sizeof text, "%s; what is shown is %s old; trying again%sq quits", s->note,
             since, kpc_show_dot(s->ctx));
    kp_render_text(out, text, KP_ROLE_BAD, s->ctx->term.color);
}

static size_t line_count(const struct kp_text *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->len; i++)
        lines += text->data[i] == '\n';
    return lines;
}

/* Copies at most `most` lines, each wiped behind its end. */
static void put_lines(struct kp_text *frame, const struct kp_text *body, size_t most)
{
    const char *p = kp_text_str(body);
    for (size_t i = 0; p != NULL && *p != '\0' && i < most; i++) {
        size_t len = strcspn(p, "\n");
        kp_text_addn(frame, p, len);
        kp_text_add(frame, "\x1b[K\r\n");
        p += len + (p[len] == '\n');
    }
}

static void wall_now(struct kp_wall *now)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    now->ns = ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

static void draw_body(struct screen *s, struct kp_text *body, size_t room)
{
    if (s->reply != NULL)
        s->view->draw(s->ctx, body, s->reply);
    size_t used = line_count(body);
    /* A blank line and the heading: with less than three lines none are worth it. */
    if (used + 4 > room || json_array_size(s->events) == 0)
        return;
    kp_text_add(body, "\n");
    kpc_events_table(s->ctx, body, s->events, room - used - 2);
}

/* One write for the whole frame, from the top left, without wrapping, so that
 * nothing flickers and a long line cannot push the others down. */
static void draw(struct screen *s)
{
    struct kpc_ctx *ctx = s->ctx;
    struct kp_text body = {0};
    size_t room = ctx->term.rows > 1 ? ctx->term.rows - 1 : 1;
    wall_now(&ctx->now);
    draw_body(s, &body, room);
    kp_text_add(&ctx->out, "\x1b[?7l\x1b[H");
    put_lines(&ctx->out, &body, room);
    kp_text_add(&ctx->out, "\x1b[J");
    kp_text_printf(&ctx->out, "\x1b[%u;1H", ctx->term.rows);
    footer(s, &ctx->out);
    kp_text_add(&ctx->out, "\x1b[K\x1b[?7h");
    kpc_out_flush(ctx);
    kp_text_fini(&body);
    s->stale = false;
}

/* --- talking --- */

static void ask(struct screen *s)
{
    struct kp_mono now = kpc_watch_now();
    if (kpc_conn_send(s->ctx->conn, s->view->method, NULL, false) != KPC_CONN_OK) {
        disconnect(s, "kpwatchd is gone");
        return;
    }
    s->asked = true;
    s->asked_at = now;
    s->refresh_at = kp_mono_add(now, REFRESH);
}

static void take_reply(struct screen *s)
{
    struct kpc_reply reply;
    enum kpc_conn_err err = kpc_conn_receive(s->ctx->conn, kp_dur_ms(0), &reply);
    if (err == KPC_CONN_TIMEOUT)
        return;
    if (err != KPC_CONN_OK) {
        disconnect(s, "kpwatchd is gone");
        return;
    }
    if (reply.error != NULL) {
        disconnect(s, reply.error);
    } else {
        json_decref(s->reply);
        s->reply = json_incref(reply.parameters);
        s->asked = false;
        s->stale = true;
        s->tries = 0;
    }
    kpc_reply_fini(&reply);
}

static void take_events(struct screen *s)
{
    struct kpc_reply reply;
    while (s->stream.conn != NULL) {
        enum kpc_conn_err err = kpc_stream_next(&s->stream, kp_dur_ms(0), &reply);
        if (err == KPC_CONN_TIMEOUT)
            return;
        if (err != KPC_CONN_OK) {
            disconnect(s, "kpwatchd is gone");
            return;
        }
        json_t *event = json_object_get(reply.parameters, "event");
        struct kp_mono soon = kp_mono_add(s->asked_at, BREATH);
        if (reply.error != NULL) {
            disconnect(s, reply.error);
        } else if (event != NULL) {
            keep_event(s, event);
            s->stale = true;
            s->refresh_at = kp_mono_before(soon, s->refresh_at) ? soon : s->refresh_at;
        } else {
            kpc_stream_missed(reply.parameters, s->note, sizeof s->note);
        }
        kpc_reply_fini(&reply);
    }
}

static void reconnect(struct screen *s)
{
    enum kpc_conn_err err = kpc_stream_open(s->ctx, &s->stream, CONNECTING);
    if (err == KPC_CONN_OK)
        err = kpc_conn_open(s->ctx->socket, CONNECTING, &s->ctx->conn);
    if (err != KPC_CONN_OK) {
        disconnect(s, err == KPC_CONN_DENIED ? "permission denied" : "kpwatchd is gone");
        return;
    }
    s->lost_at = (struct kp_mono){0};
    s->refresh_at = (struct kp_mono){0};
    s->note[0] = '\0';
}

/* What is due by now. */
static void tick(struct screen *s)
{
    struct kp_mono now = kpc_watch_now();
    if (!connected(s)) {
        if (!kp_mono_before(now, s->retry_at))
            reconnect(s);
        s->stale = true; /* the age on the last line grows */
    } else if (s->asked) {
        if (kp_mono_before(kp_mono_add(s->asked_at, PATIENCE), now))
            disconnect(s, "kpwatchd does not answer");
    } else if (!kp_mono_before(now, s->refresh_at)) {
        ask(s);
    }
}

/* Milliseconds until tick has something to do. */
static int until_tick(const struct screen *s)
{
    struct kp_mono now = kpc_watch_now();
    struct kp_mono due = s->refresh_at;
    if (!connected(s))
        due = kp_mono_before(s->retry_at, kp_mono_add(now, REFRESH))
                  ? s->retry_at
                  : kp_mono_add(now, REFRESH);
    else if (s->asked)
        due = kp_mono_add(s->asked_at, PATIENCE);
    int64_t left = due.ns - now.ns;
    return left > 0 ? (int)(left / KP_NS_PER_MS) + 1 : 0;
}

/* Waits for anything; false: it is over. */
static bool turn(struct screen *s)
{
    struct kpc_conn *query = s->ctx->conn;
    struct pollfd fds[] = {
        {.fd = s->tty.signals, .events = POLLIN},
        {.fd = s->tty.keys ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = s->stream.conn != NULL ? kpc_conn_fd(s->stream.conn) : -1, .events = POLLIN},
        {.fd = query != NULL ? kpc_conn_fd(query) : -1, .events = POLLIN},
    };
    enum kpc_tty_news signal = KPC_TTY_NOTHING;
    enum kpc_tty_news key = KPC_TTY_NOTHING;
    if (poll(fds, 4, until_tick(s)) > 0) {
        if (fds[0].revents != 0)
            signal = kpc_tty_signal(&s->tty);
        if (fds[1].revents != 0)
            key = kpc_tty_key(&s->tty);
        if (fds[2].revents != 0)
            take_events(s);
        if (fds[3].revents != 0 && s->ctx->conn != NULL)
            take_reply(s);
    }
    if (signal == KPC_TTY_REDRAW || key == KPC_TTY_REDRAW) {
        kpc_term_measure(&s->ctx->term);
        s->stale = true;
    }
    return signal != KPC_TTY_QUIT && key != KPC_TTY_QUIT;
}

/* The first connection, whose failure is an error like that of any verb; brings
 * the recent past and the place in the stream where it ends. */
static enum kpc_exit begin(struct screen *s)
{
    struct kpc_reply past;
    json_t *parameters =
        s->view->kind != NULL ? json_pack("{s:[s]}", "kinds", s->view->kind) : NULL;
    enum kpc_exit code = kpc_call(s->ctx, "ListEvents", parameters, &past);
    if (code != KPC_DONE)
        return code;
    size_t index = 0;
    json_t *event = NULL;
    json_array_foreach(json_object_get(past.parameters, "events"), index, event)
        keep_event(s, event);
    kpc_stream_keep(&s->stream, past.parameters);
    kpc_reply_fini(&past);
    return kpc_say_conn(s->ctx, kpc_stream_open(s->ctx, &s->stream, PATIENCE));
}

enum kpc_exit kpc_watch_screen(struct kpc_ctx *ctx, const struct kpc_watch_view *view)
{
    struct screen s = {.ctx = ctx,
                       .view = view,
                       .tty = {.signals = -1},
                       .stream = {.kind = view->kind},
                       .events = json_array()};
    enum kpc_exit code = begin(&s);
    if (code == KPC_DONE && !kpc_tty_begin(&s.tty, true))
        code = KPC_REFUSED;
    while (code == KPC_DONE && turn(&s)) {
        tick(&s);
        if (s.stale)
            draw(&s);
    }
    kpc_tty_end(&s.tty);
    kpc_stream_fini(&s.stream);
    json_decref(s.events);
    json_decref(s.reply);
    kpc_tty_die(&s.tty);
    return code;
}
