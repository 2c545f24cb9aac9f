/* ICMP echo probes (RFC 792, RFC 4443), and the ICMP errors that quote a probe
 * of any kind.
 *
 * Payload: word(4) serial(4) tag(8) fixup(2) contact.  word names this start to
 * the socket filter, tag proves that an answerer saw the probe, fixup makes the
 * checksum the flow's constant one.  On IPv6 the constant holds for the sum
 * without the pseudo header, which the kernel adds: for one pair of addresses
 * the checksum on the wire is constant as well. */
#include "lib/wire/cookie.h"
#include "lib/wire/icmp_error.h"
#include "lib/wire/pkt_ip.h"

#include <string.h>

enum {
    HEADER = 8,
    CHECKSUM_AT = 2,
    PROOF = 16, /* word, serial, tag */
    FIXUP_AT = HEADER + PROOF,
    PAYLOAD_MIN = PROOF + 2,
};

/* The contact text over and over, each ended by a zero byte. */
static void write_contact(const struct kp_wire *wire, size_t left, struct kp_wr *out)
{
    size_t text = strnlen(wire->contact, sizeof wire->contact);
    while (left > 0) {
        size_t n = left < text ? left : text;
        kp_wr_bytes(out, wire->contact, n);
        left -= n;
        if (left > 0) {
            kp_wr_u8(out, 0);
            left--;
        }
    }
}

/* Writes the two bytes that turn the message's checksum into `wanted` (not 0 or
 * 0xffff), and for IPv4 the checksum itself.  With S the sum so far, S + fixup
 * must be ~wanted; ones' complement subtraction adds the complement (RFC 1071). */
static void seal(uint8_t *start, size_t len, uint16_t wanted, bool v4)
{
    uint16_t minus_sum = kp_csum_finish(kp_csum_add(0, start, len));
    uint32_t minus_wanted = (uint16_t)~wanted;
    struct kp_wr fixup = kp_wr_init(start + FIXUP_AT, 2);
    kp_wr_u16(&fixup, (uint16_t)~kp_csum_finish(minus_wanted + minus_sum));
    struct kp_wr checksum = kp_wr_init(start + CHECKSUM_AT, 2);
    kp_wr_u16(&checksum, v4 ? wanted : 0);
}

static enum kp_err build(const struct kp_wire *wire, const struct kp_shot *shot,
                         const struct kp_addr *src, struct kp_wr *out)
{
    (void)src;
    bool v4 = shot->dst.family == KP_IPV4;
    size_t len = (size_t)HEADER + shot->size;
    if (shot->size < PAYLOAD_MIN)
        return KP_ERR_RANGE;
    if (out->bad || out->left < len)
        return KP_ERR_SHORT;
    uint8_t *start = out->p;
    kp_wr_u8(out, v4 ? KP_ICMP4_ECHO : KP_ICMP6_ECHO);
    kp_wr_u8(out, 0);
    kp_wr_u16(out, 0); /* checksum */
    kp_wr_u16(out, shot->sport);
    kp_wr_u16(out, (uint16_t)shot->seq);
    kp_wr_u32(out, wire->word);
    kp_wr_u32(out, shot->serial);
    kp_wr_u64(out, shot->tag);
    kp_wr_u16(out, 0); /* fixup */
    write_contact(wire, (size_t)shot->size - PAYLOAD_MIN, out);
    seal(start, len, shot->checksum, v4);
    return KP_OK;
}

/* Reads the proof behind an echo header into claim, whose dst is set.  The tag
 * is keyed by destination and serial, so it can be checked before any look-up. */
static enum kp_discard read_proof(const struct kp_wire *wire, struct kp_rd *r,
                                  struct kp_claim *claim)
{
    uint32_t word = kp_rd_u32(r);
    claim->serial = kp_rd_u32(r);
    claim->tag = kp_rd_u64(r);
    claim->has_tag = !r->bad;
    if (r->bad || word != wire->word ||
        claim->tag != kp_cookie_icmp_tag(wire, &claim->dst, claim->serial))
        return KP_DISCARD_COOKIE;
    return KP_DISCARD_NONE;
}

static enum kp_discard match_reply(const struct kp_wire *wire, const struct kp_ip *ip,
                                   struct kp_claim *claim)
{
    struct kp_rd r = kp_rd_init(ip->body, ip->len);
    (void)kp_rd_u32(&r); /* type, code, checksum */
    claim->dst = ip->src;
    claim->sport = kp_rd_u16(&r);
    claim->seq = kp_rd_u16(&r);
    return claim->sport == wire->icmp_id ? read_proof(wire, &r, claim) : KP_DISCARD_COOKIE;
}

/* The checksum a quoted ICMPv6 message would have without its pseudo header. */
static uint16_t without_pseudo(const struct kp_ip *quote, uint16_t checksum)
{
    uint32_t sum = kp_ip_pseudo_sum(&quote->src, &quote->dst, KP_IP_ICMP6, quote->claimed);
    return kp_csum_finish((uint32_t)(uint16_t)~checksum + kp_csum_finish(sum));
}

