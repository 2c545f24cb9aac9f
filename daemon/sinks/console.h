/* Events as lines on standard error.  Never blocks: a line that cannot be
 * written at once is dropped and counted. */
#ifndef KPD_SINKS_CONSOLE_H
#define KPD_SINKS_CONSOLE_H

#include "daemon/hub.h"

struct kpd_console {
    struct kpd_hub *hub;
    enum kp_level level; /* the least important that is written */
    bool under_systemd;  /* lines carry their level as "<N>" (sd-daemon(3)) */
};

/* Registers with the hub; console must outlive it. */
bool kpd_console_open(struct kpd_console *console, struct kpd_hub *hub, enum kp_level level);

#endif
