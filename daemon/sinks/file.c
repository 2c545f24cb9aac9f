#include "daemon/sinks/file.h"

#include "daemon/sinks/file_writer.h"
#include "daemon/sinks/outlet.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_AGAIN (KP_NS_PER_S / 2)
#define LAST_WORDS_S 2 /* how long the end of the daemon waits for the disk */

struct kpd_file {
    struct kpd_outlet outlet;
    struct kpd_loop *loop;
    struct kpd_writer *writer;
    struct kpd_timer *look; /* asks the thread how it goes */
    struct kp_text line;
    bool looking;
};

static void look_soon(struct kpd_file *file)
{
    if (!file->looking)
        kpd_timer_set(file->look, (struct kp_dur){LOOK_AGAIN});
    file->looking = true;
}

static void on_look(void *ctx)
{
    struct kpd_file *file = ctx;
    size_t waiting;
    int errnum = kpd_writer_state(file->writer, &waiting);
    file->looking = false;
    kpd_outlet_say(&file->outlet, kpd_loop_now(file->loop), errnum);
    if (errnum != 0 || waiting > 0)
        look_soon(file);
}

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct kpd_file *file = ctx;
    uint64_t lost = 1;
    (void)event;
    kp_text_clear(&file->line);
    if (entry->json) {
        kp_text_addn(&file->line, entry->json, entry->len);
        kp_text_add(&file->line, "\n");
    }
    if (entry->json && !file->line.nomem)
        lost = kpd_writer_push(file->writer, file->line.data, file->line.len,
                               kpd_outlet_expendable(entry));
    if (lost > 0)
        kpd_outlet_lose(&file->outlet, lost);
    look_soon(file);
}

static void set_name(struct kpd_file *file, const char *path)
{
    snprintf(file->outlet.name, sizeof file->outlet.name, "log.file (%s)", path);
}

struct kpd_file *kpd_file_open(struct kpd_loop *loop, struct kpd_hub *hub, const char *path,
                               size_t max_count)
{
    struct kpd_file *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->loop = loop;
    file->outlet = (struct kpd_outlet){.hub = hub, .reader = KPD_READER_FILE};
    set_name(file, path);
    file->look = kpd_timer_new(loop, on_look, file);
    file->writer = file->look ? kpd_writer_new(path, max_count) : NULL;
    if (!file->writer || !kpd_hub_sink(hub, on_event, file)) {
        kpd_file_close(file, false);
        return NULL;
    }
    look_soon(file);
    return file;
}

bool kpd_file_reopen(struct kpd_file *file, const char *path)
{
    if (!kpd_writer_reopen(file->writer, path))
        return false;
    if (path)
        set_name(file, path);
    look_soon(file);
    return true;
}

void kpd_file_close(struct kpd_file *file, bool wait)
{
    if (!file)
        return;
    kpd_hub_unsink(file->outlet.hub, on_event, file);
    if (file->writer)
        kpd_writer_free(file->writer, wait ? LAST_WORDS_S : 0);
    kpd_timer_free(file->look);
    kp_text_fini(&file->line);
    free(file);
}
