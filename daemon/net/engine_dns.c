#include "daemon/net/engine_dns.h"

#include "daemon/net/dns_stream.h"
#include "daemon/net/sockaddr.h"
#include "daemon/net/stamps.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    SLOTS_START = 64,
    SLOTS_LIMIT = 1 << 20,
    EVENTS = 64,
    READS_PER_WAKE = 8, /* of one socket: a flooded one must not starve the others */
    TWO_SYNS_MS = 1900, /* the second leaves after 1 s, the third would after 2 */
    FD_RESERVE = 64,    /* for control clients, logs and the history */
};

struct probe {
    int fd; /* -1: none */
    uint32_t serial;
    struct kp_addr peer;
    uint16_t rport, lport;
    uint8_t id[2]; /* of the query: an error must quote it, ports alone are soon guessed */
    bool stamp_due;
    uint32_t stamp_id;
    struct kp_mono at;         /* just before it was sent */
    struct kpd_stream *stream; /* TCP */
};

struct kpd_dns {
    struct kpd_env *env;
    int epoll;
    int fd_limit;
    struct probe *probes; /* by slot */
    uint32_t count;
    struct kpd_stream *unused;
    struct kpd_stamps stamps;
    uint8_t answer[KPD_DNS_ANSWER_MAX];
};

/* ---- the table ---- */

static bool grow(struct kpd_dns *dns, uint32_t slot)
{
    uint32_t count = dns->count ? dns->count : SLOTS_START;
    while (count <= slot && count < SLOTS_LIMIT)
        count *= 2;
    if (slot >= count)
        return false;
    struct probe *probes = realloc(dns->probes, count * sizeof *probes);
    if (!probes)
        return false;
    for (uint32_t i = dns->count; i < count; i++)
        probes[i] = (struct probe){.fd = -1};
    dns->probes = probes;
    dns->count = count;
    return true;
}

static struct probe *find(const struct kpd_dns *dns, uint32_t slot, uint32_t serial)
{
    if (slot >= dns->count)
        return NULL;
    struct probe *probe = &dns->probes[slot];
    return probe->fd >= 0 && probe->serial == serial ? probe : NULL;
}

static void unwait(struct kpd_dns *dns, struct probe *probe)
{
    struct kpd_stamp ignored;
    if (probe->stamp_due)
        kpd_stamps_settle(&dns->stamps, probe->stamp_id, &ignored);
    probe->stamp_due = false;
}

static void shut(struct kpd_dns *dns, struct probe *probe)
{
    if (probe->fd < 0)
        return;
    close(probe->fd); /* leaves the epoll instance by itself */
    probe->fd = -1;
    dns->env->stats.dns_sockets--;
    unwait(dns, probe);
    if (probe->stream) {
        probe->stream->next = dns->unused;
        dns->unused = probe->stream;
        probe->stream = NULL;
    }
}

void kpd_dns_release(struct kpd_dns *dns, uint32_t slot, uint32_t serial)
{
    struct probe *probe = find(dns, slot, serial);
    if (probe)
        shut(dns, probe);
}

struct kpd_dns *kpd_dns_new(struct kpd_env *env)
{
    struct kpd_dns *dns = calloc(1, sizeof *dns);
    if (!dns)
        return NULL;
    dns->env = env;
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur < SLOTS_LIMIT ? limit.rlim_cur : SLOTS_LIMIT;
    dns->fd_limit = (int)most - FD_RESERVE;
    dns->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (dns->epoll >= 0 && kpd_stamps_init(&dns->stamps) && grow(dns, 0))
        return dns;
    int why = errno;
    kpd_dns_free(dns);
    errno = why;
    return NULL;
}

void kpd_dns_free(struct kpd_dns *dns)
{
    if (!dns)
        return;
    for (uint32_t i = 0; i < dns->count; i++)
        shut(dns, &dns->probes[i]);
    while (dns->unused) {
        struct kpd_stream *gone = dns->unused;
        dns->unused = gone->next;
        free(gone);
    }
    if (dns->epoll >= 0)
        close(dns->epoll);
    kpd_stamps_fini(&dns->stamps);
    free(dns->probes);
    free(dns);
}

int kpd_dns_fd(const struct kpd_dns *dns)
{
    return dns->epoll;
}

/* ---- sending ---- */

/* From Linux 6.5 on TCP_SYNCNT comes on top of tcp_syn_linear_timeouts, 4 SYNs a
 * second apart; only a time limit ends them, lifted once we are connected. */
