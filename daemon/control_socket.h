/* The control socket in the file system: made without a moment in which others
 * could open it, taken over only from the dead, removed only while it is ours. */
#ifndef KPD_CONTROL_SOCKET_H
#define KPD_CONTROL_SOCKET_H

#include "daemon/control.h"

#include <sys/stat.h>

struct kpd_place {
    int dir;           /* O_PATH of its directory */
    char *name;        /* inside dir */
    struct stat bound; /* what bind made */
    bool safe;         /* nobody else can put something in its place */
};

/* A listening socket, or -1 and why; why is a warning, or "", where it works. */
int kpd_place_listen(struct kpd_place *place, const char *path, const char *group,
                     char why[KPD_CONTROL_WHY]);

/* Removes the socket if it is still the one that was bound, and forgets it. */
void kpd_place_leave(struct kpd_place *place);

#endif
