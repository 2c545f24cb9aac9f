/* The buffers of one recvmmsg call.  One set serves every socket. */
#ifndef KPD_NET_BATCH_H
#define KPD_NET_BATCH_H

#include "daemon/net/meta.h"
#include "daemon/net/sockaddr.h"

enum {
    KPD_BATCH_SIZE = 128,
    KPD_BATCH_BYTES = 1536, /* of each packet; none of ours is longer */
};

struct kpd_batch {
    unsigned used; /* messages the last call filled in */
    struct mmsghdr msgs[KPD_BATCH_SIZE];
    struct iovec iov[KPD_BATCH_SIZE];
    union kpd_sockaddr names[KPD_BATCH_SIZE];
    _Alignas(struct cmsghdr) unsigned char control[KPD_BATCH_SIZE][KPD_META_SIZE];
    uint8_t bytes[KPD_BATCH_SIZE][KPD_BATCH_BYTES];
};

/* NULL: out of memory. */
struct kpd_batch *kpd_batch_new(void);

/* recvmmsg without blocking; the number of packets, or 0 for none and errors.
 * flags: MSG_ERRQUEUE or 0. */
unsigned kpd_batch_receive(struct kpd_batch *batch, int fd, int flags);

#endif