static void set_patience(int fd, unsigned ms)
{
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static void set_options(int fd, int domain, bool tcp)
{
    int on = 1, one_retry = 1;
    if (tcp) {
        kpd_meta_enable_arrival(fd);
        setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &one_retry, sizeof one_retry);
        set_patience(fd, TWO_SYNS_MS);
        return;
    }
    kpd_meta_enable_ttl(fd, domain);
    kpd_meta_enable_stamps(fd);
    if (domain == AF_INET)
        setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    else
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
}

static int leave_by(int fd, const struct kp_via *via)
{
    if (via->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, via->device,
                                  (socklen_t)strlen(via->device)) != 0)
        return errno;
    union kpd_sockaddr sa;
    socklen_t len = kpd_sockaddr_make(&via->source, 0, &sa);
    return len > 0 && bind(fd, &sa.sa, len) != 0 ? errno : 0;
}

/* A socket ready to connect; -1: errno says why. */
static int open_socket(const struct kpd_dns *dns, const struct kp_send *send)
{
    int domain = kpd_sockaddr_domain(&send->dst);
    int type = send->dns_tcp ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int rc = fd >= dns->fd_limit ? EMFILE : 0;
    if (rc == 0)
        set_options(fd, domain, send->dns_tcp);
    if (rc == 0 && send->via)
        rc = leave_by(fd, send->via);
    if (rc == 0)
        return fd;
    close(fd);
    errno = rc;
    return -1;
}

static int dial(const struct probe *probe)
{
    union kpd_sockaddr sa;
    socklen_t len = kpd_sockaddr_make(&probe->peer, probe->rport, &sa);
    if (connect(probe->fd, &sa.sa, len) == 0)
        return 0;
    /* Refused already, as on loopback, is an answer: the first write tells. */
    return errno == EINPROGRESS || errno == ECONNREFUSED ? 0 : errno;
}

static int watch(const struct kpd_dns *dns, uint32_t slot, int operation, uint32_t events)
{
    const struct probe *probe = &dns->probes[slot];
    struct epoll_event event = {.events = events};
    event.data.u64 = (uint64_t)slot << 32 | probe->serial;
    return epoll_ctl(dns->epoll, operation, probe->fd, &event) ? errno : 0;
}

/* Deaf until it is released. */
static void park(const struct kpd_dns *dns, uint32_t slot)
{
    watch(dns, slot, EPOLL_CTL_DEL, 0);
}

static int start_tcp(struct kpd_dns *dns, struct probe *probe, const void *msg, size_t len)
{
    struct kpd_stream *stream = dns->unused;
    if (stream)
        dns->unused = stream->next;
    else
        stream = malloc(sizeof *stream);
    if (!stream)
        return ENOMEM;
    kpd_stream_start(stream, msg, len);
    probe->stream = stream;
    probe->at = kpd_clock_mono();
    return dial(probe);
}

static int start_udp(struct probe *probe, const void *msg, size_t len)
{
    int rc = dial(probe);
    if (rc != 0)
        return rc;
    memcpy(probe->id, msg, sizeof probe->id);
    probe->at = kpd_clock_mono();
    return write(probe->fd, msg, len) < 0 ? errno : 0;
}

static void read_errors(struct kpd_dns *dns, uint32_t slot);

/* Usually the stamp is there as soon as the send call returns; reading it before
 * epoll knows the socket saves a wake-up. */
static void expect_stamp(struct kpd_dns *dns, uint32_t slot)
{
    struct probe *probe = &dns->probes[slot];
    probe->stamp_id = kpd_stamps_push(&dns->stamps, slot, probe->serial, probe->at);
    probe->stamp_due = true;
    read_errors(dns, slot);
}

static int launch(struct kpd_dns *dns, const struct kp_send *send, const void *msg, size_t len)
{
    struct kpd_env *env = dns->env;
    if (send->slot >= dns->count && !grow(dns, send->slot))
        return ENOMEM;
    struct probe *probe = &dns->probes[send->slot];
    shut(dns, probe);
    int fd = open_socket(dns, send);
    if (fd < 0)
        return errno;
    *probe = (struct probe){
        .fd = fd, .serial = send->serial, .peer = send->dst, .rport = send->dport};
    env->stats.dns_sockets++;
    int rc = send->dns_tcp ? start_tcp(dns, probe, msg, len) : start_udp(probe, msg, len);
    if (rc != 0)
        return rc;
    kpd_sockaddr_local(fd, &probe->lport);
    env->stats.tx_packets++;
    env->on.sent(env->on.ctx, send->slot, send->serial, probe->at, probe->lport);
    if (!send->dns_tcp)
        expect_stamp(dns, send->slot);
    uint32_t events = send->dns_tcp ? EPOLLIN | EPOLLOUT : EPOLLIN;
    return watch(dns, send->slot, EPOLL_CTL_ADD, events);
}

