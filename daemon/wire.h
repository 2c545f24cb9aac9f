/* The secrets and constants of one start: fresh randomness, and TCP source ports
 * the kernel gives to nobody else. */
#ifndef KPD_WIRE_H
#define KPD_WIRE_H

#include "lib/conf/conf.h"
#include "lib/wire/probe.h"

/* false: why (256 bytes) says what is wrong. */
bool kpd_wire_init(const struct kp_conf *conf, struct kp_wire *wire, struct kp_key *seed,
                   char *why);

#endif
