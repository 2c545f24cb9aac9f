/* Keyed reply proof.  Everything an off-path forger would have to guess comes
 * from SipHash under this start's key (HOSTILE: "must never" 4 and 5). */
#ifndef KP_WIRE_COOKIE_H
#define KP_WIRE_COOKIE_H

#include "lib/wire/probe.h"

/* Fills sport, seq, serial, tag and checksum of shot; dst, dport and size are set.
 * serial: unique per probe of this start; item and flow: probes of one item with
 * the same flow number share the fields routers hash for load balancing (TCP
 * source port, ICMP checksum), so they travel along one path (Augustin et al.,
 * "Avoiding traceroute anomalies with Paris traceroute", IMC 2006). */
void kp_cookie_make(const struct kp_wire *wire, enum kp_probe_type type, uint32_t item,
                    uint32_t flow, uint32_t serial, struct kp_shot *shot);

/* The ICMP payload tag for these fields; what kp_cookie_make puts into tag.
 * Recomputable without a slot, so a very late reply is told from a forged one. */
uint64_t kp_cookie_icmp_tag(const struct kp_wire *wire, const struct kp_addr *dst,
                            uint32_t serial);

#endif
