/* What a client sends to the control socket: byte 0 says who it is and how it cuts what
 * follows into pieces; requests end with a NUL.  The real server, loop and core; the
 * peer's end is a socket in this process.  Traps where the server says what is not JSON
 * that ends with a NUL. */
#include "daemon/control.h"
#include "tests/fuzz/world.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct fuzz_world world;
static struct kpd_loop *loop;
static struct kpd_hub *hub;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_len;
static uid_t uid;

static bool peer(int fd, uid_t *out)
{
    (void)fd;
    *out = uid;
    return true;
}

static void describe(void *ctx, struct kp_report_daemon *out)
{
    (void)ctx;
    *out = (struct kp_report_daemon){.version = "1", .vantage_name = "v"};
    out->now.ns = FUZZ_T0 * KP_NS_PER_S;
}

static enum kp_err reload(void *ctx, json_t **diagnostics)
{
    (void)ctx;
    (void)diagnostics;
    return KP_OK;
}

static enum kp_level log_level(void *ctx, enum kp_level level)
{
    (void)ctx;
    return level;
}

static void facts(void *ctx, struct kp_metrics_daemon *out)
{
    (void)ctx;
    *out = (struct kp_metrics_daemon){.version = "1"};
}

/* What follows from a request is told, as the daemon does. */
static void pump(void *ctx)
{
    struct kp_act act;
    (void)ctx;
    while (kp_core_pop_action(world.core, &act))
        if (act.kind == KP_ACT_EVENT)
            kpd_hub_publish(hub, &act.event);
}

static int listen_somewhere(void)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address_len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any.sun_family) != 0 ||
        listen(fd, 8) != 0 || getsockname(fd, (struct sockaddr *)&address, &address_len) != 0)
        abort();
    return fd;
}

/* One server for all inputs; what a request leaves behind is undone after each. */
static void set_up(void)
{
    static const struct kpd_control_ops ops = {describe,  reload, reload,
                                               log_level, facts,  pump};
    const struct kp_event_source source = {"v", NULL, "1", "boot"};
    char why[KPD_CONTROL_WHY];
    world = fuzz_world_new();
    loop = kpd_loop_new();
    hub = kpd_hub_new(&source, 64, 0);
    if (loop == NULL || hub == NULL)
        abort();
    struct kpd_control_args args = {.loop = loop,
                                    .core = world.core,
                                    .hub = hub,
                                    .listener = listen_somewhere(),
                                    .ops = &ops,
                                    .peer = peer};
    if (kpd_control_open(&args, why) == NULL)
        abort();
}

static void turn(int times)
{
    for (int i = 0; i < times; i++)
        (void)event_base_loop(kpd_loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Reads what is there; whole messages leave the buffer. */
static void hear(int fd, char *in, size_t room, size_t *len)
{
    for (ssize_t n; (n = recv(fd, in + *len, room - *len, MSG_DONTWAIT)) > 0;) {
        *len += (size_t)n;
        for (char *end; (end = memchr(in, '\0', *len)) != NULL;) {
            size_t message = (size_t)(end - in);
            json_t *json = json_loadb(in, message, JSON_REJECT_DUPLICATES, NULL);
            if (!json_is_object(json))
                abort();
            json_decref(json);
            *len -= message + 1;
            memmove(in, end + 1, *len);
        }
        if (*len == room)
            abort();
        turn(1);
    }
}

static void converse(int fd, const uint8_t *data, size_t size, size_t piece)
{
    static char in[1 << 20];
    size_t len = 0;
    while (size > 0) {
        size_t most = piece > 0 && piece < size ? piece : size;
        ssize_t n = send(fd, data, most, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(1);
        hear(fd, in, sizeof in, &len);
        if (n <= 0)
            break; /* it has closed, or waits for the end of a reply */
        data += n;
        size -= (size_t)n;
    }
    shutdown(fd, SHUT_WR);
    turn(4);
    hear(fd, in, sizeof in, &len);
}

static void unmute_all(void)
{
    while (kp_core_mute_count(world.core) > 0) {
        struct kp_mute_view mute;
        kp_core_mute_at(world.core, 0, &mute);
        char *name = strdup(mute.name);
        if (name == NULL || kp_core_unmute(world.core, name) != KP_OK)
            abort();
        free(name);
    }
    pump(NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (loop == NULL)
        set_up();
    if (size < 1)
        return 0;
    uid = data[0] & 1 ? 12345 : geteuid();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_len) != 0)
        abort();
    converse(fd, data + 1, size - 1, data[0] >> 1);
    close(fd);
    turn(4);
    unmute_all();
    return 0;
}
