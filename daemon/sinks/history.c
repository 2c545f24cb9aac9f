#include "daemon/sinks/history.h"

#include "daemon/clock.h"
#include "daemon/sinks/history_thread.h"
#include "daemon/sinks/level.h"
#include "daemon/sinks/outlet.h"
#include "lib/core/view.h"
#include "lib/telling/export.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/learned_json.h"
#include "lib/telling/record_json.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BALLAST ((size_t)4 << 20)
#define TICK_NS (2 * KP_NS_PER_S)
#define SOON_NS (KP_NS_PER_S / 5)   /* changes are on disk this long after */
#define CHUNK_NS (10 * KP_NS_PER_S) /* of evidence, and of states */
#define CELLS_NS (300 * KP_NS_PER_S)
#define BEFORE_NS (300 * KP_NS_PER_S) /* evidence from so long before a change ... */
#define AFTER_NS (120 * KP_NS_PER_S)  /* ... until so long after it */
#define LEARNED_NS (60 * KP_NS_PER_S)
#define LEARNED_PER_S ((size_t)200 << 10) /* bytes, where changes come one after the other */
#define PIECES_PER_TURN 500
#define TURN_NS (10 * KP_NS_PER_MS)
#define CHUNK_BYTES ((size_t)512 << 10) /* more results than that are not kept one by one */
#define LAST_WORDS_S 5

struct kpd_history {
    struct kpd_history_args args;
    struct kpd_outlet outlet;
    struct kpd_hthread *thread;
    struct kpd_watch *watch;
    struct kpd_timer *timer;
    struct kpd_roll *roll;
    struct kp_text bytes; /* of the note being made */
    uint64_t record;      /* number of the last one looked at */

    struct kp_text chunk; /* lines of evidence */
    struct kp_wall chunk_from, chunk_to;
    bool chunk_kept, chunk_too_long;
    struct kp_mono chunk_at, cells_at; /* when they were written last */
    struct kp_mono keep_until;

    struct kp_export saving; /* of what was learned; learned NULL: none is under way */
    struct kp_text learned;
    struct kp_mono learned_at;  /* when the last one was begun */
    struct kp_dur learned_cost; /* how long to wait before the next one */

    bool changed;         /* events wait for the commit */
    struct kpd_ask *asks; /* likewise */
    struct kpd_hthread_state state;
};

static void note(struct kpd_history *h, const struct kpd_note *n, const char *bytes, size_t len)
{
    kpd_hthread_add(h->thread, n, bytes, len);
}

/* --- records --- */

static void note_gap(struct kpd_history *h, struct kp_wall from, struct kp_wall to,
                     const char *reason)
{
    struct kpd_note n = {.kind = KPD_NOTE_GAP, .from = from, .to = to};
    note(h, &n, reason, strlen(reason));
}

static void add_line(struct kpd_history *h, uint64_t number, const struct kp_record *record)
{
    if (h->chunk.len > CHUNK_BYTES)
        h->chunk_too_long = true;
    if (h->chunk_too_long)
        return;
    if (h->chunk.len == 0)
        h->chunk_from = record->done;
    h->chunk_to = record->done;
    kp_record_line(h->args.core, number, &h->chunk);
}

/* Looks at each record once. */
static void take_records(struct kpd_history *h)
{
    uint64_t last = kp_core_record_last(h->args.core);
    uint64_t oldest = kp_core_record_oldest(h->args.core);
    if (h->record + 1 < oldest)
        h->record = oldest - 1;
    while (h->record < last) {
        const struct kp_record *record = kp_core_record(h->args.core, ++h->record);
        kpd_roll_record(h->roll, h->args.core, record);
        add_line(h, h->record, record);
        const char *name = kp_core_record_name(h->args.core, record->name);
        if (record->kind == KP_RECORD_GAP && name && strcmp(name, KP_NOT_RUNNING) != 0)
            note_gap(h, record->from, record->at, name); /* that one we know better */
    }
}

static void put_chunk(struct kpd_history *h)
{
    struct kpd_note n = {.kind = KPD_NOTE_RECORDS,
                         .kept = h->chunk_kept,
                         .from = h->chunk_from,
                         .to = h->chunk_to};
    if (h->chunk.len > 0 && !h->chunk.nomem && !h->chunk_too_long)
        note(h, &n, h->chunk.data, h->chunk.len);
    kp_text_clear(&h->chunk);
    h->chunk_too_long = false;
    h->chunk_kept = kp_mono_before(kpd_loop_now(h->args.loop), h->keep_until);
}

