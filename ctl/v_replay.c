/* replay: what the daemon would have said to these records. */
#include "ctl/call.h"
#include "ctl/events.h"
#include "ctl/out.h"
#include "ctl/replay.h"
#include "lib/host/conf_files.h"
#include "lib/telling/event_json.h"
#include "lib/telling/learned_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_AT 65536

__attribute__((format(printf, 3, 4))) static void
complain(const struct kpc_replay *r, const char *level, const char *format, ...)
{
    struct kp_text text = {0};
    char buf[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(buf, sizeof buf, format, ap);
    va_end(ap);
    kp_text_add_safe(&text, r->file);
    kp_text_printf(&text, ":%" PRIu64 ": %s: ", r->line, level);
    kp_text_add_safe(&text, buf);
    fprintf(stderr, "%s\n", kp_text_str(&text) != NULL ? kp_text_str(&text) : "out of memory");
    kp_text_fini(&text);
}

static void give_up(struct kpc_replay *r, const char *why)
{
    complain(r, "error", "%s", why);
    r->bad = r->stop = true;
}

/* Once for each name. */
static void warn_of(struct kpc_replay *r, const char *what, const char *name, const char *more)
{
    char key[160];
    snprintf(key, sizeof key, "%.20s %.64s/%.64s", what, name, more);
    if (json_object_get(r->said, key) != NULL)
        return;
    (void)json_object_set_new(r->said, key, json_true());
    complain(r, "warning", "no %s '%s%s%s' in the configuration: %s", what, name,
             *more != '\0' ? "/" : "", more,
             strcmp(what, "path") == 0 ? "left out" : "its records are ignored");
}

static void tell(struct kpc_replay *r)
{
    const struct kp_event_source source = {r->conf->vantage_name, r->conf->vantage_country,
                                           KP_VERSION, "replay"};
    struct kp_act act;
    while (kp_core_pop_action(r->core, &act)) {
        /* The results are the input; what follows from them is what is asked for. */
        if (act.kind != KP_ACT_EVENT || act.event.action == KP_EV_PROBE_RESULT)
            continue;
        json_t *event = kp_event_json(&act.event, &source, ++r->events);
        if (event == NULL)
            r->ctx->out.nomem = true;
        else
            kpc_events_line(r->ctx, event);
        json_decref(event);
    }
    if (r->ctx->out.len > FLUSH_AT && !kpc_out_flush(r->ctx))
        r->bad = r->stop = true;
}

static struct kp_conf *say_diags(struct kp_conf *conf, struct kp_diags *diags)
{
    char *text = conf == NULL ? kp_diags_text(diags) : NULL;
    if (text != NULL)
        fputs(text, stderr);
    free(text);
    kp_diags_fini(diags);
    return conf;
}

static struct kp_conf *conf_of(const struct kpc_replay *r, const json_t *json)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    char name[256];
    char *text = json_dumps(json, JSON_COMPACT);
    snprintf(name, sizeof name, "%s:%" PRIu64 " (its configuration)", r->file, r->line);
    struct kp_conf *conf =
        text != NULL ? kp_conf_load_text(name, text, strlen(text), &diags) : NULL;
    free(text);
    return say_diags(conf, &diags);
}

/* Sets the configuration in force, and a core that learns from `now` on. */
static void begin(struct kpc_replay *r, struct kp_wall now)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    if (r->config != NULL)
        r->conf = say_diags(kp_conf_load_file(r->config, &diags), &diags);
    else if (r->header != NULL)
        r->conf = conf_of(r, json_object_get(r->header, "config"));
    else
        complain(r, "error", "no header with a configuration before it: name one with -c CONF");
    r->bad = r->stop = r->conf == NULL;
    if (r->stop)
        return;
    r->core = kp_core_new_offline();
    const json_t *json = r->header != NULL ? json_object_get(r->header, "learned") : NULL;
    struct kp_learned *learned =
        r->core != NULL && json_object_size(json) > 0 ? kp_learned_read(r->core, json) : NULL;
    if (learned != NULL && learned->now.ns > 0)
        now.ns = learned->now.ns;
    bool ok = r->core != NULL &&
              kp_core_configure(r->core, r->conf, (struct kp_mono){now.ns}) == KP_OK;
    if (ok && learned != NULL)
        ok = kp_core_restore(r->core, learned) == KP_OK;
    kp_learned_free(learned);
    if (!ok)
        give_up(r, "out of memory");
}

