#include "daemon/sinks/history_ask.h"

#include "daemon/clock.h"
#include "daemon/sinks/history_note.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/json_obj.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_CELLS 60
#define DAY_S 86400

void kpd_ask_free(struct kpd_ask *ask)
{
    if (!ask)
        return;
    free(ask->known);
    kp_text_fini(&ask->answer);
    free(ask);
}

static sqlite3_stmt *prepare(struct kpd_ask *ask, sqlite3 *sql, const char *query)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(sql, query, -1, &stmt, NULL) != SQLITE_OK)
        ask->failed = true;
    return stmt;
}

static bool next_row(struct kpd_ask *ask, sqlite3_stmt *stmt)
{
    int rc = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;
    ask->failed |= rc != SQLITE_ROW && rc != SQLITE_DONE;
    return rc == SQLITE_ROW;
}

static const char *text_at(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);
    return text ? (const char *)text : "";
}

/* The object at a column, which must be JSON before it becomes part of an answer: a
 * damaged row must not spoil the others.  False: it is none, and nothing is added. */
static bool put_object(struct kpd_ask *ask, const char *before, sqlite3_stmt *stmt, int column)
{
    const char *text = text_at(stmt, column);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool sound = json_is_object(object);
    if (sound) {
        kp_text_add(&ask->answer, before);
        kp_text_add(&ask->answer, text);
    }
    json_decref(object);
    return sound;
}

static struct kp_wall time_at(sqlite3_stmt *stmt, int column)
{
    return kpd_wall(sqlite3_column_int64(stmt, column));
}

/* Takes json over; NULL is a lack of memory. */
static void put_json(struct kpd_ask *ask, json_t *json)
{
    char *text = kp_json_dump(json, KP_JSON_FLAGS);
    if (text)
        kp_text_add(&ask->answer, text);
    else
        ask->answer.nomem = true;
    free(text);
    json_decref(json);
}

/* --- incidents --- */

static bool is_known(const struct kpd_ask *ask, const char *uuid)
{
    char text[KP_UUID_SIZE];
    for (size_t i = 0; i < ask->known_count; i++) {
        kp_uuid_format(ask->known[i], text);
        if (strcmp(text, uuid) == 0)
            return true;
    }
    return false;
}

/* Those that touch the time asked for; the latest where there are too many. */
static void put_incidents(struct kpd_ask *ask, sqlite3 *sql)
{
    sqlite3_stmt *stmt = prepare(
        ask, sql,
        "SELECT uuid, object FROM (SELECT uuid, object, began FROM incidents"
        " WHERE began <= ?2 AND (ended IS NULL OR ended >= ?1) AND (?3 = 0 OR phase = 'closed')"
        " AND (?5 OR NOT json_valid(object)"
        " OR json_extract(object, '$.merged_into') IS NULL)"
        " ORDER BY began DESC LIMIT ?4) ORDER BY began");
    sqlite3_bind_int64(stmt, 1, kpd_us(ask->since));
    sqlite3_bind_int64(stmt, 2, kpd_us(ask->until));
    sqlite3_bind_int(stmt, 3, ask->closed_only);
    sqlite3_bind_int(stmt, 4, KPD_ASK_ROWS);
    sqlite3_bind_int(stmt, 5, ask->merged);
    for (const char *comma = ""; next_row(ask, stmt);) {
        if (!is_known(ask, text_at(stmt, 0)) && put_object(ask, comma, stmt, 1))
            comma = ",";
    }
    sqlite3_finalize(stmt);
}

/* By number or uuid.  Numbers begin anew where what was learned is lost: the latest. */
static sqlite3_stmt *find_incident(struct kpd_ask *ask, sqlite3 *sql, const char *query)
{
    char *end = NULL;
    long long id = strtoll(ask->name, &end, 10);
    if (!isdigit((unsigned char)ask->name[0]) || *end != '\0')
        id = 0;
    sqlite3_stmt *stmt = prepare(ask, sql, query);
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_text(stmt, 2, ask->name, -1, SQLITE_STATIC);
    return stmt;
}

static void put_incident(struct kpd_ask *ask, sqlite3 *sql)
{
    sqlite3_stmt *stmt = find_incident(ask, sql,
                                       "SELECT object FROM incidents WHERE id = ?1 OR uuid = ?2"
                                       " ORDER BY began DESC LIMIT 1");
    ask->found = next_row(ask, stmt) && put_object(ask, "", stmt, 0);
    sqlite3_finalize(stmt);
}

