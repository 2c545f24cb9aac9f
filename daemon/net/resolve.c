#include "daemon/net/resolve.h"

#include "daemon/net/meta.h"
#include "daemon/net/sockaddr.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    AT_ONCE = 8,
    SOCKETS = 32, /* c-ares needs one per server and protocol */
    TIMEOUT_MS = 5000,
    TRIES = 2,
};

struct lookup {
    TAILQ_ENTRY(lookup) link;
    struct kpd_resolve *resolve;
    uint32_t target;
    size_t rounds; /* that brought no data */
    char host[];
};
TAILQ_HEAD(lookups, lookup);

struct kpd_resolve {
    struct kpd_loop *loop;
    ares_channel channel; /* NULL while there is nothing to ask */
    char *servers;        /* as c-ares wants them */
    size_t server_count;
    struct kpd_timer *timer;
    kpd_resolve_fn *fn;
    void *ctx;
    bool closing;
    struct lookups waiting;
    struct lookups asked;
    size_t asked_count;
    struct socket {
        int fd; /* -1: none */
        struct kpd_watch *watch;
    } sockets[SOCKETS];
};

static void go_on(struct kpd_resolve *resolve);

/* ---- c-ares' sockets on our loop ---- */

static void on_socket(int fd, unsigned what, void *ctx)
{
    struct kpd_resolve *resolve = ctx;
    ares_process_fd(resolve->channel, what & KPD_READ ? fd : ARES_SOCKET_BAD,
                    what & KPD_WRITE ? fd : ARES_SOCKET_BAD);
    go_on(resolve);
}

static struct socket *socket_of(struct kpd_resolve *resolve, int fd)
{
    for (size_t i = 0; i < SOCKETS; i++) {
        if (resolve->sockets[i].fd == fd)
            return &resolve->sockets[i];
    }
    return NULL;
}

/* c-ares says what it wants of fd; nothing: it is about to close it. */
static void on_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct kpd_resolve *resolve = ctx;
    unsigned what = (readable ? KPD_READ : 0U) | (writable ? KPD_WRITE : 0U);
    struct socket *socket = socket_of(resolve, fd);
    if (!socket && what)
        socket = socket_of(resolve, -1);
    if (!socket)
        return; /* without a watch the look-up runs into its time-out */
    if (what && socket->watch) {
        kpd_watch_set(socket->watch, what);
        return;
    }
    kpd_watch_free(socket->watch);
    *socket = (struct socket){.fd = -1};
    if (what)
        socket->watch = kpd_watch_new(resolve->loop, fd, what, on_socket, resolve);
    if (socket->watch)
        socket->fd = fd;
}

static void on_timer(void *ctx)
{
    struct kpd_resolve *resolve = ctx;
    if (resolve->channel)
        ares_process_fd(resolve->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    go_on(resolve);
}

static void set_timer(struct kpd_resolve *resolve)
{
    struct timeval tv;
    if (!ares_timeout(resolve->channel, NULL, &tv)) {
        kpd_timer_stop(resolve->timer);
        return;
    }
    struct kp_dur after = {tv.tv_sec * KP_NS_PER_S + tv.tv_usec * KP_NS_PER_US};
    kpd_timer_set(resolve->timer, after);
}

/* ---- its system calls: those the filter admits (seccomp.c) ---- */

static ares_socket_t open_socket(int domain, int type, int protocol, void *ctx)
{
    (void)ctx;
    return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static int close_socket(ares_socket_t fd, void *ctx)
{
    (void)ctx;
    return close(fd);
}

static ares_ssize_t receive(ares_socket_t fd, void *data, size_t size, int flags,
                            struct sockaddr *from, ares_socklen_t *len, void *ctx)
{
    (void)ctx;
    struct iovec iov = {data, size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_name = from,
                         .msg_namelen = from && len ? *len : 0};
    ares_ssize_t n = kpd_meta_receive(fd, &msg, flags);
    if (n >= 0 && len)
        *len = msg.msg_namelen;
    return n;
}

#if ARES_VERSION >= 0x012200 /* 1.34 */

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
                          unsigned flags, void *ctx)
{
    (void)flags;
    (void)ctx;
    return connect(fd, to, len);
}

static ares_ssize_t send_one(ares_socket_t fd, const void *data, size_t size, int flags,
                             const struct sockaddr *to, ares_socklen_t len, void *ctx)
{
    (void)ctx;
    struct iovec iov = {(void *)(uintptr_t)data, size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_name = (void *)(uintptr_t)to,
                         .msg_namelen = to ? len : 0};
    return sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
}

/* None of those it would set is of use here. */
static int set_option(ares_socket_t fd, ares_socket_opt_t option, const void *value,
                      ares_socklen_t size, void *ctx)
{
    (void)fd;
    (void)option;
    (void)value;
    (void)size;
    (void)ctx;
    errno = ENOSYS;
    return -1;
}

static bool set_calls(ares_channel channel)
{
    static const struct ares_socket_functions_ex calls = {
        .version = 1,
        .flags = ARES_SOCKFUNC_FLAG_NONBLOCKING,
        .asocket = open_socket,
        .aclose = close_socket,
        .asetsockopt = set_option,
        .aconnect = connect_socket,
        .arecvfrom = receive,
        .asendto = send_one,
    };
    return ares_set_socket_functions_ex(channel, &calls, NULL) == ARES_SUCCESS;
}

#else

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
                          void *ctx)
{
    (void)ctx;
    return connect(fd, to, len);
}

