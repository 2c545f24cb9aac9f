#include "daemon/net/net.h"

#include "daemon/net/engine_dns.h"
#include "daemon/net/sock.h"
#include "daemon/net/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WHY_SIZE = 256,
    RAW_COUNT = 4, /* ICMP and TCP, IPv4 and IPv6 */
};

struct raw {
    struct kpd_net *net;
    struct kpd_sock *sock; /* NULL: the machine lacks the family */
    struct kpd_watch *watch;
};

struct kpd_net {
    struct kpd_env env;
    struct kpd_batch *batch;
    struct raw raws[RAW_COUNT];
    struct kpd_dns *dns;
    struct kpd_watch *dns_watch;
    struct kpd_source *source;
    struct kpd_watch *source_watch;
    struct kpd_timer *timer; /* for stamps that do not come */
    bool timer_set;
    uint8_t scratch[KPD_PACKET_MAX]; /* DNS messages are sent at once */
};

static const struct {
    enum kp_probe_type type;
    enum kp_family family;
} raw_kinds[RAW_COUNT] = {
    {KP_PROBE_ICMP, KP_IPV4},
    {KP_PROBE_ICMP, KP_IPV6},
    {KP_PROBE_TCP_SYN, KP_IPV4},
    {KP_PROBE_TCP_SYN, KP_IPV6},
};

static struct kpd_sock *sock_for(const struct kpd_net *net, const struct kp_send *send)
{
    for (size_t i = 0; i < RAW_COUNT; i++) {
        if (raw_kinds[i].type == send->type && raw_kinds[i].family == send->dst.family)
            return net->raws[i].sock;
    }
    return NULL;
}

/* ---- overdue stamps ---- */

static bool oldest_waiting(const struct kpd_net *net, struct kp_mono *oldest)
{
    struct kp_mono since;
    bool any = kpd_dns_waiting(net->dns, oldest);
    for (size_t i = 0; i < RAW_COUNT; i++) {
        const struct kpd_sock *sock = net->raws[i].sock;
        if (!sock || !kpd_sock_waiting(sock, &since))
            continue;
        if (!any || kp_mono_before(since, *oldest))
            *oldest = since;
        any = true;
    }
    return any;
}

/* A timer set is never too late: the oldest only grows younger. */
static void set_timer(struct kpd_net *net)
{
    struct kp_mono oldest;
    if (net->timer_set || !oldest_waiting(net, &oldest))
        return;
    struct kp_mono due = kp_mono_add(oldest, KPD_STAMP_WAIT);
    kpd_timer_set(net->timer, kp_mono_sub(due, kpd_clock_mono()));
    net->timer_set = true;
}

static void begin_wake(struct kpd_net *net)
{
    net->env.stats.wakeups++;
    kpd_clock_update(&net->env.clock);
}

static void end_wake(struct kpd_net *net)
{
    net->env.on.settled(net->env.on.ctx);
    set_timer(net);
}

static void on_timer(void *ctx)
{
    struct kpd_net *net = ctx;
    begin_wake(net);
    net->timer_set = false;
    struct kp_mono now = kpd_clock_mono();
    for (size_t i = 0; i < RAW_COUNT; i++) {
        if (net->raws[i].sock)
            kpd_sock_sweep(net->raws[i].sock, now);
    }
    kpd_dns_sweep(net->dns, now);
    end_wake(net);
}

/* ---- what wakes us ---- */

static void on_raw(int fd, unsigned what, void *ctx)
{
    (void)fd;
    (void)what;
    struct raw *raw = ctx;
    begin_wake(raw->net);
    kpd_sock_wake(raw->sock);
    end_wake(raw->net);
}

static void on_dns(int fd, unsigned what, void *ctx)
{
    (void)fd;
    (void)what;
    struct kpd_net *net = ctx;
    begin_wake(net);
    kpd_dns_wake(net->dns);
    end_wake(net);
}

static void on_source(int fd, unsigned what, void *ctx)
{
    (void)fd;
    (void)what;
    struct kpd_net *net = ctx;
    kpd_source_changed(net->source);
}

/* ---- opening ---- */

static bool explain(char *why, int errnum, const char *what)
{
    const char *hint =
        errnum == EPERM || errnum == EACCES ? "; start as root or with CAP_NET_RAW" : "";
    snprintf(why, WHY_SIZE, "cannot open %s: %s%s", what, strerror(errnum), hint);
    return false;
}

static bool open_raws(struct kpd_net *net, struct kpd_loop *loop, char *why)
{
    size_t opened = 0;
    for (size_t i = 0; i < RAW_COUNT; i++) {
        struct raw *raw = &net->raws[i];
        raw->net = net;
        int rc = kpd_sock_open(&net->env, net->batch, raw_kinds[i].type, raw_kinds[i].family,
                               &raw->sock);
        if (rc == EAFNOSUPPORT)
            continue;
        if (rc != 0)
            return explain(why, rc, "a raw socket");
        raw->watch = kpd_watch_new(loop, kpd_sock_fd(raw->sock), KPD_READ, on_raw, raw);
        if (!raw->watch)
            return explain(why, ENOMEM, "a raw socket");
        opened++;
    }
    return opened > 0 ? true : explain(why, EAFNOSUPPORT, "any raw socket");
}

