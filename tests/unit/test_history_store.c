/* The history's file: opened safely, brought up to date, written, read back. */
#include "tests/unit/history_help.h"

#include "daemon/clock.h"
#include "daemon/sinks/history_ask.h"
#include "daemon/sinks/history_note.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UUID "0190a1b2-0000-4000-8000-00000000000"

static struct kpd_queue queue;

static int set_up(void **state)
{
    kpd_queue_init(&queue, 0, 0);
    return hist_set_up(state);
}

static enum kpd_db_result try_open(char why[KPD_DB_WHY])
{
    struct kpd_store_args args = hist_args("b1");
    struct kpd_store *store = NULL;
    enum kpd_db_result result = kpd_store_open(&args, &store, why);
    kpd_store_close(store);
    return result;
}

static void with_sqlite(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(hist_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* --- the file --- */

static void test_new_file(void **state)
{
    struct stat st;
    (void)state;
    struct kpd_store *store = hist_open("b1");
    assert_int_equal(hist_number(store, "PRAGMA user_version"), kpd_db_step_count);
    assert_int_equal(hist_number(store, "PRAGMA application_id"), KPD_DB_APPLICATION);
    assert_int_equal(hist_number(store, "PRAGMA synchronous"), 2);
    hist_expect_text(store, "PRAGMA journal_mode", "wal");
    hist_expect_text(store, "PRAGMA locking_mode", "exclusive");
    assert_int_equal(stat(hist_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    char ballast[96], why[KPD_DB_WHY];
    snprintf(ballast, sizeof ballast, "%s-ballast", hist_path);
    assert_int_equal(stat(ballast, &st), 0);
    assert_true(st.st_blocks * 512 >= 65536);
    assert_true(kpd_store_drop_ballast(store));
    assert_int_equal(stat(ballast, &st), 0);
    assert_int_equal(st.st_blocks, 0);
    assert_true(kpd_store_take_ballast(store));
    assert_int_equal(try_open(why), KPD_DB_TROUBLE); /* ours alone */
    assert_non_null(strstr(why, "in use"));
    kpd_store_close(store);
}

static void test_foreign_files_stay(void **state)
{
    char why[KPD_DB_WHY];
    (void)state;
    with_sqlite("CREATE TABLE mine (a); INSERT INTO mine VALUES (1);");
    assert_int_equal(try_open(why), KPD_DB_REFUSED);
    assert_non_null(strstr(why, "another program"));
    with_sqlite("DELETE FROM mine"); /* still there */
}

static void test_later_version_stays(void **state)
{
    char why[KPD_DB_WHY];
    (void)state;
    kpd_store_close(hist_open("b1"));
    with_sqlite("PRAGMA user_version = 99");
    assert_int_equal(try_open(why), KPD_DB_REFUSED);
    assert_non_null(strstr(why, "later kpwatchd (schema 99"));
}

static void overwrite(off_t at, size_t len)
{
    char junk[8192];
    memset(junk, 0x5a, sizeof junk);
    int fd = open(hist_path, O_WRONLY | O_CREAT, 0640);
    assert_true(pwrite(fd, junk, len, at) == (ssize_t)len);
    close(fd);
}

static void test_damaged_is_moved_aside(void **state)
{
    char why[KPD_DB_WHY], found[256] = "";
    (void)state;
    overwrite(0, 4096);
    assert_int_equal(try_open(why), KPD_DB_OK);
    assert_non_null(strstr(why, "was damaged"));
    FILE *ls = popen("ls -d /tmp/kp-history.*/history.db.damaged-*Z", "r");
    assert_non_null(fgets(found, sizeof found, ls));
    pclose(ls);
    assert_non_null(strstr(found, hist_path));
    assert_int_equal(try_open(why), KPD_DB_OK);
    assert_string_equal(why, "");
}

/* Damage behind the first page shows when it is met. */
static void test_damage_is_told_apart(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    kpd_store_close(store);
    overwrite(4096, 8192);
    char why[KPD_DB_WHY];
    struct kpd_store_args args = hist_args("b2");
    enum kpd_db_result result = kpd_store_open(&args, &store, why);
    if (result == KPD_DB_OK) {
        hist_event(&queue, 1, 1, "daemon.start", "");
        assert_int_equal(kpd_store_write(store, queue.head, NULL, hist_at(1)), EUCLEAN);
        kpd_store_close(store);
    }
    kpd_queue_fini(&queue);
}

static void test_steps(void **state)
{
    static const struct kpd_db_step one[] = {{"CREATE TABLE a (x) ; INSERT INTO a VALUES (7)"}};
    static const struct kpd_db_step three[] = {
        {"never run again"}, {"ALTER TABLE a ADD COLUMN y DEFAULT 8"}, {"CREATE TABLE b (x)"}};
    static const struct kpd_db_step broken[] = {
        {""}, {""}, {""}, {"CREATE TABLE c (x); SELECT nonsense"}};
    struct kpd_store store = {0};
    (void)state;
    assert_int_equal(sqlite3_open(hist_path, &store.db.sql), SQLITE_OK);
    assert_int_equal(kpd_db_migrate(store.db.sql, one, 1), SQLITE_OK);
    assert_int_equal(hist_number(&store, "PRAGMA user_version"), 1);
    assert_int_equal(kpd_db_migrate(store.db.sql, three, 3), SQLITE_OK);
    assert_int_equal(hist_number(&store, "PRAGMA user_version"), 3);
    assert_int_equal(hist_number(&store, "SELECT x * 10 + y FROM a"), 78);
    assert_int_not_equal(kpd_db_migrate(store.db.sql, broken, 4), SQLITE_OK);
    assert_int_equal(hist_number(&store, "PRAGMA user_version"), 3); /* whole or not at all */
    assert_int_equal(hist_number(&store, "SELECT count(*) FROM sqlite_schema WHERE name='c'"),
                     0);
    sqlite3_close(store.db.sql);
}

/* --- notes --- */

static void incident(unsigned seq, double at, const char *action, int id, const char *phase,
                     const char *began, const char *ended)
{
    char kp[512];
    snprintf(kp, sizeof kp,
             "\"incident\":{\"id\":%d,\"uuid\":\"" UUID "%d\",\"class\":\"path-outage\","
             "\"phase\":\"%s\",\"where\":\"p1\",\"began\":\"%s\",\"ended\":%s}",
             id, id, phase, began, ended);
    hist_event(&queue, seq, at, action, kp);
}

static void test_events_are_written_once(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    hist_event(&queue, 1, 5, "target.state",
               "\"target\":{\"name\":\"kcna\"},\"path\":{\"name\":\"p1\"},"
               "\"state\":{\"from\":\"up\",\"to\":\"down\"}");
    hist_event(&queue, 2, 6, "daemon.health", "");
    hist_note(&queue, KPD_NOTE_EVENT, 0, 0, false, "no json", 7);
    assert_int_equal(kpd_store_write(store, queue.head, NULL, hist_at(7)), 0);
    hist_write(store, &queue, NULL, 8); /* once more: nothing is doubled */
    assert_int_equal(hist_number(store, "SELECT count(*) FROM events"), 2);
    hist_expect_text(store,
                     "SELECT seq||' '||at||' '||action||' '||target||' '||path||' '||state_from"
                     "||' '||state_to FROM events WHERE seq = 1",
                     "1 1764979205000000 target.state kcna p1 up down");
    kpd_store_close(store);
    store = hist_open("b2"); /* another run counts from 1 again */
    hist_event(&queue, 1, 20, "daemon.start", "");
    hist_write(store, &queue, NULL, 20);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM events"), 3);
    kpd_store_close(store);
}

static void test_incidents(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    incident(1, 60, "incident.opened", 1, "confirmed", "2025-12-06T00:00:10.000000Z", "null");
    incident(2, 90, "incident.closed", 1, "closed", "2025-12-06T00:00:10.000000Z",
             "\"2025-12-06T00:01:00.000000Z\"");
    hist_write(store, &queue, NULL, 100);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM incidents"), 1);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM events"), 2);
    hist_expect_text(store, "SELECT phase||' '||place||' '||began||' '||ended FROM incidents",
                     "closed p1 1764979210000000 1764979260000000");
    kpd_store_close(store);
}

static void test_gaps_grow(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    hist_note(&queue, KPD_NOTE_GAP, 100, 110, false, "stalled", 7);
    hist_note(&queue, KPD_NOTE_GAP, 130, 140, false, "stalled", 7);
    hist_note(&queue, KPD_NOTE_GAP, 140, 150, false, "restarted", 9);
    hist_note(&queue, KPD_NOTE_GAP, 500, 510, false, "stalled", 7);
    hist_write(store, &queue, NULL, 600);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM gaps"), 3);
    hist_expect_text(store,
                     "SELECT began||' '||ended FROM gaps WHERE reason = 'stalled'"
                     " ORDER BY began",
                     "1764979300000000 1764979340000000");
    kpd_store_close(store);
}

static void test_evidence_is_kept(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    for (int i = 0; i < 5; i++) {
        hist_note(&queue, KPD_NOTE_RECORDS, 100 * i, 100 * i + 99, false, "{}\n", 3);
        hist_write(store, &queue, "{\"learned\":1}", 100 * i + 99);
    }
    hist_note(&queue, KPD_NOTE_KEEP, 250, 0, false, "", 0);
    hist_note(&queue, KPD_NOTE_RECORDS, 500, 599, true, "{}\n", 3);
    hist_write(store, &queue, "{\"learned\":2}", 599);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM records WHERE kept"), 4);
    assert_int_equal(hist_number(store, "SELECT min(began) FROM records WHERE kept"),
                     kpd_us(hist_at(200)));
    assert_int_equal(hist_number(store, "SELECT at FROM learned WHERE kept"),
                     kpd_us(hist_at(199)));
    /* Later only what is kept is left, and what was learned last. */
    hist_write(store, &queue, "{\"learned\":3}", 86400);
    assert_int_equal(kpd_store_prune(store, hist_at(86400)), 0);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM records"), 4);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM learned"), 2);
    struct kpd_store_before before;
    kpd_store_close(store);
    store = hist_open("b2");
    assert_int_equal(kpd_store_before(store, &before), 0);
    assert_true(before.any);
    assert_false(before.rebooted);
    assert_true(before.alive.ns == hist_at(86400).ns);
    assert_string_equal(before.learned, "{\"learned\":3}");
    free(before.learned);
    kpd_store_close(store);
}