void kpd_dns_start(struct kpd_dns *dns, const struct kp_send *send, const void *msg, size_t len)
{
    dns->env->stats.syscalls++;
    int rc = launch(dns, send, msg, len);
    if (rc == 0)
        return;
    kpd_dns_release(dns, send->slot, send->serial);
    kpd_env_failed(dns->env, send, rc);
}

/* ---- what the error queue says ---- */

static void take_stamp(struct kpd_dns *dns, uint32_t slot, struct kp_wall stamp)
{
    struct kpd_env *env = dns->env;
    struct probe *probe = &dns->probes[slot];
    struct kp_mono at;
    if (!probe->stamp_due)
        return;
    unwait(dns, probe);
    env->stats.stamps++;
    if (kpd_clock_convert(&env->clock, stamp, probe->at, kpd_clock_mono(), &at))
        env->on.sent(env->on.ctx, slot, probe->serial, at, probe->lport);
}

static void take_error(struct kpd_dns *dns, uint32_t slot, const struct kpd_meta *meta)
{
    struct kpd_env *env = dns->env;
    uint32_t serial = dns->probes[slot].serial;
    if (meta->kind == KPD_META_STAMP)
        take_stamp(dns, slot, meta->stamp);
    else if (meta->kind == KPD_META_ERROR && meta->cause != KP_CAUSE_NONE)
        env->on.error(env->on.ctx, slot, serial, meta->cause, &meta->sender, false);
    else if (meta->kind == KPD_META_LOCAL)
        env->on.failed(env->on.ctx, slot, serial, meta->errnum);
}

/* A handler may release the probe: then its fd is gone. */
static void read_errors(struct kpd_dns *dns, uint32_t slot)
{
    for (int i = 0; i < READS_PER_WAKE && dns->probes[slot].fd >= 0; i++) {
        _Alignas(struct cmsghdr) unsigned char control[KPD_META_SIZE];
        struct probe *probe = &dns->probes[slot];
        uint8_t id[sizeof probe->id];
        struct iovec iov = {id, sizeof id};
        struct msghdr msg = {NULL, 0, &iov, 1, control, sizeof control, 0};
        dns->env->stats.syscalls++;
        ssize_t n = kpd_meta_receive(probe->fd, &msg, MSG_ERRQUEUE);
        if (n < 0)
            return;
        struct kpd_meta meta;
        kpd_meta_read(&msg, &meta);
        bool ours = n == sizeof id && memcmp(id, probe->id, sizeof id) == 0;
        if (ours || probe->stream || meta.kind != KPD_META_ERROR)
            take_error(dns, slot, &meta);
        if (meta.kind == KPD_META_STAMP)
            return; /* nothing else yet; a later error wakes us */
    }
}

void kpd_dns_sweep(struct kpd_dns *dns, struct kp_mono now)
{
    struct kpd_env *env = dns->env;
    struct kp_mono before = {now.ns - KPD_STAMP_WAIT.ns};
    struct kpd_stamp lost;
    while (kpd_stamps_take(&dns->stamps, before, &lost)) {
        struct probe *probe = find(dns, lost.slot, lost.serial);
        if (!probe || !dns->stamps.proven)
            continue;
        read_errors(dns, lost.slot);
        probe = find(dns, lost.slot, lost.serial);
        if (!probe || !probe->stamp_due)
            continue;
        probe->stamp_due = false;
        env->stats.stamps_missing++;
        env->on.failed(env->on.ctx, lost.slot, lost.serial, ENOBUFS);
    }
}

bool kpd_dns_waiting(const struct kpd_dns *dns, struct kp_mono *since)
{
    return kpd_stamps_oldest(&dns->stamps, since);
}

/* ---- receiving ---- */

