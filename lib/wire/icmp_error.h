/* ICMP types, and what the codes of ICMP errors mean to us. */
#ifndef KP_WIRE_ICMP_ERROR_H
#define KP_WIRE_ICMP_ERROR_H

#include "lib/base/vocab.h"

#include <stdint.h>

enum kp_icmp_type {
    KP_ICMP4_ECHO_REPLY = 0,
    KP_ICMP4_ECHO = 8,
    KP_ICMP6_ECHO = 128,
    KP_ICMP6_ECHO_REPLY = 129,
};

/* Why the error says a packet was not delivered: ICMPv4 destination unreachable,
 * time exceeded and parameter problem (RFC 792, RFC 1122 section 3.2.2.1,
 * RFC 1812 section 5.2.7.1).  KP_CAUSE_NONE: no error we listen to. */
enum kp_cause kp_icmp4_cause(uint8_t type, uint8_t code);

/* The same for ICMPv6 (RFC 4443 section 3). */
enum kp_cause kp_icmp6_cause(uint8_t type, uint8_t code);

#endif
