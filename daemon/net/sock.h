/* A raw socket: packets out in batches with transmit stamps, answers in.  One
 * per protocol and family serves every probe of that kind. */
#ifndef KPD_NET_SOCK_H
#define KPD_NET_SOCK_H

#include "daemon/net/batch.h"
#include "daemon/net/env.h"
#include "daemon/net/stamps.h"

struct kpd_sock;

/* Opens and filters it; env and batch outlive it.  0 or errno. */
int kpd_sock_open(struct kpd_env *env, struct kpd_batch *batch, enum kp_probe_type type,
                  enum kp_family family, struct kpd_sock **out);
void kpd_sock_free(struct kpd_sock *sock);

int kpd_sock_fd(const struct kpd_sock *sock);

/* As kpd_net_reserve and kpd_net_commit. */
struct kp_wr kpd_sock_reserve(struct kpd_sock *sock);
void kpd_sock_commit(struct kpd_sock *sock, const struct kp_send *send,
                     const struct kpd_pin *pin, size_t len);

/* Sends what is queued and reads the stamps that are there already. */
void kpd_sock_flush(struct kpd_sock *sock);

/* Reads what woke us: stamps first, so that a send time is known before its
 * reply; then at most KPD_WAKE_MAX packets. */
void kpd_sock_wake(struct kpd_sock *sock);

/* Gives up on stamps that are overdue: those packets were dropped here. */
void kpd_sock_sweep(struct kpd_sock *sock, struct kp_mono now);

/* When the oldest send left whose stamp is still to come; false: none. */
bool kpd_sock_waiting(const struct kpd_sock *sock, struct kp_mono *since);

#endif
