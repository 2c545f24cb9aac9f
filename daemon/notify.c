#include "daemon/notify.h"

#include "daemon/systemd.h"
#include "lib/core/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_EVERY kp_dur_s(5)

struct kpd_notify {
    struct kpd_loop *loop;
    struct kpd_timer *status_timer, *watchdog_timer;
    struct kp_dur feed_every; /* 0: there is no watchdog */
    kpd_notify_words *words;
    void *ctx;
    char failure[KP_EVENT_MESSAGE_SIZE]; /* of the last reload; "": it went well */
    char told[3 * KP_EVENT_MESSAGE_SIZE];
};

/* The sentence, if it is not what was told last. */
static void tell_status(struct kpd_notify *notify)
{
    char words[KP_EVENT_MESSAGE_SIZE] = "";
    char state[sizeof notify->told];
    notify->words(notify->ctx, words, sizeof words);
    snprintf(state, sizeof state, "STATUS=%s%s%s", words,
             notify->failure[0] != '\0' ? " The last reload was refused: " : "",
             notify->failure);
    for (char *p = strchr(state, '\n'); p != NULL; p = strchr(p, '\n'))
        *p = ' '; /* a line is an assignment of its own */
    if (strcmp(state, notify->told) == 0)
        return;
    memcpy(notify->told, state, sizeof state);
    sd_notify(0, state);
}

static void on_status(void *ctx)
{
    struct kpd_notify *notify = ctx;
    tell_status(notify);
    kpd_timer_set(notify->status_timer, STATUS_EVERY);
}

static void on_watchdog(void *ctx)
{
    struct kpd_notify *notify = ctx;
    sd_notify(0, "WATCHDOG=1");
    kpd_timer_set(notify->watchdog_timer, notify->feed_every);
}

bool kpd_notify_open(struct kpd_loop *loop, kpd_notify_words *words, void *ctx,
                     struct kpd_notify **out)
{
    uint64_t usec = 0;
    *out = NULL;
    if (getenv("NOTIFY_SOCKET") == NULL)
        return true;
    struct kpd_notify *notify = calloc(1, sizeof *notify);
    if (notify == NULL)
        return false;
    notify->loop = loop;
    notify->words = words;
    notify->ctx = ctx;
    if (sd_watchdog_enabled(0, &usec) > 0)
        notify->feed_every.ns = (int64_t)usec * KP_NS_PER_US / 2;
    notify->status_timer = kpd_timer_new(loop, on_status, notify);
    notify->watchdog_timer = kpd_timer_new(loop, on_watchdog, notify);
    if (notify->status_timer == NULL || notify->watchdog_timer == NULL) {
        kpd_notify_close(notify);
        return false;
    }
    *out = notify;
    return true;
}

void kpd_notify_close(struct kpd_notify *notify)
{
    if (notify == NULL)
        return;
    kpd_timer_free(notify->status_timer);
    kpd_timer_free(notify->watchdog_timer);
    free(notify);
}

void kpd_notify_ready(struct kpd_notify *notify)
{
    if (notify == NULL)
        return;
    sd_notify(0, "READY=1");
    on_status(notify);
    if (notify->feed_every.ns > 0)
        on_watchdog(notify);
}

void kpd_notify_reloading(struct kpd_notify *notify)
{
    char state[80];
    if (notify == NULL)
        return;
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             kpd_loop_now(notify->loop).ns / KP_NS_PER_US);
    sd_notify(0, state);
}

void kpd_notify_reloaded(struct kpd_notify *notify, const char *failure)
{
    if (notify == NULL)
        return;
    snprintf(notify->failure, sizeof notify->failure, "%s", failure != NULL ? failure : "");
    sd_notify(0, "READY=1");
    tell_status(notify);
}

void kpd_notify_stopping(struct kpd_notify *notify)
{
    if (notify != NULL)
        sd_notify(0, "STOPPING=1\nSTATUS=Stopping.");
}
