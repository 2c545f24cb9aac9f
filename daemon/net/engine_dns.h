/* DNS probes: a socket each, so that the kernel picks an unpredictable port,
 * lets nobody but the server answer, and matches ICMP errors to it.  They share
 * one epoll instance, of which the loop watches the file descriptor. */
#ifndef KPD_NET_ENGINE_DNS_H
#define KPD_NET_ENGINE_DNS_H

#include "daemon/net/env.h"

struct kpd_dns;

/* NULL: errno says why. */
struct kpd_dns *kpd_dns_new(struct kpd_env *env);
void kpd_dns_free(struct kpd_dns *dns);

int kpd_dns_fd(const struct kpd_dns *dns);

/* Sends msg now; reports sent or failed. */
void kpd_dns_start(struct kpd_dns *dns, const struct kp_send *send, const void *msg,
                   size_t len);

/* Reads what woke us, KPD_WAKE_MAX sockets at most. */
void kpd_dns_wake(struct kpd_dns *dns);

void kpd_dns_release(struct kpd_dns *dns, uint32_t slot, uint32_t serial);

/* As kpd_sock_sweep and kpd_sock_waiting. */
void kpd_dns_sweep(struct kpd_dns *dns, struct kp_mono now);
bool kpd_dns_waiting(const struct kpd_dns *dns, struct kp_mono *since);

#endif
