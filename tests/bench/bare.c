/* The limit the benchmarks compare with: the least a prober on this kernel must do, with
 * the same kernel stamps as kpwatchd, and nothing else (no proof, no schedule, no memory of
 * a probe but its send time).
 *
 * usage: bare icmp|syn|dns|connect COUNT RATE SECONDS
 *
 * Asks COUNT addresses from 198.18.0.1 on, in turn, RATE a second in ticks of 10 ms, or, with
 * RATE 0, as fast as it can.  Prints: sent, answered, seconds, microseconds of CPU, calls. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,
    SIZE = 128,
    PAYLOAD = 56,
    RING = 1 << 17,
    SOCKETS = 4096, /* fresh sockets open at once */
    EVENTS = 256,
    TICK_NS = 10 * 1000 * 1000,
    BUFFER = 4 << 20,
    PORT = 61999, /* of our SYNs: above the kernel's own */
    SHUT_PORT = 81,
    MINE = 0x6b70,
};

static const uint8_t query[] = {'K', 'P', 1, 0,   0,   1, 0, 0, 0, 0,
                                0,   0,   2, 'k', 'p', 0, 0, 6, 0, 1};

static struct {
    long count, rate, seconds;
    unsigned long sent, answered, calls;
    struct timespec stamp[RING];
    int64_t rtt_sum;
    int fd, epoll;
} b;

/* The i-th target, as bench.address has it. */
static struct sockaddr_in target(unsigned long i, int port)
{
    uint32_t n = (uint32_t)(i % (unsigned long)b.count);
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr =
                                    htonl(0xc6120000 + n / 250 * 256 + n % 250 + 1)};
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void set_stamps(int fd)
{
    int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
                SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY |
                SOF_TIMESTAMPING_OPT_ID;
    b.calls++;
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0)
        die("SO_TIMESTAMPING");
}

static uint16_t sum(const void *data, size_t len, uint32_t start)
{
    const uint8_t *p = data;
    uint32_t total = start;
    for (size_t i = 0; i + 1 < len; i += 2)
        total += (uint32_t)p[i] << 8 | p[i + 1];
    total = (total >> 16) + (total & 0xffff);
    return htons((uint16_t) ~(total + (total >> 16)));
}

/* ---- one raw socket, batches ---- */

struct batch {
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_in names[BATCH];
    char control[BATCH][256];
    uint8_t bytes[BATCH][SIZE];
};

static void prepare(struct batch *m, int i, size_t len, bool in)
{
    m->iov[i] = (struct iovec){m->bytes[i], len};
    m->msgs[i].msg_hdr = (struct msghdr){.msg_name = &m->names[i],
                                         .msg_namelen = sizeof m->names[i],
                                         .msg_iov = &m->iov[i],
                                         .msg_iovlen = 1,
                                         .msg_control = in ? m->control[i] : NULL,
                                         .msg_controllen = in ? sizeof m->control[i] : 0};
}

static size_t write_echo(uint8_t *out, uint32_t id)
{
    struct icmphdr head = {.type = ICMP_ECHO};
    head.un.echo.id = htons(MINE);
    memset(out, 0, sizeof head + PAYLOAD);
    memcpy(out + sizeof head, &id, sizeof id);
    memcpy(out, &head, sizeof head);
    uint16_t check = sum(out, sizeof head + PAYLOAD, 0);
    memcpy(out + 2, &check, sizeof check);
    return sizeof head + PAYLOAD;
}

static size_t write_syn(uint8_t *out, uint32_t id, const struct sockaddr_in *to)
{
    struct tcphdr head = {.source = htons(PORT), .dest = htons(SHUT_PORT), .seq = htonl(id)};
    head.doff = sizeof head / 4;
    head.syn = 1;
    head.window = htons(1024);
    uint32_t far = ntohl(to->sin_addr.s_addr);
    uint32_t start = 0xc613 + 0xff01 + (far >> 16) + (far & 0xffff) + IPPROTO_TCP + sizeof head;
    memcpy(out, &head, sizeof head);
    uint16_t check = sum(out, sizeof head, start);
    memcpy(out + 16, &check, sizeof check);
    return sizeof head;
}

