/* A core that is fed with records instead of packets: what they say goes through
 * the same funnel and judging as live, and it sends nothing.
 *
 *   new_offline, set_clock, configure; then for each record in the order of done:
 *   feed, pop_action until false (events only) */
#ifndef KP_CORE_FEED_H
#define KP_CORE_FEED_H

#include "lib/core/core.h"
#include "lib/core/record.h"

/* NULL: out of memory. */
struct kp_core *kp_core_new_offline(void);

/* The number of a name for records that are fed; KP_NO_NAME: out of memory. */
uint32_t kp_core_name_number(struct kp_core *core, const char *text);

/* What became of a record. */
enum kp_fed {
    KP_FED,
    KP_FED_NO_NAME,  /* ignored: the configuration has no such target, anchor or path */
    KP_FED_NO_PROBE, /* ignored: its target or anchor has no such probe */
    KP_FED_NO_PATH,  /* taken, but without its path, which the configuration lacks */
    KP_FED_NO_USE,   /* ignored: a last visible hop of a path no target is on, or a step of
                        the clock that cannot be */
};

/* When a record that does not say it was known: its send time and round trip, or
 * time-out as configured. */
struct kp_wall kp_core_feed_done(struct kp_core *core, const struct kp_record *record);

/* Takes one record, whose hops follow it.  Time passes until it was known; one that
 * is older than the last counts as known now.  A reload without its configuration
 * counts as a change of how every target is asked; with it, call configure instead. */
enum kp_fed kp_core_feed(struct kp_core *core, const struct kp_record *record);

/* Adds a recorded step of the wall clock to how far it is ahead; false, and unchanged,
 * where that would be more than 63 years. */
bool kp_feed_step(struct kp_dur *offset, struct kp_dur step);

/* The wall time as the core counts it. */
struct kp_mono kp_core_mono(const struct kp_core *core, struct kp_wall t);

#endif
