#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include "daemon/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

uid_t rig_uid;

struct rig *rig_new(void)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    struct kp_event_source source = {"fra1", "DE", "1.2.3", "boot1"};
    rig_uid = geteuid();
    rig->core.targets = 2;
    rig->loop = kpd_loop_new();
    rig->hub = kpd_hub_new(&source, 0, 0);
    rig->limits = KPD_CONTROL_LIMITS;
    rig->level = KP_LOG_INFO;
    assert_non_null(rig->loop);
    assert_non_null(rig->hub);
    strcpy(rig->dir, "/tmp/kp-control-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->path, sizeof rig->path, "%s/control.sock", rig->dir);
    return rig;
}

static void describe(void *ctx, struct kp_report_daemon *out)
{
    (void)ctx;
    *out = (struct kp_report_daemon){.version = "1.2.3",
                                     .vantage_name = "fra1",
                                     .started_at = {FAKE_NOW.ns - 60 * KP_NS_PER_S},
                                     .config_loaded_at = {FAKE_NOW.ns - 50 * KP_NS_PER_S},
                                     .now = FAKE_NOW,
                                     .uptime = kp_dur_s(60)};
}

static enum kp_err reload(void *ctx, json_t **diagnostics)
{
    struct rig *rig = ctx;
    if (rig->reload_err == KP_ERR_MALFORMED)
        *diagnostics = json_pack("[{s:s, s:s}]", "severity", "error", "text", "unknown key");
    else if (rig->reload_err == KP_OK)
        rig_publish(rig, KP_EV_CONFIG_RELOAD, "loaded");
    return rig->reload_err;
}

static void facts(void *ctx, struct kp_metrics_daemon *out)
{
    (void)ctx;
    *out = (struct kp_metrics_daemon){.version = "1.2.3", .reload_ok = true};
}

static enum kp_level log_level(void *ctx, enum kp_level level)
{
    struct rig *rig = ctx;
    enum kp_level before = rig->level;
    rig->level = level;
    return before;
}

static void pump(void *ctx)
{
    struct rig *rig = ctx;
    rig->pumps++;
}

static bool peer(int fd, uid_t *uid)
{
    (void)fd;
    *uid = rig_uid;
    return true;
}

void rig_open(struct rig *rig)
{
    static const struct kpd_control_ops ops = {describe,  reload, reload,
                                               log_level, facts,  pump};
    struct kpd_control_args args = {.loop = rig->loop,
                                    .core = &rig->core,
                                    .hub = rig->hub,
                                    .path = rig->path,
                                    .ops = &ops,
                                    .ctx = rig,
                                    .group = "no-such-group",
                                    .limits = &rig->limits,
                                    .peer = peer};
    rig->control = kpd_control_open(&args, rig->why);
}

void rig_free(struct rig *rig)
{
    kpd_control_close(rig->control);
    kpd_hub_free(rig->hub);
    kpd_loop_free(rig->loop);
    unlink(rig->path);
    rmdir(rig->dir);
    free(rig);
}

struct wait {
    struct rig *rig;
    struct kpd_timer *timer;
    bool (*cond)(void *ctx);
    void *ctx;
    struct kp_mono deadline;
    bool held;
};

static void on_wait(void *ctx)
{
    struct wait *w = ctx;
    w->held = w->cond(w->ctx);
    if (w->held || kp_mono_before(w->deadline, kpd_clock_mono()))
        kpd_loop_stop(w->rig->loop);
    else
        kpd_timer_set(w->timer, kp_dur_ms(1));
}

bool rig_until(struct rig *rig, bool (*cond)(void *ctx), void *ctx)
{
    struct wait w = {.rig = rig, .cond = cond, .ctx = ctx};
    w.deadline = kp_mono_add(kpd_clock_mono(), kp_dur_s(60));
    w.timer = kpd_timer_new(rig->loop, on_wait, &w);
    assert_non_null(w.timer);
    kpd_timer_set(w.timer, (struct kp_dur){0});
    assert_true(kpd_loop_run(rig->loop));
    kpd_timer_free(w.timer);
    return w.held;
}