static void read_stamp(struct msghdr *msg, struct timespec *stamp, uint32_t *id)
{
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm))
        if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SO_TIMESTAMPING)
            memcpy(stamp, CMSG_DATA(cm), sizeof *stamp);
        else if (cm->cmsg_level == SOL_IP && cm->cmsg_type == IP_RECVERR)
            *id = ((struct sock_extended_err *)CMSG_DATA(cm))->ee_data;
}

static int receive(struct batch *m, int flags)
{
    for (int i = 0; i < BATCH; i++)
        prepare(m, i, SIZE, true);
    b.calls++;
    return recvmmsg(b.fd, m->msgs, BATCH, flags | MSG_DONTWAIT, NULL);
}

static void take_stamps(struct batch *m)
{
    int n;
    do {
        n = receive(m, MSG_ERRQUEUE);
        for (int i = 0; i < n; i++) {
            struct timespec at = {0};
            uint32_t id = 0;
            read_stamp(&m->msgs[i].msg_hdr, &at, &id);
            b.stamp[id % RING] = at;
        }
    } while (n == BATCH);
}

static void take_answers(struct batch *m, bool syn)
{
    int n;
    do {
        n = receive(m, 0);
        for (int i = 0; i < n; i++) {
            struct timespec at = {0};
            uint32_t id = 0;
            const uint8_t *body = m->bytes[i] + 20;
            read_stamp(&m->msgs[i].msg_hdr, &at, &id);
            memcpy(&id, body + 8, sizeof id); /* ICMP: payload; TCP: acknowledgement */
            id = syn ? ntohl(id) - 1 : id;
            const struct timespec *left = &b.stamp[id % RING];
            b.rtt_sum += (at.tv_sec - left->tv_sec) * 1000000000LL + at.tv_nsec - left->tv_nsec;
            b.answered++;
        }
    } while (n == BATCH);
}

static void send_raw(struct batch *m, long due, bool syn)
{
    while (due > 0) {
        int n = due < BATCH ? (int)due : BATCH;
        for (int i = 0; i < n; i++) {
            uint32_t id = (uint32_t)b.sent + (uint32_t)i;
            m->names[i] = target(id, 0);
            prepare(m, i,
                    syn ? write_syn(m->bytes[i], id, &m->names[i])
                        : write_echo(m->bytes[i], id),
                    false);
        }
        b.calls++;
        n = sendmmsg(b.fd, m->msgs, (unsigned)n, 0);
        if (n < 0)
            die("sendmmsg");
        b.sent += (unsigned)n;
        due -= n;
        take_stamps(m);
        if (b.rate == 0)
            take_answers(m, syn);
    }
}

static void open_raw(bool syn)
{
    int size = BUFFER;
    b.fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, syn ? IPPROTO_TCP : IPPROTO_ICMP);
    if (b.fd < 0)
        die("raw socket");
    /* Ours: TCP to our port; echo replies with our identifier. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, syn ? 22 : 24),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn ? PORT : MINE, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, syn ? 9 : 20),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn ? IPPROTO_TCP : ICMP_ECHOREPLY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (setsockopt(b.fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        die("filter");
    setsockopt(b.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(b.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    set_stamps(b.fd);
}

/* ---- a fresh socket for each ---- */