/* --- evidence --- */

#define AFTERWARDS_US INT64_C(60000000)

/* The header it begins with; the number of the last record that is in it already, and
 * when the incident was told of last.  False: there is none. */
static bool put_header(struct kpd_ask *ask, sqlite3 *sql, int64_t *last_record, int64_t *until)
{
    sqlite3_stmt *stmt =
        find_incident(ask, sql,
                      "SELECT l.state, l.last_record, l.at <= i.began,"
                      " (SELECT max(at) FROM events WHERE incident = i.uuid)"
                      " FROM (SELECT uuid, began FROM incidents WHERE id = ?1 OR uuid = ?2"
                      " ORDER BY began DESC LIMIT 1) i JOIN learned l ON l.at = coalesce("
                      "(SELECT max(at) FROM learned WHERE at <= i.began - 60000000),"
                      "(SELECT min(at) FROM learned WHERE at > i.began - 60000000))");
    bool found = next_row(ask, stmt);
    if (found) {
        kp_text_add(&ask->answer, text_at(stmt, 0));
        *last_record = sqlite3_column_int64(stmt, 1);
        ask->complete = sqlite3_column_int(stmt, 2) != 0;
        *until = kpd_us(time_at(stmt, 3)) + AFTERWARDS_US;
    }
    sqlite3_finalize(stmt);
    return found;
}

/* Numbers follow each other where none is gone. */
static void put_evidence(struct kpd_ask *ask, sqlite3 *sql)
{
    int64_t last = 0, until = 0;
    ask->found = put_header(ask, sql, &last, &until);
    if (!ask->found)
        return;
    sqlite3_stmt *stmt = prepare(
        ask, sql, "SELECT id, lines FROM records WHERE id > ?1 AND began <= ?2 ORDER BY id");
    sqlite3_bind_int64(stmt, 1, last);
    sqlite3_bind_int64(stmt, 2, until);
    while (ask->answer.len < KPD_ASK_EVIDENCE_BYTES && next_row(ask, stmt)) {
        ask->complete &= sqlite3_column_int64(stmt, 0) - 1 == last;
        last = sqlite3_column_int64(stmt, 0);
        kp_text_add(&ask->answer, text_at(stmt, 1));
    }
    sqlite3_finalize(stmt);
}

/* --- strips --- */

/* The grid that cells are added up in. */
struct grid {
    int64_t base_s;      /* of what is stored: a quarter of an hour, or a day */
    int64_t first, last; /* of these, counted since 1970 */
    int64_t each;        /* stored ones to a cell */
    size_t count;        /* of cells */
};

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static struct grid make_grid(const struct kpd_ask *ask, int64_t now_s)
{
    int64_t from = ask->since.ns / KP_NS_PER_S, to = ask->until.ns / KP_NS_PER_S;
    bool days = to - from > KPD_ASK_FINE_S || from < now_s - ask->keep.ns / KP_NS_PER_S;
    struct grid g = {.base_s = days ? DAY_S : KPD_QUARTER_S};
    g.first = from / g.base_s;
    g.last = divide_up(to, g.base_s) - 1;
    g.last = g.last > g.first ? g.last : g.first;
    int64_t stored = g.last - g.first + 1;
    g.each = ask->step.ns > 0 ? divide_up(ask->step.ns / KP_NS_PER_S, g.base_s)
                              : divide_up(stored, USUAL_CELLS);
    int64_t least = divide_up(stored, KPD_ASK_CELLS);
    g.each = g.each > least ? g.each : least;
    g.count = (size_t)divide_up(stored, g.each);
    return g;
}

static void add_to(const struct grid *g, struct kpd_cell *cells, int64_t at,
                   const struct kpd_cell *more)
{
    if (at >= g->first && at <= g->last)
        kpd_cell_add(&cells[(at - g->first) / g->each], more);
}

static struct kp_rd blob_at(sqlite3_stmt *stmt, int column)
{
    const void *bytes = sqlite3_column_blob(stmt, column);
    return kp_rd_init(bytes, bytes ? (size_t)sqlite3_column_bytes(stmt, column) : 0);
}

