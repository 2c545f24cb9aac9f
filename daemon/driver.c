#include "daemon/driver.h"

#include "daemon/clock.h"
#include "daemon/net/resolve.h"
#include "daemon/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Woken this much too late, we may have missed answers. */
#define STALL (500 * KP_NS_PER_MS)
/* The machine slept where the clock that counts sleep ran this much further. */
#define SUSPEND KP_NS_PER_S
/* Sends that fail at once make new work; a few rounds settle it. */
#define PUMP_ROUNDS 4

struct kpd_driver {
    struct kpd_loop *loop;
    struct kpd_hub *hub;
    struct kpd_net *net;
    struct kp_core *core;
    struct kpd_resolve *resolve;
    const struct kp_conf *conf;
    struct kpd_watch *timer_watch;
    int timer_fd;
    struct kpd_clock clock;
    struct kp_mono armed; /* when we asked to be woken; {0}: not */
    struct kp_mono pumped;
    int64_t slept_ns; /* CLOCK_BOOTTIME minus CLOCK_MONOTONIC */
    bool pumping;
};

static int64_t slept(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return ts.tv_sec * KP_NS_PER_S + ts.tv_nsec - kpd_clock_mono().ns;
}

static void arm(struct kpd_driver *d)
{
    struct kp_mono at;
    bool any = kp_core_next_due(d->core, &at);
    if (any && at.ns == d->armed.ns)
        return;
    d->armed = any ? at : (struct kp_mono){0};
    struct itimerspec when = {.it_value = {.tv_sec = d->armed.ns / KP_NS_PER_S,
                                           .tv_nsec = d->armed.ns % KP_NS_PER_S}};
    timerfd_settime(d->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void send_probe(struct kpd_driver *d, const struct kp_send *send)
{
    struct kp_addr src = {0};
    int errnum = kpd_net_source(d->net, send, &src);
    if (errnum != 0) {
        kp_core_send_failed(d->core, send->slot, send->serial, errnum);
        return;
    }
    struct kp_wr out = kpd_net_reserve(d->net, send);
    size_t room = out.left;
    if (kp_core_build(d->core, send, &src, &out) != KP_OK) {
        kp_core_send_failed(d->core, send->slot, send->serial, EMSGSIZE);
        return;
    }
    kpd_net_commit(d->net, send, &src, room - out.left);
}

static bool carry_out(struct kpd_driver *d)
{
    struct kp_act act;
    bool any = false;
    for (; kp_core_pop_action(d->core, &act); any = true)
        switch (act.kind) {
        case KP_ACT_SEND:
            send_probe(d, &act.send);
            break;
        case KP_ACT_RELEASE:
            kpd_net_release(d->net, act.send.slot, act.send.serial);
            break;
        case KP_ACT_EVENT:
            kpd_hub_publish(d->hub, &act.event);
            break;
        case KP_ACT_RESOLVE:
            if (d->resolve != NULL)
                kpd_resolve_lookup(d->resolve, act.target, act.host);
            break;
        }
    return any;
}

/* The clocks tell whether we were away; silence in that time says nothing. */
static void look_for_gaps(struct kpd_driver *d, struct kp_mono now)
{
    int64_t slept_now = slept();
    if (slept_now - d->slept_ns > SUSPEND)
        kp_core_gap(d->core, d->pumped, now, "suspended");
    else if (kp_mono_set(d->armed) && now.ns - d->armed.ns > STALL)
        kp_core_gap(d->core, d->armed, now, "stalled");
    d->slept_ns = slept_now;
    d->pumped = now;
    if (!kp_mono_before(now, d->armed))
        d->armed = (struct kp_mono){0}; /* it fires or has fired: arm anew */
}

void kpd_driver_pump(struct kpd_driver *d)
{
    /* The network's callbacks may call back in while we flush. */
    if (d->pumping)
        return;
    d->pumping = true;
    struct kp_mono now = kpd_loop_now(d->loop);
    if (kpd_clock_update(&d->clock))
        kp_core_set_clock(d->core, d->clock.offset);
    look_for_gaps(d, now);
    kp_core_tick(d->core, now);
    for (int round = 0; round < PUMP_ROUNDS && carry_out(d); round++)
        kpd_net_flush(d->net);
    arm(d);
    d->pumping = false;
}

/* Setting the timer anew, as a pump past its time does, also takes back that it is
 * readable: that saves reading it. */
static void on_timer(int fd, unsigned what, void *ctx)
{
    (void)fd;
    (void)what;
    kpd_driver_pump(ctx);
}

static void on_receive(void *ctx, const struct kp_rx *rx)
{
    struct kpd_driver *d = ctx;
    kp_core_receive(d->core, rx);
}

static void on_sent(void *ctx, uint32_t slot, uint32_t serial, struct kp_mono at,
                    uint16_t sport)
{
    struct kpd_driver *d = ctx;
    kp_core_sent(d->core, slot, serial, at, sport);
}

static void on_failed(void *ctx, uint32_t slot, uint32_t serial, int errnum)
{
    struct kpd_driver *d = ctx;
    kp_core_send_failed(d->core, slot, serial, errnum);
}

static void on_error(void *ctx, uint32_t slot, uint32_t serial, enum kp_cause cause,
                     const struct kp_addr *sender, bool refused)
{
    struct kpd_driver *d = ctx;
    /* A refusal counts as an answer: its round trip ends now, not at the last tick. */
    kp_core_tick(d->core, kpd_clock_mono());
    kp_core_note_error(d->core, slot, serial, cause, sender, refused);
}

static void on_overflow(void *ctx, enum kp_probe_type type, uint32_t count)
{
    struct kpd_driver *d = ctx;
    struct kp_mono now = kpd_loop_now(d->loop);
    (void)type;
    (void)count;
    kp_core_gap(d->core, d->pumped, now, "socket overflow");
}

static void on_settled(void *ctx)
{
    kpd_driver_pump(ctx);
}

static void on_resolved(void *ctx, uint32_t target, const struct kp_addr *addrs, size_t count)
{
    struct kpd_driver *d = ctx;
    kp_core_resolved(d->core, target, addrs, count);
    kpd_driver_pump(d);
}

static struct kpd_resolve *new_resolver(struct kpd_driver *d, const struct kp_conf *conf)
{
    if (conf->resolve_at_count == 0)
        return NULL;
    return kpd_resolve_new(d->loop, conf->resolve_at, conf->resolve_at_count, on_resolved, d);
}

static bool open_timer(struct kpd_driver *d)
{
    d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (d->timer_fd >= 0)
        d->timer_watch = kpd_watch_new(d->loop, d->timer_fd, KPD_READ, on_timer, d);
    return d->timer_watch != NULL;
}

static bool open_all(struct kpd_driver *d, char *why)
{
    struct kp_wire wire;
    struct kp_key seed;
    const struct kpd_net_handlers handlers = {d,        on_receive,  on_sent,   on_failed,
                                              on_error, on_overflow, on_settled};
    if (!kpd_wire_init(d->conf, &wire, &seed, why) ||
        !kpd_net_open(d->loop, &wire, &handlers, &d->net, why))
        return false;
    d->core = kp_core_new(&wire, &seed);
    if (d->core == NULL || !open_timer(d)) {
        snprintf(why, 256, "no memory or descriptor for the timer");
        return false;
    }
    kpd_clock_init(&d->clock);
    kp_core_set_clock(d->core, d->clock.offset);
    d->pumped = kpd_loop_now(d->loop);
    d->slept_ns = slept();
    enum kp_err err = kp_core_configure(d->core, d->conf, d->pumped);
    if (err != KP_OK)
        snprintf(why, 256, "cannot set up the configuration: %s", kp_err_name(err));
    d->resolve = new_resolver(d, d->conf);
    return err == KP_OK;
}

bool kpd_driver_open(struct kpd_loop *loop, struct kpd_hub *hub, const struct kp_conf *conf,
                     struct kpd_driver **out, char *why)
{
    struct kpd_driver *d = calloc(1, sizeof *d);
    if (d == NULL) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    d->loop = loop;
    d->hub = hub;
    d->conf = conf;
    d->timer_fd = -1;
    if (!open_all(d, why)) {
        kpd_driver_close(d);
        return false;
    }
    *out = d;
    return true;
}

void kpd_driver_start(struct kpd_driver *d)
{
    kpd_driver_pump(d);
}

void kpd_driver_close(struct kpd_driver *d)
{
    if (d == NULL)
        return;
    kpd_resolve_free(d->resolve);
    kpd_watch_free(d->timer_watch);
    if (d->timer_fd >= 0)
        close(d->timer_fd);
    kpd_net_close(d->net);
    kp_core_free(d->core);
    free(d);
}

enum kp_err kpd_driver_reload(struct kpd_driver *d, const struct kp_conf *conf)
{
    kpd_driver_pump(d);
    enum kp_err err = kp_core_configure(d->core, conf, kpd_loop_now(d->loop));
    if (err != KP_OK)
        return err;
    /* Look-ups under way belong to targets of the old configuration. */
    kpd_resolve_free(d->resolve);
    d->conf = conf;
    d->resolve = new_resolver(d, conf);
    kpd_driver_pump(d);
    return KP_OK;
}

struct kp_core *kpd_driver_core(struct kpd_driver *d)
{
    return d->core;
}

void kpd_driver_net_stats(const struct kpd_driver *d, struct kpd_net_stats *out)
{
    kpd_net_stats(d->net, out);
}
