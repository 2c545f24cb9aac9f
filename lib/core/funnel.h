/* Where every outcome of a probe ends, and the evidence that is kept of it.  Only
 * core's own files include this. */
#ifndef KP_CORE_FUNNEL_H
#define KP_CORE_FUNNEL_H

#include "lib/core/world.h"

/* funnel.c: every outcome of a probe ends here */
struct kp_outcome {
    enum kp_result result;
    double rtt; /* seconds; negative: no answer */
    uint8_t ttl;
    int errnum;
    enum kp_cause cause;
    const struct kp_dns_answer *dns; /* NULL: none */
    struct kp_mono sent;
    uint32_t serial; /* of its slot */
};
/* Of a slot, whose send time and serial it fills in. */
void kp_funnel_finish(struct kp_core *core, const struct kp_slot *slot, struct kp_outcome *o);
void kp_funnel_result(struct kp_core *core, struct kp_item *item, const struct kp_outcome *o);
void kp_funnel_late(struct kp_core *core, struct kp_item *item, const struct kp_outcome *o);
void kp_funnel_second(struct kp_core *core); /* moves the per-second counters on */

/* record.c: evidence */
enum kp_err kp_record_prepare(struct kp_core *core, struct kp_world *world);
/* A new record of now, to be filled in; names and numbers are none. */
struct kp_record *kp_record_new(struct kp_core *core, enum kp_record_kind kind);
uint32_t kp_record_path(const struct kp_core *core, const struct kp_target *target);
uint32_t kp_record_intern(struct kp_core *core, const char *text); /* KP_NO_NAME: no memory */
/* Another configuration comes into force; the one before is kept as text. */
void kp_record_reload(struct kp_core *core, const struct kp_conf *before);
void kp_record_fini(struct kp_core *core);

/* feed.c: what the world has under a name's number; NULL, KP_NONE: nothing */
struct kp_target *kp_feed_target(struct kp_core *core, uint32_t name, bool anchor);
uint32_t kp_feed_path(struct kp_core *core, uint32_t name);
struct kp_item *kp_feed_item(const struct kp_core *core, const struct kp_target *target,
                             uint32_t probe);

/* learned.c: keeps the learned state now and then */
void kp_checkpoint_tick(struct kp_core *core);
void kp_checkpoint_fini(struct kp_core *core);

#endif
