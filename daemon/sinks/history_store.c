#include "daemon/sinks/history_store.h"

#include "daemon/sinks/history_note.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_S (3 * 3600)              /* records of the last hours, whatever happened */
#define RING_BYTES ((int64_t)16 << 20) /* ... as far as they fit */
#define KEPT_BYTES ((int64_t)24 << 20) /* evidence; beyond, the oldest goes */
#define LEARNED_S 1800

static int step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Runs one statement with up to three numbers in it. */
static int run(struct kpd_store *store, const char *query, int64_t a, int64_t b, int64_t c)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(store->db.sql, query, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, a);
    sqlite3_bind_int64(stmt, 2, b);
    sqlite3_bind_int64(stmt, 3, c);
    rc = step(stmt);
    sqlite3_finalize(stmt);
    return rc;
}

static int enter_run(struct kpd_store *store, const struct kpd_store_args *args)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        store->db.sql,
        "INSERT INTO runs (boot, machine, version, began, alive) VALUES (?, ?, ?, ?4, ?4)"
        " ON CONFLICT (boot) DO UPDATE SET alive = max(alive, excluded.alive)"
        " RETURNING id",
        -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(stmt, 1, args->boot, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, args->machine, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, args->version, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, kpd_us(args->now));
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        store->run = sqlite3_column_int64(stmt, 0);
        rc = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum kpd_db_result kpd_store_open(const struct kpd_store_args *args, struct kpd_store **out,
                                  char why[KPD_DB_WHY])
{
    struct kpd_store *store = calloc(1, sizeof *store);
    if (!store) {
        snprintf(why, KPD_DB_WHY, "out of memory");
        return KPD_DB_TROUBLE;
    }
    store->ballast = args->ballast;
    store->keep = args->keep;
    enum kpd_db_result result = kpd_db_open(args->path, args->ballast, &store->db, why);
    int rc = result == KPD_DB_OK ? kpd_note_prepare(store) : SQLITE_OK;
    if (result == KPD_DB_OK && rc == SQLITE_OK)
        rc = enter_run(store, args);
    if (rc != SQLITE_OK) {
        snprintf(why, KPD_DB_WHY, "%s: %s", args->path,
                 strerror(kpd_db_errno(store->db.sql, rc)));
        result = KPD_DB_TROUBLE;
    }
    if (result == KPD_DB_OK)
        *out = store;
    else
        kpd_store_close(store);
    return result;
}

void kpd_store_close(struct kpd_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < KPD_SQL_COUNT; i++)
        sqlite3_finalize(store->stmts[i]);
    kpd_db_close(&store->db);
    free(store);
}

sqlite3 *kpd_store_sql(struct kpd_store *store)
{
    return store->db.sql;
}

static int write_learned(struct kpd_store *store, const char *learned, struct kp_wall now)
{
    sqlite3_stmt *stmt = store->stmts[KPD_SQL_LEARNED];
    sqlite3_bind_int64(stmt, 1, kpd_us(now));
    sqlite3_bind_int64(stmt, 2, (int64_t)strlen(learned));
    sqlite3_bind_text(stmt, 3, learned, -1, SQLITE_STATIC);
    int rc = step(stmt);
    if (rc == SQLITE_OK) /* a clock put back must not make an older one the latest */
        rc = run(store, "DELETE FROM learned WHERE at > ?1 OR (kept = 0 AND at < ?1 - ?2)",
                 kpd_us(now), LEARNED_S * INT64_C(1000000), 0);
    return rc;
}

static struct kpd_note note_of(const struct kpd_queued *q)
{
    struct kpd_note note;
    memcpy(&note, q->bytes, sizeof note);
    return note;
}

/* Where what was learned stands among notes: behind this one; NULL: behind them all. */
static const struct kpd_queued *place_of_learned(const struct kpd_queued *notes)
{
    const struct kpd_queued *place = NULL;
    for (const struct kpd_queued *q = notes; q; q = q->next)
        if (note_of(q).kind == KPD_NOTE_LEARNED)
            place = q;
    return place;
}

static int write_all(struct kpd_store *store, const struct kpd_queued *notes,
                     const char *learned, struct kp_wall now)
{
    const struct kpd_queued *place = place_of_learned(notes);
    int rc = SQLITE_OK;
    for (const struct kpd_queued *q = notes; q && rc == SQLITE_OK; q = q->next) {
        struct kpd_note note = note_of(q);
        if (note.kind != KPD_NOTE_LEARNED)
            rc = kpd_note_write(store, &note, q->bytes + sizeof note, q->len - sizeof note);
        else if (q == place && learned)
            rc = write_learned(store, learned, now);
    }
    if (rc == SQLITE_OK && learned && !place)
        rc = write_learned(store, learned, now);
    if (rc == SQLITE_OK)
        rc = run(store, "UPDATE runs SET alive = ?1 WHERE id = ?2", kpd_us(now), store->run, 0);
    return rc;
}

