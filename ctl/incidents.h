/* Incidents as lines, as `status` and `explain` show them. */
#ifndef KPC_INCIDENTS_H
#define KPC_INCIDENTS_H

#include "ctl/out.h"
#include "ctl/when.h"

/* Appends "#12 path-outage (transtelecom)"; what is missing is left out.  Not safe
 * for terminals yet. */
void kpc_incidents_title(struct kp_text *out, const json_t *incident);

/* From the first missed answer to the end, or to now; false: not known. */
bool kpc_incidents_lasted(const struct kpc_ctx *ctx, const json_t *incident,
                          char out[KPC_WHEN_SIZE]);

/* The table of `incidents`, into out. */
void kpc_incidents_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *rows);

/* The lines about all of them for the status screen; the second for suspicions. */
void kpc_incidents_lines(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *list);
void kpc_incidents_suspicions(const struct kpc_ctx *ctx, struct kp_text *out,
                              const json_t *list);

#endif