static void open_fresh(bool dns)
{
    struct sockaddr_in to = target(b.sent, dns ? 53 : SHUT_PORT);
    int fd = socket(AF_INET, (dns ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    struct epoll_event event = {.events = dns ? EPOLLIN : EPOLLOUT, .data.fd = fd};
    if (fd < 0)
        die("socket");
    if (dns)
        set_stamps(fd);
    int rc = connect(fd, (struct sockaddr *)&to, sizeof to);
    if (rc != 0 && errno != EINPROGRESS && errno != ECONNREFUSED)
        die("connect");
    if (dns) {
        char control[256];
        struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof control};
        uint32_t id = 0;
        if (write(fd, query, sizeof query) != sizeof query)
            die("write");
        if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
            read_stamp(&msg, &b.stamp[fd], &id);
        b.calls += 2;
    }
    epoll_ctl(b.epoll, EPOLL_CTL_ADD, fd, &event);
    b.calls += 3;
    b.sent++;
}

static void finish(int fd, bool dns)
{
    char control[256];
    uint8_t bytes[SIZE];
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    int error = 0;
    socklen_t len = sizeof error;
    if (dns) {
        struct timespec at = {0};
        uint32_t id = 0;
        b.answered += recvmsg(fd, &msg, MSG_DONTWAIT) > 0;
        read_stamp(&msg, &at, &id);
        b.rtt_sum +=
            (at.tv_sec - b.stamp[fd].tv_sec) * 1000000000LL + at.tv_nsec - b.stamp[fd].tv_nsec;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0) {
        b.answered += error == 0 || error == ECONNREFUSED;
    }
    close(fd);
    b.calls += 2;
}

static void take_fresh(bool dns)
{
    struct epoll_event events[EVENTS];
    int n;
    do {
        b.calls++;
        n = epoll_wait(b.epoll, events, EVENTS, 0);
        for (int i = 0; i < n; i++)
            finish(events[i].data.fd, dns);
    } while (n == EVENTS);
}

static void send_fresh(long due, bool dns)
{
    for (; due > 0; due--) {
        if (b.sent - b.answered >= SOCKETS)
            take_fresh(dns);
        open_fresh(dns);
    }
    if (b.rate == 0)
        take_fresh(dns);
}

/* ---- the loop ---- */

static void sleep_until(int64_t ns)
{
    struct timespec at = {ns / 1000000000, ns % 1000000000};
    b.calls++;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void loop(const char *mode)
{
    static struct batch m;
    bool dns = strcmp(mode, "dns") == 0, syn = strcmp(mode, "syn") == 0;
    bool raw = syn || strcmp(mode, "icmp") == 0;
    int64_t start = now_ns(), end = start + b.seconds * 1000000000LL;
    int64_t last = end + 500000000; /* for answers under way */
    for (int64_t tick = start, now = start; now < last; now = now_ns()) {
        long due =
            b.rate == 0 ? BATCH : (long)((now - start) / 1e9 * (double)b.rate) - (long)b.sent;
        if (now >= end)
            due = 0;
        if (raw)
            send_raw(&m, due, syn), take_answers(&m, syn);
        else
            take_fresh(dns), send_fresh(due, dns);
        if (now >= end && b.answered >= b.sent)
            break;
        tick = b.rate > 0 ? tick + TICK_NS : now;
        if (b.rate > 0 || now >= end)
            sleep_until(tick > now ? tick : now + TICK_NS);
    }
}

int main(int argc, char **argv)
{
    struct rusage usage;
    if (argc != 5) {
        fprintf(stderr, "usage: bare icmp|syn|dns|connect COUNT RATE SECONDS\n");
        return 2;
    }
    b.count = strtol(argv[2], NULL, 10);
    b.rate = strtol(argv[3], NULL, 10);
    b.seconds = strtol(argv[4], NULL, 10);
    if (b.count < 1 || b.count > 60000 || b.rate < 0 || b.seconds < 1 || b.seconds > 3600)
        return 2;
    b.epoll = epoll_create1(0);
    if (strcmp(argv[1], "icmp") == 0 || strcmp(argv[1], "syn") == 0)
        open_raw(strcmp(argv[1], "syn") == 0);
    int64_t began = now_ns();
    loop(argv[1]);
    getrusage(RUSAGE_SELF, &usage);
    printf("%lu %lu %.3f %ld %lu\n", b.sent, b.answered, (double)(now_ns() - began) / 1e9,
           (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec +
               usage.ru_stime.tv_usec,
           b.calls);
    return 0;
}
