#include "daemon/sinks/history_thread.h"

#include "daemon/clock.h"
#include "daemon/sinks/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define USUAL_COUNT 65536
#define LOOK_MS 4000                 /* at the disk, while nothing is to be written */
#define TRY_AGAIN_MS 1000            /* what the disk refused */
#define LITTLE ((uint64_t)256 << 10) /* less than that is a full disk */
#define PRUNE_NS (3600 * KP_NS_PER_S)

struct kpd_hthread {
    pthread_mutex_t lock; /* of all up to `stop`; never held while the disk is asked */
    pthread_cond_t wake;
    struct kpd_queue queue;
    char *learned;
    struct kpd_ask *asks, *answers;
    struct kpd_hthread_state state;
    size_t taken; /* notes in the thread's hand */
    bool stop;
    /* of the loop */
    struct kpd_queue adding;
    uint64_t adding_lost;
    pthread_t thread;
    int event;
    /* of the thread */
    struct kpd_store_args args;
    char *path, *directory, *boot, *machine, *version;
    struct kpd_store *store;
    struct kpd_queue hand; /* what is being written */
    char *hand_learned;
    bool low, refused; /* low: the ballast is given up, or not to be had */
    bool entered;      /* this run is in the file */
    struct kp_mono pruned;
};

/* --- the disk --- */

/* What statvfs says of it: 0, EROFS or ENOSPC. */
static int look_at_disk(const struct kpd_hthread *t)
{
    struct statvfs fs;
    if (statvfs(t->directory, &fs) != 0)
        return errno;
    if (fs.f_flag & ST_RDONLY)
        return EROFS;
    return (uint64_t)fs.f_bavail * fs.f_frsize < LITTLE ? ENOSPC : 0;
}