/* However much there is to keep, it has an end, and the latest stays. */
static void test_evidence_is_bounded(void **state)
{
    static char lines[1 << 20];
    (void)state;
    memset(lines, 'x', sizeof lines);
    struct kpd_store *store = hist_open("b1");
    for (int i = 0; i < 60; i++) {
        hist_note(&queue, KPD_NOTE_RECORDS, i, i, i % 2 == 0, lines, sizeof lines);
        hist_write(store, &queue, NULL, i);
    }
    assert_int_equal(kpd_store_prune(store, hist_at(60)), 0);
    assert_in_range(hist_number(store, "SELECT sum(bytes) >> 20 FROM records WHERE kept"), 15,
                    18);
    assert_in_range(hist_number(store, "SELECT sum(bytes) >> 20 FROM records WHERE NOT kept"),
                    12, 16);
    assert_int_equal(hist_number(store, "SELECT max(began) FROM records WHERE kept"),
                     kpd_us(hist_at(58)));
    kpd_store_close(store);
}

/* --- roll-ups --- */

static void cells(struct kpd_roll *roll, double at, enum kpd_subject kind, const char *name,
                  enum kp_state is, uint32_t seconds)
{
    kpd_roll_state(roll, kind, name, hist_at(at), is, seconds);
}

static void write_roll(struct kpd_store *store, struct kpd_roll *roll)
{
    struct kp_text bytes = {0};
    kpd_roll_flush(roll, &bytes);
    hist_note(&queue, KPD_NOTE_CELLS, 0, 0, false, bytes.data, bytes.len);
    hist_write(store, &queue, NULL, 0);
    kp_text_fini(&bytes);
}

