#include "daemon/net/meta.h"

#include "daemon/net/sockaddr.h"
#include "lib/wire/icmp_error.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <time.h>

static const int stamp_flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
                               SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;

ssize_t kpd_meta_receive(int fd, struct msghdr *msg, int flags)
{
    struct mmsghdr one = {.msg_hdr = *msg};
    if (recvmmsg(fd, &one, 1, flags | MSG_DONTWAIT, NULL) != 1)
        return -1;
    *msg = one.msg_hdr;
    return one.msg_len;
}

static int set_stamping(int fd, int flags)
{
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) ? errno : 0;
}

int kpd_meta_enable_stamps(int fd)
{
    return set_stamping(fd, stamp_flags | SOF_TIMESTAMPING_OPT_ID);
}

int kpd_meta_enable_arrival(int fd)
{
    return set_stamping(fd, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
}

void kpd_meta_restart_ids(int fd)
{
    set_stamping(fd, stamp_flags);
    set_stamping(fd, stamp_flags | SOF_TIMESTAMPING_OPT_ID);
}

int kpd_meta_enable_ttl(int fd, int domain)
{
    int on = 1;
    int rc = domain == AF_INET6
                 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on)
                 : setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    return rc ? errno : 0;
}

/* The body of a control message; false where it is shorter than it should be. */
static bool body(const struct cmsghdr *cm, void *out, size_t len)
{
    if (cm->cmsg_len < CMSG_LEN(len))
        return false;
    memcpy(out, CMSG_DATA(cm), len);
    return true;
}

static void read_stamp(const struct cmsghdr *cm, struct kpd_meta *out)
{
    struct timespec ts; /* the first of three: software */
    if (body(cm, &ts, sizeof ts))
        out->stamp.ns = (int64_t)ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

static void read_ttl(const struct cmsghdr *cm, struct kpd_meta *out)
{
    int ttl;
    if (body(cm, &ttl, sizeof ttl) && ttl > 0 && ttl <= UINT8_MAX)
        out->ttl = (uint8_t)ttl;
}

static void read_error(const struct cmsghdr *cm, struct kpd_meta *out)
{
    struct {
        struct sock_extended_err err;
        union kpd_sockaddr offender;
    } all = {0};
    if (!body(cm, &all.err, sizeof all.err))
        return;
    size_t more = cm->cmsg_len - CMSG_LEN(sizeof all.err);
    if (more > sizeof all.offender)
        more = sizeof all.offender;
    memcpy(&all.offender, CMSG_DATA(cm) + sizeof all.err, more);

    out->errnum = (int)all.err.ee_errno;
    out->id = all.err.ee_data;
    out->kind = KPD_META_LOCAL;
    if (all.err.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
        out->kind = KPD_META_STAMP;
    } else if (all.err.ee_origin == SO_EE_ORIGIN_ICMP) {
        out->kind = KPD_META_ERROR;
        out->cause = kp_icmp4_cause(all.err.ee_type, all.err.ee_code);
    } else if (all.err.ee_origin == SO_EE_ORIGIN_ICMP6) {
        out->kind = KPD_META_ERROR;
        out->cause = kp_icmp6_cause(all.err.ee_type, all.err.ee_code);
    }
    out->sender = kpd_sockaddr_read(&all.offender.sa, NULL);
}

void kpd_meta_read(struct msghdr *msg, struct kpd_meta *out)
{
    *out = (struct kpd_meta){0};
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
        int level = cm->cmsg_level;
        int type = cm->cmsg_type;
        if (level == SOL_SOCKET && type == SO_TIMESTAMPING)
            read_stamp(cm, out);
        else if ((level == SOL_IP && type == IP_TTL) ||
                 (level == SOL_IPV6 && type == IPV6_HOPLIMIT))
            read_ttl(cm, out);
        else if ((level == SOL_IP && type == IP_RECVERR) ||
                 (level == SOL_IPV6 && type == IPV6_RECVERR))
            read_error(cm, out);
    }
}

static size_t put(void *control, int level, int type, const void *data, size_t len)
{
    memset(control, 0, CMSG_SPACE(len));
    struct cmsghdr *cm = control;
    cm->cmsg_level = level;
    cm->cmsg_type = type;
    cm->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(cm), data, len);
    return CMSG_SPACE(len);
}

static size_t put_source(const struct kpd_pin *pin, enum kp_family family, void *control)
{
    if (pin->src.family == KP_AF_NONE && pin->ifindex == 0)
        return 0;
    if (family == KP_IPV4) {
        struct in_pktinfo info = {.ipi_ifindex = (int)pin->ifindex};
        memcpy(&info.ipi_spec_dst, pin->src.bytes, sizeof info.ipi_spec_dst);
        return put(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    struct in6_pktinfo info = {.ipi6_ifindex = pin->ifindex};
    memcpy(&info.ipi6_addr, pin->src.bytes, sizeof info.ipi6_addr);
    return put(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

size_t kpd_meta_pin(const struct kpd_pin *pin, enum kp_family family, void *control)
{
    size_t len = put_source(pin, family, control);
    int ttl = pin->ttl;
    if (ttl == 0)
        return len;
    void *more = (unsigned char *)control + len;
    return len + (family == KP_IPV4 ? put(more, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl)
                                    : put(more, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof ttl));
}