static ares_ssize_t send_all(ares_socket_t fd, const struct iovec *iov, int count, void *ctx)
{
    (void)ctx;
    return writev(fd, iov, count);
}

static bool set_calls(ares_channel channel)
{
    static const struct ares_socket_functions calls = {open_socket, close_socket,
                                                       connect_socket, receive, send_all};
    ares_set_socket_functions(channel, &calls, NULL);
    return true;
}

#endif

/* ---- the channel ---- */

static void close_channel(struct kpd_resolve *resolve)
{
    if (resolve->channel)
        ares_destroy(resolve->channel); /* ends every look-up under way */
    resolve->channel = NULL;
}

static bool init_channel(struct kpd_resolve *resolve)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NORECURSE | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = TIMEOUT_MS,
        .tries = TRIES,
        .ndots = 0,
        .domains = NULL,
        .ndomains = 0,
        .lookups = (char[]){"b"}, /* DNS only */
        .resolvconf_path = (char[]){"/dev/null"},
        .sock_state_cb = on_state,
        .sock_state_cb_data = resolve,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
               ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_ROTATE;
#ifdef ARES_FLAG_DNS0x20
    options.flags |= ARES_FLAG_DNS0x20;
#endif
#ifdef ARES_OPT_QUERY_CACHE
    options.qcache_max_ttl = 0; /* a cached answer would hide an outage */
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    return ares_init_options(&resolve->channel, &options, mask) == ARES_SUCCESS &&
           set_calls(resolve->channel);
}

static bool open_channel(struct kpd_resolve *resolve)
{
    if (resolve->channel)
        return true;
    if (init_channel(resolve) &&
        ares_set_servers_csv(resolve->channel, resolve->servers) == ARES_SUCCESS)
        return true;
    close_channel(resolve);
    return false;
}

static char *list_servers(const struct kp_addr *servers, size_t count)
{
    const size_t each = KP_ADDR_SIZE + 1;
    char *csv = calloc(count, each);
    for (size_t i = 0, used = 0; csv && i < count; i++) {
        char text[KP_ADDR_SIZE];
        kp_addr_format(&servers[i], text);
        used += (size_t)snprintf(csv + used, each, "%s%s", i ? "," : "", text);
    }
    return csv;
}

static bool open_all(struct kpd_resolve *resolve, const struct kp_addr *servers, size_t count)
{
    resolve->timer = kpd_timer_new(resolve->loop, on_timer, resolve);
    resolve->servers = list_servers(servers, count);
    return resolve->timer && resolve->servers && open_channel(resolve);
}

struct kpd_resolve *kpd_resolve_new(struct kpd_loop *loop, const struct kp_addr *servers,
                                    size_t count, kpd_resolve_fn *fn, void *ctx)
{
    struct kpd_resolve *resolve = count > 0 ? calloc(1, sizeof *resolve) : NULL;
    if (!resolve)
        return NULL;
    resolve->loop = loop;
    resolve->fn = fn;
    resolve->server_count = count;
    resolve->ctx = ctx;
    TAILQ_INIT(&resolve->waiting);
    TAILQ_INIT(&resolve->asked);
    for (size_t i = 0; i < SOCKETS; i++)
        resolve->sockets[i].fd = -1;
    bool ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    if (ready && open_all(resolve, servers, count))
        return resolve;
    kpd_resolve_free(resolve);
    return NULL;
}

static void drop_all(struct lookups *list)
{
    while (!TAILQ_EMPTY(list)) {
        struct lookup *gone = TAILQ_FIRST(list);
        TAILQ_REMOVE(list, gone, link);
        free(gone);
    }
}