/* The first header counts; others come with further exports in the same file. */
static void take_header(struct kpc_replay *r, const struct kp_record_read *read)
{
    if (r->core == NULL && r->header == NULL && json_object_size(read->config) > 0)
        r->header = json_incref(read->json);
}

static void feed(struct kpc_replay *r, const struct kpc_waiting *w)
{
    const struct kp_record *record = w->record;
    if (w->conf != NULL) {
        enum kp_err err = kp_core_configure(r->core, w->conf, w->done);
        struct kp_conf *old = err == KP_OK ? r->conf : w->conf;
        r->conf = err == KP_OK ? w->conf : r->conf;
        tell(r);
        kp_conf_free(old);
        if (err != KP_OK)
            give_up(r, "out of memory");
        return;
    }
    enum kp_fed fed = kp_core_feed(r->core, record);
    const char *name = kp_core_record_name(r->core, record->name);
    const char *probe = kp_core_record_name(r->core, record->probe);
    const char *path = kp_core_record_name(r->core, record->path);
    if (fed == KP_FED_NO_NAME && name != NULL)
        warn_of(r,
                record->kind == KP_RECORD_EDGE     ? "such path"
                : record->kind == KP_RECORD_ANCHOR ? "anchor"
                                                   : "target",
                name, "");
    else if (fed == KP_FED_NO_PROBE)
        warn_of(r, "probe", name, probe);
    else if (fed == KP_FED_NO_PATH)
        warn_of(r, "path", path, "");
    tell(r);
}

/* Feeds what nothing can come before any more. */
static void feed_until(struct kpc_replay *r, struct kp_mono until)
{
    struct kpc_waiting w;
    while (!r->stop && r->count > 0 && !kp_mono_before(until, r->heap[0].done) &&
           kpc_replay_pop(r, &w)) {
        feed(r, &w);
        free(w.record);
    }
}

static uint32_t number_of(const struct kpc_replay *r, const char *name)
{
    return name != NULL ? kp_core_name_number(r->core, name) : KP_NO_NAME;
}

static void take_record(struct kpc_replay *r, struct kp_record_read *read)
{
    struct kp_record *record = &read->list[0];
    if (r->core == NULL)
        begin(r, (struct kp_wall){record->at.ns - KPC_REPLAY_DISORDER * KP_NS_PER_S});
    if (r->stop)
        return;
    record->name = number_of(r, read->name);
    record->probe = number_of(r, read->probe);
    record->path = number_of(r, read->path);
    if (!read->has_done)
        record->done = kp_core_feed_done(r->core, record);
    if (record->kind == KP_RECORD_CLOCK)
        (void)kp_feed_step(&r->offset, record->step);
    struct kpc_waiting w = {.done = {record->done.ns - r->offset.ns}, .number = r->line};
    if (json_object_size(read->config) > 0 && (w.conf = conf_of(r, read->config)) == NULL) {
        r->bad = true;
        return;
    }
    size_t size = (1 + (size_t)record->count) * sizeof *record;
    w.record = malloc(size);
    if (w.record == NULL || !kpc_replay_push(r, &w)) {
        give_up(r, "out of memory");
        return;
    }
    memcpy(w.record, record, size);
    r->records++;
    if (kp_mono_before(r->newest, w.done))
        r->newest = w.done;
    feed_until(r, (struct kp_mono){r->newest.ns - KPC_REPLAY_DISORDER * KP_NS_PER_S});
}

static void take_line(struct kpc_replay *r, const char *line, size_t len)
{
    struct kp_record_read read;
    char why[KP_RECORD_WHY_SIZE];
    if (strspn(line, " \t\r\n") == len)
        return;
    if (kp_record_parse(line, len, &read, why) != KP_OK) {
        complain(r, "error", "%s", why[0] != '\0' ? why : "out of memory");
        r->bad = true;
        return;
    }
    bool foreseen = r->foresight && read.list[0].kind == KP_RECORD_GAP;
    if (read.what == KP_RECORD_HEADER)
        take_header(r, &read);
    else if (read.what == KP_RECORD_LINE && !foreseen)
        take_record(r, &read);
    kp_record_read_fini(&read);
}

