/* Times as people write and read them. */
#ifndef KPC_WHEN_H
#define KPC_WHEN_H

#include "lib/base/time.h"

#include <stdbool.h>

/* Room for any text made here and its NUL. */
#define KPC_WHEN_SIZE 48

/* Reads RFC 3339, or an age counted back from now ("2h", "3d"). */
bool kpc_when_parse(const char *text, struct kp_wall now, struct kp_wall *out);

/* A length in its largest unit or two: "4s", "12m", "3h05m", "2d4h". */
void kpc_when_length(struct kp_dur d, char out[KPC_WHEN_SIZE]);

/* "3m ago", "in 2h", "now". */
void kpc_when_ago(struct kp_wall t, struct kp_wall now, char out[KPC_WHEN_SIZE]);

/* "2026-11-22 10:50:06Z", or local time with its offset ("… +0100"). */
void kpc_when_stamp(struct kp_wall t, bool local, char out[KPC_WHEN_SIZE]);

/* The stamp without its date where it is within a day of now: "10:50:06Z". */
void kpc_when_clock(struct kp_wall t, struct kp_wall now, bool local, char out[KPC_WHEN_SIZE]);

#endif
