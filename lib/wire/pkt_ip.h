/* IP headers as raw sockets deliver them, and the packets ICMP errors quote.
 * Input is hostile: every length is checked before it is used. */
#ifndef KP_WIRE_PKT_IP_H
#define KP_WIRE_PKT_IP_H

#include "lib/wire/probe.h"

enum kp_ip_protocol {
    KP_IP_ICMP4 = 1,
    KP_IP_TCP = 6,
    KP_IP_UDP = 17,
    KP_IP_ICMP6 = 58,
};

/* One packet and its transport part. */
struct kp_ip {
    struct kp_addr src;
    struct kp_addr dst; /* no address where the kernel kept the header to itself */
    uint8_t protocol;
    uint8_t ttl;         /* hop limit; 0 unknown */
    const uint8_t *body; /* from the transport header on; not owned */
    size_t len;          /* bytes of body that are there */
    uint16_t claimed;    /* quotes: transport bytes the quoted packet says it had */
};

/* Reads an IPv4 packet (RFC 791 section 3.1).  KP_ERR_SHORT where it ends before
 * its total length; KP_ERR_MALFORMED for another version, an impossible header
 * or total length, or a fragment. */
enum kp_err kp_ip4_parse(const uint8_t *bytes, size_t len, struct kp_ip *out);

/* Reads the packet an ICMP error of this family quotes.  At least 8 bytes of its
 * transport header are there (RFC 792; RFC 4443 section 2.4), and no more than
 * it says it had: what follows is padding or an extension (RFC 4884). */
enum kp_err kp_ip_quote_parse(enum kp_family family, const uint8_t *bytes, size_t len,
                              struct kp_ip *out);

/* The transport part of what a raw socket delivered: IPv4 behind its header,
 * IPv6 as it is.  protocol: what the socket is for. */
enum kp_discard kp_ip_open(const struct kp_rx *rx, uint8_t protocol, struct kp_ip *out);

/* The pseudo header's part of a checksum (RFC 9293 section 3.1, RFC 8200
 * section 8.1), for kp_csum_add to go on with. */
uint32_t kp_ip_pseudo_sum(const struct kp_addr *src, const struct kp_addr *dst,
                          uint8_t protocol, size_t len);

#endif
