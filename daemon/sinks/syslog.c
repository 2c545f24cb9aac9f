#include "daemon/sinks/syslog.h"

#include "daemon/sinks/level.h"
#include "lib/telling/event_log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FACILITY (3 << 3) /* daemon */

/* RFC 3164, 4.1.2: local time, English, whatever the locale. */
static void put_time(struct kp_text *out, struct kp_wall at)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = at.ns / KP_NS_PER_S;
    struct tm tm = {0};
    localtime_r(&seconds, &tm);
    kp_text_printf(out, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
}

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct kpd_syslog *syslog = ctx;
    struct kp_text *text = &syslog->text;
    (void)event;
    if (!kpd_level_passes(*syslog->level, entry))
        return;
    kp_text_clear(text);
    if (entry->json) {
        kp_text_printf(text, "<%d>", FACILITY | kp_event_priority(entry->level));
        put_time(text, entry->at);
        kp_text_printf(text, " kpwatchd[%d]: @cee: ", (int)getpid());
        kp_text_addn(text, entry->json, entry->len);
    }
    if (!entry->json || text->nomem)
        kpd_outlet_lose(&syslog->dgram.outlet, 1);
    else
        kpd_dgram_send(&syslog->dgram, text->data, text->len, kpd_outlet_expendable(entry));
}

bool kpd_syslog_open(struct kpd_syslog *syslog, struct kpd_loop *loop, struct kpd_hub *hub,
                     const char *socket, const enum kp_level *level)
{
    *syslog = (struct kpd_syslog){.dgram = {.loop = loop}, .level = level};
    struct kpd_outlet *outlet = &syslog->dgram.outlet;
    *outlet = (struct kpd_outlet){.hub = hub, .reader = KPD_READER_SYSLOG};
    snprintf(outlet->name, sizeof outlet->name, "log.syslog (%s)", socket);
    if (!kpd_dgram_init(&syslog->dgram, socket, 0, 0))
        return false;
    if (kpd_hub_sink(hub, on_event, syslog))
        return true;
    kpd_dgram_fini(&syslog->dgram);
    return false;
}

void kpd_syslog_close(struct kpd_syslog *syslog)
{
    kpd_hub_unsink(syslog->dgram.outlet.hub, on_event, syslog);
    kpd_dgram_fini(&syslog->dgram);
    kp_text_fini(&syslog->text);
}