/* --- roll-ups --- */

static void take_states(struct kpd_history *h, struct kp_wall at, uint32_t seconds)
{
    struct kp_core *core = h->args.core;
    uint32_t targets = kp_core_target_count(core);
    uint32_t all = targets + kp_core_anchor_count(core);
    for (uint32_t i = 0; i < all; i++) {
        struct kp_target_view view;
        kp_core_target(core, i, &view);
        kpd_roll_state(h->roll, i < targets ? KPD_TARGET : KPD_ANCHOR, view.name, at,
                       view.state, seconds);
    }
    for (uint32_t i = 0; i < kp_core_path_count(core); i++) {
        struct kp_path_view view;
        kp_core_path(core, i, &view);
        kpd_roll_state(h->roll, KPD_PATH, view.name, at, view.state, seconds);
    }
}

static void put_cells(struct kpd_history *h)
{
    struct kpd_note n = {.kind = KPD_NOTE_CELLS};
    kp_text_clear(&h->bytes);
    kpd_roll_flush(h->roll, &h->bytes);
    if (h->bytes.len > 0 && !h->bytes.nomem)
        note(h, &n, h->bytes.data, h->bytes.len);
}

/* --- events --- */

/* What an event says began before it was known. */
static struct kp_wall began(const struct kp_event *event)
{
    struct kp_wall at = event->incident ? event->incident->what.began : event->since;
    return at.ns > 0 && at.ns < event->at.ns ? at : event->at;
}

static void keep_evidence(struct kpd_history *h, const struct kp_event *event)
{
    struct kp_wall from = kp_wall_add(began(event), (struct kp_dur){-BEFORE_NS});
    struct kpd_note n = {.kind = KPD_NOTE_KEEP, .from = from};
    note(h, &n, "", 0);
    h->chunk_kept = true;
    h->keep_until = kp_mono_add(kpd_loop_now(h->args.loop), (struct kp_dur){AFTER_NS});
}

/* False: it is not to be stored; what it is about is in the records. */
static bool note_event(struct kpd_history *h, const struct kpd_hub_entry *entry)
{
    struct kpd_note n = {.kind = KPD_NOTE_EVENT, .seq = entry->seq};
    if (entry->action == KP_EV_PROBE_RESULT || entry->action == KP_EV_SUSPICION_RAISED ||
        entry->action == KP_EV_SUSPICION_CLEARED || !entry->json)
        return false;
    note(h, &n, entry->json, entry->len);
    return true;
}

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct kpd_history *h = ctx;
    if (!note_event(h, entry))
        return;
    if (kpd_is_change(entry->action))
        keep_evidence(h, event);
    if (!h->changed)
        kpd_timer_set(h->timer, (struct kp_dur){SOON_NS});
    h->changed = true;
}

/* --- its turns --- */

static void tell(struct kpd_history *h, enum kp_level level, const char *text)
{
    struct kp_event e = {.action = KP_EV_DAEMON_HEALTH,
                         .level = level,
                         .at = kpd_clock_wall(),
                         .rtt = -1,
                         .success = level > KP_LOG_WARNING,
                         .detail = h->outlet.name};
    snprintf(e.message, sizeof e.message, "%.239s", text);
    kpd_hub_publish(h->args.hub, &e);
}

static bool due(struct kp_mono *last, struct kp_mono now, int64_t every_ns)
{
    if (kp_mono_set(*last) && kp_mono_sub(now, *last).ns < every_ns)
        return false;
    *last = now;
    return true;
}

/* --- what was learned --- */

/* Only records not yet in it come behind it, so a chunk ends here. */
static void begin_saving(struct kpd_history *h, struct kp_mono now)
{
    put_chunk(h);
    h->saving = (struct kp_export){.learned = kp_core_learned(h->args.core)};
    h->learned_at = now;
    kp_text_clear(&h->learned);
}

/* Some pieces more; false: it is not complete yet. */
static bool save_some(struct kpd_history *h, int pieces)
{
    for (int i = 0; h->saving.learned && i < pieces; i++) {
        enum kp_err err =
            kp_export_next(h->args.core, h->args.version, &h->saving, &h->learned);
        if (err == KP_OK && h->saving.stage != KP_EXPORT_RECORDS)
            continue;
        if (err != KP_OK)
            h->learned.nomem = true;
        h->learned_cost.ns = (int64_t)(h->learned.len * KP_NS_PER_S / LEARNED_PER_S);
        kp_export_end(&h->saving);
    }
    return !h->saving.learned;
}

