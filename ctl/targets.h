/* Targets, as `targets`, `probe` and `watch` show them. */
#ifndef KPC_TARGETS_H
#define KPC_TARGETS_H

#include "ctl/out.h"

/* The table of all in reply (of ListTargets), into out. */
void kpc_targets_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *reply);

/* One target with its probes, into out. */
void kpc_targets_detail(struct kpc_ctx *ctx, struct kp_text *out, const json_t *target);

#endif
