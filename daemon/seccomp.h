/* The last door to close: from here on only the system calls that watching needs. */
#ifndef KPD_SECCOMP_H
#define KPD_SECCOMP_H

#include <stdbool.h>

/* Filters the system calls of every thread of the process, for good.  No process
 * can be made after it, and no program run.  Needs no_new_privs (kpd_priv_drop).
 * false: why (256 bytes) says what failed; the caller must not go on.  Built
 * without KP_SECCOMP (sanitizers need many more calls): true, and does nothing. */
bool kpd_seccomp_apply(char *why);

#endif
