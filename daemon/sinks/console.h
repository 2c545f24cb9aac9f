/* Events as lines on standard error.  Never blocks: a line that cannot be
 * written at once is dropped and counted. */
#ifndef KPD_SINKS_CONSOLE_H
#define KPD_SINKS_CONSOLE_H

#include "daemon/hub.h"

struct kpd_console {
    struct kpd_hub *hub;
    const enum kp_level *level; /* the least important that is written */
    bool silent;
    bool under_systemd; /* lines carry their level as "<N>" (sd-daemon(3)) */
};

/* Registers with the hub; console and level must outlive it or be closed. */
bool kpd_console_open(struct kpd_console *console, struct kpd_hub *hub,
                      const enum kp_level *level);
void kpd_console_close(struct kpd_console *console);

#endif
