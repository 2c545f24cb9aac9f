/* TCP SYN probes (RFC 9293).  The reply's proof is its acknowledgement of our
 * keyed sequence number, on our keyed port; that holds for RST too, so a blind
 * RST cannot make a dead host look alive. */
#include "lib/wire/pkt_ip.h"

enum {
    HEADER = 20,
    SYN_LEN = 24, /* with the MSS option */
    FLAG_FIN = 0x01,
    FLAG_SYN = 0x02,
    FLAG_RST = 0x04,
    FLAG_ACK = 0x10,
    CHECKSUM_AT = 16,
    WINDOW = 64240, /* as Linux sends it for an MSS of 1460 */
    MSS_OPTION = 0x0204,
    MSS4 = 1460,
    MSS6 = 1440,
};

static void write_syn(const struct kp_shot *shot, struct kp_wr *out)
{
    kp_wr_u16(out, shot->sport);
    kp_wr_u16(out, shot->dport);
    kp_wr_u32(out, shot->seq);
    kp_wr_u32(out, 0);                 /* acknowledgement */
    kp_wr_u8(out, (SYN_LEN / 4) << 4); /* data offset in words */
    kp_wr_u8(out, FLAG_SYN);
    kp_wr_u16(out, WINDOW);
    kp_wr_u16(out, 0); /* checksum, below or by the kernel */
    kp_wr_u16(out, 0); /* urgent pointer */
    kp_wr_u16(out, MSS_OPTION);
    kp_wr_u16(out, shot->dst.family == KP_IPV4 ? MSS4 : MSS6);
}

static enum kp_err build(const struct kp_wire *wire, const struct kp_shot *shot,
                         const struct kp_addr *src, struct kp_wr *out)
{
    (void)wire;
    bool v4 = shot->dst.family == KP_IPV4;
    if (v4 && (src == NULL || src->family != KP_IPV4))
        return KP_ERR_RANGE;
    if (out->bad || out->left < SYN_LEN)
        return KP_ERR_SHORT;
    uint8_t *start = out->p;
    write_syn(shot, out);
    if (v4) {
        uint32_t sum = kp_ip_pseudo_sum(src, &shot->dst, KP_IP_TCP, SYN_LEN);
        struct kp_wr at = kp_wr_init(start + CHECKSUM_AT, 2);
        kp_wr_u16(&at, kp_csum_finish(kp_csum_add(sum, start, SYN_LEN)));
    }
    return KP_OK;
}

/* What the flags say: KP_ANSWERED (SYN|ACK), KP_REFUSED (RST|ACK), or KP_TIMEOUT
 * for every other segment.  A bare ACK is a challenge to someone else's segment
 * (RFC 5961); a RST without ACK carries no proof. */
static enum kp_result flags_say(uint8_t flags)
{
    switch (flags & (FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_ACK)) {
    case FLAG_SYN | FLAG_ACK:
        return KP_ANSWERED;
    case FLAG_RST | FLAG_ACK:
        return KP_REFUSED;
    default:
        return KP_TIMEOUT;
    }
}

static bool checksum_ok(const struct kp_ip *ip)
{
    if (ip->src.family != KP_IPV4)
        return true; /* IPV6_CHECKSUM: the kernel has looked */
    uint32_t sum = kp_ip_pseudo_sum(&ip->src, &ip->dst, KP_IP_TCP, ip->len);
    struct kp_rd at = kp_rd_init(ip->body + CHECKSUM_AT, 2);
    uint16_t field = kp_rd_u16(&at);
    /* Between machines of one host the kernel leaves the rest of the sum to a
     * network card that is not there. */
    uint16_t unfinished = (uint16_t)~kp_csum_finish(sum);
    return field == unfinished || kp_csum_finish(kp_csum_add(sum, ip->body, ip->len)) == 0;
}

static enum kp_discard match(const struct kp_wire *wire, const struct kp_rx *rx,
                             struct kp_claim *claim)
{
    *claim = (struct kp_claim){.type = KP_PROBE_TCP_SYN};
    struct kp_ip ip;
    enum kp_discard why = kp_ip_open(rx, KP_IP_TCP, &ip);
    if (why != KP_DISCARD_NONE)
        return why;
    struct kp_rd r = kp_rd_init(ip.body, ip.len);
    claim->dst = ip.src;
    claim->ttl = ip.ttl;
    claim->dport = kp_rd_u16(&r);
    claim->sport = kp_rd_u16(&r);
    (void)kp_rd_u32(&r); /* their sequence number */
    claim->seq = kp_rd_u32(&r) - 1;
    size_t header = (size_t)(kp_rd_u8(&r) >> 4) * 4;
    enum kp_result said = flags_say(kp_rd_u8(&r));
    if (ip.len < HEADER || header < HEADER || header > ip.len)
        return KP_DISCARD_MALFORMED;
    if (!checksum_ok(&ip))
        return KP_DISCARD_CHECKSUM;
    if (said == KP_TIMEOUT || claim->sport < wire->port_min || claim->sport > wire->port_max)
        return KP_DISCARD_COOKIE;
    claim->reset = said == KP_REFUSED;
    return KP_DISCARD_NONE;
}

static enum kp_discard classify(const struct kp_wire *wire, const struct kp_shot *shot,
                                const struct kp_claim *claim, struct kp_reply *reply)
{
    (void)wire;
    *reply = (struct kp_reply){.result = KP_TIMEOUT, .ttl = claim->ttl};
    bool same_dst = kp_addr_equal(&claim->dst, &shot->dst);
    if (!claim->is_error && !same_dst)
        return KP_DISCARD_SOURCE;
    if (claim->type != KP_PROBE_TCP_SYN || !same_dst || claim->dport != shot->dport ||
        claim->sport != shot->sport || claim->seq != shot->seq)
        return KP_DISCARD_COOKIE;
    if (claim->is_error) {
        reply->result = KP_UNREACHABLE;
        reply->cause = claim->cause;
    } else {
        reply->result = claim->reset ? KP_REFUSED : KP_ANSWERED;
    }
    return KP_DISCARD_NONE;
}

const struct kp_probe_ops kp_probe_tcp = {build, match, classify};