void kpd_resolve_free(struct kpd_resolve *resolve)
{
    if (!resolve)
        return;
    resolve->closing = true;
    close_channel(resolve);
    drop_all(&resolve->waiting);
    drop_all(&resolve->asked);
    for (size_t i = 0; i < SOCKETS; i++)
        kpd_watch_free(resolve->sockets[i].watch);
    kpd_timer_free(resolve->timer);
    ares_library_cleanup();
    free(resolve->servers);
    free(resolve);
}

/* ---- look-ups ---- */

static size_t collect(const struct ares_addrinfo *info, struct kp_addr addrs[KPD_RESOLVE_MAX])
{
    size_t count = 0;
    const struct ares_addrinfo_node *node = info ? info->nodes : NULL;
    for (; node && count < KPD_RESOLVE_MAX; node = node->ai_next) {
        addrs[count] = kpd_sockaddr_read(node->ai_addr, NULL);
        if (addrs[count].family != KP_AF_NONE)
            count++;
    }
    return count;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct lookup *lookup = arg;
    struct kpd_resolve *resolve = lookup->resolve;
    struct kp_addr addrs[KPD_RESOLVE_MAX];
    size_t count = status == ARES_SUCCESS ? collect(info, addrs) : 0;
    if (info)
        ares_freeaddrinfo(info);
    uint32_t target = lookup->target;
    TAILQ_REMOVE(&resolve->asked, lookup, link);
    resolve->asked_count--;
    /* No data may be a referral: others of the servers may have the name's zone.
     * Each round asks the next ones. */
    if (status == ARES_ENODATA && !resolve->closing &&
        ++lookup->rounds < resolve->server_count) {
        TAILQ_INSERT_TAIL(&resolve->waiting, lookup, link);
        return;
    }
    free(lookup);
    if (!resolve->closing)
        resolve->fn(resolve->ctx, target, addrs, count);
}

static void ask(struct kpd_resolve *resolve, struct lookup *lookup)
{
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC};
    TAILQ_REMOVE(&resolve->waiting, lookup, link);
    TAILQ_INSERT_TAIL(&resolve->asked, lookup, link);
    resolve->asked_count++;
    ares_getaddrinfo(resolve->channel, lookup->host, NULL, &hints, on_answer, lookup);
}

/* Only from the loop, outside c-ares.  Look-ups may fail at once and start
 * others; those wait for the next turn.  A channel lives no longer than there is
 * work: newer c-ares shortens its time-outs by what it has seen, and these
 * servers are slow at their worst just when it matters. */
static void go_on(struct kpd_resolve *resolve)
{
    bool idle = TAILQ_EMPTY(&resolve->waiting) && resolve->asked_count == 0;
    if (idle) {
        kpd_timer_stop(resolve->timer);
        close_channel(resolve);
        return;
    }
    if (!open_channel(resolve)) {
        kpd_timer_set(resolve->timer, kp_dur_s(1));
        return;
    }
    for (int i = 0; i < AT_ONCE && resolve->asked_count < AT_ONCE; i++) {
        if (TAILQ_EMPTY(&resolve->waiting))
            break;
        ask(resolve, TAILQ_FIRST(&resolve->waiting));
    }
    bool more = resolve->asked_count < AT_ONCE; /* room, or all failed at once */
    if (more && (!TAILQ_EMPTY(&resolve->waiting) || resolve->asked_count == 0))
        kpd_timer_set(resolve->timer, (struct kp_dur){0});
    else
        set_timer(resolve);
}

static bool known(const struct lookups *list, uint32_t target)
{
    const struct lookup *lookup;
    TAILQ_FOREACH(lookup, list, link)
    {
        if (lookup->target == target)
            return true;
    }
    return false;
}

void kpd_resolve_lookup(struct kpd_resolve *resolve, uint32_t target, const char *host)
{
    if (known(&resolve->waiting, target) || known(&resolve->asked, target))
        return;
    size_t size = strlen(host) + 1;
    struct lookup *lookup = malloc(sizeof *lookup + size);
    if (!lookup)
        return; /* the next round asks again */
    lookup->resolve = resolve;
    lookup->target = target;
    lookup->rounds = 0;
    memcpy(lookup->host, host, size);
    TAILQ_INSERT_TAIL(&resolve->waiting, lookup, link);
    kpd_timer_set(resolve->timer, (struct kp_dur){0});
}
