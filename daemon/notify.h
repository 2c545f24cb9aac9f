/* What the service manager is told (sd_notify(3)): ready, what the state is in
 * words, and that the loop is alive.  Without a manager, or built without
 * libsystemd, nothing is told and nothing runs. */
#ifndef KPD_NOTIFY_H
#define KPD_NOTIFY_H

#include "daemon/loop.h"

#include <stddef.h>

struct kpd_notify;

/* Writes one sentence about the present state. */
typedef void kpd_notify_words(void *ctx, char *out, size_t size);

/* false: out of memory.  *out is NULL where nobody wants to be told; every call
 * below takes that. */
bool kpd_notify_open(struct kpd_loop *loop, kpd_notify_words *words, void *ctx,
                     struct kpd_notify **out);
void kpd_notify_close(struct kpd_notify *notify);

/* Everything is open and privileges are gone.  From now on a timer of the loop
 * keeps the sentence up to date and feeds the watchdog, at half its interval. */
void kpd_notify_ready(struct kpd_notify *notify);

/* Around a reload; the second with what went wrong, or NULL. */
void kpd_notify_reloading(struct kpd_notify *notify);
void kpd_notify_reloaded(struct kpd_notify *notify, const char *failure);

void kpd_notify_stopping(struct kpd_notify *notify);

#endif
