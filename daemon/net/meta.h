/* What the kernel says beside a packet's bytes, in control messages. */
#ifndef KPD_NET_META_H
#define KPD_NET_META_H

#include "daemon/net/env.h"

#include <sys/socket.h>

/* Room for every control message a receive call here can yield: time stamps,
 * hop limit, and an extended error with its sender's address. */
enum { KPD_META_SIZE = 256 };

struct kpd_meta {
    struct kp_wall stamp; /* 0: none */
    uint8_t ttl;          /* 0: unknown */
    enum kpd_meta_kind {
        KPD_META_NONE,
        KPD_META_STAMP, /* id: of the packet that left at stamp */
        KPD_META_ERROR, /* cause, sender: an ICMP error the kernel matched */
        KPD_META_LOCAL, /* errnum: an error of this machine */
    } kind;
    uint32_t id;
    enum kp_cause cause;
    struct kp_addr sender;
    int errnum;
};

/* One message, as recvmsg without waiting; batches use recvmmsg, and one system
 * call less is one less to admit (seccomp.c). */
ssize_t kpd_meta_receive(int fd, struct msghdr *msg, int flags);

void kpd_meta_read(struct msghdr *msg, struct kpd_meta *out);

/* Asks for software stamps: of received packets, and of sent ones by id. */
int kpd_meta_enable_stamps(int fd);

/* Asks for stamps of received bytes only: what a TCP socket can give. */
int kpd_meta_enable_arrival(int fd);

/* The next packet sent has id 0 again. */
void kpd_meta_restart_ids(int fd);

/* Asks for the hop limit of received packets, for domain AF_INET or AF_INET6. */
int kpd_meta_enable_ttl(int fd, int domain);

/* Room for kpd_meta_pin. */
enum { KPD_PIN_SIZE = CMSG_SPACE(32) + CMSG_SPACE(sizeof(int)) };

/* Writes the control messages that pin a packet to a source, an interface and a
 * hop limit; returns their length, 0 where there is nothing to pin. */
size_t kpd_meta_pin(const struct kpd_pin *pin, enum kp_family family, void *control);

#endif
