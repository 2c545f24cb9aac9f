/* The one-screen answer, as `status` and `watch` show it. */
#ifndef KPC_STATUS_H
#define KPC_STATUS_H

#include "ctl/out.h"

/* The screen for a reply of GetStatus, into out; ctx->now becomes its time. */
void kpc_status_screen(struct kpc_ctx *ctx, struct kp_text *out, const json_t *status);

#endif
