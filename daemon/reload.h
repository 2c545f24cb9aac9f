/* The configuration in force: load, check, then swap whole or keep the old. */
#ifndef KPD_RELOAD_H
#define KPD_RELOAD_H

#include "daemon/driver.h"
#include "lib/conf/diag.h"

/* Loads path; prints every error to standard error.  NULL: there were some. */
struct kp_conf *kpd_reload_first(const char *path);

/* Loads path anew and puts it in force, telling how it went.  KP_OK: *conf is
 * the new configuration and the old one is freed; else the old one stays, and
 * diags (initialised by the caller) holds every error found. */
enum kp_err kpd_reload(struct kpd_driver *driver, struct kpd_hub *hub, const char *path,
                       struct kp_conf **conf, struct kp_diags *diags);

/* Why a reload failed, in one line; err and diags as it left them. */
void kpd_reload_failure(enum kp_err err, const struct kp_diags *diags, char *out, size_t size);

#endif
