/* Metrics in the Prometheus text format 0.0.4 (CONTRACT: "Metrics"), piece by piece,
 * since ten thousand targets are worth tens of megabytes.  What is not known is NaN. */
#ifndef KP_TELLING_METRICS_H
#define KP_TELLING_METRICS_H

#include "lib/base/text.h"
#include "lib/core/view.h"

#define KP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define KP_METRICS_SINKS 8

/* What the core does not know. */
struct kp_metrics_daemon {
    const char *version;
    uint64_t incidents_opened[KP_VERDICT_COUNT]; /* by the class they opened with */
    uint64_t socket_drops[KP_PROBE_COUNT];
    struct {
        const char *sink;
        uint64_t events;
    } dropped[KP_METRICS_SINKS];
    size_t dropped_count;
    uint64_t control_clients;
    bool reload_ok; /* of the last reload; the start counts as one */
    struct kp_wall started;
    double cpu_seconds;
    uint64_t resident_bytes, virtual_bytes, open_fds, max_fds;
};

/* {0} is the beginning. */
struct kp_metrics {
    uint32_t family;
    uint32_t index; /* of the next path or target */
    bool begun;     /* the head of the family was written */
};

/* Appends the next piece, about one path or target or the rest; false once that was
 * the last.  A configure in between makes the rest about other targets. */
bool kp_metrics_next(const struct kp_core *core, const struct kp_metrics_daemon *daemon,
                     struct kp_metrics *it, struct kp_text *out);

#endif