/* Takes the gaps ahead of all else: silence inside one is no evidence, although its
 * line comes when it is over.  Not where our own export tells what was known when. */
static void foresee_gap(struct kpc_replay *r, const char *line, size_t len)
{
    struct kp_record_read read;
    char why[KP_RECORD_WHY_SIZE];
    if (memmem(line, len, "\"gap\"", 5) == NULL ||
        kp_record_parse(line, len, &read, why) != KP_OK)
        return; /* what is bad is said when its turn comes */
    struct kp_record *gap = NULL;
    if (read.what == KP_RECORD_LINE && read.list[0].kind == KP_RECORD_GAP)
        gap = malloc(sizeof *gap);
    kp_record_read_fini(&read);
    if (gap == NULL)
        return;
    *gap = read.list[0];
    gap->done = gap->from;
    gap->name = KP_NO_NAME;
    if (!kpc_replay_push(r, &(struct kpc_waiting){.done = {gap->from.ns}, .record = gap}))
        free(gap);
}

static void foresee(struct kpc_replay *r, FILE *f)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; r->foresight && (len = getline(&line, &room, f)) >= 0;)
        if (memmem(line, (size_t)len, "\"learned\":{\"", 12) != NULL)
            r->foresight = false;
        else
            foresee_gap(r, line, (size_t)len);
    free(line);
    rewind(f);
}

static void read_all(struct kpc_replay *r, FILE *f)
{
    char *line = NULL;
    size_t room = 0;
    foresee(r, f);
    for (ssize_t len; !r->stop && (len = getline(&line, &room, f)) >= 0;) {
        r->line++;
        take_line(r, line, (size_t)len);
    }
    if (ferror(f))
        give_up(r, "cannot read on");
    free(line);
    if (r->core == NULL)
        return;
    feed_until(r, r->newest);
    /* The daemon would have looked at the last of it. */
    kp_core_tick(r->core, (struct kp_mono){r->newest.ns + KP_NS_PER_S / 4});
    tell(r);
}

static void finish(struct kpc_replay *r)
{
    struct kpc_waiting w;
    while (kpc_replay_pop(r, &w)) {
        free(w.record);
        kp_conf_free(w.conf);
    }
    free(r->heap);
    kp_core_free(r->core);
    kp_conf_free(r->conf);
    json_decref(r->header);
    json_decref(r->said);
}

/* Standard input as a file that can be read twice; NULL: see errno. */
static FILE *whole_input(void)
{
    char buf[65536];
    FILE *f = tmpfile();
    for (size_t n; f != NULL && (n = fread(buf, 1, sizeof buf, stdin)) > 0;)
        if (fwrite(buf, 1, n, f) != n) {
            fclose(f);
            f = NULL;
        }
    if (f != NULL)
        rewind(f);
    return f;
}

enum kpc_exit kpc_replay_exec(struct kpc_ctx *ctx)
{
    struct kpc_replay r = {.foresight = true,
                           .ctx = ctx,
                           .file = kpc_word(ctx, 0),
                           .config = ctx->args->config,
                           .said = json_object()};
    bool standard = strcmp(r.file, "-") == 0;
    FILE *f = standard ? whole_input() : fopen(r.file, "re");
    if (f == NULL) {
        kpc_say("cannot open %s: %s", r.file, strerror(errno));
        json_decref(r.said);
        return KPC_REFUSED;
    }
    kpc_events_heading(ctx);
    read_all(&r, f);
    fclose(f);
    if (r.events == 0 && !r.stop && !kpc_out_scripts(ctx))
        kp_text_printf(&ctx->out, "No events in %" PRIu64 " records.\n", r.records);
    bool bad = r.bad;
    finish(&r);
    return bad ? KPC_REFUSED : KPC_DONE;
}