static void deliver(struct kpd_dns *dns, const struct probe *probe, const struct kpd_meta *meta,
                    const uint8_t *bytes, size_t len)
{
    struct kpd_env *env = dns->env;
    struct kp_mono now = kpd_clock_mono();
    struct kp_mono earliest = {now.ns - KPD_STAMP_AGE.ns};
    struct kp_rx rx = {
        .type = KP_PROBE_DNS,
        .src = probe->peer,
        .rport = probe->rport,
        .lport = probe->lport,
        .ttl = meta->ttl,
        .at = now,
        .bytes = bytes,
        .len = len,
    };
    kpd_clock_convert(&env->clock, meta->stamp, earliest, now, &rx.at);
    env->stats.rx_packets++;
    env->on.receive(env->on.ctx, &rx);
}

/* Bad datagrams, empty ones included, leave the socket open for the good one. */
static void read_udp(struct kpd_dns *dns, uint32_t slot)
{
    for (int i = 0; i < READS_PER_WAKE && dns->probes[slot].fd >= 0; i++) {
        _Alignas(struct cmsghdr) unsigned char control[KPD_META_SIZE];
        struct iovec iov = {dns->answer, sizeof dns->answer};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
        dns->env->stats.syscalls++;
        ssize_t n = kpd_meta_receive(dns->probes[slot].fd, &msg, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            continue; /* the error queue has told, or will tell, what it is */
        struct kpd_meta meta;
        kpd_meta_read(&msg, &meta);
        deliver(dns, &dns->probes[slot], &meta, dns->answer, (size_t)n);
    }
}

static enum kp_cause cause_of(int errnum)
{
    switch (errnum) {
    case ENETUNREACH:
        return KP_CAUSE_NET;
    case EHOSTUNREACH:
        return KP_CAUSE_HOST;
    case ENOPROTOOPT:
        return KP_CAUSE_PROTOCOL;
    case EACCES:
        return KP_CAUSE_PROHIBITED;
    default:
        return KP_CAUSE_OTHER;
    }
}

/* The connection will bring no answer.  Silence (ETIMEDOUT) and answers too long
 * for us are left to the probe's time-out. */
static void give_up(struct kpd_dns *dns, uint32_t slot, int errnum)
{
    struct kpd_env *env = dns->env;
    const struct probe *probe = &dns->probes[slot];
    park(dns, slot);
    if (errnum == ETIMEDOUT || errnum == EMSGSIZE)
        return;
    static const struct kp_addr unknown = {0};
    bool refused = errnum == ECONNREFUSED || errnum == ECONNRESET || errnum == EPIPE;
    env->on.error(env->on.ctx, slot, probe->serial, refused ? KP_CAUSE_NONE : cause_of(errnum),
                  refused ? &probe->peer : &unknown, refused);
}

static void on_stream(struct kpd_dns *dns, uint32_t slot)
{
    struct probe *probe = &dns->probes[slot];
    struct kpd_stream *stream = probe->stream;
    struct kpd_meta meta = {0};
    dns->env->stats.syscalls++;
    bool was_written = kpd_stream_written(stream);
    int rc = kpd_stream_write(stream, probe->fd);
    if (rc == 0 && !was_written)
        set_patience(probe->fd, 0);
    if (rc == 0 && !was_written)
        rc = watch(dns, slot, EPOLL_CTL_MOD, EPOLLIN);
    if (rc == 0)
        rc = kpd_stream_read(stream, probe->fd, &meta);
    if (rc == EAGAIN)
        return;
    if (rc != 0) {
        give_up(dns, slot, rc);
        return;
    }
    park(dns, slot);
    struct kp_rd answer = kpd_stream_answer(stream);
    deliver(dns, probe, &meta, answer.p, answer.left);
}

static void on_event(struct kpd_dns *dns, const struct epoll_event *event)
{
    uint32_t slot = (uint32_t)(event->data.u64 >> 32);
    const struct probe *probe = find(dns, slot, (uint32_t)event->data.u64);
    if (!probe)
        return; /* released by an earlier event's handler */
    if (probe->stream) {
        on_stream(dns, slot);
        return;
    }
    if (event->events & EPOLLERR)
        read_errors(dns, slot);
    read_udp(dns, slot);
}

void kpd_dns_wake(struct kpd_dns *dns)
{
    struct epoll_event events[EVENTS];
    for (int round = 0; round < KPD_WAKE_MAX / EVENTS; round++) {
        int n = epoll_wait(dns->epoll, events, EVENTS, 0);
        dns->env->stats.syscalls++;
        for (int i = 0; i < n; i++)
            on_event(dns, &events[i]);
        if (n < EVENTS)
            return;
    }
}
