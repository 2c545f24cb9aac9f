/* Giving up privilege for good, once every socket is open. */
#ifndef KPD_PRIV_H
#define KPD_PRIV_H

#include <stdbool.h>

/* Becomes `user` (NULL: stays) and drops every capability from every set, with no
 * way back (no_new_privs).  false: why (256 bytes) says what failed; the caller
 * must not go on. */
bool kpd_priv_drop(const char *user, char *why);

#endif
