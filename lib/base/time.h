/* Typed time.  One-member structs, so a monotonic time cannot be compared with
 * a wall-clock one or a duration by mistake.  All counts are nanoseconds.
 * Nothing here reads a clock: time is always an argument. */
#ifndef KP_BASE_TIME_H
#define KP_BASE_TIME_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kp_mono {
    int64_t ns; /* CLOCK_MONOTONIC; 0 means "never" */
};
struct kp_wall {
    int64_t ns; /* since 1970-01-01T00:00:00Z; 0 means "never" */
};
struct kp_dur {
    int64_t ns; /* signed */
};

#define KP_NS_PER_US INT64_C(1000)
#define KP_NS_PER_MS INT64_C(1000000)
#define KP_NS_PER_S INT64_C(1000000000)

static inline struct kp_dur kp_dur_ms(int64_t ms)
{
    return (struct kp_dur){ms * KP_NS_PER_MS};
}
static inline struct kp_dur kp_dur_s(int64_t s)
{
    return (struct kp_dur){s * KP_NS_PER_S};
}
static inline double kp_dur_seconds(struct kp_dur d)
{
    return (double)d.ns / 1e9;
}
/* To the nearest nanosecond; what does not fit becomes the largest or smallest. */
static inline struct kp_dur kp_dur_from_seconds(double s)
{
    double ns = s * 1e9;
    if (!(ns < 0x1p63))
        return (struct kp_dur){INT64_MAX};
    if (ns < -0x1p63)
        return (struct kp_dur){INT64_MIN};
    return (struct kp_dur){(int64_t)(ns + (ns < 0 ? -0.5 : 0.5))};
}
static inline struct kp_mono kp_mono_add(struct kp_mono t, struct kp_dur d)
{
    return (struct kp_mono){t.ns + d.ns};
}
static inline struct kp_dur kp_mono_sub(struct kp_mono a, struct kp_mono b)
{
    return (struct kp_dur){a.ns - b.ns};
}
static inline bool kp_mono_before(struct kp_mono a, struct kp_mono b)
{
    return a.ns < b.ns;
}
static inline bool kp_mono_set(struct kp_mono t)
{
    return t.ns != 0;
}
/* Cut to whole microseconds, as times are written. */
static inline struct kp_mono kp_whole_us(struct kp_mono t)
{
    return (struct kp_mono){t.ns - t.ns % KP_NS_PER_US};
}
static inline struct kp_wall kp_wall_add(struct kp_wall t, struct kp_dur d)
{
    return (struct kp_wall){t.ns + d.ns};
}

/* Room for "2026-11-22T10:50:06.123456Z" and its NUL. */
#define KP_RFC3339_SIZE 28

/* Writes t as RFC 3339 UTC with six decimals; years 1970 to 9999. */
void kp_wall_format(struct kp_wall t, char out[KP_RFC3339_SIZE]);

/* Reads RFC 3339 (section 5.6): any offset, 0 to 9 decimals.
 * KP_ERR_MALFORMED where text is not exactly one such time. */
enum kp_err kp_wall_parse(const char *text, struct kp_wall *out);

/* Room for the longest kp_dur_format text and its NUL. */
#define KP_DUR_SIZE 48

/* Writes d >= 0 in configuration syntax: units d h m s ms joined from the
 * largest ("1h30m", "500ms", "0s"); what is finer than 1 ms is cut off. */
void kp_dur_format(struct kp_dur d, char out[KP_DUR_SIZE]);

/* Reads "1h30m", "500ms", "400d", "10y" (a year is 365 d): digits with an
 * optional decimal part, each with its unit; spaces are not allowed.
 * KP_ERR_MALFORMED without number or unit, KP_ERR_RANGE beyond 200 years. */
enum kp_err kp_dur_parse(const char *text, struct kp_dur *out);

#endif
