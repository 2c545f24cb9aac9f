#include "daemon/net/raw.h"

#include "daemon/systemd.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool is_kind(int fd, int domain, int protocol)
{
    return option_of(fd, SO_TYPE) == SOCK_RAW && option_of(fd, SO_DOMAIN) == domain &&
           option_of(fd, SO_PROTOCOL) == protocol;
}

static int take_inherited(int domain, int protocol)
{
    char **names = NULL;
    int found = -1;
    int count = sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < count; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        if (found < 0 && strcmp(names[i], KPD_FD_RAW) == 0 && is_kind(fd, domain, protocol))
            found = fd;
        free(names[i]);
    }
    free(names);
    return found;
}

int kpd_raw_open(int domain, int protocol)
{
    int fd = take_inherited(domain, protocol);
    return fd >= 0 ? fd : socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static bool hand_over(const int *fds, unsigned count, char *why)
{
    /* Those of the start before are of no more use; and whatever a run stored under
     * the names of the control socket was never that. */
    int rc = sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" KPD_FD_RAW);
    if (rc > 0)
        rc = sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" KPD_FD_CONTROL);
    if (rc > 0)
        rc = sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" KPD_FD_NAMELESS);
    if (rc > 0)
        rc = sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" KPD_FD_RAW "\nFDPOLL=0", fds,
                                    count);
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
