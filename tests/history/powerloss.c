/* Loss of power at random points: the history is written through a file system that
 * exists in memory only and forgets, or tears, what was not synced.  Afterwards the file
 * must be whole and hold every event whose commit was reported, once, and what was learned
 * with the last of them.
 *
 *   powerloss POINTS SEED     exit 1: something was wrong
 */
#include "daemon/sinks/history_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 8
#define SECTOR 512
#define DB "/nonexistent/power.db"

struct pending { /* not synced: [at, at + len) of the file as it is now */
    sqlite3_int64 at, len;
};

struct disk_file {
    char name[64]; /* "": none */
    unsigned char *now, *safe;
    sqlite3_int64 now_len, safe_len, room;
    struct pending *pending;
    size_t pending_count, pending_room;
};

static struct disk_file files[FILES];
static unsigned long ops, dies_at; /* 0: never */
static uint64_t random_state;

struct open_file {
    sqlite3_file base;
    struct disk_file *file;
};

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

/* Whether the power is still on. */
static bool alive(void)
{
    ops++;
    return dies_at == 0 || ops < dies_at;
}

static void *grow(void *p, size_t size)
{
    void *grown = realloc(p, size);
    if (!grown)
        abort();
    return grown;
}

/* --- one file --- */

static void set_length(struct disk_file *f, sqlite3_int64 len)
{
    if (len > f->room) {
        f->room = len * 2;
        f->now = grow(f->now, (size_t)f->room);
        f->safe = grow(f->safe, (size_t)f->room);
    }
    if (len > f->now_len)
        memset(f->now + f->now_len, 0, (size_t)(len - f->now_len));
    f->now_len = len;
}

static void synced(struct disk_file *f)
{
    if (f->now_len > 0)
        memcpy(f->safe, f->now, (size_t)f->now_len);
    f->safe_len = f->now_len;
    f->pending_count = 0;
}

static void keep_some(struct disk_file *f, const struct pending *p)
{
    for (sqlite3_int64 at = p->at; at < p->at + p->len;) {
        sqlite3_int64 end = (at / SECTOR + 1) * SECTOR;
        end = end < p->at + p->len ? end : p->at + p->len;
        if (draw(2) && end <= f->now_len) {
            if (end > f->safe_len) { /* a hole before it reads as zeros */
                memset(f->safe + f->safe_len, 0, (size_t)(end - f->safe_len));
                f->safe_len = end;
            }
            memcpy(f->safe + at, f->now + at, (size_t)(end - at));
        }
        at = end;
    }
}

/* Of what was not synced any part may have reached the disk: a write whole, not at all
 * or some of its sectors; a new length or not. */
static void lose_power(struct disk_file *f)
{
    for (size_t i = 0; i < f->pending_count; i++)
        keep_some(f, &f->pending[i]);
    if (f->now_len < f->safe_len && draw(2))
        f->safe_len = f->now_len;
    set_length(f, f->safe_len);
    if (f->safe_len > 0)
        memcpy(f->now, f->safe, (size_t)f->safe_len);
    f->pending_count = 0;
}

static struct disk_file *find(const char *name, bool make)
{
    struct disk_file *none = NULL;
    for (int i = 0; i < FILES; i++) {
        if (name && strcmp(files[i].name, name) == 0)
            return &files[i];
        if (!none && files[i].name[0] == '\0')
            none = &files[i];
    }
    if (!make || !none)
        return NULL;
    none->now_len = none->safe_len = 0;
    none->pending_count = 0;
    snprintf(none->name, sizeof none->name, "%s", name ? name : "temporary");
    set_length(none, 4096);
    set_length(none, 0);
    return none;
}

/* --- the file system SQLite sees --- */

static struct disk_file *of(sqlite3_file *file)
{
    return ((struct open_file *)file)->file;
}

static int on_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    struct disk_file *f = of(file);
    sqlite3_int64 there = f->now_len > at ? f->now_len - at : 0;
    int some = there < len ? (int)there : len;
    if (some > 0)
        memcpy(out, f->now + at, (size_t)some);
    memset((char *)out + some, 0, (size_t)(len - some));
    return some < len ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int on_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct disk_file *f = of(file);
    bool last = dies_at != 0 && ops + 1 == dies_at; /* this one may be cut off */
    if (!alive() && !last)
        return SQLITE_IOERR_WRITE;
    if (at + len > f->now_len)
        set_length(f, at + len);
    memcpy(f->now + at, bytes, (size_t)len);
    if (f->pending_count == f->pending_room) {
        f->pending_room = f->pending_room * 2 + 16;
        f->pending = grow(f->pending, f->pending_room * sizeof *f->pending);
    }
    f->pending[f->pending_count++] = (struct pending){at, len};
    return last ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    if (!alive())
        return SQLITE_IOERR_TRUNCATE;
    set_length(of(file), len);
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (!alive())
        return SQLITE_IOERR_FSYNC;
    synced(of(file));
    return SQLITE_OK;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *len)
{
    *len = of(file)->now_len;
    return SQLITE_OK;
}

static int on_lock(sqlite3_file *file, int how)
{
    (void)file;
    (void)how;
    return SQLITE_OK;
}

static int on_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int on_sector(sqlite3_file *file)
{
    (void)file;
    return SECTOR;
}

