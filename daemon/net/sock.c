#include "daemon/net/sock.h"

#include "daemon/net/filter.h"
#include "daemon/net/raw.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUEUE_MAX = 256,
    ARENA = 64 * 1024, /* packets lie one behind the other: few cache lines per batch */
    ALIGN = 8,
    BUFFER = 4 * 1024 * 1024,
    TCP_CHECKSUM_AT = 16, /* in the TCP header, RFC 9293 section 3.1 */
};

struct item {
    uint32_t slot;
    uint32_t serial;
    union kpd_sockaddr to;
    struct iovec iov;
    _Alignas(struct cmsghdr) unsigned char control[KPD_PIN_SIZE];
};

struct kpd_sock {
    struct kpd_env *env;
    struct kpd_batch *batch;
    enum kp_probe_type type;
    enum kp_family family;
    int fd;

    struct kpd_stamps stamps;
    bool uncertain; /* a send failed: the kernel may have counted it or not */

    uint32_t drops; /* as the kernel counts them */
    bool was_full;
    struct kp_mono overflow_at; /* stamps are lost as well in an overflow */

    size_t count; /* queued */
    size_t fill;  /* bytes of the arena in use */
    struct mmsghdr msgs[QUEUE_MAX];
    struct item items[QUEUE_MAX];
    _Alignas(ALIGN) uint8_t arena[ARENA];
};

static void set_buffer(int fd, int force, int polite)
{
    int size = BUFFER;
    if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, polite, &size, sizeof size);
}

/* What is good to have; the socket works without. */
static void set_comforts(int fd, int domain)
{
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    int fragment = IP_PMTUDISC_DONT, off = 0;
    if (domain == AF_INET) {
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragment, sizeof fragment);
        return;
    }
    fragment = IPV6_PMTUDISC_DONT;
    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &fragment, sizeof fragment);
    /* Routers hash the flow label too: a flow must keep to one path. */
    setsockopt(fd, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, &off, sizeof off);
    kpd_meta_enable_ttl(fd, domain);
}

/* Between socket() and the filter anything may have been queued. */
static int set_filter(int fd, enum kp_probe_type type, enum kp_family family,
                      const struct kp_wire *wire)
{
    int rc = kpd_filter_nothing(fd);
    if (rc != 0)
        return rc;
    char junk;
    for (int i = 0; i < QUEUE_MAX * QUEUE_MAX; i++) {
        if (recv(fd, &junk, sizeof junk, MSG_DONTWAIT) < 0)
            break;
    }
    return type == KP_PROBE_ICMP ? kpd_filter_icmp(fd, family, wire)
                                 : kpd_filter_tcp(fd, family, wire);
}

static int set_checksum(int fd, enum kp_probe_type type, enum kp_family family)
{
    if (type != KP_PROBE_TCP_SYN || family != KP_IPV6)
        return 0; /* IPv4 TCP: ours; ICMPv6: the kernel's anyway */
    int at = TCP_CHECKSUM_AT;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof at) ? errno : 0;
}

/* Never IP_RECVERR here: it would let a stranger's time-exceeded past the filter
 * and fail our own sends. */
static int open_fd(enum kp_probe_type type, enum kp_family family, const struct kp_wire *wire,
                   int *out)
{
    int domain = family == KP_IPV4 ? AF_INET : AF_INET6;
    int icmp = family == KP_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    int fd = kpd_raw_open(domain, type == KP_PROBE_ICMP ? icmp : IPPROTO_TCP);
    if (fd < 0)
        return errno;
    int rc = set_filter(fd, type, family, wire);
    if (rc == 0)
        rc = set_checksum(fd, type, family);
    if (rc == 0)
        rc = kpd_meta_enable_stamps(fd);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    set_comforts(fd, domain);
    *out = fd;
    return 0;
}

int kpd_sock_open(struct kpd_env *env, struct kpd_batch *batch, enum kp_probe_type type,
                  enum kp_family family, struct kpd_sock **out)
{
    struct kpd_sock *sock = calloc(1, sizeof *sock);
    if (!sock || !kpd_stamps_init(&sock->stamps)) {
        free(sock);
        return ENOMEM;
    }
    sock->env = env;
    sock->batch = batch;
    sock->type = type;
    sock->family = family;
    int rc = open_fd(type, family, &env->wire, &sock->fd);
    if (rc != 0) {
        kpd_stamps_fini(&sock->stamps);
        free(sock);
        return rc;
    }
    *out = sock;
    return 0;
}

