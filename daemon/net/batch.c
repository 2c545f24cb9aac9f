#include "daemon/net/batch.h"

#include <stdlib.h>

static void prepare(struct kpd_batch *batch, size_t i)
{
    batch->iov[i] = (struct iovec){batch->bytes[i], sizeof batch->bytes[i]};
    batch->msgs[i].msg_hdr = (struct msghdr){
        .msg_name = &batch->names[i],
        .msg_namelen = sizeof batch->names[i],
        .msg_iov = &batch->iov[i],
        .msg_iovlen = 1,
        .msg_control = batch->control[i],
        .msg_controllen = sizeof batch->control[i],
    };
}

struct kpd_batch *kpd_batch_new(void)
{
    struct kpd_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    for (size_t i = 0; i < KPD_BATCH_SIZE; i++)
        prepare(batch, i);
    return batch;
}

unsigned kpd_batch_receive(struct kpd_batch *batch, int fd, int flags)
{
    for (size_t i = 0; i < batch->used; i++)
        prepare(batch, i);
    int n = recvmmsg(fd, batch->msgs, KPD_BATCH_SIZE, flags | MSG_DONTWAIT, NULL);
    batch->used = n > 0 ? (unsigned)n : 0;
    return batch->used;
}
