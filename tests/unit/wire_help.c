#include "tests/unit/wire_help.h"

#include <stdlib.h>
#include <string.h>

/* Unlike assert also where NDEBUG is set. */
static void need(bool ok)
{
    if (!ok)
        abort();
}

struct kp_wire help_wire(void)
{
    struct kp_wire wire = {.word = 0x6b707764,
                           .icmp_id = 0x4a3b,
                           .port_min = 61000,
                           .port_max = 64999,
                           .contact = "kpwatchd test, see https://example.net/"};
    for (uint8_t i = 0; i < sizeof wire.key.bytes; i++)
        wire.key.bytes[i] = (uint8_t)(0xa0 + 7 * i);
    return wire;
}

struct kp_addr help_addr(const char *text)
{
    struct kp_addr a = {0};
    enum kp_err err = kp_addr_parse(text, &a);
    need(err == KP_OK);
    return a;
}

struct kp_addr help_us(const struct kp_addr *a)
{
    return help_addr(a->family == KP_IPV4 ? "198.18.0.1" : "2001:2::1");
}

struct kp_shot help_shot(const struct kp_wire *wire, enum kp_probe_type type, const char *to,
                         uint32_t serial, const struct kp_dns_query *query)
{
    struct kp_shot shot = {.dst = help_addr(to), .size = 56, .query = query};
    if (type != KP_PROBE_ICMP)
        shot.dport = type == KP_PROBE_DNS ? 53 : 443;
    shot.sport = 45678; /* of the DNS socket; the others are keyed */
    kp_cookie_make(wire, type, 3, 0, serial, &shot);
    return shot;
}

static void put16(struct packet *p, size_t at, uint16_t v)
{
    struct kp_wr w = kp_wr_init(p->bytes + at, 2);
    kp_wr_u16(&w, v);
}

static struct packet copy_of(const void *bytes, size_t len)
{
    struct packet p = {.len = len};
    need(len <= sizeof p.bytes);
    memcpy(p.bytes, bytes, len);
    return p;
}

struct packet help_probe(const struct kp_wire *wire, enum kp_probe_type type,
                         const struct kp_shot *shot)
{
    struct packet p = {0};
    struct kp_addr us = help_us(&shot->dst);
    struct kp_wr w = kp_wr_init(p.bytes, sizeof p.bytes);
    enum kp_err err = kp_probe_ops(type)->build(wire, shot, &us, &w);
    need(err == KP_OK);
    p.len = sizeof p.bytes - w.left;
    if (type == KP_PROBE_DNS) {
        struct packet udp = {.len = p.len + 8};
        put16(&udp, 0, shot->sport);
        put16(&udp, 2, shot->dport);
        put16(&udp, 4, (uint16_t)udp.len);
        memcpy(udp.bytes + 8, p.bytes, p.len);
        return udp;
    }
    if (shot->dst.family == KP_IPV6) {
        uint8_t protocol = type == KP_PROBE_ICMP ? KP_IP_ICMP6 : KP_IP_TCP;
        uint32_t sum = kp_ip_pseudo_sum(&us, &shot->dst, protocol, p.len);
        put16(&p, type == KP_PROBE_ICMP ? 2 : 16,
              kp_csum_finish(kp_csum_add(sum, p.bytes, p.len)));
    }
    return p;
}

static void write_ip4(struct kp_wr *w, const struct kp_addr *src, const struct kp_addr *dst,
                      uint8_t protocol, size_t len)
{
    kp_wr_u16(w, 0x4500);
    kp_wr_u16(w, (uint16_t)(20 + len));
    kp_wr_u16(w, 0x1234);
    kp_wr_u16(w, 0x4000); /* DF */
    kp_wr_u8(w, 44);
    kp_wr_u8(w, protocol);
    kp_wr_u16(w, 0); /* nobody checks it behind the kernel */
    kp_wr_bytes(w, src->bytes, 4);
    kp_wr_bytes(w, dst->bytes, 4);
}

static void write_ip6(struct kp_wr *w, const struct kp_addr *src, const struct kp_addr *dst,
                      uint8_t protocol, size_t len)
{
    kp_wr_u32(w, 0x60000000);
    kp_wr_u16(w, (uint16_t)len);
    kp_wr_u8(w, protocol);
    kp_wr_u8(w, 1);
    kp_wr_bytes(w, src->bytes, 16);
    kp_wr_bytes(w, dst->bytes, 16);
}

struct packet help_ip(const struct kp_addr *src, const struct kp_addr *dst, uint8_t protocol,
                      const struct packet *body, bool ip)
{
    struct packet p = {0};
    struct kp_wr w = kp_wr_init(p.bytes, sizeof p.bytes);
    if (src->family == KP_IPV4)
        write_ip4(&w, src, dst, protocol, body->len);
    else if (ip)
        write_ip6(&w, src, dst, protocol, body->len);
    kp_wr_bytes(&w, body->bytes, body->len);
    need(!w.bad);
    p.len = sizeof p.bytes - w.left;
    return p;
}