void kpd_sock_free(struct kpd_sock *sock)
{
    if (!sock)
        return;
    close(sock->fd);
    kpd_stamps_fini(&sock->stamps);
    free(sock);
}

int kpd_sock_fd(const struct kpd_sock *sock)
{
    return sock->fd;
}

/* ---- stamps ---- */

static void take_stamp(struct kpd_sock *sock, struct msghdr *msg, struct kp_mono now)
{
    struct kpd_env *env = sock->env;
    struct kpd_meta meta;
    struct kpd_stamp sent;
    kpd_meta_read(msg, &meta);
    if (meta.kind != KPD_META_STAMP || !kpd_stamps_settle(&sock->stamps, meta.id, &sent))
        return;
    env->stats.stamps++;
    struct kp_mono at;
    if (kpd_clock_convert(&env->clock, meta.stamp, sent.at, now, &at))
        env->on.sent(env->on.ctx, sent.slot, sent.serial, at, 0);
}

/* Ends where nobody waits any more, or the queue is empty. */
static void drain_stamps(struct kpd_sock *sock)
{
    for (int i = 0; i <= QUEUE_MAX / KPD_BATCH_SIZE; i++) {
        unsigned n = kpd_batch_receive(sock->batch, sock->fd, MSG_ERRQUEUE);
        sock->env->stats.syscalls++;
        struct kp_mono now = kpd_clock_mono();
        for (unsigned k = 0; k < n; k++)
            take_stamp(sock, &sock->batch->msgs[k].msg_hdr, now);
        if (n < KPD_BATCH_SIZE || !kpd_stamps_waiting(&sock->stamps))
            return;
    }
}

bool kpd_sock_waiting(const struct kpd_sock *sock, struct kp_mono *since)
{
    return kpd_stamps_oldest(&sock->stamps, since);
}

void kpd_sock_sweep(struct kpd_sock *sock, struct kp_mono now)
{
    if (!kpd_stamps_waiting(&sock->stamps))
        return;
    drain_stamps(sock);
    struct kpd_env *env = sock->env;
    struct kp_mono before = {now.ns - KPD_STAMP_WAIT.ns};
    struct kpd_stamp lost;
    while (kpd_stamps_take(&sock->stamps, before, &lost)) {
        if (!sock->stamps.proven || !kp_mono_before(sock->overflow_at, lost.at))
            continue; /* nothing can be said about it */
        env->stats.stamps_missing++;
        env->on.failed(env->on.ctx, lost.slot, lost.serial, ENOBUFS);
    }
}

/* ---- sending ---- */

struct kp_wr kpd_sock_reserve(struct kpd_sock *sock)
{
    return kp_wr_init(sock->arena + sock->fill, KPD_PACKET_MAX);
}

void kpd_sock_commit(struct kpd_sock *sock, const struct kp_send *send,
                     const struct kpd_pin *pin, size_t len)
{
    struct item *item = &sock->items[sock->count];
    item->slot = send->slot;
    item->serial = send->serial;
    item->iov = (struct iovec){sock->arena + sock->fill, len};
    struct msghdr *msg = &sock->msgs[sock->count].msg_hdr;
    *msg = (struct msghdr){.msg_iov = &item->iov, .msg_iovlen = 1, .msg_name = &item->to};
    msg->msg_namelen = kpd_sockaddr_make(&send->dst, 0, &item->to);
    msg->msg_controllen = kpd_meta_pin(pin, sock->family, item->control);
    if (msg->msg_controllen > 0)
        msg->msg_control = item->control;

    sock->count++;
    sock->fill += (len + ALIGN - 1) / ALIGN * ALIGN;
    if (sock->count == QUEUE_MAX || sock->fill + KPD_PACKET_MAX > ARENA)
        kpd_sock_flush(sock);
}

/* After a failed send nobody knows the next packet's id.  Sends still waiting
 * keep their provisional times. */
static void resync(struct kpd_sock *sock)
{
    if (kpd_stamps_waiting(&sock->stamps))
        drain_stamps(sock);
    kpd_meta_restart_ids(sock->fd);
    kpd_stamps_reset(&sock->stamps);
    sock->uncertain = false;
}

static void note_sent(struct kpd_sock *sock, size_t first, size_t count, struct kp_mono at)
{
    struct kpd_env *env = sock->env;
    for (size_t i = first; i < first + count; i++) {
        const struct item *item = &sock->items[i];
        kpd_stamps_push(&sock->stamps, item->slot, item->serial, at);
        env->on.sent(env->on.ctx, item->slot, item->serial, at, 0);
    }
    env->stats.tx_batches++;
    env->stats.tx_packets += count;
}