int kpd_store_write(struct kpd_store *store, const struct kpd_queued *notes,
                    const char *learned, struct kp_wall now)
{
    sqlite3 *sql = store->db.sql;
    int rc = sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = write_all(store, notes, learned, now);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);
    int errnum = kpd_db_errno(sql, rc);
    if (rc != SQLITE_OK)
        sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    return errnum;
}

static int prune_all(struct kpd_store *store, struct kp_wall now)
{
    int64_t at = kpd_us(now);
    int64_t block = (now.ns - store->keep.ns) / KP_NS_PER_S / KPD_BLOCK_S;
    int rc = run(store, "DELETE FROM quarters WHERE block < ?1", block, 0, 0);
    if (rc == SQLITE_OK)
        rc = run(store, "DELETE FROM records WHERE kept = 0 AND ended < ?1",
                 at - RING_S * INT64_C(1000000), 0, 0);
    /* The newest stay: those whose bytes, with all that is newer, are within bounds. */
    if (rc == SQLITE_OK)
        rc = run(store,
                 "DELETE FROM records WHERE kept = 0 AND ended <= (SELECT ended FROM (SELECT"
                 " ended, sum(bytes) OVER (ORDER BY ended DESC) AS total FROM records"
                 " WHERE kept = 0) WHERE total > ?1 ORDER BY ended DESC LIMIT 1)",
                 RING_BYTES, 0, 0);
    if (rc == SQLITE_OK)
        rc = run(store,
                 "DELETE FROM records WHERE kept = 1 AND began <= (SELECT began FROM (SELECT"
                 " began, sum(bytes) OVER (ORDER BY began DESC) AS total FROM records"
                 " WHERE kept = 1) WHERE total > ?1 ORDER BY began DESC LIMIT 1)",
                 KEPT_BYTES * 3 / 4, 0, 0);
    if (rc == SQLITE_OK)
        rc = run(store,
                 "DELETE FROM learned WHERE kept = 1 AND at <= (SELECT at FROM (SELECT"
                 " at, sum(bytes) OVER (ORDER BY at DESC) AS total FROM learned"
                 " WHERE kept = 1) WHERE total > ?1 ORDER BY at DESC LIMIT 1)",
                 KEPT_BYTES / 4, 0, 0);
    return rc;
}

int kpd_store_prune(struct kpd_store *store, struct kp_wall now)
{
    sqlite3 *sql = store->db.sql;
    int rc = sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = prune_all(store, now);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);
    int errnum = kpd_db_errno(sql, rc);
    if (rc != SQLITE_OK)
        sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    return errnum;
}

bool kpd_store_drop_ballast(struct kpd_store *store)
{
    return kpd_db_drop_ballast(&store->db);
}

bool kpd_store_take_ballast(struct kpd_store *store)
{
    return kpd_db_take_ballast(&store->db, store->ballast);
}

static int64_t alive_before(struct kpd_store *store, struct kpd_store_before *out, int *rc)
{
    sqlite3_stmt *stmt = NULL;
    int64_t alive = 0;
    *rc = sqlite3_prepare_v2(
        store->db.sql,
        "SELECT alive, machine <> (SELECT machine FROM runs WHERE id = ?1) FROM runs"
        " WHERE id <> ?1 ORDER BY id DESC LIMIT 1",
        -1, &stmt, NULL);
    sqlite3_bind_int64(stmt, 1, store->run);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_step(stmt);
    out->any = *rc == SQLITE_ROW;
    if (out->any) {
        alive = sqlite3_column_int64(stmt, 0);
        out->rebooted = sqlite3_column_int(stmt, 1) != 0;
    }
    sqlite3_finalize(stmt);
    return alive;
}

int kpd_store_before(struct kpd_store *store, struct kpd_store_before *out)
{
    int rc;
    *out = (struct kpd_store_before){0};
    out->alive = kpd_wall(alive_before(store, out, &rc));
    if (!out->any)
        return rc == SQLITE_DONE ? 0 : kpd_db_errno(store->db.sql, rc);
    sqlite3_stmt *stmt = NULL;
    rc = sqlite3_prepare_v2(store->db.sql, "SELECT state FROM learned ORDER BY at DESC LIMIT 1",
                            -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    const unsigned char *learned = rc == SQLITE_ROW ? sqlite3_column_text(stmt, 0) : NULL;
    if (learned)
        out->learned = strdup((const char *)learned);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : kpd_db_errno(store->db.sql, rc);
}