static enum kp_discard quoted_echo(const struct kp_wire *wire, const struct kp_ip *quote,
                                   struct kp_claim *claim)
{
    bool v4 = quote->dst.family == KP_IPV4;
    struct kp_rd r = kp_rd_init(quote->body, quote->len);
    uint8_t type = kp_rd_u8(&r);
    uint8_t code = kp_rd_u8(&r);
    uint16_t checksum = kp_rd_u16(&r);
    claim->type = KP_PROBE_ICMP;
    claim->sport = kp_rd_u16(&r);
    claim->seq = kp_rd_u16(&r);
    claim->checksum = v4 ? checksum : without_pseudo(quote, checksum);
    if (type != (v4 ? KP_ICMP4_ECHO : KP_ICMP6_ECHO) || code != 0 ||
        claim->sport != wire->icmp_id)
        return KP_DISCARD_COOKIE;
    return r.left >= PROOF ? read_proof(wire, &r, claim) : KP_DISCARD_NONE;
}

static enum kp_discard quoted_syn(const struct kp_wire *wire, const struct kp_ip *quote,
                                  struct kp_claim *claim)
{
    struct kp_rd r = kp_rd_init(quote->body, quote->len);
    claim->type = KP_PROBE_TCP_SYN;
    claim->sport = kp_rd_u16(&r);
    claim->dport = kp_rd_u16(&r);
    claim->seq = kp_rd_u32(&r);
    bool ours = claim->sport >= wire->port_min && claim->sport <= wire->port_max;
    return ours ? KP_DISCARD_NONE : KP_DISCARD_COOKIE;
}

/* A quoted DNS query.  Ports alone would be 16 bits of proof, so its id must be
 * there too, two bytes behind what RFC 792 asks routers to quote (RFC 1812
 * section 4.3.2.3 asks for far more). */
static enum kp_discard quoted_query(const struct kp_ip *quote, struct kp_claim *claim)
{
    struct kp_rd r = kp_rd_init(quote->body, quote->len);
    claim->type = KP_PROBE_DNS;
    claim->sport = kp_rd_u16(&r);
    claim->dport = kp_rd_u16(&r);
    (void)kp_rd_u32(&r); /* length, checksum */
    claim->bytes = r.p;
    claim->len = r.left;
    claim->seq = kp_rd_u16(&r);
    return r.bad ? KP_DISCARD_COOKIE : KP_DISCARD_NONE;
}

static enum kp_discard match_error(const struct kp_wire *wire, const struct kp_ip *ip,
                                   struct kp_claim *claim)
{
    struct kp_ip quote;
    enum kp_family family = (enum kp_family)ip->src.family;
    struct kp_rd r = kp_rd_init(ip->body, ip->len);
    (void)kp_rd_bytes(&r, HEADER);
    if (kp_ip_quote_parse(family, r.p, r.left, &quote) != KP_OK)
        return KP_DISCARD_MALFORMED;
    claim->is_error = true;
    claim->sender = ip->src;
    claim->dst = quote.dst;
    if (quote.protocol == (family == KP_IPV4 ? KP_IP_ICMP4 : KP_IP_ICMP6))
        return quoted_echo(wire, &quote, claim);
    if (quote.protocol == KP_IP_TCP)
        return quoted_syn(wire, &quote, claim);
    return quote.protocol == KP_IP_UDP ? quoted_query(&quote, claim) : KP_DISCARD_COOKIE;
}

static enum kp_discard match(const struct kp_wire *wire, const struct kp_rx *rx,
                             struct kp_claim *claim)
{
    *claim = (struct kp_claim){.type = KP_PROBE_ICMP};
    bool v4 = rx->src.family == KP_IPV4;
    struct kp_ip ip;
    enum kp_discard why = kp_ip_open(rx, v4 ? KP_IP_ICMP4 : KP_IP_ICMP6, &ip);
    if (why != KP_DISCARD_NONE)
        return why;
    if (ip.len < HEADER)
        return KP_DISCARD_MALFORMED;
    /* ICMPv6: the kernel has looked. */
    if (v4 && kp_csum_finish(kp_csum_add(0, ip.body, ip.len)) != 0)
        return KP_DISCARD_CHECKSUM;
    claim->ttl = ip.ttl;
    struct kp_rd r = kp_rd_init(ip.body, ip.len);
    uint8_t type = kp_rd_u8(&r);
    uint8_t code = kp_rd_u8(&r);
    if (type == (v4 ? KP_ICMP4_ECHO_REPLY : KP_ICMP6_ECHO_REPLY) && code == 0)
        return match_reply(wire, &ip, claim);
    claim->cause = v4 ? kp_icmp4_cause(type, code) : kp_icmp6_cause(type, code);
    return claim->cause != KP_CAUSE_NONE ? match_error(wire, &ip, claim) : KP_DISCARD_COOKIE;
}

static enum kp_discard classify(const struct kp_wire *wire, const struct kp_shot *shot,
                                const struct kp_claim *claim, struct kp_reply *reply)
{
    (void)wire;
    *reply = (struct kp_reply){.result = KP_TIMEOUT, .ttl = claim->ttl};
    bool same_dst = kp_addr_equal(&claim->dst, &shot->dst);
    if (!claim->is_error && !same_dst)
        return KP_DISCARD_SOURCE;
    if (claim->type != KP_PROBE_ICMP || !same_dst || claim->sport != shot->sport ||
        claim->seq != shot->seq)
        return KP_DISCARD_COOKIE;
    if (claim->has_tag && (claim->serial != shot->serial || claim->tag != shot->tag))
        return KP_DISCARD_COOKIE;
    if (claim->is_error ? claim->checksum != shot->checksum : !claim->has_tag)
        return KP_DISCARD_COOKIE;
    reply->result = claim->is_error ? KP_UNREACHABLE : KP_ANSWERED;
    reply->cause = claim->cause;
    return KP_DISCARD_NONE;
}

const struct kp_probe_ops kp_probe_icmp = {build, match, classify};