static bool open_parts(struct kpd_net *net, struct kpd_loop *loop, char *why)
{
    net->batch = kpd_batch_new();
    net->timer = kpd_timer_new(loop, on_timer, net);
    if (!net->batch || !net->timer)
        return explain(why, ENOMEM, "the network");
    net->source = kpd_source_new(&net->env.wire.key);
    if (!net->source)
        return explain(why, errno, "a route netlink socket");
    net->dns = kpd_dns_new(&net->env);
    if (!net->dns)
        return explain(why, errno, "the DNS engine");
    int changes = kpd_source_fd(net->source);
    if (changes >= 0)
        net->source_watch = kpd_watch_new(loop, changes, KPD_READ, on_source, net);
    net->dns_watch = kpd_watch_new(loop, kpd_dns_fd(net->dns), KPD_READ, on_dns, net);
    if ((changes >= 0 && !net->source_watch) || !net->dns_watch)
        return explain(why, ENOMEM, "the network");
    return open_raws(net, loop, why);
}

bool kpd_net_open(struct kpd_loop *loop, const struct kp_wire *wire,
                  const struct kpd_net_handlers *handlers, struct kpd_net **out, char *why)
{
    struct kpd_net *net = calloc(1, sizeof *net);
    if (!net)
        return explain(why, ENOMEM, "the network");
    net->env.wire = *wire;
    net->env.on = *handlers;
    kpd_clock_init(&net->env.clock);
    if (!open_parts(net, loop, why)) {
        kpd_net_close(net);
        return false;
    }
    *out = net;
    return true;
}

void kpd_net_close(struct kpd_net *net)
{
    if (!net)
        return;
    for (size_t i = 0; i < RAW_COUNT; i++) {
        kpd_watch_free(net->raws[i].watch);
        kpd_sock_free(net->raws[i].sock);
    }
    kpd_watch_free(net->dns_watch);
    kpd_dns_free(net->dns);
    kpd_watch_free(net->source_watch);
    kpd_source_free(net->source);
    kpd_timer_free(net->timer);
    free(net->batch);
    free(net);
}

/* ---- sending ---- */

int kpd_net_source(struct kpd_net *net, const struct kp_send *send, struct kp_addr *src)
{
    *src = (struct kp_addr){0};
    if (!send->via && (send->type != KP_PROBE_TCP_SYN || send->dst.family != KP_IPV4))
        return 0;
    return kpd_source_find(net->source, &send->dst, send->via, kpd_clock_mono(), src);
}

struct kp_wr kpd_net_reserve(struct kpd_net *net, const struct kp_send *send)
{
    struct kpd_sock *sock = sock_for(net, send);
    return sock ? kpd_sock_reserve(sock) : kp_wr_init(net->scratch, sizeof net->scratch);
}

/* IPv4 TCP must leave from the address its checksum was made for; all else is
 * pinned only where the configuration says so.  0 or errno. */
static int pin_of(struct kpd_net *net, const struct kp_send *send, const struct kp_addr *src,
                  struct kpd_pin *pin)
{
    *pin = (struct kpd_pin){.ttl = send->ttl};
    if (src && send->type == KP_PROBE_TCP_SYN && send->dst.family == KP_IPV4)
        pin->src = *src;
    if (!send->via)
        return 0;
    if (send->via->source.family == send->dst.family)
        pin->src = send->via->source;
    if (!send->via->device)
        return 0;
    pin->ifindex = kpd_source_device(net->source, send->via->device);
    return pin->ifindex > 0 ? 0 : ENODEV;
}

void kpd_net_commit(struct kpd_net *net, const struct kp_send *send, const struct kp_addr *src,
                    size_t len)
{
    if (send->type == KP_PROBE_DNS) {
        kpd_dns_start(net->dns, send, net->scratch, len);
        return;
    }
    struct kpd_sock *sock = sock_for(net, send);
    struct kpd_pin pin;
    int rc = sock ? pin_of(net, send, src, &pin) : EAFNOSUPPORT;
    if (rc == 0)
        kpd_sock_commit(sock, send, &pin, len);
    else
        kpd_env_failed(&net->env, send, rc);
}

void kpd_net_flush(struct kpd_net *net)
{
    for (size_t i = 0; i < RAW_COUNT; i++) {
        if (net->raws[i].sock)
            kpd_sock_flush(net->raws[i].sock);
    }
    set_timer(net);
}

void kpd_net_release(struct kpd_net *net, uint32_t slot, uint32_t serial)
{
    kpd_dns_release(net->dns, slot, serial);
}

void kpd_net_stats(const struct kpd_net *net, struct kpd_net_stats *out)
{
    *out = net->env.stats;
}
