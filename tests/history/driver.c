/* Drives the history's own thread and store, for tests and measurements:
 *
 *   driver write DB           writes events as fast as they are committed; after each
 *                             commit one line "N", all up to which are on disk
 *   driver fill DB N          N events in large commits, a second apart in time
 *   driver stall DB COUNT     the longest that handing over one of COUNT events took, in
 *                             milliseconds, on a disk that takes 300 ms to sync
 *   driver ask DB DAYS        milliseconds that opening takes, and GetHistory over the
 *                             last DAYS in it
 */
#include "daemon/clock.h"
#include "daemon/sinks/history_thread.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct kpd_store_args args_for(const char *path, struct kp_wall now)
{
    static char boot[24];
    snprintf(boot, sizeof boot, "b%ld", (long)getpid());
    return (struct kpd_store_args){.path = path,
                                   .ballast = 1 << 20,
                                   .keep = kp_dur_s(400 * 86400),
                                   .boot = boot,
                                   .machine = "m",
                                   .version = "1",
                                   .now = now};
}

static struct kpd_store *open_or_die(const struct kpd_store_args *args)
{
    struct kpd_store *store = NULL;
    char why[KPD_DB_WHY];
    if (kpd_store_open(args, &store, why) == KPD_DB_OK && why[0] == '\0')
        return store;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static size_t envelope(char *out, size_t size, uint64_t seq, struct kp_wall at,
                       const char *action, const char *kp)
{
    char time[KP_RFC3339_SIZE];
    kp_wall_format(at, time);
    return (size_t)snprintf(
        out, size,
        "{\"@timestamp\":\"%s\",\"event\":{\"id\":\"fra1-0123456789abcdef-%llu\","
        "\"sequence\":%llu,\"created\":\"%s\",\"kind\":\"event\",\"category\":[\"network\"],"
        "\"type\":[\"info\"],\"action\":\"%s\",\"outcome\":\"failure\",\"dataset\":"
        "\"kpwatchd.path\",\"module\":\"kpwatchd\"},\"ecs\":{\"version\":\"8.11.0\"},"
        "\"log\":{\"level\":\"warning\"},\"message\":\"path China Unicom is down: no answer\","
        "\"observer\":{\"name\":\"fra1\",\"type\":\"sensor\",\"product\":\"kpwatchd\","
        "\"version\":\"0.1.0\",\"geo\":{\"country_iso_code\":\"DE\"}},\"kp\":{%s}}",
        time, (unsigned long long)seq, (unsigned long long)seq, time, action, kp);
}

static void add_event(struct kpd_hthread *t, uint64_t seq, struct kp_wall at)
{
    char text[4096];
    struct kpd_note note = {.kind = KPD_NOTE_EVENT, .seq = seq};
    size_t len = envelope(text, sizeof text, seq, at, "path.state",
                          "\"path\":{\"name\":\"china-unicom\"},\"state\":{\"from\":\"up\","
                          "\"to\":\"down\",\"since\":null}");
    kpd_hthread_add(t, &note, text, len);
}

static void write_for_ever(const char *path)
{
    struct kpd_store_args args = args_for(path, kpd_clock_wall());
    struct kpd_hthread *t = kpd_hthread_new(&args, open_or_die(&args), 0);
    struct kpd_hthread_state state = {0};
    printf("0\n");
    fflush(stdout);
    for (uint64_t seq = 1; seq < 10000000; seq++) {
        char learned[32];
        snprintf(learned, sizeof learned, "%llu", (unsigned long long)seq);
        add_event(t, seq, kpd_clock_wall());
        kpd_hthread_commit(t, strdup(learned));
        if (seq - state.last_event < 64)
            continue;
        struct pollfd p = {.fd = kpd_hthread_fd(t), .events = POLLIN};
        uint64_t before = state.last_event;
        while (state.last_event == before && poll(&p, 1, 10000) == 1)
            kpd_hthread_state(t, &state);
        printf("%llu\n", (unsigned long long)state.last_event);
        fflush(stdout);
    }
}

/* --- straight into the store --- */

struct filler {
    struct kpd_store *store;
    struct kpd_queue queue;
    struct kp_wall now;
    uint64_t seq;
};

static void put(struct filler *f, struct kpd_note note, const char *bytes, size_t len)
{
    char *whole = malloc(sizeof note + len);
    memcpy(whole, &note, sizeof note);
    memcpy(whole + sizeof note, bytes, len);
    kpd_queue_push(&f->queue, whole, sizeof note + len, false);
    free(whole);
}

static void flush(struct filler *f, const char *learned)
{
    if (kpd_store_write(f->store, f->queue.head, learned, f->now) != 0)
        exit(1);
    kpd_queue_fini(&f->queue);
}

static void put_event(struct filler *f, const char *action, const char *kp)
{
    char text[8192];
    size_t len = envelope(text, sizeof text, ++f->seq, f->now, action, kp);
    put(f, (struct kpd_note){.kind = KPD_NOTE_EVENT}, text, len);
}

static struct filler open_filler(const char *path, struct kp_wall now)
{
    struct kpd_store_args args = args_for(path, now);
    struct filler f = {.store = open_or_die(&args), .now = now};
    kpd_queue_init(&f.queue, 100000, (size_t)256 << 20);
    return f;
}

static void fill(const char *path, unsigned long count)
{
    struct kp_wall now = kpd_clock_wall();
    now.ns -= (int64_t)count * KP_NS_PER_S;
    struct filler f = open_filler(path, now);
    for (unsigned long i = 0; i < count; i++) {
        f.now.ns += KP_NS_PER_S;
        put_event(&f, "path.state", "\"path\":{\"name\":\"china-unicom\"}");
        if (i % 10000 == 9999)
            flush(&f, NULL);
    }
    flush(&f, NULL);
    kpd_store_close(f.store);
}

/* --- a slow disk --- */

static sqlite3_io_methods slow_methods;
static const sqlite3_io_methods *real_methods;
static int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);

