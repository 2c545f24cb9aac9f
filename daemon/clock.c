#include "daemon/clock.h"

#include <stdlib.h>
#include <time.h>

enum {
    TRIES = 3,
    STEP_NS = 200 * 1000,     /* more than scheduling noise, less than any RTT of interest */
    SANDWICH_NS = 100 * 1000, /* wider: we were preempted between the readings */
};

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0)
        abort(); /* cannot fail for these two clocks */
    return (int64_t)ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

struct kp_mono kpd_clock_mono(void)
{
    return (struct kp_mono){read_clock(CLOCK_MONOTONIC)};
}

struct kp_wall kpd_clock_wall(void)
{
    return (struct kp_wall){read_clock(CLOCK_REALTIME)};
}

/* The wall clock read between two readings of the monotonic one; false: they
 * were too far apart to tell anything. */
static bool measure(struct kp_dur *offset)
{
    for (int i = 0; i < TRIES; i++) {
        int64_t before = read_clock(CLOCK_MONOTONIC);
        int64_t wall = read_clock(CLOCK_REALTIME);
        int64_t after = read_clock(CLOCK_MONOTONIC);
        offset->ns = wall - before - (after - before) / 2;
        if (after - before <= SANDWICH_NS)
            return true;
    }
    return false;
}

void kpd_clock_init(struct kpd_clock *clock)
{
    /* A wide sandwich is still the best there is; the next update mends it. */
    (void)measure(&clock->offset);
}

/* Keeping the old offset through noise is what makes the difference of two
 * stamps exact: both are shifted by the same amount. */
bool kpd_clock_update(struct kpd_clock *clock)
{
    struct kp_dur offset;
    if (!measure(&offset) || llabs(offset.ns - clock->offset.ns) <= STEP_NS)
        return false;
    clock->offset = offset;
    return true;
}

bool kpd_clock_convert(const struct kpd_clock *clock, struct kp_wall stamp,
                       struct kp_mono earliest, struct kp_mono latest, struct kp_mono *out)
{
    int64_t at = stamp.ns - clock->offset.ns;
    if (stamp.ns == 0 || at < earliest.ns || at > latest.ns)
        return false;
    out->ns = at;
    return true;
}
