/* The control server: varlink (https://varlink.org) on a Unix socket, for
 * kpwatchctl and whoever else may open it.  What it says is the core's views;
 * what it changes goes through the core or through the calls below.
 *
 * Reading is for every peer that can connect, changing for root and the daemon's
 * own user, by SO_PEERCRED.  No client can make it wait, grow or spin: requests,
 * unread output and clients are bounded, and a reply that is large is written
 * piece by piece as its reader takes it. */
#ifndef KPD_CONTROL_H
#define KPD_CONTROL_H

#include "daemon/hub.h"
#include "daemon/loop.h"
#include "daemon/sinks/history.h"
#include "lib/core/core.h"
#include "lib/telling/metrics.h"
#include "lib/telling/report.h"

#include <jansson.h>
#include <sys/types.h>

struct kpd_control;

/* What main owns; each is called on the loop and gets ctx. */
struct kpd_control_ops {
    /* Fills all of out but events_dropped. */
    void (*describe)(void *ctx, struct kp_report_daemon *out);

    /* Loads the configuration file anew, or only checks it, as Reload and
     * CheckConfig.  *diagnostics may be set to a list (kp_report_diags), which the
     * server takes over.  KP_ERR_MALFORMED: it has errors; others: as they say. */
    enum kp_err (*reload)(void *ctx, json_t **diagnostics);
    enum kp_err (*check)(void *ctx, json_t **diagnostics);

    /* Sets the level; returns the one before. */
    enum kp_level (*log_level)(void *ctx, enum kp_level level);

    /* Fills out, for metrics. */
    void (*facts)(void *ctx, struct kp_metrics_daemon *out);

    /* The core was asked for something: it may have actions to pop. */
    void (*pump)(void *ctx);
};

struct kpd_control_limits {
    unsigned clients;         /* connections at once */
    size_t request;           /* bytes of a request, without its NUL */
    size_t soft;              /* unread bytes of a subscriber, then it misses events */
    size_t hard;              /* unread and missed bytes, then it is closed */
    struct kp_dur stall;      /* without reading, or within a request: closed */
    struct kp_dur newcomer;   /* without a request (10 times that within one): gives way
                               * when places are short */
    struct kp_dur no_fd_wait; /* the listener's pause when descriptors ran out */
};

#define KPD_CONTROL_LIMITS                                                                     \
    (struct kpd_control_limits)                                                                \
    {                                                                                          \
        .clients = 32, .request = (size_t)64 << 10, .soft = (size_t)256 << 10,                 \
        .hard = (size_t)1 << 20, .stall = {30 * KP_NS_PER_S},                                  \
        .newcomer = {100 * KP_NS_PER_MS}, .no_fd_wait = {                                      \
            100 * KP_NS_PER_MS                                                                 \
        }                                                                                      \
    }

struct kpd_control_args {
    struct kpd_loop *loop;
    struct kp_core *core;
    struct kpd_hub *hub; /* gets a sink; must outlive the server */
    const char *path;
    int listener; /* handed down and listening: taken over, path is not touched; 0: none */
    const struct kpd_control_ops *ops; /* must outlive the server */
    void *ctx;
    const char *group;                       /* owns the socket; NULL: "kpwatchd" */
    const struct kpd_control_limits *limits; /* copied; NULL: KPD_CONTROL_LIMITS */
    bool (*peer)(int fd, uid_t *uid);        /* for tests; NULL: SO_PEERCRED */
};

#define KPD_CONTROL_WHY 320

/* Opens the socket and serves from then on.  NULL: why says what is wrong.
 * Otherwise why is a warning for the log, or "".  Do it before privileges go: the
 * group of the socket, and of a directory that is made for it, is set here. */
struct kpd_control *kpd_control_open(const struct kpd_control_args *args,
                                     char why[KPD_CONTROL_WHY]);

/* Who we are now, after privileges went: that user may change things, as root may.
 * Until then it is who opened the server. */
void kpd_control_user(struct kpd_control *control, uid_t user);

/* After the core was configured anew: a list of targets that is being written
 * would go on with others, so its reader is disconnected instead. */
void kpd_control_reconfigured(struct kpd_control *control);

unsigned kpd_control_clients(const struct kpd_control *control);

/* Where the past is asked for, and its answers; NULL: there is none. */
void kpd_control_set_history(struct kpd_control *control, struct kpd_history *history);
void kpd_control_answered(void *control, struct kpd_ask *ask);

/* Closes every connection and removes the socket if it is still ours. */
void kpd_control_close(struct kpd_control *control);

#endif
