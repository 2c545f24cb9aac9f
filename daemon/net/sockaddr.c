#include "daemon/net/sockaddr.h"

#include <string.h>
#include <sys/socket.h>

int kpd_sockaddr_domain(const struct kp_addr *addr)
{
    if (addr->family == KP_IPV4)
        return AF_INET;
    return addr->family == KP_IPV6 ? AF_INET6 : AF_UNSPEC;
}

socklen_t kpd_sockaddr_make(const struct kp_addr *addr, uint16_t port, union kpd_sockaddr *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == KP_IPV4) {
        out->in.sin_family = AF_INET;
        out->in.sin_port = htons(port);
        memcpy(&out->in.sin_addr, addr->bytes, sizeof out->in.sin_addr);
        return sizeof out->in;
    }
    if (addr->family != KP_IPV6)
        return 0;
    out->in6.sin6_family = AF_INET6;
    out->in6.sin6_port = htons(port);
    memcpy(&out->in6.sin6_addr, addr->bytes, sizeof out->in6.sin6_addr);
    return sizeof out->in6;
}

struct kp_addr kpd_sockaddr_read(const struct sockaddr *sa, uint16_t *port)
{
    struct kp_addr addr = {0};
    uint16_t found = 0;
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        addr.family = KP_IPV4;
        memcpy(addr.bytes, &in.sin_addr, sizeof in.sin_addr);
        found = ntohs(in.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        addr.family = KP_IPV6;
        memcpy(addr.bytes, &in6.sin6_addr, sizeof in6.sin6_addr);
        found = ntohs(in6.sin6_port);
    }
    if (port)
        *port = found;
    return addr;
}

struct kp_addr kpd_sockaddr_local(int fd, uint16_t *port)
{
    union kpd_sockaddr sa = {0};
    socklen_t len = sizeof sa;
    if (getsockname(fd, &sa.sa, &len) != 0)
        sa.sa.sa_family = AF_UNSPEC;
    return kpd_sockaddr_read(&sa.sa, port);
}