static bool count_down(void *ctx)
{
    return --*(int *)ctx <= 0;
}

void rig_turn(struct rig *rig)
{
    int turns = 5;
    assert_true(rig_until(rig, count_down, &turns));
}

void rig_publish(struct rig *rig, enum kp_action action, const char *message)
{
    struct kp_event event = {.action = action,
                             .level = KP_LOG_NOTICE,
                             .at = FAKE_NOW,
                             .target = "kcna",
                             .from = KP_UP,
                             .to = KP_DOWN,
                             .rtt = -1,
                             .success = true};
    snprintf(event.message, sizeof event.message, "%s", message);
    kpd_hub_publish(rig->hub, &event);
}

void client_open(struct client *c, struct rig *rig)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    strcpy(addr.sun_path, rig->path);
    *c = (struct client){.rig = rig};
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof addr), 0);
}

void client_close(struct client *c)
{
    close(c->fd);
    free(c->in);
    *c = (struct client){.fd = -1};
}

struct sending {
    struct client *c;
    const char *bytes;
    size_t left;
    bool broken;
};

static bool sent_all(void *ctx)
{
    struct sending *s = ctx;
    while (s->left > 0) {
        ssize_t n = send(s->c->fd, s->bytes, s->left, MSG_NOSIGNAL);
        if (n < 0) {
            s->broken = errno != EAGAIN;
            return s->broken;
        }
        s->bytes += n;
        s->left -= (size_t)n;
    }
    return true;
}

bool client_send(struct client *c, const char *bytes, size_t len)
{
    struct sending s = {c, bytes, len, false};
    assert_true(rig_until(c->rig, sent_all, &s));
    return !s.broken;
}

static bool message_is_there(void *ctx)
{
    struct client *c = ctx;
    while (!c->len || !memchr(c->in, 0, c->len)) {
        if (c->room - c->len < 65536) {
            c->room += 1 << 20;
            c->in = realloc(c->in, c->room);
            assert_non_null(c->in);
        }
        ssize_t n = recv(c->fd, c->in + c->len, c->room - c->len, 0);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0) {
            c->eof = true;
            return true;
        }
        c->len += (size_t)n;
    }
    return true;
}

json_t *client_read(struct client *c)
{
    if (!c->eof)
        assert_true(rig_until(c->rig, message_is_there, c));
    char *end = c->len ? memchr(c->in, 0, c->len) : NULL;
    if (!end)
        return NULL;
    size_t len = (size_t)(end - c->in);
    json_t *json = json_loadb(c->in, len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    c->len -= len + 1;
    memmove(c->in, end + 1, c->len);
    return json;
}

static json_t *call(struct client *c, const char *method, const char *params, bool more)
{
    char text[4096];
    int n = snprintf(text, sizeof text,
                     "{\"method\":\"org.kpwatchd.Monitor.%s\",\"parameters\":%s%s}", method,
                     params ? params : "{}", more ? ",\"more\":true" : "");
    assert_true(n > 0 && (size_t)n < sizeof text);
    assert_true(client_send(c, text, (size_t)n + 1));
    return client_read(c);
}

json_t *client_call(struct client *c, const char *method, const char *params)
{
    return call(c, method, params, false);
}

json_t *client_call_more(struct client *c, const char *method, const char *params)
{
    return call(c, method, params, true);
}

void wait_for_slow(struct client *c)
{
    struct kp_mono deadline = kp_mono_add(kpd_clock_mono(), kp_dur_s(60));
    json_int_t closed = 0;
    while (closed == 0 && kp_mono_before(kpd_clock_mono(), deadline)) {
        json_t *reply = client_call(c, "GetStats", NULL);
        closed = int_at(reply, "parameters.control.closed_slow");
        json_decref(reply);
    }
    assert_int_equal(closed, 1);
}