static void read_days(struct kpd_ask *ask, sqlite3 *sql, int64_t subject, const struct grid *g,
                      struct kpd_cell *cells)
{
    sqlite3_stmt *stmt = prepare(
        ask, sql, "SELECT day, cell FROM days WHERE subject = ?1 AND day BETWEEN ?2 AND ?3");
    sqlite3_bind_int64(stmt, 1, subject);
    sqlite3_bind_int64(stmt, 2, g->first);
    sqlite3_bind_int64(stmt, 3, g->last);
    while (next_row(ask, stmt)) {
        struct kpd_cell cell;
        struct kp_rd in = blob_at(stmt, 1);
        kpd_cell_read(&in, &cell);
        add_to(g, cells, sqlite3_column_int64(stmt, 0), &cell);
    }
    sqlite3_finalize(stmt);
}

#define SLOTS (KPD_BLOCK_S / KPD_QUARTER_S)

static void read_block(const struct grid *g, int64_t first, struct kp_rd in,
                       struct kpd_cell *cells)
{
    while (in.left > 0 && !in.bad) {
        struct kpd_cell cell;
        uint64_t slot = kpd_cell_read_number(&in);
        kpd_cell_read(&in, &cell);
        if (!in.bad && slot < SLOTS)
            add_to(g, cells, first + (int64_t)slot, &cell);
    }
}

/* Block by block: rows of one block stand together, whatever their subject. */
static void read_quarters(struct kpd_ask *ask, sqlite3 *sql, int64_t subject,
                          const struct grid *g, struct kpd_cell *cells)
{
    sqlite3_stmt *stmt =
        prepare(ask, sql, "SELECT cells FROM quarters WHERE block = ?1 AND subject = ?2");
    for (int64_t block = g->first / SLOTS; block <= g->last / SLOTS; block++) {
        sqlite3_bind_int64(stmt, 1, block);
        sqlite3_bind_int64(stmt, 2, subject);
        if (next_row(ask, stmt))
            read_block(g, block * SLOTS, blob_at(stmt, 0), cells);
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
}

static double answered_ratio(const struct kpd_cell *cell)
{
    double ratio = cell->sent > 0 ? (double)cell->answered / cell->sent : -1;
    return ratio < 1 ? ratio : 1; /* a late answer may belong to the cell before */
}

static double median(const struct kpd_cell *cell)
{
    return kpd_cell_percentile(cell, 0.5);
}

static double slow(const struct kpd_cell *cell)
{
    return kpd_cell_percentile(cell, 0.95);
}

static double sent(const struct kpd_cell *cell)
{
    return cell->sent;
}

static double up(const struct kpd_cell *cell)
{
    return cell->seconds[KP_UP];
}

static double degraded(const struct kpd_cell *cell)
{
    return cell->seconds[KP_DEGRADED];
}

static double down(const struct kpd_cell *cell)
{
    return cell->seconds[KP_DOWN];
}

static double unknown(const struct kpd_cell *cell)
{
    return cell->seconds[KP_UNKNOWN];
}

static json_t *strip_json(const char *kind, const char *name, const struct kpd_cell *cells,
                          size_t count)
{
    static const struct {
        const char *key;
        double (*value)(const struct kpd_cell *cell);
    } rows[] = {{"answered_ratio", answered_ratio},
                {"sent", sent},
                {"rtt_p50_seconds", median},
                {"rtt_p95_seconds", slow},
                {"up_seconds", up},
                {"degraded_seconds", degraded},
                {"down_seconds", down},
                {"unknown_seconds", unknown}};
    struct kpd_cell whole = {0};
    double *values = calloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        kpd_cell_add(&whole, &cells[i]);
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "kind", kind);
    kp_obj_text(&o, "name", name);
    struct kp_obj sum = kp_obj_begin();
    struct kp_obj lists = kp_obj_begin();
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (size_t i = 0; values && i < count; i++)
            values[i] = rows[r].value(&cells[i]);
        kp_obj_real(&sum, rows[r].key, rows[r].value(&whole));
        kp_obj_json(&lists, rows[r].key, values ? kp_json_reals(values, count) : NULL);
    }
    free(values);
    kp_obj_json(&o, "whole", kp_obj_end(&sum));
    kp_obj_json(&o, "cells", kp_obj_end(&lists));
    return kp_obj_end(&o);
}

