/* Resident memory: what only starting needed is given back. */
#ifndef KPD_LEAN_H
#define KPD_LEAN_H

/* Lets go of free heap, and of the pages of code and constants that are mapped: the
 * kernel still has them, and maps again what is used.  Asks for madvise(2), so it comes
 * before kpd_seccomp_apply. */
void kpd_lean(void);

#endif
