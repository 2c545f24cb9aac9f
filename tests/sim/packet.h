/* The bytes that hosts and routers send back, as a raw socket delivers them. */
#ifndef KP_SIM_PACKET_H
#define KP_SIM_PACKET_H

#include "lib/wire/probe.h"

enum { PACKET_MAX = 2048 };

struct packet {
    uint8_t bytes[PACKET_MAX];
    size_t len;
};

/* One of our probes on its way. */
struct probe {
    enum kp_probe_type type;
    struct kp_addr src, dst;
    uint16_t sport, dport; /* dns: of the socket */
    struct packet body;    /* as kp_core_build wrote it */
};

/* The address we send from. */
struct kp_addr packet_us(const struct kp_addr *dst);

void packet_echo_reply(const struct probe *probe, uint8_t ttl, struct packet *out);
/* RST instead of SYN/ACK where refuse is set. */
void packet_tcp_reply(const struct probe *probe, bool refuse, uint8_t ttl, struct packet *out);
/* Authoritative, with an SOA record of this serial; or SERVFAIL. */
void packet_dns_reply(const struct probe *probe, bool refuse, uint32_t serial,
                      struct packet *out);

/* Time exceeded in transit, or destination unreachable with this code of its
 * family, sent by `from`; quotes the probe, at most `quoted` bytes of transport. */
void packet_time_exceeded(const struct probe *probe, const struct kp_addr *from, uint8_t ttl,
                          size_t quoted, struct packet *out);
void packet_unreachable(const struct probe *probe, const struct kp_addr *from, uint8_t code,
                        uint8_t ttl, struct packet *out);

#endif
