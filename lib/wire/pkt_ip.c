#include "lib/wire/pkt_ip.h"

#include <string.h>

enum {
    IP4_HEADER = 20,
    IP4_MORE_OR_OFFSET = 0x3fff, /* the MF bit and the fragment offset */
    QUOTED_TRANSPORT = 8,        /* what every ICMP error quotes at least */
};

static struct kp_addr read_addr(struct kp_rd *r, enum kp_family family)
{
    struct kp_addr a = {.family = (uint8_t)family};
    const uint8_t *at = kp_rd_bytes(r, kp_addr_len(&a));
    if (at != NULL)
        memcpy(a.bytes, at, kp_addr_len(&a));
    return a;
}

/* Reads an IPv4 header with its options and leaves r behind it.  claimed is the
 * total length less the header, 0 where it does not even cover the header. */
static enum kp_err read_ip4(struct kp_rd *r, struct kp_ip *out)
{
    uint8_t first = kp_rd_u8(r);
    (void)kp_rd_u8(r); /* type of service */
    uint16_t total = kp_rd_u16(r);
    (void)kp_rd_u16(r); /* identification */
    uint16_t fragment = kp_rd_u16(r);
    out->ttl = kp_rd_u8(r);
    out->protocol = kp_rd_u8(r);
    (void)kp_rd_u16(r); /* checksum: the kernel's; stale in quotes */
    out->src = read_addr(r, KP_IPV4);
    out->dst = read_addr(r, KP_IPV4);
    if (r->bad)
        return KP_ERR_SHORT;
    uint16_t header = (uint16_t)((first & 0x0f) * 4);
    if (first >> 4 != 4 || header < IP4_HEADER || (fragment & IP4_MORE_OR_OFFSET) != 0)
        return KP_ERR_MALFORMED;
    if (kp_rd_bytes(r, (size_t)header - IP4_HEADER) == NULL)
        return KP_ERR_SHORT;
    out->claimed = total > header ? (uint16_t)(total - header) : 0;
    return total < header ? KP_ERR_RANGE : KP_OK;
}

enum kp_err kp_ip4_parse(const uint8_t *bytes, size_t len, struct kp_ip *out)
{
    struct kp_rd r = kp_rd_init(bytes, len);
    *out = (struct kp_ip){0};
    enum kp_err err = read_ip4(&r, out);
    if (err != KP_OK)
        return err == KP_ERR_RANGE ? KP_ERR_MALFORMED : err;
    out->len = out->claimed;
    out->body = kp_rd_bytes(&r, out->claimed);
    return r.bad ? KP_ERR_SHORT : KP_OK;
}

/* Reads the fixed IPv6 header (RFC 8200 section 3).  Our probes never carry
 * extension headers, so a quote that has some is not of ours. */
static enum kp_err read_ip6(struct kp_rd *r, struct kp_ip *out)
{
    uint32_t first = kp_rd_u32(r);
    out->claimed = kp_rd_u16(r);
    out->protocol = kp_rd_u8(r);
    out->ttl = kp_rd_u8(r);
    out->src = read_addr(r, KP_IPV6);
    out->dst = read_addr(r, KP_IPV6);
    if (r->bad)
        return KP_ERR_SHORT;
    return first >> 28 == 6 ? KP_OK : KP_ERR_MALFORMED;
}

enum kp_err kp_ip_quote_parse(enum kp_family family, const uint8_t *bytes, size_t len,
                              struct kp_ip *out)
{
    struct kp_rd r = kp_rd_init(bytes, len);
    *out = (struct kp_ip){0};
    enum kp_err err = family == KP_IPV4 ? read_ip4(&r, out) : read_ip6(&r, out);
    /* Some stacks quote a total length they have byte-swapped or shortened; it
     * only ever limits how much of the quote is believed. */
    if (err != KP_OK && err != KP_ERR_RANGE)
        return err;
    size_t most = out->claimed < QUOTED_TRANSPORT ? QUOTED_TRANSPORT : out->claimed;
    out->len = r.left < most ? r.left : most;
    out->body = kp_rd_bytes(&r, out->len);
    return out->len < QUOTED_TRANSPORT ? KP_ERR_SHORT : KP_OK;
}

enum kp_discard kp_ip_open(const struct kp_rx *rx, uint8_t protocol, struct kp_ip *out)
{
    if (rx->src.family != KP_IPV4) {
        *out = (struct kp_ip){.src = rx->src,
                              .protocol = protocol,
                              .ttl = rx->ttl,
                              .body = rx->bytes,
                              .len = rx->len};
        return KP_DISCARD_NONE;
    }
    if (kp_ip4_parse(rx->bytes, rx->len, out) != KP_OK)
        return KP_DISCARD_MALFORMED;
    if (!kp_addr_equal(&out->src, &rx->src))
        return KP_DISCARD_SOURCE;
    return out->protocol == protocol ? KP_DISCARD_NONE : KP_DISCARD_COOKIE;
}

uint32_t kp_ip_pseudo_sum(const struct kp_addr *src, const struct kp_addr *dst,
                          uint8_t protocol, size_t len)
{
    uint8_t tail[6];
    struct kp_wr w = kp_wr_init(tail, sizeof tail);
    kp_wr_u32(&w, (uint32_t)len);
    kp_wr_u16(&w, protocol);
    uint32_t sum = kp_csum_add(0, src->bytes, kp_addr_len(src));
    sum = kp_csum_add(sum, dst->bytes, kp_addr_len(dst));
    return kp_csum_add(sum, tail, sizeof tail);
}
