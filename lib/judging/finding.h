/* A finding: what one look says of one thing; and how findings lie to each other: what
 * is a part of what, what is the same. */
#ifndef KP_JUDGING_FINDING_H
#define KP_JUDGING_FINDING_H

#include "lib/base/time.h"
#include "lib/base/vocab.h"

#include <stdbool.h>
#include <stdint.h>

#define KP_INCIDENT_NAMES 64
#define KP_INCIDENT_FACTS 8

/* Names, each once; count may exceed what is kept. */
struct kp_names {
    uint32_t count;
    char name[KP_INCIDENT_NAMES][65];
};
void kp_names_add(struct kp_names *names, const char *name);
bool kp_names_has(const struct kp_names *names, const char *name);

struct kp_fact {
    char rule[33];
    char text[201];
    char excludes[121]; /* "": nothing */
    double value, threshold;
};

/* What the stages say now about one thing; also the visible part of an incident. */
struct kp_finding {
    enum kp_verdict class; /* unknown: no guess yet */
    bool leads;            /* stage 2 is sure of the class; else it is its best guess */
    bool certain;
    bool unsure;          /* confidence stays low (no edge on any path ever answered) */
    struct kp_wall began; /* first missed answer of the silence as a whole: of a wide one when
                             the last part of it fell silent */
    char where[201];
    struct kp_names targets; /* what is silent; also for paths and the country */
    struct kp_names paths;   /* of these targets, also of a single host */
    struct kp_fact facts[KP_INCIDENT_FACTS];
    uint32_t fact_count;
};

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