static bool wants_saving(const struct kpd_history *h, struct kp_mono now)
{
    int64_t since = kp_mono_sub(now, h->learned_at).ns;
    bool first = !kp_mono_set(h->learned_at);
    return first || since >= LEARNED_NS + h->learned_cost.ns ||
           (h->changed && since >= h->learned_cost.ns);
}

/* Events and what was learned with them are on disk together, or neither. */
static void commit(struct kpd_history *h)
{
    bool saved = h->learned.len > 0 && !h->learned.nomem;
    uint64_t lost = kpd_hthread_commit(h->thread, saved ? kp_text_take(&h->learned) : NULL);
    kp_text_clear(&h->learned);
    while (h->asks) {
        struct kpd_ask *ask = h->asks;
        LL_DELETE(h->asks, ask);
        kpd_hthread_ask(h->thread, ask);
    }
    if (lost > 0)
        kpd_outlet_lose(&h->outlet, lost);
    h->changed = false;
}

static bool take_chunk(struct kpd_history *h, struct kp_mono now)
{
    struct kp_mono before = h->chunk_at;
    bool chunk = due(&h->chunk_at, now, CHUNK_NS);
    if (chunk) {
        uint32_t seconds = (uint32_t)(kp_mono_sub(now, before).ns / KP_NS_PER_S);
        /* Longer only where we were away; then nobody knows. */
        if (kp_mono_set(before) && seconds < 2 * CHUNK_NS / KP_NS_PER_S)
            take_states(h, kpd_clock_wall(), seconds);
        put_chunk(h);
    }
    return chunk;
}

static void on_timer(void *ctx)
{
    struct kpd_history *h = ctx;
    struct kp_mono now = kpd_loop_now(h->args.loop);
    bool write = h->changed || h->saving.learned;
    if (!h->saving.learned) {
        take_records(h);
        write |= take_chunk(h, now);
        if (due(&h->cells_at, now, CELLS_NS))
            put_cells(h);
        if (wants_saving(h, now))
            begin_saving(h, now);
    }
    if (!save_some(h, PIECES_PER_TURN)) {
        kpd_timer_set(h->timer, (struct kp_dur){TURN_NS});
        return;
    }
    if (write || h->learned.len > 0)
        commit(h);
    kpd_outlet_say(&h->outlet, now, h->state.errnum);
    kpd_timer_set(h->timer, (struct kp_dur){h->changed ? SOON_NS : TICK_NS});
}

static void on_thread(int fd, unsigned what, void *ctx)
{
    struct kpd_history *h = ctx;
    (void)fd;
    (void)what;
    kpd_hthread_state(h->thread, &h->state);
    if (h->state.warning[0] != '\0')
        tell(h, KP_LOG_WARNING, h->state.warning);
    kpd_outlet_say(&h->outlet, kpd_loop_now(h->args.loop), h->state.errnum);
    for (struct kpd_ask *ask; (ask = kpd_hthread_answer(h->thread));) {
        h->args.answer(h->args.ctx, ask);
        kpd_ask_free(ask);
    }
}

void kpd_history_ask(struct kpd_history *h, struct kpd_ask *ask)
{
    take_records(h);
    put_cells(h);
    ask->keep = h->args.keep;
    LL_APPEND(h->asks, ask);
    if (!h->saving.learned && !h->changed)
        commit(h); /* else it comes with the changes, in a moment */
}

void kpd_history_stats(const struct kpd_history *h, struct kpd_history_stats *out)
{
    *out = (struct kpd_history_stats){.last_event = h->state.last_event,
                                      .waiting = h->state.waiting,
                                      .lost = h->outlet.lost,
                                      .errnum = h->state.errnum};
}

/* --- its life --- */

static void read_machine(char out[40])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    snprintf(out, 40, "unknown");
    if (file && fgets(out, 40, file))
        out[strcspn(out, "\n")] = '\0';
    if (file)
        fclose(file);
}

/* The time since the run before last wrote is a gap, whatever ended it. */
static void tell_away(struct kpd_history *h, const struct kpd_store_before *before,
                      struct kp_wall now)
{
    char text[KP_EVENT_MESSAGE_SIZE], away[KP_DUR_SIZE];
    int64_t ns = now.ns - before->alive.ns;
    if (ns <= 0)
        return;
    kp_dur_format((struct kp_dur){ns - ns % KP_NS_PER_S}, away);
    note_gap(h, before->alive, now, before->rebooted ? "rebooted" : "restarted");
    snprintf(text, sizeof text, "kpwatchd was away for %s (%s)", away,
             before->rebooted ? "the machine was rebooted" : "it was restarted");
    tell(h, KP_LOG_NOTICE, text);
}