static json_t *ask(struct kpd_store *store, struct kpd_ask *question)
{
    kpd_ask_run(question, kpd_store_sql(store));
    assert_false(question->failed || question->answer.nomem);
    json_t *reply = json_loads(question->answer.data, 0, NULL);
    assert_non_null(reply);
    kp_text_fini(&question->answer);
    return reply;
}

static double cell_of(const json_t *reply, const char *key, size_t index)
{
    const json_t *strip = json_array_get(json_object_get(reply, "strips"), 0);
    const json_t *list = json_object_get(json_object_get(strip, "cells"), key);
    assert_true(index < json_array_size(list));
    const json_t *value = json_array_get(list, index);
    return json_is_null(value) ? -1 : json_number_value(value);
}

/* Differences written at different times, by different runs, make one whole; days
 * begin and end in UTC. */
static void test_cells_add_up(void **state)
{
    struct kpd_roll *roll = kpd_roll_new();
    (void)state;
    struct kpd_store *store = hist_open("b1");
    cells(roll, 86400 - 10, KPD_PATH, "p1", KP_UP, 10);
    cells(roll, 86400 + 10, KPD_PATH, "p1", KP_UP, 20);
    write_roll(store, roll);
    cells(roll, 86400 + 40, KPD_PATH, "p1", KP_DOWN, 30);
    cells(roll, 86400 + 30 * 3600, KPD_PATH, "p1", KP_UP, 40); /* the clock jumps */
    cells(roll, 86400 + 60, KPD_PATH, "p1", KP_DOWN, 50);
    write_roll(store, roll);
    kpd_store_close(store);
    store = hist_open("b2");
    cells(roll, 86400 + 100, KPD_PATH, "p1", KP_UP, 1);
    write_roll(store, roll);
    struct kpd_ask fine = {.kind = KPD_ASK_HISTORY,
                           .subject = KPD_PATH,
                           .since = hist_at(86400 - 900),
                           .until = hist_at(86400 + 1800),
                           .step = kp_dur_s(900),
                           .keep = kp_dur_s(100 * 365 * 86400LL)};
    json_t *reply = ask(store, &fine);
    assert_int_equal(json_integer_value(json_object_get(reply, "step_seconds")), 900);
    assert_float_equal(cell_of(reply, "up_seconds", 0), 10, 0);
    assert_float_equal(cell_of(reply, "up_seconds", 1), 21, 0);
    assert_float_equal(cell_of(reply, "down_seconds", 1), 80, 0);
    assert_float_equal(cell_of(reply, "up_seconds", 2), 0, 0);
    assert_float_equal(cell_of(reply, "answered_ratio", 1), -1, 0); /* nothing was asked */
    json_decref(reply);
    struct kpd_ask coarse = {.kind = KPD_ASK_HISTORY,
                             .subject = KPD_PATH,
                             .name = "p1",
                             .since = hist_at(0),
                             .until = hist_at(40 * 86400),
                             .step = kp_dur_s(86400)};
    reply = ask(store, &coarse);
    assert_int_equal(json_integer_value(json_object_get(reply, "step_seconds")), 86400);
    assert_float_equal(cell_of(reply, "up_seconds", 0), 10, 0);
    assert_float_equal(cell_of(reply, "up_seconds", 1), 21, 0);
    assert_float_equal(cell_of(reply, "up_seconds", 2), 40, 0);
    json_decref(reply);
    kpd_store_close(store);
    kpd_roll_free(roll);
}