static void put_strip(struct kpd_ask *ask, sqlite3 *sql, const struct grid *g, int64_t subject,
                      const char *kind, const char *name)
{
    struct kpd_cell *cells = calloc(g->count, sizeof *cells);
    if (cells && g->base_s == DAY_S)
        read_days(ask, sql, subject, g, cells);
    else if (cells)
        read_quarters(ask, sql, subject, g, cells);
    put_json(ask, cells ? strip_json(kind, name, cells, g->count) : NULL);
    free(cells);
}

static void put_strips(struct kpd_ask *ask, sqlite3 *sql, const struct grid *g)
{
    sqlite3_stmt *stmt = prepare(ask, sql,
                                 "SELECT id, name, kind FROM subjects WHERE (kind = ?1"
                                 " OR (?1 = 'target' AND kind = 'anchor'))"
                                 " AND (?2 = '' OR name = ?2) ORDER BY kind, name LIMIT 256");
    sqlite3_bind_text(stmt, 1, kpd_subject_name[ask->subject], -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, ask->name, -1, SQLITE_STATIC);
    for (const char *comma = ""; next_row(ask, stmt); comma = ",") {
        kp_text_add(&ask->answer, comma);
        put_strip(ask, sql, g, sqlite3_column_int64(stmt, 0), text_at(stmt, 2),
                  text_at(stmt, 1));
        ask->found = true;
    }
    sqlite3_finalize(stmt);
}

static void put_time(struct kp_text *out, const char *key, int64_t ns)
{
    char text[KP_RFC3339_SIZE];
    kp_wall_format((struct kp_wall){ns}, text);
    kp_text_printf(out, "\"%s\":\"%s\",", key, text);
}

static void put_gaps(struct kpd_ask *ask, sqlite3 *sql)
{
    sqlite3_stmt *stmt =
        prepare(ask, sql,
                "SELECT * FROM (SELECT began, ended, reason FROM gaps WHERE ended >= ?1"
                " AND began <= ?2 ORDER BY ended DESC LIMIT ?3) ORDER BY began");
    sqlite3_bind_int64(stmt, 1, kpd_us(ask->since));
    sqlite3_bind_int64(stmt, 2, kpd_us(ask->until));
    sqlite3_bind_int(stmt, 3, KPD_ASK_ROWS);
    for (const char *comma = ""; next_row(ask, stmt); comma = ",") {
        kp_text_printf(&ask->answer, "%s{", comma);
        put_time(&ask->answer, "began", time_at(stmt, 0).ns);
        put_time(&ask->answer, "ended", time_at(stmt, 1).ns);
        kp_text_add(&ask->answer, "\"reason\":");
        put_json(ask, kp_json_text(text_at(stmt, 2)));
        kp_text_add(&ask->answer, "}");
    }
    sqlite3_finalize(stmt);
}

static void put_history(struct kpd_ask *ask, sqlite3 *sql)
{
    struct grid g = make_grid(ask, kpd_clock_wall().ns / KP_NS_PER_S);
    int64_t base_ns = g.base_s * KP_NS_PER_S;
    kp_text_add(&ask->answer, "{\"schema\":1,");
    put_time(&ask->answer, "since", g.first * base_ns);
    put_time(&ask->answer, "until", (g.last + 1) * base_ns);
    kp_text_printf(&ask->answer, "\"step_seconds\":%lld,\"strips\":[",
                   (long long)(g.each * g.base_s));
    put_strips(ask, sql, &g);
    kp_text_add(&ask->answer, "],\"incidents\":[");
    put_incidents(ask, sql);
    kp_text_add(&ask->answer, "],\"gaps\":[");
    put_gaps(ask, sql);
    kp_text_add(&ask->answer, "]}");
}

void kpd_ask_run(struct kpd_ask *ask, sqlite3 *sql)
{
    static void (*const answers[])(struct kpd_ask *, sqlite3 *) = {
        [KPD_ASK_HISTORY] = put_history,
        [KPD_ASK_INCIDENTS] = put_incidents,
        [KPD_ASK_INCIDENT] = put_incident,
        [KPD_ASK_EVIDENCE] = put_evidence,
    };
    answers[ask->kind](ask, sql);
}
