/* The inside of the core, its calls, by file.  Only core's own files include this. */
#ifndef KP_CORE_INNER_H
#define KP_CORE_INNER_H

#include "lib/core/funnel.h"

/* core.c: lets time pass; it never goes back */
void kp_core_advance(struct kp_core *core, struct kp_mono now);

/* world.c */
enum kp_err kp_world_build(struct kp_core *core, const struct kp_conf *conf,
                           struct kp_world **out);
void kp_world_migrate(struct kp_core *core, struct kp_world *from, struct kp_world *to);
void kp_world_free(struct kp_world *world);
/* After the targets of a path changed. */
void kp_world_thresholds(struct kp_world *world);
/* Gives target this address, shared with whoever else has it. */
enum kp_err kp_world_set_address(struct kp_world *world, struct kp_target *target,
                                 const struct kp_addr *addr);

/* send.c */
void kp_send_schedule(struct kp_core *core, uint32_t item); /* files it at its due time */
bool kp_send_next(struct kp_core *core, struct kp_send *out);
bool kp_send_next_due(const struct kp_core *core, struct kp_mono *at);
void kp_send_expire(struct kp_core *core); /* slots whose time is over */
void kp_send_release(struct kp_core *core, uint32_t slot);
bool kp_send_pop_release(struct kp_core *core, struct kp_send *out);

/* Opens a slot along the flow of an item's probe and describes the send. */
struct kp_slot *kp_send_open(struct kp_core *core, uint32_t item, uint32_t carrier,
                             uint32_t flow, uint8_t ttl, struct kp_send *out);
/* Whether the address's rate allows a probe now; else when. */
bool kp_send_allowed(const struct kp_core *core, const struct kp_address *address,
                     struct kp_mono *ready);
void kp_send_spend(struct kp_core *core, struct kp_address *address);

/* tracing.c */
void kp_tracing_start_all(struct kp_core *core); /* files every target's next trace */
bool kp_tracing_next(struct kp_core *core, struct kp_send *out);
void kp_tracing_ask(struct kp_core *core, uint32_t target, uint8_t first, uint8_t last);
/* One probe of a trace came back, from a router (hop) or the target itself, or
 * not at all (rtt < 0). */
void kp_tracing_result(struct kp_core *core, const struct kp_slot *slot,
                       const struct kp_addr *hop, double rtt);
/* Takes over a finished trace: what it says about paths. */
void kp_tracing_take(struct kp_core *core, struct kp_target *target, struct kp_traced *t);
void kp_tracing_drop(struct kp_target *target);

/* judge.c */
void kp_judge_result(struct kp_core *core, struct kp_item *item, struct kp_mono sent,
                     double rtt);
void kp_judge_sends(struct kp_core *core, bool failed);
void kp_judge_edge(struct kp_core *core, struct kp_item *item, struct kp_mono sent, double rtt);
/* It is asked along another flow now: the silence of the old one says nothing of it. */
void kp_judge_edge_anew(struct kp_item *edge);
bool kp_judge_suspect(const struct kp_core *core, const struct kp_item *item);
/* The state of an item, target or path as people are told it. */
enum kp_state kp_judge_item_state(const struct kp_core *core, const struct kp_item *item);
enum kp_state kp_judge_target_state(const struct kp_core *core, const struct kp_target *target,
                                    struct kp_mono *since);
enum kp_state kp_judge_path_state(const struct kp_core *core, const struct kp_path *path);

/* resolve.c */
void kp_resolve_start(struct kp_core *core); /* looks every name up soon */
bool kp_resolve_next_due(const struct kp_core *core, struct kp_mono *at);
bool kp_resolve_next(struct kp_core *core, struct kp_act *act);

/* correlate.c: from group states to incidents */
void kp_correlate_until(struct kp_core *core, struct kp_mono now); /* all looks due */
/* Look at the next full multiple of grid_ns of the wall clock at the latest. */
#define KP_LOOK_RESULT (250 * KP_NS_PER_MS)
#define KP_LOOK_CHANGE KP_TICK
void kp_correlate_by(struct kp_core *core, int64_t grid_ns);
/* Fills a finding's facts from an explanation (facts.c). */
void kp_facts_add(struct kp_finding *f, const char *rule, const char *excludes, double value,
                  double threshold, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void kp_facts_explain(const struct kp_core *core, const struct kp_explanation *e,
                      struct kp_finding *f);
/* sweep.c: a small polite budget of extra probes while something is suspect */
void kp_sweep_tick(struct kp_core *core);

/* tell.c */
struct kp_event *kp_tell_new(struct kp_core *core, enum kp_action action, enum kp_level level);
/* Raises the state event if people were last told something else. */
void kp_tell_target(struct kp_core *core, struct kp_target *target);
void kp_tell_path(struct kp_core *core, struct kp_path *path);
void kp_tell_move(struct kp_core *core, const struct kp_target *target, uint32_t from);
void kp_tell_incident(struct kp_core *core, enum kp_action action,
                      const struct kp_incident *incident);
void kp_tell_suspicion(struct kp_core *core, bool raised, const struct kp_target *target,
                       const struct kp_path *path, const char *what, struct kp_mono since);
void kp_tell_vantage(struct kp_core *core, enum kp_state from);
void kp_tell_result(struct kp_core *core, const struct kp_item *item, struct kp_mono sent,
                    bool late);
void kp_tell_mismatch(struct kp_core *core, const struct kp_target *target,
                      const struct kp_addr *found, size_t count);
struct kp_wall kp_tell_wall(const struct kp_core *core, struct kp_mono t);
bool kp_tell_pop(struct kp_core *core, struct kp_event *out);

/* summary.c: the verdict, and in out the sentence for people */
enum kp_verdict kp_summary(const struct kp_core *core, const struct kp_status_view *view,
                           char *out, size_t size);

/* mute.c */
bool kp_mute_target(const struct kp_core *core, const struct kp_target *target);
bool kp_mute_path(const struct kp_core *core, const struct kp_path *path);
struct kp_wall kp_mute_until(const struct kp_core *core, const char *name);
void kp_mute_fini(struct kp_core *core);

#endif
