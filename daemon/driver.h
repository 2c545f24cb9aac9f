/* The pump between the kernel and the core: lets time pass in the core, carries
 * out what it asks for, and brings it what the network heard. */
#ifndef KPD_DRIVER_H
#define KPD_DRIVER_H

#include "daemon/hub.h"
#include "daemon/net/net.h"
#include "lib/core/core.h"

struct kpd_driver;

/* Makes a core for conf and opens every probing socket; conf stays the caller's
 * and must outlive the driver or the next reload.  false: why (256 bytes) says
 * what to do. Nothing is sent before kpd_driver_start. */
bool kpd_driver_open(struct kpd_loop *loop, struct kpd_hub *hub, const struct kp_conf *conf,
                     struct kpd_driver **out, char *why);
void kpd_driver_close(struct kpd_driver *driver);

/* Begins to probe. */
void kpd_driver_start(struct kpd_driver *driver);

/* Takes a new configuration; on an error the old one stays in force. */
enum kp_err kpd_driver_reload(struct kpd_driver *driver, const struct kp_conf *conf);

/* To be called after anything else changed the core (a probe asked for, a mute). */
void kpd_driver_pump(struct kpd_driver *driver);

struct kp_core *kpd_driver_core(struct kpd_driver *driver);
void kpd_driver_net_stats(const struct kpd_driver *driver, struct kpd_net_stats *out);

#endif
