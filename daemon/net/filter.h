/* Classic BPF programs in front of the raw sockets: a raw socket hears what
 * anyone on the Internet sends us, so the kernel throws away whatever cannot be
 * an answer to this start of the daemon before it costs us anything. */
#ifndef KPD_NET_FILTER_H
#define KPD_NET_FILTER_H

#include "lib/wire/probe.h"

/* Each replaces the filter of fd; 0 or errno. */

/* Nothing passes: for the moment between socket() and the real filter. */
int kpd_filter_nothing(int fd);

/* Echo replies with our identifier and word; errors that quote an echo request
 * with our identifier or TCP from our ports. */
int kpd_filter_icmp(int fd, enum kp_family family, const struct kp_wire *wire);

/* RST and SYN/ACK to our ports. */
int kpd_filter_tcp(int fd, enum kp_family family, const struct kp_wire *wire);

#endif
