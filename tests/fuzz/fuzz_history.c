/* Rows of the history's database, as the daemon reads them back.  Rows follow each other:
 * a byte for the table, eight for each of three numbers, two for a length, and a text or
 * blob.  Traps where a row keeps others from being read or written, or an answer is not
 * the JSON that goes to a client as it is. */
#include "daemon/sinks/history_ask.h"
#include "daemon/sinks/history_note.h"
#include "lib/telling/record_json.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>
#include <string.h>

enum { TABLES = 6 };

static const char *const inserts[TABLES] = {
    "INSERT OR REPLACE INTO incidents VALUES (?1, ?1, 'c', '', '', ?2, nullif(?3, -1), ?4)",
    "INSERT INTO gaps VALUES (?1, ?2, ?4)",
    "INSERT OR REPLACE INTO quarters VALUES (?1, 1, ?4)",
    "INSERT OR REPLACE INTO days VALUES (1, ?1, ?4)",
    "INSERT INTO records (began, ended, kept, bytes, lines) VALUES (?1, ?2, 1, ?3, ?4)",
    "INSERT OR REPLACE INTO learned VALUES (?1, ?2, 1, ?3, ?4)",
};

static sqlite3 *sql;
static struct kpd_store store;

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void execute(const char *text)
{
    need(sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK);
}

static void set_up(void)
{
    need(sqlite3_open(":memory:", &sql) == SQLITE_OK);
    need(kpd_db_migrate(sql, kpd_db_steps, kpd_db_step_count) == SQLITE_OK);
    store.db.sql = sql;
    need(kpd_note_prepare(&store) == SQLITE_OK);
    execute("INSERT INTO runs VALUES (1, 'b1', 'm', 'v', 5, 9), (2, 'b2', 'm', 'v', 5, 9);"
            "INSERT INTO subjects VALUES (1, 'target', 'a')");
    store.run = 2;
}

static void insert(unsigned table, const int64_t *numbers, const void *bytes, size_t len)
{
    sqlite3_stmt *stmt;
    need(sqlite3_prepare_v2(sql, inserts[table], -1, &stmt, NULL) == SQLITE_OK);
    for (int i = 0; i < 3; i++)
        sqlite3_bind_int64(stmt, i + 1, numbers[i]);
    if (table == 2 || table == 3)
        sqlite3_bind_blob(stmt, 4, bytes, (int)len, SQLITE_STATIC);
    else
        sqlite3_bind_text(stmt, 4, bytes, (int)len, SQLITE_STATIC);
    (void)sqlite3_step(stmt);
    sqlite3_finalize(stmt);
}

static void insert_rows(const uint8_t *data, size_t size)
{
    struct kp_rd in = kp_rd_init(data, size);
    while (in.left > 0) {
        int64_t numbers[3];
        unsigned table = kp_rd_u8(&in) % TABLES;
        for (int i = 0; i < 3; i++)
            numbers[i] = (int64_t)kp_rd_u64(&in);
        size_t len = kp_rd_u16(&in);
        len = len < in.left ? len : in.left;
        const uint8_t *bytes = kp_rd_bytes(&in, len);
        if (in.bad)
            break;
        insert(table, numbers, len > 0 ? bytes : (const uint8_t *)"", len);
    }
}

/* Asks; the answer in brackets of its kind must be JSON. */
static struct kpd_ask *ask(enum kpd_ask_kind kind, const char *name, int64_t days)
{
    struct kpd_ask *a = calloc(1, sizeof *a);
    need(a != NULL);
    *a = (struct kpd_ask){.kind = kind, .keep = kp_dur_s(40 * INT64_C(366) * 86400)};
    a->since.ns = FUZZ_T0 * KP_NS_PER_S;
    a->until.ns = (FUZZ_T0 + days * 86400) * KP_NS_PER_S;
    strcpy(a->name, name);
    kpd_ask_run(a, sql);
    need(!a->failed && !a->answer.nomem);
    return a;
}

static void need_json(const char *before, const struct kpd_ask *a, const char *after)
{
    struct kp_text text = {0};
    kp_text_add(&text, before);
    kp_text_addn(&text, a->answer.data, a->answer.len);
    kp_text_add(&text, after);
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    need(json != NULL);
    json_decref(json);
    kp_text_fini(&text);
}

static void ask_all(void)
{
    struct kpd_ask *a = ask(KPD_ASK_HISTORY, "", 1);
    need_json("", a, "");
    kpd_ask_free(a);
    a = ask(KPD_ASK_HISTORY, "a", 31);
    need_json("", a, "");
    kpd_ask_free(a);
    a = ask(KPD_ASK_INCIDENTS, "", 1);
    need_json("[", a, "]");
    kpd_ask_free(a);
    a = ask(KPD_ASK_INCIDENT, "1", 1);
    if (a->found)
        need_json("", a, "");
    kpd_ask_free(a);
}

/* What `export` passes on, and who reads it then. */
static void export(void)
{
    struct kpd_ask *a = ask(KPD_ASK_EVIDENCE, "1", 1);
    const char *text = a->answer.data, *line;
    size_t left = a->answer.len, len;
    struct kp_record_read read;
    char why[KP_RECORD_WHY_SIZE];
    while (fuzz_line(&text, &left, &line, &len))
        if (kp_record_parse(line, len, &read, why) == KP_OK)
            kp_record_read_fini(&read);
    kpd_ask_free(a);
}

/* As at the next start. */
static void go_on(void)
{
    struct kpd_store_before before;
    need(kpd_store_before(&store, &before) == 0);
    json_t *json = before.learned ? json_loads(before.learned, 0, NULL) : NULL;
    char *learned = json ? json_dumps(json_object_get(json, "learned"), JSON_COMPACT) : NULL;
    struct fuzz_world world = fuzz_world_new();
    if (learned)
        fuzz_learn(world.core, learned, strlen(learned));
    fuzz_world_free(&world);
    free(learned);
    json_decref(json);
    free(before.learned);
}

/* What is written must not stumble over what is there: counts go to the cells of that
 * day, and incidents that nobody knows of are closed. */
static void write_more(void)
{
    struct kpd_note note = {.kind = KPD_NOTE_OPEN};
    need(kpd_note_write(&store, &note, "", 0) == SQLITE_OK);
    struct kpd_cell cell = {.sent = 3, .answered = 2};
    struct kp_text cells = {0};
    kpd_cell_write_number(&cells, KPD_TARGET);
    kpd_cell_write_number(&cells, 1);
    kp_text_add(&cells, "a");
    kpd_cell_write_number(&cells, FUZZ_T0 / KPD_QUARTER_S);
    kpd_cell_write(&cell, &cells);
    note.kind = KPD_NOTE_CELLS;
    need(kpd_note_write(&store, &note, cells.data, cells.len) == SQLITE_OK);
    kp_text_fini(&cells);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sql == NULL)
        set_up();
    execute("BEGIN");
    insert_rows(data, size);
    ask_all();
    export();
    go_on();
    write_more();
    ask_all();
    execute("ROLLBACK");
    return 0;
}
