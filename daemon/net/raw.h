/* Where raw sockets come from: the service manager, which keeps those that a run of
 * kpwatchd -R opened for it (sd_pid_notify_with_fds(3)), or the kernel. */
#ifndef KPD_NET_RAW_H
#define KPD_NET_RAW_H

#include <stdbool.h>

/* A raw socket of this domain and protocol, non-blocking and closed on exec; to be
 * asked for once.  Of what is handed down only what has our name is taken: a run that
 * was broken into may have stored others.  -1: errno; without one handed down it needs
 * CAP_NET_RAW. */
int kpd_raw_open(int domain, int protocol);

/* Opens one of every kind the machine has and leaves them with the service manager
 * for the start that follows.  false: why (256 bytes) says what failed. */
bool kpd_raw_store(char *why);

#endif
