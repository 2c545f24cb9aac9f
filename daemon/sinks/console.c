#include "daemon/sinks/console.h"

#include "daemon/sinks/journal.h"
#include "daemon/sinks/level.h"
#include "lib/telling/event_log.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static bool writable(int fd)
{
    /* A pipe reports room only where PIPE_BUF bytes fit; our lines are shorter. */
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

/* Texts from names and the wire must not move a terminal's cursor. */
static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text == 0x7f)
            *text = '?';
}

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct kpd_console *console = ctx;
    char line[KP_EVENT_MESSAGE_SIZE + 64];
    char message[KP_EVENT_MESSAGE_SIZE];
    if (console->silent || !kpd_level_passes(*console->level, entry))
        return;
    snprintf(message, sizeof message, "%s", event->message);
    clean(message);
    char at[KP_RFC3339_SIZE];
    kp_wall_format(event->at, at);
    int n = console->under_systemd ? snprintf(line, sizeof line, "<%d>%s\n",
                                              kp_event_priority(entry->level), message)
                                   : snprintf(line, sizeof line, "%.19sZ %s: %s\n", at,
                                              kp_level_name(entry->level), message);
    if (n < 0 || !writable(STDERR_FILENO) || write(STDERR_FILENO, line, (size_t)n) != n)
        kpd_hub_note_dropped(console->hub, KPD_READER_STDERR, 1);
}

bool kpd_console_open(struct kpd_console *console, struct kpd_hub *hub,
                      const enum kp_level *level)
{
    *console = (struct kpd_console){
        .hub = hub, .level = level, .under_systemd = kpd_journal_has_stderr()};
    return kpd_hub_sink(hub, on_event, console);
}

void kpd_console_close(struct kpd_console *console)
{
    kpd_hub_unsink(console->hub, on_event, console);
}
