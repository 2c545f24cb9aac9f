#include "daemon/listen.h"

#include "daemon/systemd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

/* Those are for daemon/net/raw.c. */
static bool is_raw(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_RAW;
}

bool kpd_listen_inherited(const char *path, int *fd, char why[KPD_LISTEN_WHY])
{
    int end = SD_LISTEN_FDS_START + sd_listen_fds(1);
    int first = SD_LISTEN_FDS_START;
    *fd = -1;
    why[0] = '\0';
    while (first < end && is_raw(first))
        first++;
    if (first >= end)
        return true;
    if (sd_is_socket_unix(first, SOCK_STREAM, 1, NULL, 0) <= 0) {
        snprintf(why, KPD_LISTEN_WHY,
                 "socket activation must hand down one listening Unix stream socket");
        return false;
    }
    if (sd_is_socket_unix(first, SOCK_STREAM, 1, path, 0) <= 0)
        snprintf(why, KPD_LISTEN_WHY,
                 "the control socket is where kpwatchd.socket put it, not at %.128s "
                 "(control.socket)",
                 path);
    *fd = first;
    return fcntl(first, F_SETFL, fcntl(first, F_GETFL) | O_NONBLOCK) == 0;
}
