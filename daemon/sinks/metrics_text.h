/* The text of all metrics, made in slices on the loop and shared by all who ask. */
#ifndef KPD_SINKS_METRICS_TEXT_H
#define KPD_SINKS_METRICS_TEXT_H

#include "daemon/sinks/metrics.h"

/* Counted: whoever is given one gives it back. */
struct kpd_metrics_body {
    char *data;
    size_t len;
    unsigned users;
};
void kpd_metrics_body_release(struct kpd_metrics_body *body); /* NULL is none */

struct kpd_metrics_text {
    struct kpd_metrics_args args;
    struct kpd_timer *slice;
    struct kpd_metrics_body *last; /* NULL: none was made yet */
    struct kp_mono made;
    struct kp_metrics_daemon facts;
    struct kp_metrics at;
    struct kp_text text; /* being made */
    bool making;
    void (*ready)(void *ctx, struct kpd_metrics_body *body); /* NULL: out of memory */
    void *ctx;
};

/* args, ready and ctx set by the caller.  False: out of memory. */
bool kpd_metrics_text_init(struct kpd_metrics_text *t);
void kpd_metrics_text_fini(struct kpd_metrics_text *t);

/* The text, if it is not older than a second; else NULL, and ready is called later.
 * It stays t's. */
struct kpd_metrics_body *kpd_metrics_text_get(struct kpd_metrics_text *t);

void kpd_metrics_text_restart(struct kpd_metrics_text *t);

#endif
