#include "daemon/net/raw.h"

#include "daemon/systemd.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BARRIER_US 5000000 /* until the manager has taken them */

static const struct kind {
    int domain, protocol;
} kinds[] = {{AF_INET, IPPROTO_ICMP},
             {AF_INET6, IPPROTO_ICMPV6},
             {AF_INET, IPPROTO_TCP},
             {AF_INET6, IPPROTO_TCP}};
#define KINDS (sizeof kinds / sizeof kinds[0])

static int option_of(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static int take_inherited(int domain, int protocol)
{
    int count = sd_listen_fds(0);
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++) {
        if (option_of(fd, SO_TYPE) != SOCK_RAW || option_of(fd, SO_DOMAIN) != domain ||
            option_of(fd, SO_PROTOCOL) != protocol)
            continue;
        return fd;
    }
    return -1;
}

int kpd_raw_open(int domain, int protocol)
{
    int fd = take_inherited(domain, protocol);
    return fd >= 0 ? fd : socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static bool hand_over(const int *fds, unsigned count, char *why)
{
    /* Those of the start before are of no more use. */
    int rc = sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=raw");
    if (rc > 0)
        rc = sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=raw\nFDPOLL=0", fds, count);
    if (rc > 0)
        rc = sd_notify_barrier(0, BARRIER_US);
    if (rc == 0)
        snprintf(why, 256, "there is no service manager to leave the sockets with");
    else if (rc < 0)
        snprintf(why, 256, "the service manager does not take the sockets: %s", strerror(-rc));
    return rc > 0;
}

bool kpd_raw_store(char *why)
{
    int fds[KINDS];
    unsigned count = 0;
    bool done = true;
    for (size_t i = 0; done && i < KINDS; i++) {
        int fd =
            socket(kinds[i].domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, kinds[i].protocol);
        if (fd >= 0)
            fds[count++] = fd;
        else if (errno != EAFNOSUPPORT) {
            snprintf(why, 256, "cannot open a raw socket: %s", strerror(errno));
            done = false;
        }
    }
    done = done && hand_over(fds, count, why);
    while (count > 0)
        close(fds[--count]);
    return done;
}
