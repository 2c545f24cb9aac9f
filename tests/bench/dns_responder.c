/* A name server for benchmarks: says NOERROR, with the question and no records, to
 * every query to port 53 of any local address, from the address that was asked.
 *
 * usage: dns_responder SECONDS     ends by itself after that long */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,
    SIZE = 512,
    HEADER = 12,
    LABELS_MAX = 127,
    BUFFER = 4 << 20,
    LONGEST = 3600,
};

struct batch {
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_storage from[BATCH];
    char control[BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];
    uint8_t bytes[BATCH][SIZE];
};

static int open_port(int domain)
{
    int on = 1, size = BUFFER;
    int fd = socket(domain, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (domain == AF_INET) {
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    } else { /* a local route makes no address one may send from */
        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct sockaddr *any = domain == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
    if (fd < 0 || bind(fd, any, domain == AF_INET ? sizeof in : sizeof in6) != 0) {
        perror("dns_responder: port 53");
        exit(1);
    }
    return fd;
}

static void prepare(struct batch *b, int i)
{
    b->iov[i] = (struct iovec){b->bytes[i], SIZE};
    b->msgs[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
                                         .msg_namelen = sizeof b->from[i],
                                         .msg_iov = &b->iov[i],
                                         .msg_iovlen = 1,
                                         .msg_control = b->control[i],
                                         .msg_controllen = sizeof b->control[i]};
}

/* The length of header and question; 0: not a query with one question. */
static size_t question_end(const uint8_t *m, size_t len)
{
    if (len < HEADER || m[2] >> 7 || m[4] != 0 || m[5] != 1)
        return 0;
    size_t at = HEADER;
    for (int label = 0; label <= LABELS_MAX && at < len; label++) {
        if (m[at] == 0)
            return at + 5 <= len ? at + 5 : 0;
        if (m[at] > 63)
            return 0;
        at += (size_t)m[at] + 1;
    }
    return 0;
}

/* Turns a query into its answer; the address it came to is where it leaves from. */
static size_t answer(struct batch *b, int i)
{
    uint8_t *m = b->bytes[i];
    size_t len = question_end(m, b->msgs[i].msg_len);
    if (len == 0)
        return 0;
    m[2] = (uint8_t)(m[2] | 0x84); /* QR, AA */
    m[3] = 0;
    memset(m + 6, 0, HEADER - 6);
    struct msghdr *msg = &b->msgs[i].msg_hdr;
    struct cmsghdr *cm = CMSG_FIRSTHDR(msg);
    if (cm && cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(cm), sizeof info);
        info.ipi_spec_dst = info.ipi_addr;
        info.ipi_ifindex = 0;
        memcpy(CMSG_DATA(cm), &info, sizeof info);
    } else if (cm) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(cm), sizeof info);
        info.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(cm), &info, sizeof info);
    }
    return len;
}

static void serve(struct batch *b, int fd)
{
    static bool told;
    for (int i = 0; i < BATCH; i++)
        prepare(b, i);
    int n = recvmmsg(fd, b->msgs, BATCH, 0, NULL);
    int good = 0;
    for (int i = 0; i < n; i++) {
        b->iov[i].iov_len = answer(b, i);
        if (b->iov[i].iov_len > 0)
            b->msgs[good++] = b->msgs[i];
    }
    if (good > 0 && sendmmsg(fd, b->msgs, (unsigned)good, 0) < good && !told) {
        perror("dns_responder: not all answers could be sent");
        told = true;
    }
}

int main(int argc, char **argv)
{
    static struct batch b;
    long seconds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (seconds < 1 || seconds > LONGEST) {
        fprintf(stderr, "usage: dns_responder SECONDS\n");
        return 2;
    }
    struct pollfd fds[2] = {{.fd = open_port(AF_INET), .events = POLLIN},
                            {.fd = open_port(AF_INET6), .events = POLLIN}};
    for (time_t end = time(NULL) + seconds; time(NULL) < end;) {
        if (poll(fds, 2, 1000) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (fds[i].revents & POLLIN)
                serve(&b, fds[i].fd);
    }
    return 0;
}
