/* Rules that need more than one value: the allow list, the politeness floors,
 * names used twice, keys a type of probe does not have. */
#ifndef KP_CONF_CONF_CHECK_H
#define KP_CONF_CONF_CHECK_H

#include "lib/conf/conf.h"
#include "lib/conf/yaml_tree.h"

/* Checks what kp_conf_read made of root; values found bad there are not judged
 * again.  `incomplete`: a file is missing, so what may stand in it is not missed.
 * Memory comes from the arena. */
void kp_conf_check(const struct kp_conf *conf, const struct kp_yaml_node *root, bool incomplete,
                   struct kp_arena *arena, struct kp_diags *diags);

#endif
