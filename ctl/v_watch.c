#include "ctl/watch.h"

#include "ctl/call.h"
#include "ctl/events.h"
#include "ctl/paths.h"
#include "ctl/status.h"
#include "ctl/targets.h"
#include "ctl/tty.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct kpc_watch_view views[] = {
    {"", "GetStatus", NULL, kpc_status_screen},
    {"paths", "ListPaths", "path", kpc_paths_table},
    {"targets", "ListTargets", "target", kpc_targets_table},
    {"events", NULL, NULL, NULL},
};

struct kp_mono kpc_watch_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct kp_mono){ts.tv_sec * KP_NS_PER_S + ts.tv_nsec};
}

struct kp_dur kpc_watch_backoff(unsigned tries)
{
    return kp_dur_ms(tries < 5 ? INT64_C(500) << tries : 10000);
}

/* Where lines come from and go to. */
struct lines {
    struct kpc_ctx *ctx;
    struct kpc_stream stream;
    struct kpc_tty tty; /* signals -1: no terminal */
};

/* Prints what the stream has; false: it broke, and *code says how. */
static bool drain(struct lines *l, enum kpc_exit *code)
{
    struct kpc_reply reply;
    char missed[96];
    for (;;) {
        enum kpc_conn_err err = kpc_stream_next(&l->stream, kp_dur_ms(0), &reply);
        if (err == KPC_CONN_TIMEOUT)
            return true;
        if (err != KPC_CONN_OK) {
            *code = kpc_say_conn(l->ctx, err);
            return false;
        }
        if (reply.error != NULL)
            *code = kpc_say_reply(l->ctx, &reply);
        else if (kpc_stream_missed(reply.parameters, missed, sizeof missed))
            kpc_say("%s", missed);
        const json_t *event = kpc_get(reply.parameters, "event");
        if (json_is_object(event) && kpc_events_wanted(l->ctx, event))
            kpc_events_line(l->ctx, event);
        bool good = reply.error == NULL;
        kpc_reply_fini(&reply);
        if (!good || !kpc_out_flush(l->ctx)) {
            *code = good ? KPC_REFUSED : *code;
            return false;
        }
    }
}

/* Waits for news at most `timeout` ms; true: go on. */
static bool wait_news(struct lines *l, int timeout)
{
    struct pollfd fds[] = {
        {.fd = l->stream.conn != NULL ? kpc_conn_fd(l->stream.conn) : -1, .events = POLLIN},
        {.fd = l->tty.signals, .events = POLLIN},
        {.fd = l->tty.keys ? STDIN_FILENO : -1, .events = POLLIN},
        /* A pipe whose reader has gone reports an error without being asked. */
        {.fd = STDOUT_FILENO, .events = 0},
    };
    if (poll(fds, 4, timeout) <= 0)
        return true;
    if ((fds[1].revents & POLLIN) != 0 && kpc_tty_signal(&l->tty) == KPC_TTY_QUIT)
        return false;
    if (fds[2].revents != 0 && kpc_tty_key(&l->tty) == KPC_TTY_QUIT)
        return false;
    return (fds[3].revents & (POLLERR | POLLHUP)) == 0;
}

/* On a terminal: tries until the daemon is back; false: the person had enough. */
static bool reconnect(struct lines *l)
{
    for (unsigned tries = 0;; tries++) {
        struct kp_mono until = kp_mono_add(kpc_watch_now(), kpc_watch_backoff(tries));
        while (kp_mono_before(kpc_watch_now(), until)) {
            int64_t left = until.ns - kpc_watch_now().ns;
            if (!wait_news(l, (int)(left / KP_NS_PER_MS) + 1))
                return false;
        }
        if (kpc_stream_open(l->ctx, &l->stream, kp_dur_s(1)) == KPC_CONN_OK) {
            kpc_say("connected again");
            return true;
        }
    }
}

static enum kpc_exit follow(struct lines *l)
{
    enum kpc_exit code = KPC_DONE;
    while (wait_news(l, -1)) {
        if (drain(l, &code))
            continue;
        if (l->tty.signals < 0 || code != KPC_UNREACHABLE)
            return code;
        kpc_say("trying again until it is back; q quits");
        if (!reconnect(l))
            break;
    }
    return KPC_DONE;
}

enum kpc_exit kpc_watch_lines(struct kpc_ctx *ctx, const struct kpc_watch_view *view)
{
    struct lines l = {.ctx = ctx, .stream = {.kind = view->kind}, .tty = {.signals = -1}};
    enum kpc_conn_err err = kpc_stream_open(ctx, &l.stream, kp_dur_s(5));
    if (err != KPC_CONN_OK)
        return kpc_say_conn(ctx, err);
    kpc_events_heading(ctx);
    kpc_out_flush(ctx);
    if (ctx->term.tty && !kpc_tty_begin(&l.tty, false))
        return KPC_REFUSED;
    enum kpc_exit code = follow(&l);
    kpc_tty_end(&l.tty);
    kpc_stream_fini(&l.stream);
    kpc_tty_die(&l.tty);
    return code;
}

enum kpc_exit kpc_watch_exec(struct kpc_ctx *ctx)
{
    static const char *const names[] = {"paths", "targets", "events"};
    const char *name = kpc_word(ctx, 0);
    const struct kpc_watch_view *view = NULL;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        if (strcmp(views[i].name, name != NULL ? name : "") == 0)
            view = &views[i];
    if (view == NULL)
        return kpc_say_unknown("thing to watch", name, names, 3);
    if (!ctx->term.tty || kpc_out_scripts(ctx) || view->method == NULL)
        return kpc_watch_lines(ctx, view);
    return kpc_watch_screen(ctx, view);
}