void help_fix_checksum(struct packet *p)
{
    struct kp_ip ip;
    if (kp_ip4_parse(p->bytes, p->len, &ip) != KP_OK || ip.len < 20)
        return;
    size_t body = (size_t)(ip.body - p->bytes);
    size_t at = body + (ip.protocol == KP_IP_TCP ? 16 : 2);
    put16(p, at, 0);
    uint32_t sum =
        ip.protocol == KP_IP_TCP ? kp_ip_pseudo_sum(&ip.src, &ip.dst, KP_IP_TCP, ip.len) : 0;
    put16(p, at, kp_csum_finish(kp_csum_add(sum, ip.body, ip.len)));
}

static struct packet arrive(const struct kp_addr *from, uint8_t protocol,
                            const struct packet *body)
{
    struct kp_addr us = help_us(from);
    struct packet p = help_ip(from, &us, protocol, body, false);
    if (from->family == KP_IPV4)
        help_fix_checksum(&p);
    return p;
}

struct packet help_icmp_reply(const struct kp_wire *wire, const struct kp_shot *shot)
{
    struct packet echo = help_probe(wire, KP_PROBE_ICMP, shot);
    bool v4 = shot->dst.family == KP_IPV4;
    echo.bytes[0] = v4 ? 0 : 129;
    return arrive(&shot->dst, v4 ? KP_IP_ICMP4 : KP_IP_ICMP6, &echo);
}

struct packet help_tcp_reply(const struct kp_shot *shot, uint8_t flags)
{
    struct packet tcp = {0};
    struct kp_wr w = kp_wr_init(tcp.bytes, sizeof tcp.bytes);
    kp_wr_u16(&w, shot->dport);
    kp_wr_u16(&w, shot->sport);
    kp_wr_u32(&w, 0x01020304);
    kp_wr_u32(&w, shot->seq + 1);
    kp_wr_u8(&w, 0x60);
    kp_wr_u8(&w, flags);
    kp_wr_u16(&w, 65535);
    kp_wr_u32(&w, 0);
    kp_wr_u32(&w, 0x020405b4);
    tcp.len = sizeof tcp.bytes - w.left;
    return arrive(&shot->dst, KP_IP_TCP, &tcp);
}

struct packet help_dns_reply(const struct kp_wire *wire, const struct kp_shot *shot,
                             uint16_t flags)
{
    struct packet udp = help_probe(wire, KP_PROBE_DNS, shot);
    struct packet p = copy_of(udp.bytes + 8, udp.len - 8);
    put16(&p, 2, flags);
    return p;
}

struct packet help_error(const struct kp_wire *wire, enum kp_probe_type type,
                         const struct kp_shot *shot, const char *router, uint8_t icmp_type,
                         uint8_t code, size_t quoted)
{
    static const uint8_t protocols[2][KP_PROBE_COUNT] = {{KP_IP_ICMP4, KP_IP_TCP, KP_IP_UDP},
                                                         {KP_IP_ICMP6, KP_IP_TCP, KP_IP_UDP}};
    bool v6 = shot->dst.family == KP_IPV6;
    struct kp_addr us = help_us(&shot->dst);
    struct packet probe = help_probe(wire, type, shot);
    struct packet inner = help_ip(&us, &shot->dst, protocols[v6][type], &probe, true);
    size_t header = v6 ? 40 : 20;
    if (inner.len > header + quoted)
        inner.len = header + quoted;
    struct packet error = {.bytes = {icmp_type, code}, .len = 8 + inner.len};
    memcpy(error.bytes + 8, inner.bytes, inner.len);
    struct kp_addr from = help_addr(router);
    return arrive(&from, v6 ? KP_IP_ICMP6 : KP_IP_ICMP4, &error);
}

enum kp_discard help_judge(const struct kp_wire *wire, enum kp_probe_type socket,
                           const struct kp_addr *from, const struct packet *p,
                           const struct kp_shot *shot, struct kp_reply *reply)
{
    uint8_t *exact = malloc(p->len > 0 ? p->len : 1);
    need(exact != NULL);
    memcpy(exact, p->bytes, p->len);
    struct kp_rx rx = {.type = socket, .src = *from, .bytes = exact, .len = p->len};
    rx.ttl = from->family == KP_IPV6 ? 44 : 0;
    if (socket == KP_PROBE_DNS) {
        rx.rport = shot->dport;
        rx.lport = shot->sport;
    }
    struct kp_claim claim;
    *reply = (struct kp_reply){0};
    enum kp_discard why = kp_probe_ops(socket)->match(wire, &rx, &claim);
    if (why == KP_DISCARD_NONE)
        why = kp_probe_ops(claim.type)->classify(wire, shot, &claim, reply);
    free(exact);
    return why;
}
