/* The database file of the history: opening it safely, its schema, and getting out of
 * a full disk.  One owner at a time, any thread.
 *
 * Nothing of the user's is ever deleted: a damaged file is moved aside, and one of
 * another program, or of a later kpwatchd, is left alone. */
#ifndef KPD_SINKS_HISTORY_DB_H
#define KPD_SINKS_HISTORY_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#define KPD_DB_WHY 400
#define KPD_DB_APPLICATION 0x6b707764 /* "kpwd" */
#define KPD_DB_BALLAST (4 << 20)

struct kpd_db {
    sqlite3 *sql;
    char *ballast; /* path of a file whose room is given up when the disk is full; NULL */
    bool ballast_held;
};

enum kpd_db_result {
    KPD_DB_OK,
    KPD_DB_TROUBLE, /* may get better by itself: try again */
    KPD_DB_REFUSED, /* not ours, or of a later version: stays closed */
};

/* Opens or makes the file, in WAL mode, synchronous=FULL, locked for us alone, and
 * brings its schema up to date.  why: what is wrong and what to do; after KPD_DB_OK a
 * warning (a damaged file was moved aside), or "".  ballast: bytes to hold back. */
enum kpd_db_result kpd_db_open(const char *path, size_t ballast, struct kpd_db *out,
                               char why[KPD_DB_WHY]);
void kpd_db_close(struct kpd_db *db);

/* Moves the (closed) file and what belongs to it out of the way, to names that say
 * when; false, and why: it could not. */
bool kpd_db_move_aside(const char *path, char why[KPD_DB_WHY]);

/* Steps that bring a schema from version i to i + 1; each is done whole or not at all. */
struct kpd_db_step {
    const char *sql;
};
extern const struct kpd_db_step kpd_db_steps[];
extern const int kpd_db_step_count;

/* SQLITE_OK, or a result code; the file's version is user_version. */
int kpd_db_migrate(sqlite3 *sql, const struct kpd_db_step *steps, int count);

/* A result code of SQLite as an errno: ENOSPC, EROFS, EUCLEAN (damaged), EIO, ... */
int kpd_db_errno(sqlite3 *sql, int rc);

/* Gives the ballast's room to the database, or takes it back where there is room;
 * false: it was not held, or there is none. */
bool kpd_db_drop_ballast(struct kpd_db *db);
bool kpd_db_take_ballast(struct kpd_db *db, size_t bytes);

#endif
