#include "daemon/sinks/history_db.h"

#include "daemon/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* exclusive before anything is read: then WAL needs no shared memory. */
static const char settings[] =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 500; PRAGMA journal_size_limit = 4194304;"
    "PRAGMA cache_size = -512;" /* KiB */
    "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;";

int kpd_db_errno(sqlite3 *sql, int rc)
{
    int system = sql ? sqlite3_system_errno(sql) : 0;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_READONLY:
        return EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EBUSY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return EACCES;
    case SQLITE_NOMEM:
        return ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return EUCLEAN;
    default:
        return system != 0 ? system : EIO;
    }
}

static int read_number(sqlite3 *sql, const char *query, int *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(sql, query, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* One step and the number behind it, or neither. */
static int do_step(sqlite3 *sql, const struct kpd_db_step *step, int version)
{
    char number[64];
    snprintf(number, sizeof number, "PRAGMA user_version = %d", version);
    int rc = sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(sql, step->sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(sql, number, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int kpd_db_migrate(sqlite3 *sql, const struct kpd_db_step *steps, int count)
{
    int version = 0;
    int rc = read_number(sql, "PRAGMA user_version", &version);
    for (; rc == SQLITE_OK && version < count; version++)
        rc = do_step(sql, &steps[version], version + 1);
    return rc;
}

/* Whose is it?  An empty one becomes ours. */
static enum kpd_db_result claim(sqlite3 *sql, const char *path, int *rc, char *why)
{
    int application = 0, version = 0, tables = 0;
    char ours[64];
    *rc = read_number(sql, "SELECT count(*) FROM sqlite_schema", &tables);
    if (*rc == SQLITE_OK)
        *rc = read_number(sql, "PRAGMA application_id", &application);
    if (*rc == SQLITE_OK)
        *rc = read_number(sql, "PRAGMA user_version", &version);
    if (*rc != SQLITE_OK)
        return KPD_DB_TROUBLE;
    if (application != KPD_DB_APPLICATION && (tables > 0 || application != 0)) {
        snprintf(why, KPD_DB_WHY,
                 "%s is the database of another program: give history.path another name", path);
        return KPD_DB_REFUSED;
    }
    if (version > kpd_db_step_count) {
        snprintf(why, KPD_DB_WHY,
                 "%s was written by a later kpwatchd (schema %d, this one knows %d): run that "
                 "one, or give history.path another name",
                 path, version, kpd_db_step_count);
        return KPD_DB_REFUSED;
    }
    snprintf(ours, sizeof ours, "PRAGMA application_id = %d", KPD_DB_APPLICATION);
    if (application == 0)
        *rc = sqlite3_exec(sql, ours, NULL, NULL, NULL);
    return *rc == SQLITE_OK ? KPD_DB_OK : KPD_DB_TROUBLE;
}

/* Written, not only reserved: that needs no system call of its own, and works on any
 * file system.  What finds no room is given back. */
static bool allocate(const char *path, size_t bytes)
{
    static const char zeros[65536];
    size_t done = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    while (done < bytes) {
        size_t len = bytes - done < sizeof zeros ? bytes - done : sizeof zeros;
        ssize_t n = pwrite(fd, zeros, len, (off_t)done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done < bytes)
        (void)!ftruncate(fd, 0);
    close(fd);
    return done >= bytes;
}

bool kpd_db_take_ballast(struct kpd_db *db, size_t bytes)
{
    if (db->ballast && !db->ballast_held)
        db->ballast_held = allocate(db->ballast, bytes);
    return db->ballast_held;
}

bool kpd_db_drop_ballast(struct kpd_db *db)
{
    if (!db->ballast_held)
        return false;
    db->ballast_held = false;
    int fd = open(db->ballast, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static char *with_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s%s", path, suffix);
    return name;
}

/* The directory may be missing on a first start. */
static void make_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
    if (directory)
        (void)!mkdir(directory, 0750);
    free(directory);
}

/* Not for everybody to read; SQLite gives its other files the same mode. */
static void create_private(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd >= 0)
        close(fd);
}

/* SQLite's unlink; the filter of system calls (daemon/seccomp.c) admits unlinkat. */
static int remove_file(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

static enum kpd_db_result open_once(const char *path, struct kpd_db *db, int *rc, char *why)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if (vfs && vfs->iVersion >= 3 && vfs->xSetSystemCall)
        vfs->xSetSystemCall(vfs, "unlink", (sqlite3_syscall_ptr)remove_file);
    create_private(path);
    *rc = sqlite3_open_v2(path, &db->sql,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                              SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
                          NULL);
    enum kpd_db_result result = KPD_DB_TROUBLE;
    if (*rc == SQLITE_OK)
        *rc = sqlite3_exec(db->sql, settings, NULL, NULL, NULL);
    if (*rc == SQLITE_OK)
        result = claim(db->sql, path, rc, why);
    if (result == KPD_DB_OK) {
        *rc = kpd_db_migrate(db->sql, kpd_db_steps, kpd_db_step_count);
        result = *rc == SQLITE_OK ? KPD_DB_OK : KPD_DB_TROUBLE;
    }
    if (result == KPD_DB_TROUBLE)
        snprintf(why, KPD_DB_WHY, "%s: %s", path, strerror(kpd_db_errno(db->sql, *rc)));
    if (result == KPD_DB_TROUBLE && (*rc & 0xff) == SQLITE_BUSY)
        snprintf(why, KPD_DB_WHY, "%s is in use by another program", path);
    return result;
}

static bool is_damaged(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

enum kpd_db_result kpd_db_open(const char *path, size_t ballast, struct kpd_db *out,
                               char why[KPD_DB_WHY])
{
    int rc = SQLITE_OK;
    char aside[KPD_DB_WHY] = "";
    *out = (struct kpd_db){0};
    why[0] = '\0';
    make_directory(path);
    enum kpd_db_result result = open_once(path, out, &rc, why);
    if (result == KPD_DB_TROUBLE && is_damaged(rc)) {
        kpd_db_close(out);
        if (!kpd_db_move_aside(path, aside)) {
            snprintf(why, KPD_DB_WHY, "%s", aside);
            return KPD_DB_TROUBLE;
        }
        result = open_once(path, out, &rc, why);
    }
    if (result != KPD_DB_OK) {
        kpd_db_close(out);
        return result;
    }
    snprintf(why, KPD_DB_WHY, "%s", aside);
    out->ballast = ballast > 0 ? with_suffix(path, "-ballast") : NULL;
    kpd_db_take_ballast(out, ballast);
    return KPD_DB_OK;
}

void kpd_db_close(struct kpd_db *db)
{
    sqlite3_close_v2(db->sql);
    free(db->ballast);
    *db = (struct kpd_db){0};
}

static bool rename_one(const char *path, const char *suffix, const char *stamp)
{
    char *from = with_suffix(path, suffix);
    char *to = from ? with_suffix(from, stamp) : NULL;
    bool done = to && (rename(from, to) == 0 || errno == ENOENT);
    free(from);
    free(to);
    return done;
}

bool kpd_db_move_aside(const char *path, char why[KPD_DB_WHY])
{
    struct tm tm;
    char stamp[40];
    time_t now = kpd_clock_wall().ns / KP_NS_PER_S;
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, ".damaged-%Y%m%dT%H%M%SZ", &tm);
    bool done = rename_one(path, "", stamp) && rename_one(path, "-wal", stamp);
    if (done)
        snprintf(why, KPD_DB_WHY,
                 "%s was damaged and is now %s%s; a new history begins (recover the old one "
                 "with: sqlite3 FILE .recover)",
                 path, path, stamp);
    else
        snprintf(why, KPD_DB_WHY, "%s is damaged and cannot be moved aside: %s", path,
                 strerror(errno));
    return done;
}
