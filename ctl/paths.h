/* Cells of paths that `paths` and `status` share. */
#ifndef KPC_PATHS_H
#define KPC_PATHS_H

#include "ctl/out.h"

void kpc_paths_targets(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);
void kpc_paths_answered(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);
void kpc_paths_rtt(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);
void kpc_paths_spark(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);

/* The table of `paths`, into out. */
void kpc_paths_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *reply);

/* The line below a table that tells what its sparkline's characters mean; span:
 * the time it is about. */
void kpc_paths_legend(const struct kpc_ctx *ctx, struct kp_text *out, const char *span);

#endif
