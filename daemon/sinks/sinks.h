/* Where events go, as `log:` says: standard error, the journal, a file, syslog.
 * log.level is for standard error, the journal and syslog; incidents, states and what
 * goes to the file are never left out. */
#ifndef KPD_SINKS_SINKS_H
#define KPD_SINKS_SINKS_H

#include "daemon/hub.h"
#include "daemon/loop.h"
#include "lib/conf/conf.h"

struct kpd_sinks;

/* Standard error only.  loop and hub must outlive it.  NULL: out of memory. */
struct kpd_sinks *kpd_sinks_open(struct kpd_loop *loop, struct kpd_hub *hub,
                                 enum kp_level level);
void kpd_sinks_close(struct kpd_sinks *sinks);

/* Takes a (new) configuration; what cannot be had is off, and daemon.health says so.
 * Starts a thread, which keeps what privileges there are: first give them up. */
void kpd_sinks_reconfigure(struct kpd_sinks *sinks, const struct kp_conf *conf,
                           enum kp_level level);

/* Returns the level before. */
enum kp_level kpd_sinks_set_level(struct kpd_sinks *sinks, enum kp_level level);

/* After the file was rotated. */
void kpd_sinks_reopen(struct kpd_sinks *sinks);

#endif
