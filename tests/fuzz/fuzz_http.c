/* What a client sends to metrics.listen.  libevent's evhttp reads the request; what is
 * ours is its limits, which Host is welcome, the reply and how guests come and go.  The
 * peer is a socket in this process, so the listener is one of a Unix socket. */
#include "daemon/sinks/metrics.h"
#include "tests/fuzz/world.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct fuzz_world world;
static struct kpd_loop *loop;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_len;

/* Called by the server instead of evhttp's own (see CMakeLists.txt). */
struct evhttp_bound_socket *
__wrap_evhttp_bind_socket_with_handle(struct evhttp *http, const char *host, uint16_t port);

struct evhttp_bound_socket *
__wrap_evhttp_bind_socket_with_handle(struct evhttp *http, const char *host, uint16_t port)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)host;
    (void)port;
    address_len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any.sun_family) != 0 ||
        listen(fd, 8) != 0 || getsockname(fd, (struct sockaddr *)&address, &address_len) != 0)
        abort();
    return evhttp_accept_socket_with_handle(http, fd);
}

void __real_kpd_timer_set(struct kpd_timer *timer, struct kp_dur after);
void __wrap_kpd_timer_set(struct kpd_timer *timer, struct kp_dur after);

/* A guest's place is looked at every 100 ms, which is long for a fuzzer. */
void __wrap_kpd_timer_set(struct kpd_timer *timer, struct kp_dur after)
{
    (void)after;
    __real_kpd_timer_set(timer, (struct kp_dur){0});
}

static void facts(void *ctx, struct kp_metrics_daemon *out)
{
    (void)ctx;
    *out = (struct kp_metrics_daemon){.version = "1"};
}

static void set_up(void)
{
    char why[256];
    world = fuzz_world_new();
    loop = kpd_loop_new();
    struct kpd_metrics_args args = {.loop = loop, .core = world.core, .facts = facts};
    if (loop == NULL || kpd_metrics_open(&args, "127.0.0.1", 1, why) == NULL)
        abort();
}

/* Reads what there is; false: nothing more is coming. */
static bool hear(int fd, char *first, size_t *heard)
{
    char buf[16384];
    ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n > 0 && *heard == 0)
        memcpy(first, buf, n < 5 ? (size_t)n : 5);
    if (n > 0)
        *heard += (size_t)n;
    return n != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[5] = "";
    size_t heard = 0;
    if (loop == NULL)
        set_up();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_len) != 0)
        abort();
    (void)send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    bool more = true;
    for (int i = 0; more && i < 64; i++) {
        (void)event_base_loop(kpd_loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
        more = hear(fd, first, &heard);
    }
    close(fd);
    for (int i = 0; i < 4; i++)
        (void)event_base_loop(kpd_loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
    if (heard >= 5 && memcmp(first, "HTTP/", 5) != 0)
        abort();
    return 0;
}
