/* Resident memory: what only starting needed is given back. */
#ifndef KPD_LEAN_H
#define KPD_LEAN_H

/* Once, before any thread: one heap for all, and large buffers apart from it, so that
 * they leave no holes. */
void kpd_lean_heap(void);

/* Lets go of free heap, and of the pages of code and constants that are mapped: the
 * kernel still has them, and maps again what is used.  Asks for madvise(2), so it comes
 * before kpd_seccomp_apply. */
void kpd_lean(void);

#endif