static int slow_sync(sqlite3_file *file, int flags)
{
    usleep(300000);
    return real_methods->xSync(file, flags);
}

static int slow_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out)
{
    int rc = real_open(vfs, name, file, flags, out);
    if (file->pMethods) {
        real_methods = file->pMethods;
        slow_methods = *real_methods;
        slow_methods.xSync = slow_sync;
        file->pMethods = &slow_methods;
    }
    return rc;
}

static void slow_down(void)
{
    static sqlite3_vfs vfs;
    vfs = *sqlite3_vfs_find(NULL);
    real_open = vfs.xOpen;
    vfs.xOpen = slow_open;
    vfs.zName = "slow";
    sqlite3_vfs_register(&vfs, 1);
}

static double ms_since(struct kp_mono start)
{
    return kp_dur_seconds(kp_mono_sub(kpd_clock_mono(), start)) * 1e3;
}

static void stall(const char *path, long count)
{
    struct kpd_store_args args = args_for(path, kpd_clock_wall());
    struct kpd_store *store = open_or_die(&args);
    kpd_store_close(store);
    slow_down();
    struct kpd_hthread *t = kpd_hthread_new(&args, open_or_die(&args), 0);
    double worst = 0;
    for (long i = 1; i <= count; i++) {
        char *learned = calloc(1, 60000); /* as large as the real one */
        memset(learned, 'x', 59999);
        struct kp_mono start = kpd_clock_mono();
        add_event(t, (uint64_t)i, kpd_clock_wall());
        kpd_hthread_commit(t, learned);
        double ms = ms_since(start);
        worst = ms > worst ? ms : worst;
        usleep(10000);
    }
    struct kpd_hthread_state state;
    kpd_hthread_state(t, &state);
    printf("stall %.2f (%llu waiting)\n", worst, (unsigned long long)state.waiting);
    kpd_hthread_free(t, 10);
}

static void ask(const char *path, long days)
{
    struct kp_mono start = kpd_clock_mono();
    struct kpd_store_args args = args_for(path, kpd_clock_wall());
    struct kpd_store *store = open_or_die(&args);
    struct kpd_store_before before;
    kpd_store_before(store, &before);
    free(before.learned);
    printf("open %.1f\n", ms_since(start));
    start = kpd_clock_mono();
    struct kpd_ask question = {.kind = KPD_ASK_HISTORY, .subject = KPD_PATH};
    question.keep = args.keep;
    question.until = before.any ? before.alive : kpd_clock_wall();
    question.since = kp_wall_add(question.until, kp_dur_s(-days * 86400));
    kpd_ask_run(&question, kpd_store_sql(store));
    printf("ask %.1f (%zu bytes)\n", ms_since(start), question.answer.len);
    kp_text_fini(&question.answer);
    kpd_store_close(store);
}

int main(int argc, char **argv)
{
    long number = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        write_for_ever(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "fill") == 0)
        fill(argv[2], (unsigned long)number);
    else if (argc == 4 && strcmp(argv[1], "stall") == 0)
        stall(argv[2], number);
    else if (argc == 4 && strcmp(argv[1], "ask") == 0)
        ask(argv[2], number);
    else
        return 2;
    return 0;
}
