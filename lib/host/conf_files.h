/* Configuration files from the real file system: the only part of lib/ that
 * opens files.  Linked by the daemon (-c) and kpwatchctl (check-config). */
#ifndef KP_HOST_CONF_FILES_H
#define KP_HOST_CONF_FILES_H

#include "lib/conf/conf_load.h"

/* Regular files only, opened without blocking; needs no state and no end. */
struct kp_conf_source kp_conf_files(void);

/* kp_conf_load from the file system. */
struct kp_conf *kp_conf_load_file(const char *path, struct kp_diags *diags);

#endif