static bool room_for_ballast(const struct kpd_hthread *t)
{
    struct statvfs fs;
    return statvfs(t->directory, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize > 2 * t->args.ballast;
}

static void warn(struct kpd_hthread *t, const char *why)
{
    pthread_mutex_lock(&t->lock);
    snprintf(t->state.warning, sizeof t->state.warning, "%s", why);
    pthread_mutex_unlock(&t->lock);
}

/* The file was out of reach when we began: the time before is a gap in it, and what
 * was learned then comes too late. */
static void note_away(struct kpd_hthread *t)
{
    struct kpd_store_before before;
    if (kpd_store_before(t->store, &before) == 0 && before.any &&
        before.alive.ns < t->args.now.ns) {
        static const char reasons[2][10] = {"restarted", "rebooted"};
        struct kpd_note note = {.kind = KPD_NOTE_GAP, .from = before.alive, .to = t->args.now};
        char whole[sizeof note + sizeof reasons[0]];
        const char *reason = reasons[before.rebooted];
        memcpy(whole, &note, sizeof note);
        memcpy(whole + sizeof note, reason, strlen(reason));
        kpd_queue_push(&t->hand, whole, sizeof note + strlen(reason), false);
        warn(t, "the history can be written now; what was learned before the start was not "
                "there to go on from");
    }
    free(before.learned);
    t->entered = true;
}

static int reopen(struct kpd_hthread *t)
{
    char why[KPD_DB_WHY];
    enum kpd_db_result result = kpd_store_open(&t->args, &t->store, why);
    if (result != KPD_DB_TROUBLE && why[0] != '\0')
        warn(t, why);
    t->refused = result == KPD_DB_REFUSED;
    t->low = t->args.ballast > 0 && (!t->store || !kpd_store_take_ballast(t->store));
    if (result == KPD_DB_OK && !t->entered)
        note_away(t);
    if (result == KPD_DB_OK)
        return 0;
    int errnum = look_at_disk(t);
    return errnum != 0 ? errnum : access(t->directory, W_OK) != 0 ? errno : EIO;
}

static void close_store(struct kpd_hthread *t)
{
    kpd_store_close(t->store);
    t->store = NULL;
}

static int write_hand(struct kpd_hthread *t)
{
    return kpd_store_write(t->store, t->hand.head, t->hand_learned, kpd_clock_wall());
}

/* The disk is full: the ballast's room must do, and at best moves what is in the
 * write-ahead log to its place. */
static int write_without_ballast(struct kpd_hthread *t)
{
    t->low = true;
    if (!kpd_store_drop_ballast(t->store))
        return ENOSPC;
    sqlite3_wal_checkpoint_v2(kpd_store_sql(t->store), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                              NULL);
    return write_hand(t);
}

/* A file that broke is opened anew: a damaged one is moved out of the way first. */
static int recover_from(struct kpd_hthread *t, int errnum)
{
    char why[KPD_DB_WHY];
    if (errnum == ENOSPC || errnum == ENOMEM || errnum == EBUSY)
        return errnum;
    close_store(t);
    if (errnum != EUCLEAN || !kpd_db_move_aside(t->path, why))
        return errnum;
    warn(t, why);
    return reopen(t) == 0 ? write_hand(t) : errnum;
}

static int write_out(struct kpd_hthread *t)
{
    int errnum = t->store ? 0 : reopen(t);
    if (errnum == 0)
        errnum = write_hand(t);
    if (errnum == ENOSPC && t->store)
        errnum = write_without_ballast(t);
    return errnum != 0 && t->store ? recover_from(t, errnum) : errnum;
}

static int prune(struct kpd_hthread *t)
{
    struct kp_mono now = kpd_clock_mono();
    if (kp_mono_set(t->pruned) && kp_mono_sub(now, t->pruned).ns < PRUNE_NS)
        return 0;
    t->pruned = now;
    return kpd_store_prune(t->store, kpd_clock_wall());
}

/* Back to normal once there is room again; what is wrong meanwhile. */
static int look_after_disk(struct kpd_hthread *t)
{
    if (t->low && room_for_ballast(t))
        t->low = !kpd_store_take_ballast(t->store);
    int errnum = look_at_disk(t);
    return errnum == 0 && t->low ? ENOSPC : errnum;
}

/* --- its turns --- */

static void end_hand(struct kpd_hthread *t)
{
    kpd_queue_fini(&t->hand);
    free(t->hand_learned);
    t->hand_learned = NULL;
}

static void drop_all(struct kpd_hthread *t)
{
    end_hand(t);
    kpd_queue_fini(&t->queue);
    free(t->learned);
    t->learned = NULL;
}

/* Lock held; returns when there is something to do or to look at. */
static void wait_for_work(struct kpd_hthread *t, bool trying)
{
    struct timespec until = kpd_thread_in_ms(trying ? TRY_AGAIN_MS : LOOK_MS);
    int rc = 0;
    while (rc == 0 && !t->stop && !t->asks && (trying || (!t->queue.head && !t->learned)))
        rc = pthread_cond_timedwait(&t->wake, &t->lock, &until);
}

/* What waits comes into the hand, unless that is still full. */
static void take_hand(struct kpd_hthread *t)
{
    if (!t->hand.head && !t->hand_learned) {
        struct kpd_queue empty = t->hand;
        t->hand = t->queue;
        t->queue = empty;
        kpd_queue_init(&t->queue, t->hand.max_count, t->hand.max_bytes);
        t->hand_learned = t->learned;
        t->learned = NULL;
    }
}

static void nudge_loop(struct kpd_hthread *t)
{
    uint64_t one = 1;
    (void)!write(t->event, &one, sizeof one);
}

static void give_answers(struct kpd_hthread *t, struct kpd_ask *asks)
{
    struct kpd_ask *ask, *next;
    LL_FOREACH_SAFE(asks, ask, next)
    {
        ask->failed = t->store == NULL;
        if (t->store)
            kpd_ask_run(ask, kpd_store_sql(t->store));
        pthread_mutex_lock(&t->lock);
        LL_DELETE(asks, ask);
        LL_APPEND(t->answers, ask);
        pthread_mutex_unlock(&t->lock);
        nudge_loop(t);
    }
}

/* Everything outside the lock; the errno of the disk. */
static int work(struct kpd_hthread *t, bool *written)
{
    bool any = t->hand.head || t->hand_learned;
    int errnum = any ? write_out(t) : t->store ? 0 : reopen(t);
    *written = errnum == 0;
    if (errnum == 0 && t->store) {
        errnum = prune(t);
        errnum = errnum == 0 ? look_after_disk(t) : errnum;
    }
    return errnum;
}

/* The number of the latest event among notes. */
static uint64_t last_event(const struct kpd_queued *notes)
{
    uint64_t last = 0;
    const struct kpd_queued *q;
    DL_FOREACH(notes, q)
    {
        struct kpd_note note;
        memcpy(&note, q->bytes, sizeof note);
        last = note.seq > last ? note.seq : last;
    }
    return last;
}

static void note_state(struct kpd_hthread *t, int errnum, size_t committed, uint64_t last)
{
    bool news = t->state.errnum != errnum || t->state.warning[0] != '\0';
    t->state.errnum = errnum;
    t->state.refused = t->refused;
    t->state.committed += committed;
    if (last > t->state.last_event)
        t->state.last_event = last;
    t->state.waiting = t->queue.count + t->taken;
    if (news || committed > 0)
        nudge_loop(t);
}

/* One turn, lock held; false: it was the last. */
static bool turn(struct kpd_hthread *t, bool *trying)
{
    wait_for_work(t, *trying);
    bool stop = t->stop, written = false;
    struct kpd_ask *asks = t->asks;
    t->asks = NULL;
    take_hand(t);
    size_t count = t->taken = t->hand.count;
    uint64_t last = last_event(t->hand.head);
    pthread_mutex_unlock(&t->lock);
    int errnum = work(t, &written);
    if (written)
        end_hand(t);
    else
        count = last = 0;
    give_answers(t, asks);
    pthread_mutex_lock(&t->lock);
    if (t->refused)
        drop_all(t);
    t->taken = t->hand.count;
    *trying = !written;
    note_state(t, errnum, count, last);
    return !stop || (written && (t->queue.head || t->learned));
}

static void *run(void *arg)
{
    struct kpd_hthread *t = arg;
    bool trying = false;
    pthread_mutex_lock(&t->lock);
    while (turn(t, &trying))
        ;
    pthread_mutex_unlock(&t->lock);
    close_store(t);
    return NULL;
}

/* --- for the loop --- */

static void free_all(struct kpd_hthread *t)
{
    struct kpd_ask *ask, *next;
    LL_CONCAT(t->asks, t->answers);
    LL_FOREACH_SAFE(t->asks, ask, next)
    kpd_ask_free(ask);
    drop_all(t);
    kpd_queue_fini(&t->adding);
    close_store(t);
    if (t->event >= 0)
        close(t->event);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->path);
    free(t->directory);
    free(t->boot);
    free(t->machine);
    free(t->version);
    free(t);
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static bool copy_args(struct kpd_hthread *t, const struct kpd_store_args *args)
{
    t->args = *args;
    t->args.path = t->path = strdup(args->path);
    t->args.boot = t->boot = strdup(args->boot);
    t->args.machine = t->machine = strdup(args->machine);
    t->args.version = t->version = strdup(args->version);
    t->directory = directory_of(args->path);
    return t->path && t->boot && t->machine && t->version && t->directory;
}

struct kpd_hthread *kpd_hthread_new(const struct kpd_store_args *args, struct kpd_store *store,
                                    size_t max_count)
{
    struct kpd_hthread *t = calloc(1, sizeof *t);
    if (!t) {
        kpd_store_close(store);
        return NULL;
    }
    kpd_thread_locks(&t->lock, &t->wake);
    size_t count = max_count > 0 ? max_count : USUAL_COUNT;
    kpd_queue_init(&t->queue, count, KPD_HTHREAD_BYTES);
    kpd_queue_init(&t->hand, count, KPD_HTHREAD_BYTES);
    kpd_queue_init(&t->adding, count, KPD_HTHREAD_BYTES);
    t->store = store;
    t->entered = store != NULL;
    t->low = args->ballast > 0 && (!store || !kpd_store_take_ballast(store));
    t->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->event < 0 || !copy_args(t, args) || !kpd_thread_start(&t->thread, run, t)) {
        free_all(t);
        return NULL;
    }
    return t;
}

