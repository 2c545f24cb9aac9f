/* Addresses as the kernel wants them. */
#ifndef KPD_NET_SOCKADDR_H
#define KPD_NET_SOCKADDR_H

#include "lib/base/addr.h"

#include <netinet/in.h>

union kpd_sockaddr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* AF_INET, AF_INET6, or AF_UNSPEC for no address. */
int kpd_sockaddr_domain(const struct kp_addr *addr);

/* Returns the length for connect and sendmsg; 0: no address. */
socklen_t kpd_sockaddr_make(const struct kp_addr *addr, uint16_t port, union kpd_sockaddr *out);

/* No address where sa is of another family; port may be NULL. */
struct kp_addr kpd_sockaddr_read(const struct sockaddr *sa, uint16_t *port);

/* The address and port fd is bound to. */
struct kp_addr kpd_sockaddr_local(int fd, uint16_t *port);

#endif
