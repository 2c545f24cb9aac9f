#include "daemon/sinks/file_writer.h"

#include "daemon/sinks/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRY_AGAIN_MS 250

struct kpd_writer {
    pthread_mutex_t lock; /* of all up to `done`; never held while the disk is asked */
    pthread_cond_t wake;  /* something changed */
    struct kpd_queue queue;
    char *path;
    int errnum;
    bool busy, reopen, stop, orphan, done;
    /* the thread's own */
    int fd;
    char *open_path;
    struct kpd_queued *hand; /* the line being written */
};

static void free_all(struct kpd_writer *w)
{
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    kpd_queue_fini(&w->queue);
    free(w->hand);
    free(w->open_path);
    free(w->path);
    free(w);
}

/* A line that a crash cut off must not swallow the next one. */
static void end_last_line(int fd, off_t size)
{
    char last = '\n';
    if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n')
        (void)!write(fd, "\n", 1);
}

/* Not through a symlink; a FIFO must not block.  Makes the directory, if only that is
 * missing. */
static int open_path(const char *path)
{
    int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = open(path, flags, 0640);
    const char *slash = strrchr(path, '/');
    if (fd >= 0 || errno != ENOENT || !slash || slash == path)
        return fd;
    char *directory = strndup(path, (size_t)(slash - path));
    bool made = directory && mkdir(directory, 0750) == 0;
    free(directory);
    return made ? open(path, flags, 0640) : -1;
}

/* 0 or an errno. */
static int open_file(struct kpd_writer *w)
{
    struct stat st;
    int fd = open_path(w->open_path);
    if (fd < 0)
        return errno;
    int errnum = fstat(fd, &st) != 0 ? errno : 0;
    if (errnum == 0 && !S_ISREG(st.st_mode))
        errnum = EINVAL;
    if (errnum != 0) {
        close(fd);
        return errnum;
    }
    end_last_line(fd, st.st_size);
    w->fd = fd;
    return 0;
}

static void close_file(struct kpd_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

/* Takes back the part of a line that found room. */
static void take_back(int fd, off_t written)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size >= written)
        (void)!ftruncate(fd, st.st_size - written);
}

/* 0 or an errno. */
static int write_line(struct kpd_writer *w)
{
    int errnum = w->fd < 0 ? open_file(w) : 0;
    if (errnum != 0)
        return errnum;
    ssize_t written = write(w->fd, w->hand->bytes, w->hand->len);
    if (written == (ssize_t)w->hand->len)
        return 0;
    errnum = written < 0 ? errno : ENOSPC;
    if (written > 0)
        take_back(w->fd, written);
    return errnum;
}

/* The next line into the hand; false: there is none and never will be. */
static bool next(struct kpd_writer *w)
{
    while (!w->stop && !w->reopen && !w->hand && !w->queue.head && w->errnum == 0)
        pthread_cond_wait(&w->wake, &w->lock);
    if (!w->hand)
        w->hand = kpd_queue_take(&w->queue);
    w->busy = w->hand != NULL;
    return w->hand || !w->stop;
}

static void pause_a_while(struct kpd_writer *w)
{
    struct timespec until = kpd_thread_in_ms(TRY_AGAIN_MS);
    while (!w->stop && !w->reopen && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
        ;
}

/* One turn, lock held; false: it was the last. */
static bool turn(struct kpd_writer *w)
{
    if (!next(w))
        return false;
    bool reopen = w->reopen, stop = w->stop;
    w->reopen = false;
    if (reopen && w->path) {
        free(w->open_path);
        w->open_path = w->path;
        w->path = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    if (reopen)
        close_file(w);
    int errnum = w->hand ? write_line(w) : open_file(w);
    pthread_mutex_lock(&w->lock);
    w->errnum = errnum;
    if (errnum == 0) {
        free(w->hand);
        w->hand = NULL;
        w->busy = false;
        return true;
    }
    if (!stop)
        pause_a_while(w);
    return !stop;
}

static void *run(void *arg)
{
    struct kpd_writer *w = arg;
    pthread_mutex_lock(&w->lock);
    while (turn(w))
        ;
    close_file(w);
    w->done = true;
    bool orphan = w->orphan;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    if (orphan)
        free_all(w);
    return NULL;
}

/* Nobody waits for its end. */
static bool start(struct kpd_writer *w)
{
    pthread_t thread;
    bool started = kpd_thread_start(&thread, run, w);
    if (started)
        pthread_detach(thread);
    return started;
}

struct kpd_writer *kpd_writer_new(const char *path, size_t max_count)
{
    struct kpd_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    kpd_thread_locks(&w->lock, &w->wake);
    kpd_queue_init(&w->queue, max_count, 0);
    w->fd = -1;
    w->reopen = true; /* so that a wrong path is said before there is an event */
    w->open_path = strdup(path);
    if (!w->open_path || !start(w)) {
        free_all(w);
        return NULL;
    }
    return w;
}

uint64_t kpd_writer_push(struct kpd_writer *w, const char *line, size_t len, bool expendable)
{
    pthread_mutex_lock(&w->lock);
    uint64_t lost = kpd_queue_push(&w->queue, line, len, expendable);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    return lost;
}

bool kpd_writer_reopen(struct kpd_writer *w, const char *path)
{
    char *copy = path ? strdup(path) : NULL;
    if (path && !copy)
        return false;
    pthread_mutex_lock(&w->lock);
    if (copy) {
        free(w->path);
        w->path = copy;
    }
    w->reopen = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    return true;
}

int kpd_writer_state(struct kpd_writer *w, size_t *waiting)
{
    pthread_mutex_lock(&w->lock);
    int errnum = w->errnum;
    *waiting = w->queue.count + w->busy;
    pthread_mutex_unlock(&w->lock);
    return errnum;
}

void kpd_writer_free(struct kpd_writer *w, unsigned seconds)
{
    struct timespec until = kpd_thread_in_ms(1000 * seconds);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->wake);
    while (!w->done && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
        ;
    bool done = w->done;
    w->orphan = !done;
    pthread_mutex_unlock(&w->lock);
    if (done)
        free_all(w);
}
