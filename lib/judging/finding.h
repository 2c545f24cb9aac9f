/* How findings lie to each other: what is a part of what, what is the same. */
#ifndef KP_JUDGING_FINDING_H
#define KP_JUDGING_FINDING_H

#include "lib/judging/incident.h"

/* Adds what is known of `from`; the count never falls below either's. */
void kp_names_join(struct kp_names *to, const struct kp_names *from);

/* Whether all of a, known in full and not empty, is in b. */
bool kp_names_within(const struct kp_names *a, const struct kp_names *b);

/* From 0 (unknown, a degraded target) and 1 (one service, a degraded path) to 5 (the
 * country, transit) and 6 (our own vantage). */
int kp_finding_width(const struct kp_finding *f);

/* From this width on all targets are concerned. */
bool kp_finding_everything(const struct kp_finding *f);

/* Its targets do not tell: it is about paths, or there are too many. */
bool kp_finding_by_path(const struct kp_finding *f);

bool kp_finding_overlap(const struct kp_finding *a, const struct kp_finding *b);

/* Whether b is a part of a. */
bool kp_finding_covers(const struct kp_finding *a, const struct kp_finding *b);

/* Two findings of one width about one thing. */
bool kp_finding_alike(const struct kp_finding *a, const struct kp_finding *b);

#endif
