/* What one look finds, for the incident table.  Only core's own files include
 * this. */
#ifndef KP_CORE_CORRELATE_H
#define KP_CORE_CORRELATE_H

#include "lib/core/inner.h"

#define KP_FINDINGS 24 /* in one look; a wide one covers the rest */

struct kp_findings {
    struct kp_finding *list;
    size_t count;
};

/* evidence.c: whether an item has a voice (it votes, and is not muted), and what
 * explains best what they all say.  False: no memory. */
bool kp_evidence_votes(const struct kp_core *core, const struct kp_item *item);
bool kp_evidence_explain(const struct kp_core *core, struct kp_explanation *out);

/* Everything that is confirmed now. */
void kp_findings_collect(struct kp_core *core, struct kp_findings *found);

/* labels.c: whether others answer since then that a silent host is compared with;
 * whether it is in doubt that the host and they share a path as thought; and traces to
 * find out, on suspicion of the host, each `index` of a target. */
bool kp_labels_neighbours(const struct kp_core *core, uint32_t index, struct kp_mono since);
bool kp_labels_doubt(const struct kp_core *core, uint32_t index, struct kp_mono since);
void kp_labels_refresh(struct kp_core *core, uint32_t index);
/* Traces around the last visible hop of the path, where it is known. */
void kp_labels_trace(struct kp_core *core, uint32_t index, uint32_t path);

/* kp_incident_host.answering; arg is the core. */
struct kp_back kp_findings_answering(void *arg, const struct kp_incident *incident);

#endif
