#include "daemon/loop.h"

#include "daemon/clock.h"

#include <event2/event.h>
#include <stdlib.h>

struct signal_watch {
    struct signal_watch *next;
    struct event *event;
    kpd_signal_fn *fn;
    void *ctx;
};

struct kpd_loop {
    struct event_base *base;
    struct signal_watch *signals;
};

struct kpd_watch {
    struct event *event;
    struct event_base *base;
    unsigned what;
    kpd_io_fn *fn;
    void *ctx;
};

struct kpd_timer {
    struct event *event;
    kpd_timer_fn *fn;
    void *ctx;
};

/* No locks: one thread.  Not the precise timer: it costs 13 times as much as
 * libevent's own, and nothing here needs better than milliseconds. */
static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct kpd_loop *kpd_loop_new(void)
{
    struct kpd_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->base = make_base();
    if (!loop->base) {
        free(loop);
        return NULL;
    }
    return loop;
}

void kpd_loop_free(struct kpd_loop *loop)
{
    if (!loop)
        return;
    while (loop->signals) {
        struct signal_watch *gone = loop->signals;
        loop->signals = gone->next;
        event_free(gone->event);
        free(gone);
    }
    event_base_free(loop->base);
    free(loop);
}

bool kpd_loop_run(struct kpd_loop *loop)
{
    return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) == 0;
}

void kpd_loop_stop(struct kpd_loop *loop)
{
    event_base_loopbreak(loop->base);
}

struct event_base *kpd_loop_base(struct kpd_loop *loop)
{
    return loop->base;
}

struct kp_mono kpd_loop_now(const struct kpd_loop *loop)
{
    (void)loop; /* libevent's cached time is too coarse for round trips */
    return kpd_clock_mono();
}

static short to_event(unsigned what)
{
    int bits = (what & KPD_READ ? EV_READ : 0) | (what & KPD_WRITE ? EV_WRITE : 0);
    return (short)bits;
}

static void on_io(evutil_socket_t fd, short events, void *arg)
{
    struct kpd_watch *watch = arg;
    unsigned what = (events & EV_READ ? KPD_READ : 0U) | (events & EV_WRITE ? KPD_WRITE : 0U);
    watch->fn(fd, what, watch->ctx);
}

struct kpd_watch *kpd_watch_new(struct kpd_loop *loop, int fd, unsigned what, kpd_io_fn *fn,
                                void *ctx)
{
    struct kpd_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    *watch = (struct kpd_watch){.base = loop->base, .what = what, .fn = fn, .ctx = ctx};
    short events = (short)(to_event(what) | EV_PERSIST);
    watch->event = event_new(loop->base, fd, events, on_io, watch);
    if (!watch->event || (what && event_add(watch->event, NULL) != 0)) {
        kpd_watch_free(watch);
        return NULL;
    }
    return watch;
}

void kpd_watch_set(struct kpd_watch *watch, unsigned what)
{
    if (what == watch->what)
        return;
    int fd = event_get_fd(watch->event);
    watch->what = what;
    event_del(watch->event);
    event_assign(watch->event, watch->base, fd, (short)(to_event(what) | EV_PERSIST), on_io,
                 watch);
    if (what)
        event_add(watch->event, NULL);
}

void kpd_watch_free(struct kpd_watch *watch)
{
    if (!watch)
        return;
    if (watch->event)
        event_free(watch->event);
    free(watch);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    struct kpd_timer *timer = arg;
    timer->fn(timer->ctx);
}

struct kpd_timer *kpd_timer_new(struct kpd_loop *loop, kpd_timer_fn *fn, void *ctx)
{
    struct kpd_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return NULL;
    *timer = (struct kpd_timer){.fn = fn, .ctx = ctx};
    timer->event = evtimer_new(loop->base, on_timer, timer);
    if (!timer->event) {
        free(timer);
        return NULL;
    }
    return timer;
}

void kpd_timer_set(struct kpd_timer *timer, struct kp_dur after)
{
    int64_t ns = after.ns > 0 ? after.ns : 0;
    struct timeval tv = {ns / KP_NS_PER_S, ns % KP_NS_PER_S / KP_NS_PER_US};
    evtimer_add(timer->event, &tv);
}

void kpd_timer_stop(struct kpd_timer *timer)
{
    evtimer_del(timer->event);
}

void kpd_timer_free(struct kpd_timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

static void on_signal(evutil_socket_t signo, short events, void *arg)
{
    (void)events;
    struct signal_watch *watch = arg;
    watch->fn(signo, watch->ctx);
}

bool kpd_loop_signal(struct kpd_loop *loop, int signo, kpd_signal_fn *fn, void *ctx)
{
    struct signal_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return false;
    *watch = (struct signal_watch){.next = loop->signals, .fn = fn, .ctx = ctx};
    watch->event = evsignal_new(loop->base, signo, on_signal, watch);
    if (!watch->event || event_add(watch->event, NULL) != 0) {
        if (watch->event)
            event_free(watch->event);
        free(watch);
        return false;
    }
    loop->signals = watch;
    return true;
}