/* A late answer takes a time-out back, in the quarter it was asked in. */
static void test_results_are_counted(void **state)
{
    struct kpd_roll *roll = kpd_roll_new();
    struct kp_record r = {.kind = KP_RECORD_PROBE, .name = 0, .probe = 1, .path = 2};
    static const struct {
        double at;
        enum kp_result result;
        int32_t rtt_us;
        bool late;
    } results[] = {{1, KP_ANSWERED, 300000, false},   {2, KP_REFUSED, 300000, false},
                   {899, KP_TIMEOUT, -1, false},      {3, KP_LOCAL_ERROR, -1, false},
                   {901, KP_ANSWERED, 310000, false}, {899, KP_ANSWERED, 6000000, true},
                   {902, KP_UNREACHABLE, -1, false}};
    (void)state;
    struct kpd_store *store = hist_open("b1");
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        r.at = hist_at(results[i].at);
        r.result = (uint8_t)results[i].result;
        r.rtt_us = results[i].rtt_us;
        r.late = results[i].late;
        kpd_roll_record(roll, NULL, &r);
    }
    r = (struct kp_record){.kind = KP_RECORD_ANCHOR, .name = 3, .path = KP_NO_NAME};
    r.at = hist_at(5);
    kpd_roll_record(roll, NULL, &r);
    write_roll(store, roll);
    static const struct {
        enum kpd_subject kind;
        const char *name;
        double sent0, ratio0;
    } wanted[] = {
        {KPD_TARGET, "kcna", 3, 1}, {KPD_PATH, "p1", 3, 1}, {KPD_ANCHOR, "anchor-1", 1, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct kpd_ask question = {.kind = KPD_ASK_HISTORY,
                                   .subject = wanted[i].kind,
                                   .since = hist_at(0),
                                   .until = hist_at(1800),
                                   .keep = kp_dur_s(100 * 365 * 86400LL)};
        snprintf(question.name, sizeof question.name, "%s", wanted[i].name);
        json_t *reply = ask(store, &question);
        assert_float_equal(cell_of(reply, "sent", 0), wanted[i].sent0, 0);
        assert_float_equal(cell_of(reply, "answered_ratio", 0), wanted[i].ratio0, 0);
        if (i < 2) {
            assert_float_equal(cell_of(reply, "answered_ratio", 1), 0.5, 0);
            assert_float_equal(cell_of(reply, "rtt_p50_seconds", 0), 0.3, 0.01);
            assert_float_equal(cell_of(reply, "rtt_p95_seconds", 0), 6.0, 0.15);
        }
        json_decref(reply);
    }
    kpd_store_close(store);
    kpd_roll_free(roll);
}

