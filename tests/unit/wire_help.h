/* Packets for the tests of the wire wing: what hosts and routers send back. */
#ifndef KP_TESTS_WIRE_HELP_H
#define KP_TESTS_WIRE_HELP_H

#include "lib/wire/cookie.h"
#include "lib/wire/pkt_ip.h"
#include "lib/wire/probe_dns.h"

enum { PACKET_MAX = 2048 };

/* A packet with room to grow; help_rx copies it into an exactly sized buffer. */
struct packet {
    uint8_t bytes[PACKET_MAX];
    size_t len;
};

/* One start of the daemon, with a fixed key. */
struct kp_wire help_wire(void);

/* Our own address of the family of a. */
struct kp_addr help_us(const struct kp_addr *a);
struct kp_addr help_addr(const char *text);

/* A probe of `type` to `to` with all its cookies; dns needs a query. */
struct kp_shot help_shot(const struct kp_wire *wire, enum kp_probe_type type, const char *to,
                         uint32_t serial, const struct kp_dns_query *query);

/* The probe as it leaves: transport packet, with the kernel's checksums. */
struct packet help_probe(const struct kp_wire *wire, enum kp_probe_type type,
                         const struct kp_shot *shot);

/* body in an IPv4 or IPv6 packet; ip: whether IPv6 gets its header too (quotes do,
 * raw sockets do not deliver it). */
struct packet help_ip(const struct kp_addr *src, const struct kp_addr *dst, uint8_t protocol,
                      const struct packet *body, bool ip);

/* Raw-socket packets: the answer of shot's destination.  flags: TCP's; dns: the
 * header's second word. */
struct packet help_icmp_reply(const struct kp_wire *wire, const struct kp_shot *shot);
struct packet help_tcp_reply(const struct kp_shot *shot, uint8_t flags);
struct packet help_dns_reply(const struct kp_wire *wire, const struct kp_shot *shot,
                             uint16_t flags);

/* An ICMP error by `router` that quotes at most quoted bytes of the transport. */
struct packet help_error(const struct kp_wire *wire, enum kp_probe_type type,
                         const struct kp_shot *shot, const char *router, uint8_t icmp_type,
                         uint8_t code, size_t quoted);

/* Makes the transport checksum of an IPv4 ICMP or TCP packet right again. */
void help_fix_checksum(struct packet *p);

/* match and classify, as core does it, from an exactly sized heap copy. */
enum kp_discard help_judge(const struct kp_wire *wire, enum kp_probe_type socket,
                           const struct kp_addr *from, const struct packet *p,
                           const struct kp_shot *shot, struct kp_reply *reply);

#endif
