/* Events to the local syslog: what syslog(3) would send, with the envelope as JSON
 * behind the cookie "@cee:", which rsyslog and syslog-ng parse. */
#ifndef KPD_SINKS_SYSLOG_H
#define KPD_SINKS_SYSLOG_H

#include "daemon/sinks/dgram.h"
#include "lib/base/text.h"

#define KPD_SYSLOG_SOCKET "/dev/log"

struct kpd_syslog {
    struct kpd_dgram dgram;
    const enum kp_level *level; /* the least important that is told */
    struct kp_text text;
};

/* Registers with the hub; syslog, socket and level stay where they are.  False: out of
 * memory. */
bool kpd_syslog_open(struct kpd_syslog *syslog, struct kpd_loop *loop, struct kpd_hub *hub,
                     const char *socket, const enum kp_level *level);
void kpd_syslog_close(struct kpd_syslog *syslog);

#endif