/* --- questions --- */

/* What the file has as open, but the daemon does not know: its end was missed. */
static void test_missed_ends(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    incident(1, 60, "incident.opened", 1, "confirmed", "2025-12-06T00:00:10.000000Z", "null");
    incident(2, 70, "incident.updated", 2, "recovering", "2025-12-06T00:00:20.000000Z", "null");
    incident(3, 80, "incident.closed", 3, "closed", "2025-12-06T00:00:30.000000Z",
             "\"2025-12-06T00:01:00.000000Z\"");
    hist_write(store, &queue, NULL, 100);
    hist_note(&queue, KPD_NOTE_OPEN, 0, 0, false, UUID "2 ", strlen(UUID "2 "));
    hist_write(store, &queue, NULL, 110);
    hist_expect_text(store,
                     "SELECT group_concat(phase) FROM (SELECT phase FROM incidents"
                     " ORDER BY id)",
                     "closed,recovering,closed");
    hist_expect_text(
        store, "SELECT json_extract(object, '$.phase') FROM incidents WHERE id = 1", "closed");
    assert_int_equal(hist_number(store, "SELECT json_extract(object, '$.ended') IS NULL AND"
                                        " ended = (SELECT at FROM events WHERE seq = 1)"
                                        " FROM incidents WHERE id = 1"),
                     1);
    kpd_store_close(store);
}

