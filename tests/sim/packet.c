#include "tests/sim/packet.h"

#include "lib/wire/icmp_error.h"
#include "lib/wire/pkt_ip.h"

#include <string.h>

enum { IP4_HEADER = 20, CHECKSUM_ICMP = 2, CHECKSUM_TCP = 16, UDP_HEADER = 8 };

struct kp_addr packet_us(const struct kp_addr *dst)
{
    struct kp_addr us = {0};
    (void)kp_addr_parse(dst->family == KP_IPV4 ? "203.0.113.10" : "2001:db8::10", &us);
    return us;
}

static void put16(uint8_t *at, uint16_t v)
{
    struct kp_wr w = kp_wr_init(at, 2);
    kp_wr_u16(&w, v);
}

static void write_ip4(struct kp_wr *w, const struct kp_addr *src, const struct kp_addr *dst,
                      uint8_t protocol, uint8_t ttl, size_t len)
{
    kp_wr_u16(w, 0x4500);
    kp_wr_u16(w, (uint16_t)(IP4_HEADER + len));
    kp_wr_u16(w, 0x1234);
    kp_wr_u16(w, 0x4000); /* DF */
    kp_wr_u8(w, ttl);
    kp_wr_u8(w, protocol);
    kp_wr_u16(w, 0); /* the kernel has looked at it */
    kp_wr_bytes(w, src->bytes, 4);
    kp_wr_bytes(w, dst->bytes, 4);
}

static void write_ip6(struct kp_wr *w, const struct kp_addr *src, const struct kp_addr *dst,
                      uint8_t protocol, uint8_t ttl, size_t len)
{
    kp_wr_u32(w, 0x60000000);
    kp_wr_u16(w, (uint16_t)len);
    kp_wr_u8(w, protocol);
    kp_wr_u8(w, ttl);
    kp_wr_bytes(w, src->bytes, 16);
    kp_wr_bytes(w, dst->bytes, 16);
}

/* Makes the checksum at this offset right; IPv4 ICMP has no pseudo header. */
static void seal(uint8_t *body, size_t len, size_t at, const struct kp_addr *src,
                 const struct kp_addr *dst, uint8_t protocol)
{
    put16(body + at, 0);
    uint32_t sum = protocol == KP_IP_ICMP4 ? 0 : kp_ip_pseudo_sum(src, dst, protocol, len);
    put16(body + at, kp_csum_finish(kp_csum_add(sum, body, len)));
}

/* From `from` to us: behind an IP header for IPv4, bare for IPv6. */
static void deliver(const struct kp_addr *from, const struct kp_addr *us, uint8_t protocol,
                    uint8_t ttl, struct packet *body, struct packet *out)
{
    struct kp_wr w = kp_wr_init(out->bytes, sizeof out->bytes);
    size_t at = protocol == KP_IP_TCP ? CHECKSUM_TCP : CHECKSUM_ICMP;
    seal(body->bytes, body->len, at, from, us, protocol);
    if (from->family == KP_IPV4)
        write_ip4(&w, from, us, protocol, ttl, body->len);
    kp_wr_bytes(&w, body->bytes, body->len);
    out->len = sizeof out->bytes - w.left;
}

static uint8_t icmp_protocol(const struct kp_addr *a)
{
    return a->family == KP_IPV4 ? KP_IP_ICMP4 : KP_IP_ICMP6;
}

void packet_echo_reply(const struct probe *probe, uint8_t ttl, struct packet *out)
{
    struct packet body = probe->body;
    body.bytes[0] = probe->dst.family == KP_IPV4 ? KP_ICMP4_ECHO_REPLY : KP_ICMP6_ECHO_REPLY;
    deliver(&probe->dst, &probe->src, icmp_protocol(&probe->dst), ttl, &body, out);
}

