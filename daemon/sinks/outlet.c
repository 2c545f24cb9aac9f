#include "daemon/sinks/outlet.h"

#include "daemon/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Losses that go on are said this often. */
#define AGAIN (60 * KP_NS_PER_S)

void kpd_outlet_lose(struct kpd_outlet *outlet, uint64_t n)
{
    outlet->lost += n;
    kpd_hub_note_dropped(outlet->hub, outlet->reader, n);
}

bool kpd_outlet_expendable(const struct kpd_hub_entry *entry)
{
    return entry->action == KP_EV_PROBE_RESULT;
}

static void publish(struct kpd_outlet *outlet, bool works, const char *message)
{
    struct kp_event e = {.action = KP_EV_DAEMON_HEALTH,
                         .level = works ? KP_LOG_NOTICE : KP_LOG_WARNING,
                         .at = kpd_clock_wall(),
                         .rtt = -1,
                         .success = works,
                         .detail = outlet->name};
    snprintf(e.message, sizeof e.message, "%s", message);
    kpd_hub_publish(outlet->hub, &e);
}

static void say_broken(struct kpd_outlet *outlet, int errnum)
{
    char text[KP_EVENT_MESSAGE_SIZE];
    snprintf(text, sizeof text, "%s%s%.140s: %s; events wait in memory and are tried again",
             outlet->trouble ? outlet->trouble : "", outlet->trouble ? ": " : "", outlet->name,
             errnum == EAGAIN ? "its reader is stuck" : strerror(errnum));
    outlet->broken = true;
    publish(outlet, false, text);
}

static void say_lost(struct kpd_outlet *outlet, struct kp_mono now)
{
    char text[KP_EVENT_MESSAGE_SIZE];
    snprintf(text, sizeof text, "%.160s: %" PRIu64 " events were lost", outlet->name,
             outlet->lost - outlet->told);
    outlet->told = outlet->lost;
    outlet->told_at = now;
    publish(outlet, false, text);
}

static void say_works(struct kpd_outlet *outlet)
{
    char text[KP_EVENT_MESSAGE_SIZE];
    snprintf(text, sizeof text, "%.160s takes events again", outlet->name);
    outlet->broken = false;
    publish(outlet, true, text);
}

void kpd_outlet_say(struct kpd_outlet *outlet, struct kp_mono now, int errnum)
{
    if (errnum != 0 && !outlet->broken)
        say_broken(outlet, errnum);
    bool due = errnum == 0 || !kp_mono_set(outlet->told_at) ||
               kp_mono_sub(now, outlet->told_at).ns >= AGAIN;
    if (outlet->lost > outlet->told && due)
        say_lost(outlet, now);
    if (errnum == 0 && outlet->broken)
        say_works(outlet);
}
