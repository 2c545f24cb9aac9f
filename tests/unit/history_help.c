#include "tests/unit/history_help.h"

#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char hist_dir[64], hist_path[80];

int hist_set_up(void **state)
{
    (void)state;
    snprintf(hist_dir, sizeof hist_dir, "/tmp/kp-history.XXXXXX");
    assert_non_null(mkdtemp(hist_dir));
    snprintf(hist_path, sizeof hist_path, "%s/history.db", hist_dir);
    return 0;
}

int hist_tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", hist_dir);
    return system(command);
}

struct kp_wall hist_at(double seconds)
{
    return (struct kp_wall){HIST_T0 * KP_NS_PER_S + (int64_t)(seconds * 1e9)};
}

struct kpd_store_args hist_args(const char *boot)
{
    return (struct kpd_store_args){.path = hist_path,
                                   .ballast = 65536,
                                   .keep = kp_dur_s(400 * 86400),
                                   .boot = boot,
                                   .machine = "m1",
                                   .version = "1.0",
                                   .now = hist_at(0)};
}

struct kpd_store *hist_open(const char *boot)
{
    struct kpd_store_args args = hist_args(boot);
    struct kpd_store *store = NULL;
    char why[KPD_DB_WHY];
    if (kpd_store_open(&args, &store, why) != KPD_DB_OK)
        fail_msg("%s", why);
    return store;
}

void hist_note(struct kpd_queue *queue, enum kpd_note_kind kind, double from, double to,
               bool kept, const char *bytes, size_t len)
{
    struct kpd_note note = {
        .kind = kind, .kept = kept, .from = hist_at(from), .to = hist_at(to)};
    char *whole = malloc(sizeof note + len);
    memcpy(whole, &note, sizeof note);
    memcpy(whole + sizeof note, bytes, len);
    assert_int_equal(kpd_queue_push(queue, whole, sizeof note + len, false), 0);
    free(whole);
}

void hist_event(struct kpd_queue *queue, unsigned seq, double at, const char *action,
                const char *kp)
{
    struct kp_text text = {0};
    char time[KP_RFC3339_SIZE];
    kp_wall_format(hist_at(at), time);
    kp_text_printf(&text,
                   "{\"@timestamp\":\"%s\",\"event\":{\"sequence\":%u,\"action\":\"%s\"},"
                   "\"message\":\"it happened\",\"kp\":{%s}}",
                   time, seq, action, kp);
    hist_note(queue, KPD_NOTE_EVENT, at, at, false, text.data, text.len);
    kp_text_fini(&text);
}

void hist_write(struct kpd_store *store, struct kpd_queue *queue, const char *learned,
                double now)
{
    assert_int_equal(kpd_store_write(store, queue->head, learned, hist_at(now)), 0);
    kpd_queue_fini(queue);
}

int64_t hist_number(struct kpd_store *store, const char *query)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(kpd_store_sql(store), query, -1, &stmt, NULL), 0);
    int rc = sqlite3_step(stmt);
    int64_t number = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    sqlite3_finalize(stmt);
    return number;
}

void hist_expect_text(struct kpd_store *store, const char *query, const char *wanted)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(kpd_store_sql(store), query, -1, &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    assert_string_equal(text ? text : "(null)", wanted);
    sqlite3_finalize(stmt);
}

/* The core's part that roll-ups need. */
const char *kp_core_record_name(const struct kp_core *core, uint32_t name)
{
    static const char *const names[] = {"kcna", "web", "p1", "anchor-1"};
    (void)core;
    return name < sizeof names / sizeof names[0] ? names[name] : NULL;
}
