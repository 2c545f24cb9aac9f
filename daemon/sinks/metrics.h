/* GET /metrics by HTTP (libevent's evhttp), with every limit that has not by itself:
 * 8 KiB of headers, no body, GET and HEAD, 10 s without progress, 60 s in all, 16
 * connections.  On loopback the Host must be an address or localhost, so that no web
 * page can read it by a name of its own.  The text is made in slices of about a
 * millisecond, at most once a second. */
#ifndef KPD_SINKS_METRICS_H
#define KPD_SINKS_METRICS_H

#include "daemon/loop.h"
#include "lib/core/core.h"
#include "lib/telling/metrics.h"

struct kpd_metrics;

struct kpd_metrics_args {
    struct kpd_loop *loop;
    const struct kp_core *core;
    void (*facts)(void *ctx, struct kp_metrics_daemon *out);
    void *ctx;
};

/* Listens on a numeric address.  NULL: why (256 bytes) says what is wrong. */
struct kpd_metrics *kpd_metrics_open(const struct kpd_metrics_args *args, const char *host,
                                     uint16_t port, char *why);
void kpd_metrics_close(struct kpd_metrics *metrics); /* NULL is none */

/* After the core was configured anew: what is being made begins again. */
void kpd_metrics_reconfigured(struct kpd_metrics *metrics);

/* Whether it listens there. */
bool kpd_metrics_is_at(const struct kpd_metrics *metrics, const char *host, uint16_t port);

#endif
