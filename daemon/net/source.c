#include "daemon/net/source.h"

#include "daemon/net/sockaddr.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SIZE_START = 512,
    SIZE_LIMIT = 128 * 1024, /* about 7 MiB */
    GROWTH = 2,
    DEVICES = 16,
    DRAIN_MAX = 1024,
    DISCARD_PORT = 9, /* any port will do: nothing is sent */
};

#define SHORT_AGE kp_dur_s(1)

struct entry {
    uint32_t generation; /* of the table; another: empty */
    int errnum;
    unsigned ifindex;
    struct kp_addr dst;
    struct kp_addr src;
    struct kp_mono until; /* of an error */
};

struct device {
    char name[IF_NAMESIZE];
    unsigned ifindex;
};

struct kpd_source {
    struct kp_key key;
    int netlink;         /* -1: we may not be told of changes, and ask again after a while */
    uint32_t generation; /* one more forgets every entry at once; never 0 */
    struct entry *table; /* open addressing, at most half full */
    size_t size;
    size_t used;
    struct device devices[DEVICES];
    size_t device_count;
};

static int open_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0)
        return -1;
    struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
    nl.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE |
                   RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | 1U << (RTNLGRP_IPV6_RULE - 1);
    if (bind(fd, (struct sockaddr *)&nl, sizeof nl) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

struct kpd_source *kpd_source_new(const struct kp_key *key)
{
    struct kpd_source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    source->key = *key;
    source->generation = 1;
    source->size = SIZE_START;
    source->table = calloc(SIZE_START, sizeof *source->table);
    source->netlink = source->table ? open_netlink() : -1;
    if (source->netlink >= 0 || (source->table && errno == EAFNOSUPPORT))
        return source;
    int why = errno;
    free(source->table);
    free(source);
    errno = why;
    return NULL;
}

void kpd_source_free(struct kpd_source *source)
{
    if (!source)
        return;
    if (source->netlink >= 0)
        close(source->netlink);
    free(source->table);
    free(source);
}

int kpd_source_fd(const struct kpd_source *source)
{
    return source->netlink;
}

static void forget(struct kpd_source *source)
{
    source->used = 0;
    source->device_count = 0;
    if (++source->generation != 0)
        return;
    memset(source->table, 0, source->size * sizeof *source->table);
    source->generation = 1;
}

/* What changed does not matter; an overrun (ENOBUFS) is a change as well. */
void kpd_source_changed(struct kpd_source *source)
{
    char junk;
    for (int i = 0; i < DRAIN_MAX; i++) {
        if (read(source->netlink, &junk, sizeof junk) < 0 && errno != ENOBUFS)
            break;
    }
    forget(source);
}

/* if_nametoindex without its ioctl, which is not admitted (seccomp.c). */
static unsigned index_of(const char *name)
{
    int ifindex = 0;
    socklen_t len = sizeof ifindex;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, &len) != 0)
        ifindex = 0;
    close(fd);
    return (unsigned)ifindex;
}

unsigned kpd_source_device(struct kpd_source *source, const char *name)
{
    for (size_t i = 0; i < source->device_count; i++) {
        if (source->netlink >= 0 && strcmp(source->devices[i].name, name) == 0)
            return source->devices[i].ifindex;
    }
    unsigned ifindex = index_of(name);
    size_t len = strlen(name);
    if (source->netlink < 0 || ifindex == 0 || len >= IF_NAMESIZE ||
        source->device_count == DEVICES)
        return ifindex;
    struct device *device = &source->devices[source->device_count++];
    memcpy(device->name, name, len + 1);
    device->ifindex = ifindex;
    return ifindex;
}

/* Asks the kernel; connecting a UDP socket sends nothing. */
static int ask(const struct kp_addr *dst, const char *device, struct kp_addr *src)
{
    union kpd_sockaddr sa;
    socklen_t len = kpd_sockaddr_make(dst, DISCARD_PORT, &sa);
    if (len == 0)
        return EAFNOSUPPORT;
    int fd = socket(sa.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int rc = 0;
    if (device &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) != 0)
        rc = errno;
    if (rc == 0 && connect(fd, &sa.sa, len) != 0)
        rc = errno;
    if (rc == 0)
        *src = kpd_sockaddr_local(fd, NULL);
    close(fd);
    return rc;
}

static struct entry *probe(const struct kpd_source *source, const struct kp_addr *dst,
                           unsigned ifindex)
{
    uint64_t words[2];
    memcpy(words, dst->bytes, sizeof words);
    uint64_t hash = kp_siphash_words(&source->key, words[0] ^ ifindex, words[1]);
    for (size_t i = hash & (source->size - 1);; i = (i + 1) & (source->size - 1)) {
        struct entry *e = &source->table[i];
        if (e->generation != source->generation ||
            (e->ifindex == ifindex && kp_addr_equal(&e->dst, dst)))
            return e;
    }
}

/* Makes room for one more; what cannot be kept is forgotten and asked again. */
static void make_room(struct kpd_source *source)
{
    if (source->used < source->size / 2)
        return;
    struct kpd_source larger = *source;
    larger.size *= GROWTH;
    larger.table = larger.size <= SIZE_LIMIT ? calloc(larger.size, sizeof *larger.table) : NULL;
    if (!larger.table) {
        forget(source);
        return;
    }
    for (size_t i = 0; i < source->size; i++) {
        const struct entry *e = &source->table[i];
        if (e->generation == source->generation)
            *probe(&larger, &e->dst, e->ifindex) = *e;
    }
    free(source->table);
    *source = larger;
}

static struct entry *look_up(struct kpd_source *source, const struct kp_addr *dst,
                             const char *device, unsigned ifindex, struct kp_mono now)
{
    struct entry *e = probe(source, dst, ifindex);
    bool known = e->generation == source->generation;
    bool lasting = source->netlink >= 0 && e->errnum == 0;
    if (known && (lasting || kp_mono_before(now, e->until)))
        return e;
    if (!known) {
        make_room(source);
        e = probe(source, dst, ifindex);
        source->used++;
    }
    *e = (struct entry){.generation = source->generation, .ifindex = ifindex, .dst = *dst};
    e->errnum = ask(dst, device, &e->src);
    e->until = kp_mono_add(now, SHORT_AGE);
    return e;
}

int kpd_source_find(struct kpd_source *source, const struct kp_addr *dst,
                    const struct kp_via *via, struct kp_mono now, struct kp_addr *src)
{
    if (via && via->source.family != KP_AF_NONE) {
        *src = via->source;
        return via->source.family == dst->family ? 0 : EAFNOSUPPORT;
    }
    const char *device = via ? via->device : NULL;
    unsigned ifindex = device ? kpd_source_device(source, device) : 0;
    if (device && ifindex == 0)
        return ENODEV;
    const struct entry *e = look_up(source, dst, device, ifindex, now);
    *src = e->src;
    return e->errnum;
}
