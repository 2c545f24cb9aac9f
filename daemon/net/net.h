/* The packet path: every socket that probes or hears answers.  Knows bytes,
 * stamps and errors; what they mean is the core's business. */
#ifndef KPD_NET_NET_H
#define KPD_NET_NET_H

#include "daemon/loop.h"
#include "lib/core/core.h"

struct kpd_net;

/* How the network tells what happened: from the loop, and sent and failed also
 * from within kpd_net_commit and kpd_net_flush.  Only settled may send; the others
 * must not call anything here but kpd_net_release. */
struct kpd_net_handlers {
    void *ctx;
    void (*receive)(void *ctx, const struct kp_rx *rx);
    /* sport: of a DNS socket, else 0; may come twice, the better stamp second */
    void (*sent)(void *ctx, uint32_t slot, uint32_t serial, struct kp_mono at, uint16_t sport);
    void (*failed)(void *ctx, uint32_t slot, uint32_t serial, int errnum);
    void (*error)(void *ctx, uint32_t slot, uint32_t serial, enum kp_cause cause,
                  const struct kp_addr *sender, bool refused);
    /* the kernel dropped `count` packets meant for us: the socket's queue was full */
    void (*overflow)(void *ctx, enum kp_probe_type type, uint32_t count);
    /* after each batch of callbacks from the loop: pump the core (not after those
     * from commit and flush: their caller goes on pumping) */
    void (*settled)(void *ctx);
};

struct kpd_net_stats {
    uint64_t syscalls; /* send, receive and error-queue calls */
    uint64_t wakeups;  /* times the loop called us */
    uint64_t tx_batches, tx_packets, rx_packets;
    uint64_t stamps;         /* transmit stamps matched */
    uint64_t stamps_missing; /* sends whose stamp never came (local-error) */
    uint64_t overflow[KP_PROBE_COUNT];
    uint32_t dns_sockets; /* open now */
};

/* Opens all raw sockets: those of a family the machine lacks are left out (sends
 * then fail with EAFNOSUPPORT).  Needs CAP_NET_RAW; nothing after this does.
 * wire and handlers are copied.  false: why (256 bytes) says what to do. */
bool kpd_net_open(struct kpd_loop *loop, const struct kp_wire *wire,
                  const struct kpd_net_handlers *handlers, struct kpd_net **out, char *why);
void kpd_net_close(struct kpd_net *net);

/* The address the kernel would send from to this destination.  Sends nothing;
 * cached, and looked up anew when addresses or routes change.  0, or the errno
 * that a send would get (ENETUNREACH, ...). */
int kpd_net_source(struct kpd_net *net, const struct kp_send *send, struct kp_addr *src);

/* Room for the next packet of this kind and family; len goes to commit.  At
 * most 1500 bytes.  commit queues it; a full batch is flushed by itself. */
struct kp_wr kpd_net_reserve(struct kpd_net *net, const struct kp_send *send);
void kpd_net_commit(struct kpd_net *net, const struct kp_send *send, const struct kp_addr *src,
                    size_t len);

/* Hands everything queued to the kernel; calls sent or failed for each. */
void kpd_net_flush(struct kpd_net *net);

/* The probe is over: closes a DNS probe's socket; nothing for the other kinds. */
void kpd_net_release(struct kpd_net *net, uint32_t slot, uint32_t serial);

void kpd_net_stats(const struct kpd_net *net, struct kpd_net_stats *out);

#endif
