/* "Did you mean": the known name closest to a mistyped one. */
#ifndef KP_BASE_NEAREST_H
#define KP_BASE_NEAREST_H

#include <stddef.h>

struct kp_nearest {
    const char *wanted;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;  /* of best */
};

static inline struct kp_nearest kp_nearest_begin(const char *wanted)
{
    return (struct kp_nearest){wanted, NULL, (size_t)-1};
}

/* Weighs one known name, which must outlive n. */
void kp_nearest_offer(struct kp_nearest *n, const char *known);

/* Edits (insert, delete, change, swap of neighbours) from a to b, letters of
 * either case being the same; texts beyond 63 bytes count as (size_t)-1 apart. */
size_t kp_nearest_distance(const char *a, const char *b);

#endif
