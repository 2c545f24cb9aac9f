/* The event loop: the only file that knows libevent.  Callbacks run on the one
 * thread that runs the loop and must not block. */
#ifndef KPD_LOOP_H
#define KPD_LOOP_H

#include "lib/base/time.h"

#include <stdbool.h>

enum kpd_io {
    KPD_READ = 1,
    KPD_WRITE = 2,
};

struct kpd_loop;
struct kpd_watch;
struct kpd_timer;

typedef void kpd_io_fn(int fd, unsigned what, void *ctx); /* what: enum kpd_io bits */
typedef void kpd_timer_fn(void *ctx);
typedef void kpd_signal_fn(int signo, void *ctx);

/* NULL: out of memory. */
struct kpd_loop *kpd_loop_new(void);
void kpd_loop_free(struct kpd_loop *loop); /* after every watch and timer is freed */

/* Runs until kpd_loop_stop; false: the loop itself failed. */
bool kpd_loop_run(struct kpd_loop *loop);
void kpd_loop_stop(struct kpd_loop *loop);

/* CLOCK_MONOTONIC, read now. */
struct kp_mono kpd_loop_now(const struct kpd_loop *loop);

/* Calls fn while fd is ready for `what` (0: paused).  fd stays the caller's.
 * NULL: out of memory. */
struct kpd_watch *kpd_watch_new(struct kpd_loop *loop, int fd, unsigned what, kpd_io_fn *fn,
                                void *ctx);
void kpd_watch_set(struct kpd_watch *watch, unsigned what);
void kpd_watch_free(struct kpd_watch *watch);

/* A one-shot timer of millisecond precision; set again replaces. */
struct kpd_timer *kpd_timer_new(struct kpd_loop *loop, kpd_timer_fn *fn, void *ctx);
void kpd_timer_set(struct kpd_timer *timer, struct kp_dur after);
void kpd_timer_stop(struct kpd_timer *timer);
void kpd_timer_free(struct kpd_timer *timer);

/* For the metrics sink, whose HTTP server is libevent's own. */
struct event_base *kpd_loop_base(struct kpd_loop *loop);

/* Calls fn from the loop on each signo; freed with the loop. */
bool kpd_loop_signal(struct kpd_loop *loop, int signo, kpd_signal_fn *fn, void *ctx);

#endif
