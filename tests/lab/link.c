/*
 * A long line between two routers, for kernels without netem.
 *
 * Each pair of TUN devices, one in either network namespace, is a link: what
 * goes in at one end comes out at the other after a delay, in order, or not at
 * all. One process carries every link of a lab; it returns to the shell when
 * the devices exist and goes on in the background.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_LINKS = 8,
    MAX_PIPES = 2 * MAX_LINKS,
    QUEUE_LEN = 2048, /* packets under way in one direction; more are lost */
    MTU_MAX = 2048,
    BURST = 64, /* packets taken from one device before the next has its turn */
};

struct packet {
    int64_t due;
    size_t len;
    unsigned char data[MTU_MAX];
};

/* One direction of a link. */
struct pipe {
    int in, out;
    int64_t delay, jitter;
    uint32_t loss; /* of UINT32_MAX */
    size_t head, count;
    struct packet *queue;
};

static uint64_t random_state;

static void die(const char *what)
{
    fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void usage(void)
{
    fputs("usage: link DELAY_MS[,JITTER_MS[,LOSS_PERCENT]] NETNS IF NETNS IF …\n"
          "NETNS is a file such as /run/netns/a; the delay is for one way; at most 8 links\n",
          stderr);
    exit(2);
}

/* xorshift64*: good enough to decide which packet is lost. */
static uint32_t random_u32(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 32);
}

static int64_t now_ns(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
        die("clock_gettime");
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int open_tun(const char *netns, const char *name)
{
    struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    const size_t len = strlen(name);

    if (len == 0 || len >= sizeof ifr.ifr_name)
        usage();
    memcpy(ifr.ifr_name, name, len + 1);
    const int ns = open(netns, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
        die(netns);
    close(ns);
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0)
        die(name);
    return fd;
}

static void parse_quality(char *text, struct pipe *p)
{
    double value[3] = {0, 0, 0};
    char *end = text;

    for (size_t i = 0; i < 3; i++) {
        value[i] = strtod(text, &end);
        if (end == text || !(value[i] >= 0) || value[i] > 10000)
            usage();
        if (*end != ',')
            break;
        text = end + 1;
    }
    if (*end != '\0' || value[2] > 100)
        usage();
    p->delay = (int64_t)(value[0] * 1e6);
    p->jitter = (int64_t)(value[1] * 1e6);
    p->loss = (uint32_t)(value[2] / 100 * UINT32_MAX);
}

static void init_pipe(struct pipe *p, int in, int out, char *quality)
{
    parse_quality(quality, p);
    p->in = in;
    p->out = out;
    p->queue = calloc(QUEUE_LEN, sizeof *p->queue);
    if (p->queue == NULL)
        die("calloc");
}

/* A link never reorders: a packet is due no earlier than the one before it. */
static int64_t due_time(const struct pipe *p, int64_t now)
{
    int64_t due = now + p->delay;

    if (p->jitter > 0)
        due += (int64_t)((double)p->jitter * random_u32() / UINT32_MAX);
    if (p->count > 0) {
        const int64_t last = p->queue[(p->head + p->count - 1) % QUEUE_LEN].due;
        if (due < last)
            due = last;
    }
    return due;
}

static void take_in(struct pipe *p)
{
    static unsigned char overflow[MTU_MAX];

    for (int i = 0; i < BURST; i++) {
        struct packet *slot = &p->queue[(p->head + p->count) % QUEUE_LEN];
        const bool room = p->count < QUEUE_LEN;
        const ssize_t n = read(p->in, room ? slot->data : overflow, MTU_MAX);
        if (n <= 0)
            return;
        if (!room || (p->loss > 0 && random_u32() < p->loss))
            continue;
        slot->due = due_time(p, now_ns());
        slot->len = (size_t)n;
        p->count++;
    }
}

/* A device that is down refuses the packet: that is what a cut line does. */
static void let_out(struct pipe *p, int64_t now)
{
    while (p->count > 0 && p->queue[p->head].due <= now) {
        const struct packet *pkt = &p->queue[p->head];
        if (write(p->out, pkt->data, pkt->len) < 0 && errno == EBADFD)
            die("write");
        p->head = (p->head + 1) % QUEUE_LEN;
        p->count--;
    }
}

static void arm(int timer, const struct pipe *pipes, size_t n)
{
    struct itimerspec when = {{0, 0}, {0, 0}};
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < n; i++)
        if (pipes[i].count > 0 && pipes[i].queue[pipes[i].head].due < first)
            first = pipes[i].queue[pipes[i].head].due;
    if (first != INT64_MAX) {
        when.it_value.tv_sec = (time_t)(first / 1000000000);
        when.it_value.tv_nsec = (long)(first % 1000000000);
    }
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) != 0)
        die("timerfd_settime");
}

static void carry(struct pipe *pipes, size_t n)
{
    struct pollfd fds[MAX_PIPES + 1] = {0};
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (timer < 0)
        die("timerfd_create");
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = pipes[i].in, .events = POLLIN};
    fds[n] = (struct pollfd){.fd = timer, .events = POLLIN};
    for (;;) {
        if (poll(fds, (nfds_t)(n + 1), -1) < 0 && errno != EINTR)
            die("poll");
        for (size_t i = 0; i < n; i++) {
            if ((fds[i].revents & POLLERR) != 0)
                exit(0); /* the lab has taken the device away */
            if ((fds[i].revents & POLLIN) != 0)
                take_in(&pipes[i]);
        }
        for (size_t i = 0; i < n; i++)
            let_out(&pipes[i], now_ns());
        arm(timer, pipes, n);
    }
}

int main(int argc, char **argv)
{
    struct pipe pipes[MAX_PIPES] = {0};
    size_t n = 0;

    if (argc < 6 || (argc - 1) % 5 != 0 || (argc - 1) / 5 > MAX_LINKS)
        usage();
    for (int i = 1; i < argc; i += 5, n += 2) {
        const int a = open_tun(argv[i + 1], argv[i + 2]);
        const int b = open_tun(argv[i + 3], argv[i + 4]);
        init_pipe(&pipes[n], a, b, argv[i]);
        init_pipe(&pipes[n + 1], b, a, argv[i]);
    }
    random_state = (uint64_t)now_ns() | 1;
    if (daemon(1, 0) != 0)
        die("daemon");
    carry(pipes, n);
}
