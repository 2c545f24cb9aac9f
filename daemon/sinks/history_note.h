/* Inside the store: its statements, and how each kind of note is written. */
#ifndef KPD_SINKS_HISTORY_NOTE_H
#define KPD_SINKS_HISTORY_NOTE_H

#include "daemon/sinks/history_store.h"

#define KPD_BLOCK_S (6 * 3600) /* of quarters in one row */

enum kpd_sql {
    KPD_SQL_EVENT,
    KPD_SQL_INCIDENT,
    KPD_SQL_RECORDS,
    KPD_SQL_KEEP_RECORDS,
    KPD_SQL_KEEP_LEARNED,
    KPD_SQL_LEARNED,
    KPD_SQL_GAP_LONGER,
    KPD_SQL_GAP,
    KPD_SQL_SUBJECT_NEW,
    KPD_SQL_SUBJECT,
    KPD_SQL_QUARTERS,
    KPD_SQL_QUARTERS_PUT,
    KPD_SQL_DAY,
    KPD_SQL_DAY_PUT,
    KPD_SQL_MISSED,
    KPD_SQL_COUNT
};

struct kpd_store {
    struct kpd_db db;
    sqlite3_stmt *stmts[KPD_SQL_COUNT];
    int64_t run; /* of this start */
    size_t ballast;
    struct kp_dur keep;
};

static inline int64_t kpd_us(struct kp_wall t)
{
    return t.ns / KP_NS_PER_US;
}

/* Stored microseconds as a time; a damaged row may hold any number. */
static inline struct kp_wall kpd_wall(int64_t us)
{
    const int64_t most = INT64_MAX / KP_NS_PER_US;
    us = us > 0 ? us : 0;
    return (struct kp_wall){(us < most ? us : most) * KP_NS_PER_US};
}

/* Both: SQLITE_OK or a result code. */
int kpd_note_prepare(struct kpd_store *store);
int kpd_note_write(struct kpd_store *store, const struct kpd_note *note, const char *bytes,
                   size_t len);

#endif
