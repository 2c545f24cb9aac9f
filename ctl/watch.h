/* What `watch` can show, and its two ways of showing it. */
#ifndef KPC_WATCH_H
#define KPC_WATCH_H

#include "ctl/stream.h"

struct kpc_watch_view {
    const char *name;   /* the argument; "" for none */
    const char *method; /* that gives what is shown above the events; NULL: only events */
    const char *kind;   /* of the events shown; NULL: all */
    void (*draw)(struct kpc_ctx *ctx, struct kp_text *out, const json_t *reply);
};

/* One line for each event, until the daemon or the reader goes away; on a
 * terminal until q, connecting again where the daemon went away. */
enum kpc_exit kpc_watch_lines(struct kpc_ctx *ctx, const struct kpc_watch_view *view);

/* A screen redrawn in place, until q. */
enum kpc_exit kpc_watch_screen(struct kpc_ctx *ctx, const struct kpc_watch_view *view);

/* How long to wait before the nth try to connect again, from 0: doubling up to 10 s. */
struct kp_dur kpc_watch_backoff(unsigned tries);

struct kp_mono kpc_watch_now(void);

#endif
