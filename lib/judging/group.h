/* The state of one group of items (an item, a target, a path, the anchors) from
 * its results: an outage detector, a brown-out detector and a run of answers
 * that ends an outage. */
#ifndef KP_JUDGING_GROUP_H
#define KP_JUDGING_GROUP_H

#include "lib/base/vocab.h"
#include "lib/judging/detect.h"

#include <stdint.h>

struct kp_group {
    struct kp_detect outage, certain;
    struct kp_detect brownout, sluggish; /* some are lost or slow; nearly all are */
    uint8_t state;                       /* enum kp_state */
    struct kp_mono since;                /* when that state began */
    struct kp_group_run {                /* answers since the outage may be over */
        struct kp_mono first;
        uint32_t answers, losses;
        uint32_t source; /* of the first answer */
        bool several;    /* answers from more than one source */
    } run;
};

/* What it takes to confirm an outage and to end one. */
struct kp_group_rule {
    double threshold;   /* kp_detect_threshold */
    bool one;           /* one host or service; samples' p0 holds the bursts of its path */
    double losing;      /* share that it loses lately */
    bool several;       /* recovery needs answers from two sources ... */
    struct kp_dur span; /* ... over this time */
};

struct kp_group_sample {
    struct kp_mono sent;
    bool lost;
    bool slow;       /* answered, far later than normal */
    bool late;       /* answered when it had been given up: no sign of how things are now */
    bool known;      /* lost, but a narrower group is down: no brown-out of this one, and no
                        sign that its outage goes on */
    double base;     /* the item's baseline loss */
    double p0;       /* chance that it is lost though the group is well: base, or of one
                        host or service as much as is lost around it now */
    uint32_t source; /* which member of the group it is about */
};

/* Feeds one result of a voting item. */
void kp_group_feed(struct kp_group *g, const struct kp_group_rule *rule,
                   const struct kp_group_sample *sample);

/* The state now; sets state and since where it changed.  may_blame: the rest of
 * our view is sound, so an outage may be put on this group.  A group in state
 * unknown leaves it here: call only once one of its items votes. */
enum kp_state kp_group_judge(struct kp_group *g, const struct kp_group_rule *rule,
                             struct kp_mono now, bool may_blame);

/* Declares an outage that something wider has proven. */
void kp_group_blame(struct kp_group *g);

/* Whether the outage is beyond doubt. */
bool kp_group_certain(const struct kp_group *g, const struct kp_group_rule *rule);

/* How far it is from answering as well as it should (nats), and since when. */
double kp_group_worse(const struct kp_group *g, struct kp_mono *since);

/* Forgets a brown-out that something else explains. */
void kp_group_make_up(struct kp_group *g);

/* Forgets suspicion gathered while our own view was impaired. */
void kp_group_absolve(struct kp_group *g);

/* Whether a change is suspected: baselines must not learn from it. */
bool kp_group_suspect(const struct kp_group *g);

#endif
