/* One DNS message each way over TCP (RFC 1035 section 4.2.2, RFC 7766): two
 * bytes of length in front.  Survives any split of the stream. */
#ifndef KPD_NET_DNS_STREAM_H
#define KPD_NET_DNS_STREAM_H

#include "daemon/net/meta.h"

enum {
    KPD_DNS_ANSWER_MAX = 4096,
    KPD_STREAM_PREFIX = 2,
};

struct kpd_stream {
    struct kpd_stream *next; /* among the unused */
    size_t out_len, out_done;
    size_t in_len;
    uint8_t out[KPD_STREAM_PREFIX + KPD_PACKET_MAX];
    uint8_t in[KPD_STREAM_PREFIX + KPD_DNS_ANSWER_MAX];
};

/* len <= KPD_PACKET_MAX. */
void kpd_stream_start(struct kpd_stream *stream, const void *msg, size_t len);

static inline bool kpd_stream_written(const struct kpd_stream *stream)
{
    return stream->out_done == stream->out_len;
}

/* 0: all is written; EAGAIN: not yet; else the connection is broken. */
int kpd_stream_write(struct kpd_stream *stream, int fd);

/* 0: the answer is complete; EAGAIN: not yet; EMSGSIZE: it announced more than
 * we take; ECONNRESET also at an early end; else the connection is broken. */
int kpd_stream_read(struct kpd_stream *stream, int fd, struct kpd_meta *meta);

/* The complete answer. */
struct kp_rd kpd_stream_answer(const struct kpd_stream *stream);

#endif
