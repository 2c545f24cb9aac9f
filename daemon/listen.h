/* The control socket as a service manager hands it down (sd_listen_fds(3)): it
 * stays there while the daemon restarts, so clients never see it vanish. */
#ifndef KPD_LISTEN_H
#define KPD_LISTEN_H

#include <stdbool.h>

#define KPD_LISTEN_WHY 256

/* After raw sockets were asked for (daemon/net/raw.h).  Takes it over, non-blocking and closed
 * on exec; closes all that has neither its name nor that of raw sockets.  *fd is -1 where none
 * was handed down.  false: what was is not a listening stream socket; why says so. Otherwise
 * why is a warning (it listens elsewhere than at path), or "". */
bool kpd_listen_inherited(const char *path, int *fd, char why[KPD_LISTEN_WHY]);

#endif
