/* A timing wheel (Varghese, Lauck: "Hashed and hierarchical timing wheels",
 * 1987) over small integer ids: O(1) set and cancel, due entries popped in
 * order of their tick.  Time is counted in ticks of 10 ms. */
#ifndef KP_PROBING_WHEEL_H
#define KP_PROBING_WHEEL_H

#include "lib/base/err.h"
#include "lib/base/time.h"

#define KP_TICK (10 * KP_NS_PER_MS)
#define KP_WHEEL_SLOTS 4096 /* 40.96 s; what is due later goes round again */

struct kp_wheel_node {
    uint32_t prev, next;
    uint32_t slot; /* the list it is in; KP_WHEEL_SLOTS: not queued */
    int64_t tick;
};

struct kp_wheel {
    struct kp_wheel_node *nodes; /* by id; owned */
    uint32_t node_count;
    uint32_t queued;
    int64_t at; /* every earlier tick has been popped */
    uint32_t head[KP_WHEEL_SLOTS], tail[KP_WHEEL_SLOTS];
    uint64_t used[KP_WHEEL_SLOTS / 64]; /* which slots hold anything */
};

/* The tick that holds t, and the first tick not before t. */
int64_t kp_tick_floor(struct kp_mono t);
int64_t kp_tick_ceil(struct kp_mono t);
struct kp_mono kp_tick_time(int64_t tick);

void kp_wheel_init(struct kp_wheel *w, int64_t at);
void kp_wheel_fini(struct kp_wheel *w);

/* Makes ids 0..count-1 usable.  KP_ERR_NOMEM leaves the wheel as it was. */
enum kp_err kp_wheel_reserve(struct kp_wheel *w, uint32_t count);

/* Queues id for tick (a past one is due at once); moves it if queued. */
void kp_wheel_set(struct kp_wheel *w, uint32_t id, int64_t tick);
void kp_wheel_cancel(struct kp_wheel *w, uint32_t id);
bool kp_wheel_queued(const struct kp_wheel *w, uint32_t id);

/* Takes one id due at or before `now`, earliest tick first and in the order
 * they were set within a tick; false: none. */
bool kp_wheel_pop(struct kp_wheel *w, int64_t now, uint32_t *id);

/* A tick at or before which nothing is due but at which pop should be tried;
 * false: nothing is queued. */
bool kp_wheel_next(const struct kp_wheel *w, int64_t *tick);

#endif
