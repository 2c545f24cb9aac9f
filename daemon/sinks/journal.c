#include "daemon/sinks/journal.h"

#include "daemon/sinks/level.h"
#include "lib/telling/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct kpd_journal *journal = ctx;
    if (!kpd_level_passes(*journal->level, entry))
        return;
    kp_text_clear(&journal->text);
    if (entry->object)
        kp_event_journal(event, entry->object, entry->json, &journal->text);
    if (!entry->object || journal->text.nomem)
        kpd_outlet_lose(&journal->dgram.outlet, 1);
    else
        kpd_dgram_send(&journal->dgram, journal->text.data, journal->text.len,
                       kpd_outlet_expendable(entry));
}

bool kpd_journal_open(struct kpd_journal *journal, struct kpd_loop *loop, struct kpd_hub *hub,
                      const char *socket, const enum kp_level *level)
{
    *journal = (struct kpd_journal){.dgram = {.loop = loop}, .level = level};
    struct kpd_outlet *outlet = &journal->dgram.outlet;
    *outlet = (struct kpd_outlet){.hub = hub, .reader = KPD_READER_JOURNAL};
    snprintf(outlet->name, sizeof outlet->name, "log.journal (%s)", socket);
    if (!kpd_dgram_init(&journal->dgram, socket, 0, 0))
        return false;
    if (kpd_hub_sink(hub, on_event, journal))
        return true;
    kpd_dgram_fini(&journal->dgram);
    return false;
}

void kpd_journal_close(struct kpd_journal *journal)
{
    kpd_hub_unsink(journal->dgram.outlet.hub, on_event, journal);
    kpd_dgram_fini(&journal->dgram);
    kp_text_fini(&journal->text);
}

bool kpd_journal_has_stderr(void)
{
    struct stat st;
    unsigned long long device, inode;
    const char *stream = getenv("JOURNAL_STREAM");
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}
