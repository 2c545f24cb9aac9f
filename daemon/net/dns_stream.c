#include "daemon/net/dns_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void kpd_stream_start(struct kpd_stream *stream, const void *msg, size_t len)
{
    struct kp_wr out = kp_wr_init(stream->out, sizeof stream->out);
    kp_wr_u16(&out, (uint16_t)len);
    kp_wr_bytes(&out, msg, len);
    stream->out_len = sizeof stream->out - out.left;
    stream->out_done = 0;
    stream->in_len = 0;
}

int kpd_stream_write(struct kpd_stream *stream, int fd)
{
    while (stream->out_done < stream->out_len) {
        ssize_t n =
            write(fd, stream->out + stream->out_done, stream->out_len - stream->out_done);
        if (n < 0)
            return errno;
        stream->out_done += (size_t)n;
    }
    return 0;
}

struct kp_rd kpd_stream_answer(const struct kpd_stream *stream)
{
    struct kp_rd in = kp_rd_init(stream->in, stream->in_len);
    uint16_t announced = kp_rd_u16(&in);
    return kp_rd_init(kp_rd_bytes(&in, announced), announced);
}

/* As kpd_stream_read, of what has come so far. */
static int judge(const struct kpd_stream *stream)
{
    if (stream->in_len < KPD_STREAM_PREFIX)
        return EAGAIN;
    struct kp_rd in = kp_rd_init(stream->in, stream->in_len);
    uint16_t announced = kp_rd_u16(&in);
    if (announced > KPD_DNS_ANSWER_MAX)
        return EMSGSIZE;
    return in.left < announced ? EAGAIN : 0;
}

int kpd_stream_read(struct kpd_stream *stream, int fd, struct kpd_meta *meta)
{
    _Alignas(struct cmsghdr) unsigned char control[KPD_META_SIZE];
    struct iovec iov = {stream->in + stream->in_len, sizeof stream->in - stream->in_len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    ssize_t n = kpd_meta_receive(fd, &msg, 0);
    if (n < 0)
        return errno;
    if (n == 0)
        return ECONNRESET;
    stream->in_len += (size_t)n;
    kpd_meta_read(&msg, meta);
    return judge(stream);
}