static int on_nature(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static const sqlite3_io_methods methods = {
    1,       on_close,    on_read,    on_write,  on_truncate, on_sync, on_size, on_lock,
    on_lock, on_reserved, on_control, on_sector, on_nature,   0,       0,       0,
    0,       0,           0};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    file->pMethods = NULL;
    struct disk_file *f = find(name, (flags & SQLITE_OPEN_CREATE) != 0);
    if (!f)
        return SQLITE_CANTOPEN;
    ((struct open_file *)file)->file = f;
    file->pMethods = &methods;
    if (out)
        *out = flags;
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)sync;
    struct disk_file *f = find(name, false);
    if (!alive())
        return SQLITE_IOERR_DELETE;
    if (!f)
        return SQLITE_IOERR_DELETE_NOENT;
    f->name[0] = '\0';
    return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    (void)flags;
    *out = find(name, false) != NULL;
    return SQLITE_OK;
}

static int on_name(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
}

static void register_disk(void)
{
    static sqlite3_vfs vfs;
    const sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.iVersion = 1;
    vfs.szOsFile = (int)sizeof(struct open_file);
    vfs.zName = "power";
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    vfs.xAccess = on_access;
    vfs.xFullPathname = on_name;
    sqlite3_vfs_register(&vfs, 1);
}

/* --- what is written, and what must be there --- */

static struct kpd_store *open_store(const char *boot)
{
    struct kpd_store_args args = {.path = DB,
                                  .keep = {86400 * KP_NS_PER_S},
                                  .boot = boot,
                                  .machine = "m",
                                  .version = "1",
                                  .now = {KP_NS_PER_S}};
    struct kpd_store *store = NULL;
    char why[KPD_DB_WHY];
    enum kpd_db_result result = kpd_store_open(&args, &store, why);
    if (result == KPD_DB_OK && why[0] != '\0') { /* moved aside: nothing here may */
        fprintf(stderr, "%s\n", why);
        kpd_store_close(store);
        return NULL;
    }
    if (store) /* checkpoints must be met as well */
        sqlite3_exec(kpd_store_sql(store), "PRAGMA wal_autocheckpoint = 12", NULL, NULL, NULL);
    return store;
}

static bool write_one(struct kpd_store *store, unsigned seq)
{
    char text[600], learned[16];
    struct kpd_queue queue;
    struct kpd_note note = {.kind = KPD_NOTE_EVENT};
    memcpy(text, &note, sizeof note);
    int len = snprintf(text + sizeof note, sizeof text - sizeof note,
                       "{\"@timestamp\":\"2025-12-06T00:00:00.000000Z\",\"event\":"
                       "{\"sequence\":%u,\"action\":\"path.state\"},\"pad\":\"%0*d\"}",
                       seq, 1 + (int)draw(400), 0);
    kpd_queue_init(&queue, 0, 0);
    kpd_queue_push(&queue, text, sizeof note + (size_t)len, false);
    snprintf(learned, sizeof learned, "%u", seq);
    struct kp_wall now = {(int64_t)seq * KP_NS_PER_S};
    bool done = kpd_store_write(store, queue.head, learned, now) == 0;
    kpd_queue_fini(&queue);
    return done;
}

static unsigned number(struct kpd_store *store, const char *query)
{
    sqlite3_stmt *stmt = NULL;
    unsigned out = UINT32_MAX;
    sqlite3_prepare_v2(kpd_store_sql(store), query, -1, &stmt, NULL);
    if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
        out = (unsigned)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return out;
}

static const char *check(struct kpd_store *store, unsigned acked)
{
    unsigned count = number(store, "SELECT count(*) FROM events");
    unsigned last = number(store, "SELECT coalesce(max(seq), 0) FROM events");
    if (number(store, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") != 1)
        return "the file is damaged";
    if (last < acked)
        return "an event that was reported is lost";
    if (count != last)
        return "an event is missing or doubled";
    if (last > 0 && number(store, "SELECT CAST(state AS INTEGER) FROM learned"
                                  " ORDER BY at DESC LIMIT 1") != last)
        return "what was learned is not as of the last event";
    return NULL;
}

/* The power fails at the given operation (0: never); the operations there were. */
static unsigned long run(unsigned long point, const char **wrong)
{
    unsigned acked = 0;
    for (int i = 0; i < FILES; i++)
        files[i].name[0] = '\0';
    ops = 0;
    dies_at = point;
    struct kpd_store *store = open_store("before");
    while (store && acked < 30 && write_one(store, acked + 1))
        acked++;
    unsigned long total = ops;
    if (point != 0) { /* what is only in memory is gone with the process */
        for (int i = 0; i < FILES; i++)
            lose_power(&files[i]);
        dies_at = 1; /* closing must not mend anything */
    }
    kpd_store_close(store);
    dies_at = 0;
    store = open_store("after");
    *wrong = store ? check(store, acked) : "the file cannot be opened";
    kpd_store_close(store);
    return total;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    unsigned long points = strtoul(argv[1], NULL, 10);
    random_state = strtoull(argv[2], NULL, 10);
    register_disk();
    const char *wrong;
    unsigned long total = run(0, &wrong);
    for (unsigned long i = 0; i < points && !wrong; i++) {
        unsigned long point = 1 + draw((uint32_t)total);
        run(point, &wrong);
        if (wrong)
            printf("power lost at operation %lu of %lu, point %lu: ", point, total, i + 1);
    }
    if (wrong)
        printf("%s (seed %s)\n", wrong, argv[2]);
    else
        printf("%lu losses of power within %lu operations: no file damaged, nothing lost\n",
               points, total);
    return wrong != NULL;
}