/* What waited long together: records behind what was learned are not in it. */
static void test_learned_has_its_place(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    hist_note(&queue, KPD_NOTE_RECORDS, 0, 9, false, "1\n", 2);
    hist_note(&queue, KPD_NOTE_LEARNED, 0, 0, false, "", 0);
    hist_note(&queue, KPD_NOTE_RECORDS, 10, 19, false, "2\n", 2);
    hist_note(&queue, KPD_NOTE_LEARNED, 0, 0, false, "", 0);
    hist_note(&queue, KPD_NOTE_RECORDS, 20, 29, false, "3\n", 2);
    hist_write(store, &queue, "{}", 100);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM learned"), 1);
    assert_int_equal(hist_number(store, "SELECT last_record FROM learned"), 2);
    kpd_store_close(store);
}

static void test_asking_for_incidents(void **state)
{
    (void)state;
    struct kpd_store *store = hist_open("b1");
    incident(1, 60, "incident.closed", 1, "closed", "2025-12-06T00:00:10.000000Z",
             "\"2025-12-06T00:01:00.000000Z\"");
    incident(2, 90, "incident.closed", 2, "closed", "2025-12-06T01:00:10.000000Z",
             "\"2025-12-06T01:01:00.000000Z\"");
    incident(3, 90, "incident.opened", 3, "confirmed", "2025-12-06T02:00:10.000000Z", "null");
    hist_write(store, &queue, NULL, 9000);
    struct {
        double since;
        bool closed;
        const char *ids;
    } cases[] = {{0, false, "123"}, {3600, false, "23"}, {86400, false, "3"}, {0, true, "12"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kpd_ask question = {.kind = KPD_ASK_HISTORY,
                                   .since = hist_at(cases[i].since),
                                   .until = hist_at(2 * 86400),
                                   .closed_only = cases[i].closed};
        char ids[8] = "";
        json_t *reply = ask(store, &question);
        const json_t *list = json_object_get(reply, "incidents");
        for (size_t n = 0; n < json_array_size(list); n++)
            ids[n] = (char)('0' +
                            json_integer_value(json_object_get(json_array_get(list, n), "id")));
        assert_string_equal(ids, cases[i].ids);
        json_decref(reply);
    }
    static uint8_t known[1][16] = {{0x01, 0x90, 0xa1, 0xb2, 0, 0, 0x40, 0, 0x80, [15] = 2}};
    struct kpd_ask rest = {.kind = KPD_ASK_INCIDENTS,
                           .until = hist_at(2 * 86400),
                           .known_count = 1,
                           .known = known};
    kpd_ask_run(&rest, kpd_store_sql(store));
    assert_non_null(strstr(rest.answer.data, "\"id\":1,"));
    assert_null(strstr(rest.answer.data, "\"id\":2,"));
    assert_non_null(strstr(rest.answer.data, "},{\"id\":3,"));
    kp_text_fini(&rest.answer);
    static const char *const names[] = {"2", UUID "2", "7", "2x", ""};
    for (size_t i = 0; i < 5; i++) {
        struct kpd_ask one = {.kind = KPD_ASK_INCIDENT};
        snprintf(one.name, sizeof one.name, "%s", names[i]);
        kpd_ask_run(&one, kpd_store_sql(store));
        assert_int_equal(one.found, i < 2);
        kp_text_fini(&one.answer);
    }
    kpd_store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, hist_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_new_file),
        TEST(test_foreign_files_stay),
        TEST(test_later_version_stays),
        TEST(test_damaged_is_moved_aside),
        TEST(test_damage_is_told_apart),
        TEST(test_steps),
        TEST(test_events_are_written_once),
        TEST(test_incidents),
        TEST(test_gaps_grow),
        TEST(test_evidence_is_kept),
        TEST(test_evidence_is_bounded),
        TEST(test_cells_add_up),
        TEST(test_results_are_counted),
        TEST(test_missed_ends),
        TEST(test_learned_has_its_place),
        TEST(test_asking_for_incidents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
