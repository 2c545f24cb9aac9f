/* Events, as `events` and `watch` show them. */
#ifndef KPC_EVENTS_H
#define KPC_EVENTS_H

#include "ctl/out.h"

/* A table of event envelopes (oldest first), into out, the newest `most` of
 * them. */
void kpc_events_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *events,
                      size_t most);

/* Whether an event is to be shown: for people, single probe results are noise
 * unless they ask for --all. */
bool kpc_events_wanted(const struct kpc_ctx *ctx, const json_t *event);

/* One event on one line, as -o says: words, csv or JSON. */
void kpc_events_line(struct kpc_ctx *ctx, const json_t *event);

/* The heading of such lines, where csv has one. */
void kpc_events_heading(struct kpc_ctx *ctx);

#endif