void kpd_hthread_free(struct kpd_hthread *t, unsigned seconds)
{
    struct timespec until;
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    if (pthread_timedjoin_np(t->thread, NULL, &until) == 0)
        free_all(t);
}

void kpd_hthread_add(struct kpd_hthread *t, const struct kpd_note *note, const char *bytes,
                     size_t len)
{
    char *whole = malloc(sizeof *note + len);
    uint64_t lost = 1;
    if (whole) {
        memcpy(whole, note, sizeof *note);
        memcpy(whole + sizeof *note, bytes, len);
        lost = kpd_queue_push(&t->adding, whole, sizeof *note + len,
                              note->kind == KPD_NOTE_RECORDS);
    }
    free(whole);
    t->adding_lost += lost;
}

uint64_t kpd_hthread_commit(struct kpd_hthread *t, char *learned)
{
    static const struct kpd_note place = {.kind = KPD_NOTE_LEARNED};
    if (learned) /* what is added later must not count as part of it */
        kpd_hthread_add(t, &place, "", 0);
    uint64_t lost = t->adding_lost;
    t->adding_lost = 0;
    pthread_mutex_lock(&t->lock);
    for (struct kpd_queued *q = kpd_queue_take(&t->adding); q; q = kpd_queue_take(&t->adding)) {
        lost += kpd_queue_push(&t->queue, q->bytes, q->len, q->expendable);
        free(q);
    }
    if (learned) {
        free(t->learned);
        t->learned = learned;
    }
    t->state.waiting = t->queue.count + t->taken;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    return lost;
}

void kpd_hthread_ask(struct kpd_hthread *t, struct kpd_ask *ask)
{
    ask->next = NULL;
    pthread_mutex_lock(&t->lock);
    LL_APPEND(t->asks, ask);
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

int kpd_hthread_fd(const struct kpd_hthread *t)
{
    return t->event;
}

struct kpd_ask *kpd_hthread_answer(struct kpd_hthread *t)
{
    pthread_mutex_lock(&t->lock);
    struct kpd_ask *ask = t->answers;
    if (ask)
        LL_DELETE(t->answers, ask);
    pthread_mutex_unlock(&t->lock);
    return ask;
}

void kpd_hthread_state(struct kpd_hthread *t, struct kpd_hthread_state *out)
{
    uint64_t count;
    (void)!read(t->event, &count, sizeof count);
    pthread_mutex_lock(&t->lock);
    *out = t->state;
    t->state.warning[0] = '\0';
    pthread_mutex_unlock(&t->lock);
}