void packet_tcp_reply(const struct probe *probe, bool refuse, uint8_t ttl, struct packet *out)
{
    struct packet body;
    struct kp_rd syn = kp_rd_init(probe->body.bytes, probe->body.len);
    struct kp_wr w = kp_wr_init(body.bytes, sizeof body.bytes);
    uint16_t sport = kp_rd_u16(&syn);
    uint16_t dport = kp_rd_u16(&syn);
    uint32_t seq = kp_rd_u32(&syn);
    kp_wr_u16(&w, dport);
    kp_wr_u16(&w, sport);
    kp_wr_u32(&w, refuse ? 0 : 0x01020304);
    kp_wr_u32(&w, seq + 1);
    kp_wr_u8(&w, 0x50);
    kp_wr_u8(&w, refuse ? 0x14 : 0x12); /* RST|ACK, SYN|ACK */
    kp_wr_u16(&w, refuse ? 0 : 65535);
    kp_wr_u32(&w, 0);
    body.len = sizeof body.bytes - w.left;
    deliver(&probe->dst, &probe->src, KP_IP_TCP, ttl, &body, out);
}

void packet_dns_reply(const struct probe *probe, bool refuse, uint32_t serial,
                      struct packet *out)
{
    *out = probe->body;
    put16(out->bytes + 2, refuse ? 0x8002 : 0x8400); /* QR with SERVFAIL, or with AA */
    if (refuse)
        return;
    put16(out->bytes + 6, 1);
    struct kp_wr w = kp_wr_init(out->bytes + out->len, sizeof out->bytes - out->len);
    kp_wr_u16(&w, 0xc00c); /* the question's name */
    kp_wr_u16(&w, 6);      /* SOA */
    kp_wr_u16(&w, 1);
    kp_wr_u32(&w, 3600);
    kp_wr_u16(&w, 22);
    kp_wr_u16(&w, 0); /* both names are the root */
    kp_wr_u32(&w, serial);
    kp_wr_fill(&w, 1, 16);
    out->len = sizeof out->bytes - w.left;
}

static uint8_t protocol_of(const struct probe *probe)
{
    if (probe->type == KP_PROBE_ICMP)
        return icmp_protocol(&probe->dst);
    return probe->type == KP_PROBE_TCP_SYN ? KP_IP_TCP : KP_IP_UDP;
}

/* The probe's transport packet as it was on the wire. */
static void on_the_wire(const struct probe *probe, struct packet *out)
{
    *out = probe->body;
    if (probe->type == KP_PROBE_DNS) {
        out->len = probe->body.len + UDP_HEADER;
        put16(out->bytes, probe->sport);
        put16(out->bytes + 2, probe->dport);
        put16(out->bytes + 4, (uint16_t)out->len);
        put16(out->bytes + 6, 0);
        memcpy(out->bytes + UDP_HEADER, probe->body.bytes, probe->body.len);
    } else if (probe->dst.family == KP_IPV6) { /* the kernel's checksum */
        bool tcp = probe->type == KP_PROBE_TCP_SYN;
        seal(out->bytes, out->len, tcp ? CHECKSUM_TCP : CHECKSUM_ICMP, &probe->src, &probe->dst,
             protocol_of(probe));
    }
}

static void error(const struct probe *probe, const struct kp_addr *from, uint8_t type,
                  uint8_t code, uint8_t ttl, size_t quoted, struct packet *out)
{
    struct packet wire;
    struct packet body;
    on_the_wire(probe, &wire);
    struct kp_wr w = kp_wr_init(body.bytes, sizeof body.bytes);
    kp_wr_u8(&w, type);
    kp_wr_u8(&w, code);
    kp_wr_u16(&w, 0);
    kp_wr_u32(&w, 0);
    if (probe->dst.family == KP_IPV4)
        write_ip4(&w, &probe->src, &probe->dst, protocol_of(probe), 1, wire.len);
    else
        write_ip6(&w, &probe->src, &probe->dst, protocol_of(probe), 1, wire.len);
    kp_wr_bytes(&w, wire.bytes, wire.len < quoted ? wire.len : quoted);
    body.len = sizeof body.bytes - w.left;
    deliver(from, &probe->src, icmp_protocol(from), ttl, &body, out);
}

void packet_time_exceeded(const struct probe *probe, const struct kp_addr *from, uint8_t ttl,
                          size_t quoted, struct packet *out)
{
    uint8_t type = probe->dst.family == KP_IPV4 ? 11 : 3;
    error(probe, from, type, 0, ttl, quoted, out);
}

void packet_unreachable(const struct probe *probe, const struct kp_addr *from, uint8_t code,
                        uint8_t ttl, struct packet *out)
{
    uint8_t type = probe->dst.family == KP_IPV4 ? 3 : 1;
    error(probe, from, type, code, ttl, 64, out);
}
