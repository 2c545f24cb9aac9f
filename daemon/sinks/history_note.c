#include "daemon/sinks/history_note.h"

#include "daemon/sinks/history_roll.h"
#include "lib/telling/json_obj.h"

#include <stdlib.h>
#include <string.h>

/* What was learned last before a time, else the oldest there is. */
#define LEARNED_BEFORE                                                                         \
    "coalesce((SELECT max(at) FROM learned WHERE at <= ?1), (SELECT min(at) FROM learned))"

static const char *const queries[KPD_SQL_COUNT] = {
    [KPD_SQL_EVENT] = "INSERT OR IGNORE INTO events (run, seq, at, action, target, path,"
                      " state_from, state_to, incident, envelope) VALUES (?,?,?,?,?,?,?,?,?,?)",
    [KPD_SQL_INCIDENT] =
        "INSERT INTO incidents (uuid, id, class, phase, place, began, ended, object)"
        " VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT (uuid) DO UPDATE SET class = ?3,"
        " phase = ?4, place = ?5, began = ?6, ended = ?7, object = ?8",
    [KPD_SQL_RECORDS] = "INSERT INTO records (began, ended, kept, bytes, lines)"
                        " VALUES (?,?,?,?,?)",
    [KPD_SQL_KEEP_LEARNED] = "UPDATE learned SET kept = 1 WHERE at = " LEARNED_BEFORE,
    [KPD_SQL_KEEP_RECORDS] =
        "UPDATE records SET kept = 1 WHERE kept = 0 AND id > coalesce("
        "(SELECT last_record FROM learned WHERE at = " LEARNED_BEFORE "), 0)",
    [KPD_SQL_LEARNED] = "INSERT OR REPLACE INTO learned (at, last_record, kept, bytes, state)"
                        " VALUES (?1, (SELECT coalesce(max(id), 0) FROM records), 0, ?2, ?3)",
    [KPD_SQL_GAP_LONGER] = "UPDATE gaps SET ended = max(ended, ?2) WHERE reason = ?3"
                           " AND ended >= ?1 - 60000000 AND began <= ?1",
    [KPD_SQL_GAP] = "INSERT INTO gaps (began, ended, reason) VALUES (?1, ?2, ?3)",
    [KPD_SQL_SUBJECT_NEW] = "INSERT OR IGNORE INTO subjects (kind, name) VALUES (?1, ?2)",
    [KPD_SQL_SUBJECT] = "SELECT id FROM subjects WHERE kind = ?1 AND name = ?2",
    [KPD_SQL_QUARTERS] = "SELECT cells FROM quarters WHERE block = ?1 AND subject = ?2",
    [KPD_SQL_QUARTERS_PUT] = "INSERT OR REPLACE INTO quarters (block, subject, cells)"
                             " VALUES (?1, ?2, ?3)",
    [KPD_SQL_DAY] = "SELECT cell FROM days WHERE day = ?1 AND subject = ?2",
    [KPD_SQL_DAY_PUT] = "INSERT OR REPLACE INTO days (day, subject, cell)"
                        " VALUES (?1, ?2, ?3)",
    [KPD_SQL_MISSED] =
        "UPDATE incidents SET phase = 'closed', ended = coalesce((SELECT max(at) FROM events"
        " WHERE incident = uuid), began), object = json_insert(json_set(object, '$.phase',"
        " 'closed'), '$.evidence[#]', json('{\"rule\":\"end-missed\",\"text\":\"kpwatchd"
        " went on without knowing of it, so when it ended is not known\",\"excludes\":null,"
        "\"value\":null,\"threshold\":null}')) WHERE phase <> 'closed'"
        " AND instr(?1, uuid) = 0 AND json_valid(object)",
};

int kpd_note_prepare(struct kpd_store *store)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < KPD_SQL_COUNT && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(store->db.sql, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &store->stmts[i], NULL);
    return rc;
}

