/* The daemon's clocks, and how kernel time stamps (wall clock) become the
 * monotonic time everything is judged by. */
#ifndef KPD_CLOCK_H
#define KPD_CLOCK_H

#include "lib/base/time.h"

#include <stdbool.h>

/* Caller's storage; zeroed is not initialised. */
struct kpd_clock {
    struct kp_dur offset; /* wall minus monotonic */
};

struct kp_mono kpd_clock_mono(void);
struct kp_wall kpd_clock_wall(void);

void kpd_clock_init(struct kpd_clock *clock);

/* Looks whether the wall clock was stepped; once per wake is enough.  True: it
 * was, and clock->offset is new. */
bool kpd_clock_update(struct kpd_clock *clock);

/* The stamp as monotonic time; false where it lies outside [earliest, latest],
 * as after a step of the wall clock, or where there is no stamp. */
bool kpd_clock_convert(const struct kpd_clock *clock, struct kp_wall stamp,
                       struct kp_mono earliest, struct kp_mono latest, struct kp_mono *out);

#endif
