#include "daemon/listen.h"

#include "daemon/systemd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Those are for daemon/net/raw.c. */
static bool is_raw(int fd, const char *name)
{
    int type = 0;
    socklen_t len = sizeof type;
    return strcmp(name, KPD_FD_RAW) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_RAW;
}

static bool is_ours(const char *name)
{
    return strcmp(name, KPD_FD_CONTROL) == 0 || strcmp(name, KPD_FD_NAMELESS) == 0;
}

/* The first of our name: the manager puts those of the socket unit before those that
 * were stored.  -1: none. */
static int take_inherited(void)
{
    char **names = NULL;
    int found = -1;
    int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        if (found < 0 && is_ours(names[i]))
            found = fd;
        else if (!is_raw(fd, names[i]))
            close(fd);
        free(names[i]);
    }
    free(names);
    return found;
}

bool kpd_listen_inherited(const char *path, int *fd, char why[KPD_LISTEN_WHY])
{
    why[0] = '\0';
    *fd = take_inherited();
    if (*fd < 0)
        return true;
    if (sd_is_socket_unix(*fd, SOCK_STREAM, 1, NULL, 0) <= 0) {
        snprintf(why, KPD_LISTEN_WHY,
                 "socket activation must hand down one listening Unix stream socket");
        return false;
    }
    if (sd_is_socket_unix(*fd, SOCK_STREAM, 1, path, 0) <= 0)
        snprintf(why, KPD_LISTEN_WHY,
                 "the control socket is where kpwatchd.socket put it, not at %.128s "
                 "(control.socket)",
                 path);
    return fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK) == 0;
}