/* Returns how many have failed: a full buffer has no room for the rest either. */
static size_t note_failed(struct kpd_sock *sock, size_t first, int errnum)
{
    struct kpd_env *env = sock->env;
    bool full = errnum == EAGAIN || errnum == ENOBUFS;
    size_t count = full ? sock->count - first : 1;
    for (size_t i = first; i < first + count; i++)
        env->on.failed(env->on.ctx, sock->items[i].slot, sock->items[i].serial, errnum);
    sock->uncertain = true;
    return count;
}

void kpd_sock_flush(struct kpd_sock *sock)
{
    if (sock->count == 0)
        return;
    for (size_t done = 0; done < sock->count;) {
        if (sock->uncertain)
            resync(sock);
        struct kp_mono at = kpd_clock_mono();
        int n =
            sendmmsg(sock->fd, sock->msgs + done, (unsigned)(sock->count - done), MSG_DONTWAIT);
        sock->env->stats.syscalls++;
        if (n > 0) {
            note_sent(sock, done, (size_t)n, at);
            done += (size_t)n;
        } else {
            done += note_failed(sock, done, errno);
        }
    }
    sock->count = 0;
    sock->fill = 0;
    if (kpd_stamps_waiting(&sock->stamps))
        drain_stamps(sock);
}

/* ---- receiving ---- */

/* The kernel's drop counter, but only while the queue was full: on IPv6 it also
 * counts wrong checksums, which anyone may send to blind us.  (SO_RXQ_OVFL has
 * the same flaw, and comes only with the next packet.) */
static void check_overflow(struct kpd_sock *sock)
{
    struct kpd_env *env = sock->env;
    uint32_t mem[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof mem;
    env->stats.syscalls++;
    if (getsockopt(sock->fd, SOL_SOCKET, SO_MEMINFO, mem, &len) != 0)
        return;
    uint32_t more = mem[SK_MEMINFO_DROPS] - sock->drops;
    bool full = mem[SK_MEMINFO_RMEM_ALLOC] >= mem[SK_MEMINFO_RCVBUF] / 2;
    if (more > 0 && (full || sock->was_full)) {
        sock->overflow_at = kpd_clock_mono();
        env->stats.overflow[sock->type] += more;
        env->on.overflow(env->on.ctx, sock->type, more);
    }
    sock->drops = mem[SK_MEMINFO_DROPS];
    sock->was_full = full;
}

static uint8_t ttl_of(const struct kpd_sock *sock, const struct kp_rx *rx,
                      const struct kpd_meta *meta)
{
    enum { IPV4_HEADER = 20, TTL_AT = 8 };
    if (sock->family == KP_IPV6)
        return meta->ttl;
    return rx->len >= IPV4_HEADER ? rx->bytes[TTL_AT] : 0;
}

static void deliver(struct kpd_sock *sock, size_t i, struct kp_mono now)
{
    struct kpd_env *env = sock->env;
    struct kpd_batch *batch = sock->batch;
    struct kpd_meta meta;
    kpd_meta_read(&batch->msgs[i].msg_hdr, &meta);
    struct kp_rx rx = {
        .type = sock->type,
        .src = kpd_sockaddr_read(&batch->names[i].sa, NULL),
        .at = now,
        .bytes = batch->bytes[i],
        .len = batch->msgs[i].msg_len,
    };
    rx.ttl = ttl_of(sock, &rx, &meta);
    struct kp_mono earliest = {now.ns - KPD_STAMP_AGE.ns};
    kpd_clock_convert(&env->clock, meta.stamp, earliest, now, &rx.at);
    env->stats.rx_packets++;
    env->on.receive(env->on.ctx, &rx);
}

void kpd_sock_wake(struct kpd_sock *sock)
{
    check_overflow(sock);
    bool drained = kpd_stamps_waiting(&sock->stamps);
    if (drained)
        drain_stamps(sock);
    unsigned total = 0, n = 0;
    do {
        n = kpd_batch_receive(sock->batch, sock->fd, 0);
        sock->env->stats.syscalls++;
        struct kp_mono now = kpd_clock_mono();
        for (unsigned i = 0; i < n; i++)
            deliver(sock, i, now);
        total += n;
    } while (n == KPD_BATCH_SIZE && total < KPD_WAKE_MAX);
    if (total == 0 && !drained)
        drain_stamps(sock); /* nobody waits for them, but they woke us */
}