/* What else the file has as open, nobody watched to its end. */
static void note_open(struct kpd_history *h)
{
    const struct kp_incidents *table = kp_core_incidents(h->args.core);
    struct kpd_note n = {.kind = KPD_NOTE_OPEN};
    kp_text_clear(&h->bytes);
    for (uint32_t i = 0; i < kp_incidents_count(table); i++) {
        const struct kp_incident *incident = kp_incidents_at(table, i);
        char uuid[KP_UUID_SIZE];
        kp_uuid_format(incident->uuid, uuid);
        if (incident->phase != KP_CLOSED)
            kp_text_printf(&h->bytes, "%s ", uuid);
    }
    if (!h->bytes.nomem)
        note(h, &n, h->bytes.len > 0 ? h->bytes.data : "", h->bytes.len);
}

/* Goes on from what the run before learned. */
static void restore(struct kpd_history *h, const char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *learned = json_object_get(json, "learned");
    struct kp_learned *state = learned ? kp_learned_read(h->args.core, learned) : NULL;
    if (text && (!state || kp_core_restore(h->args.core, state) != KP_OK))
        tell(h, KP_LOG_WARNING, "what was learned before the restart cannot be used");
    kp_learned_free(state);
    json_decref(json);
}

static bool start(struct kpd_history *h, struct kpd_store_args *args, struct kpd_store *store)
{
    h->thread = kpd_hthread_new(args, store, 0);
    h->timer = kpd_timer_new(h->args.loop, on_timer, h);
    h->roll = kpd_roll_new();
    if (!h->thread || !h->timer || !h->roll)
        return false;
    h->watch = kpd_watch_new(h->args.loop, kpd_hthread_fd(h->thread), KPD_READ, on_thread, h);
    struct kpd_hub_stats told;
    kpd_hub_stats(h->args.hub, &told); /* what was told before is stored as well */
    for (uint64_t seq = told.oldest; seq <= told.last; seq++)
        note_event(h, kpd_hub_get(h->args.hub, seq));
    return h->watch && kpd_hub_sink(h->args.hub, on_event, h);
}

struct kpd_history *kpd_history_open(const struct kpd_history_args *args)
{
    char machine[40], why[KPD_DB_WHY];
    struct kpd_store *store = NULL;
    struct kpd_history *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->args = *args;
    h->outlet = (struct kpd_outlet){
        .hub = args->hub, .reader = KPD_READER_HISTORY, .trouble = "degraded storage"};
    snprintf(h->outlet.name, sizeof h->outlet.name, "history (%s)", args->path);
    read_machine(machine);
    struct kpd_store_args store_args = {.path = args->path,
                                        .ballast = BALLAST,
                                        .keep = args->keep,
                                        .boot = kpd_hub_boot(args->hub),
                                        .machine = machine,
                                        .version = args->version,
                                        .now = kpd_clock_wall()};
    enum kpd_db_result result = kpd_store_open(&store_args, &store, why);
    if (why[0] != '\0')
        tell(h, KP_LOG_WARNING, why);
    struct kpd_store_before before = {0};
    if (store)
        (void)kpd_store_before(store, &before);
    if (result == KPD_DB_REFUSED || !start(h, &store_args, store)) {
        free(before.learned);
        kpd_history_close(h);
        return NULL;
    }
    if (before.any)
        tell_away(h, &before, store_args.now);
    restore(h, before.learned);
    note_open(h);
    free(before.learned);
    kpd_timer_set(h->timer, (struct kp_dur){SOON_NS});
    return h;
}

void kpd_history_close(struct kpd_history *h)
{
    if (!h)
        return;
    kpd_hub_unsink(h->args.hub, on_event, h);
    kp_export_end(&h->saving);
    if (h->thread && h->watch) {
        take_records(h);
        put_cells(h);
        begin_saving(h, kpd_loop_now(h->args.loop));
        save_some(h, INT_MAX);
        commit(h);
    }
    kpd_watch_free(h->watch);
    kpd_hthread_free(h->thread, LAST_WORDS_S);
    kpd_timer_free(h->timer);
    kpd_roll_free(h->roll);
    kp_text_fini(&h->bytes);
    kp_text_fini(&h->chunk);
    kp_text_fini(&h->learned);
    free(h);
}