static int done(sqlite3_stmt *stmt, int rc)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int step(sqlite3_stmt *stmt)
{
    return done(stmt, sqlite3_step(stmt));
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

/* The member by its keys, down from object; NULL: none. */
static const json_t *get(const json_t *object, const char *a, const char *b, const char *c)
{
    const json_t *at = json_object_get(object, a);
    at = b ? json_object_get(at, b) : at;
    return c ? json_object_get(at, c) : at;
}

static const char *get_text(const json_t *object, const char *a, const char *b, const char *c)
{
    return json_string_value(get(object, a, b, c));
}

/* Unknown stays NULL. */
static void bind_time(sqlite3_stmt *stmt, int at, const char *text)
{
    struct kp_wall t;
    if (text && kp_wall_parse(text, &t) == KP_OK)
        sqlite3_bind_int64(stmt, at, kpd_us(t));
}

/* --- events --- */

static int write_incident(struct kpd_store *store, const json_t *incident)
{
    sqlite3_stmt *stmt = store->stmts[KPD_SQL_INCIDENT];
    char *object = kp_json_dump(incident, KP_JSON_FLAGS);
    if (!object)
        return SQLITE_NOMEM;
    bind_text(stmt, 1, get_text(incident, "uuid", NULL, NULL));
    sqlite3_bind_int64(stmt, 2, json_integer_value(json_object_get(incident, "id")));
    bind_text(stmt, 3, get_text(incident, "class", NULL, NULL));
    bind_text(stmt, 4, get_text(incident, "phase", NULL, NULL));
    bind_text(stmt, 5, get_text(incident, "where", NULL, NULL));
    bind_time(stmt, 6, get_text(incident, "began", NULL, NULL));
    bind_time(stmt, 7, get_text(incident, "ended", NULL, NULL));
    bind_text(stmt, 8, object);
    int rc = step(stmt);
    free(object);
    return rc;
}

static int write_event(struct kpd_store *store, const json_t *e, const char *envelope,
                       size_t len)
{
    sqlite3_stmt *stmt = store->stmts[KPD_SQL_EVENT];
    sqlite3_bind_int64(stmt, 1, store->run);
    sqlite3_bind_int64(stmt, 2, json_integer_value(get(e, "event", "sequence", NULL)));
    bind_time(stmt, 3, get_text(e, "@timestamp", NULL, NULL));
    bind_text(stmt, 4, get_text(e, "event", "action", NULL));
    bind_text(stmt, 5, get_text(e, "kp", "target", "name"));
    bind_text(stmt, 6, get_text(e, "kp", "path", "name"));
    bind_text(stmt, 7, get_text(e, "kp", "state", "from"));
    bind_text(stmt, 8, get_text(e, "kp", "state", "to"));
    bind_text(stmt, 9, get_text(e, "kp", "incident", "uuid"));
    sqlite3_bind_text(stmt, 10, envelope, (int)len, SQLITE_STATIC);
    int rc = step(stmt);
    const json_t *incident = get(e, "kp", "incident", NULL);
    if (rc == SQLITE_OK && incident)
        rc = write_incident(store, incident);
    return rc;
}

static int note_event(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                      size_t len)
{
    (void)note;
    json_t *e = json_loadb(bytes, len, 0, NULL);
    int rc = e ? write_event(store, e, bytes, len) : SQLITE_OK;
    json_decref(e);
    return rc;
}

static int note_open(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                     size_t len)
{
    sqlite3_stmt *stmt = store->stmts[KPD_SQL_MISSED];
    (void)note;
    sqlite3_bind_text(stmt, 1, bytes, (int)len, SQLITE_STATIC);
    return step(stmt);
}

/* --- evidence and gaps --- */

static int note_records(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                        size_t len)
{
    sqlite3_stmt *stmt = store->stmts[KPD_SQL_RECORDS];
    sqlite3_bind_int64(stmt, 1, kpd_us(note->from));
    sqlite3_bind_int64(stmt, 2, kpd_us(note->to));
    sqlite3_bind_int(stmt, 3, note->kept);
    sqlite3_bind_int64(stmt, 4, (int64_t)len);
    sqlite3_bind_text(stmt, 5, bytes, (int)len, SQLITE_STATIC);
    return step(stmt);
}

static int note_keep(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                     size_t len)
{
    (void)bytes;
    (void)len;
    int rc = SQLITE_OK;
    for (int q = KPD_SQL_KEEP_RECORDS; q <= KPD_SQL_KEEP_LEARNED && rc == SQLITE_OK; q++) {
        sqlite3_bind_int64(store->stmts[q], 1, kpd_us(note->from));
        rc = step(store->stmts[q]);
    }
    return rc;
}

static int put_gap(struct kpd_store *store, enum kpd_sql which, const struct kpd_note *note,
                   const char *bytes, size_t len)
{
    sqlite3_bind_int64(store->stmts[which], 1, kpd_us(note->from));
    sqlite3_bind_int64(store->stmts[which], 2, kpd_us(note->to));
    sqlite3_bind_text(store->stmts[which], 3, bytes, (int)len, SQLITE_STATIC);
    return step(store->stmts[which]);
}

/* What goes on is one gap. */
static int note_gap(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                    size_t len)
{
    int rc = put_gap(store, KPD_SQL_GAP_LONGER, note, bytes, len);
    if (rc == SQLITE_OK && sqlite3_changes(store->db.sql) == 0)
        rc = put_gap(store, KPD_SQL_GAP, note, bytes, len);
    return rc;
}

/* --- roll-ups --- */

static int find_subject(struct kpd_store *store, enum kpd_subject kind, const char *name,
                        size_t len, int64_t *id)
{
    int rc = SQLITE_OK;
    for (int q = KPD_SQL_SUBJECT_NEW; q <= KPD_SQL_SUBJECT && rc == SQLITE_OK; q++) {
        sqlite3_stmt *stmt = store->stmts[q];
        bind_text(stmt, 1, kpd_subject_name[kind]);
        sqlite3_bind_text(stmt, 2, name, (int)len, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
            *id = sqlite3_column_int64(stmt, 0);
        rc = done(stmt, rc);
    }
    return rc;
}

/* The blob of a row as it is now: a copy in *out, which is empty where there is none. */
static int read_blob(struct kpd_store *store, enum kpd_sql which, int64_t when, int64_t subject,
                     struct kp_text *out)
{
    sqlite3_stmt *stmt = store->stmts[which];
    sqlite3_bind_int64(stmt, 1, when);
    sqlite3_bind_int64(stmt, 2, subject);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        kp_text_addn(out, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0));
    return done(stmt, rc);
}

static int write_blob(struct kpd_store *store, enum kpd_sql which, int64_t when,
                      int64_t subject, const struct kp_text *blob)
{
    sqlite3_stmt *stmt = store->stmts[which];
    if (blob->nomem)
        return SQLITE_NOMEM;
    sqlite3_bind_int64(stmt, 1, when);
    sqlite3_bind_int64(stmt, 2, subject);
    sqlite3_bind_blob(stmt, 3, blob->data, (int)blob->len, SQLITE_STATIC);
    return step(stmt);
}

/* Copies the quarters of a row, one of them with more added. */
static void merge_quarters(struct kp_rd in, uint64_t slot, const struct kpd_cell *more,
                           struct kp_text *out)
{
    bool added = false;
    struct kpd_cell cell;
    while (in.left > 0) {
        uint64_t at = kpd_cell_read_number(&in);
        kpd_cell_read(&in, &cell);
        if (in.bad)
            break;
        if (at == slot)
            kpd_cell_add(&cell, more);
        added |= at == slot;
        kpd_cell_write_number(out, at);
        kpd_cell_write(&cell, out);
    }
    if (!added) {
        kpd_cell_write_number(out, slot);
        kpd_cell_write(more, out);
    }
}

static int add_quarter(struct kpd_store *store, int64_t subject, uint64_t quarter,
                       const struct kpd_cell *cell)
{
    const uint64_t slots = KPD_BLOCK_S / KPD_QUARTER_S;
    int64_t block = (int64_t)(quarter / slots);
    struct kp_text old = {0}, new = {0};
    int rc = read_blob(store, KPD_SQL_QUARTERS, block, subject, &old);
    merge_quarters(kp_rd_init(old.data, old.len), quarter % slots, cell, &new);
    if (rc == SQLITE_OK)
        rc = write_blob(store, KPD_SQL_QUARTERS_PUT, block, subject, &new);
    kp_text_fini(&old);
    kp_text_fini(&new);
    return rc;
}

static int add_day(struct kpd_store *store, int64_t subject, uint64_t quarter,
                   const struct kpd_cell *cell)
{
    int64_t day = (int64_t)(quarter / (86400 / KPD_QUARTER_S));
    struct kp_text old = {0}, new = {0};
    struct kpd_cell sum = {0};
    int rc = read_blob(store, KPD_SQL_DAY, day, subject, &old);
    struct kp_rd in = kp_rd_init(old.data, old.len);
    if (in.left > 0)
        kpd_cell_read(&in, &sum);
    kpd_cell_add(&sum, cell);
    kpd_cell_write(&sum, &new);
    if (rc == SQLITE_OK)
        rc = write_blob(store, KPD_SQL_DAY_PUT, day, subject, &new);
    kp_text_fini(&old);
    kp_text_fini(&new);
    return rc;
}

static int note_cells(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                      size_t len)
{
    struct kp_rd in = kp_rd_init(bytes, len);
    int rc = SQLITE_OK;
    (void)note;
    while (in.left > 0 && rc == SQLITE_OK) {
        struct kpd_cell cell;
        int64_t subject = 0;
        uint64_t kind = kpd_cell_read_number(&in);
        size_t name_len = kpd_cell_read_number(&in);
        const char *name = (const char *)kp_rd_bytes(&in, name_len);
        uint64_t quarter = kpd_cell_read_number(&in);
        kpd_cell_read(&in, &cell);
        if (in.bad || kind >= KPD_SUBJECT_COUNT)
            break; /* memory ran out while it was written */
        rc = find_subject(store, (enum kpd_subject)kind, name, name_len, &subject);
        if (rc == SQLITE_OK)
            rc = add_quarter(store, subject, quarter, &cell);
        if (rc == SQLITE_OK)
            rc = add_day(store, subject, quarter, &cell);
    }
    return rc;
}

int kpd_note_write(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                   size_t len)
{
    static int (*const writers[])(struct kpd_store *, const struct kpd_note *, const char *,
                                  size_t) = {
        [KPD_NOTE_EVENT] = note_event, [KPD_NOTE_RECORDS] = note_records,
        [KPD_NOTE_CELLS] = note_cells, [KPD_NOTE_GAP] = note_gap,
        [KPD_NOTE_KEEP] = note_keep,   [KPD_NOTE_OPEN] = note_open,
    };
    int rc = writers[note->kind](store, note, bytes, len);
    return (rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_MISMATCH ? SQLITE_OK : rc;
}
