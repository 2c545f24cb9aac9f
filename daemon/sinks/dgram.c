#include "daemon/sinks/dgram.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOK_AGAIN (KP_NS_PER_S / 2)

static void hang_up(struct kpd_dgram *dgram)
{
    kpd_watch_free(dgram->room);
    dgram->room = NULL;
    if (dgram->fd >= 0)
        close(dgram->fd);
    dgram->fd = -1;
}

static void on_room(int fd, unsigned what, void *ctx);

/* 0 or an errno. */
static int call(struct kpd_dgram *dgram)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", dgram->path);
    dgram->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dgram->fd < 0)
        return errno;
    if (connect(dgram->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        int errnum = errno;
        hang_up(dgram);
        return errnum;
    }
    dgram->room = kpd_watch_new(dgram->loop, dgram->fd, 0, on_room, dgram);
    if (!dgram->room) {
        hang_up(dgram);
        return ENOMEM;
    }
    return 0;
}

/* 0; EAGAIN: the reader is behind; else the socket is gone or refuses it. */
static int send_one(struct kpd_dgram *dgram, const struct kpd_queued *entry)
{
    int errnum = dgram->fd < 0 ? call(dgram) : 0;
    if (errnum != 0)
        return errnum;
    ssize_t sent;
    do
        sent = write(dgram->fd, entry->bytes, entry->len);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

static void drain(struct kpd_dgram *dgram)
{
    dgram->errnum = 0;
    while (dgram->queue.head && dgram->errnum == 0) {
        dgram->errnum = send_one(dgram, dgram->queue.head);
        if (dgram->errnum == EMSGSIZE) { /* never for ours: the limit is some 200 KiB */
            kpd_outlet_lose(&dgram->outlet, 1);
            dgram->errnum = 0;
        } else if (dgram->errnum != 0) {
            break;
        }
        free(kpd_queue_take(&dgram->queue));
    }
    if (dgram->errnum != 0 && dgram->errnum != EAGAIN && dgram->errnum != ENOBUFS)
        hang_up(dgram); /* its reader was started anew: call again */
    if (dgram->room)
        kpd_watch_set(dgram->room, dgram->errnum == EAGAIN ? KPD_WRITE : 0);
}

static void on_room(int fd, unsigned what, void *ctx)
{
    (void)fd;
    (void)what;
    drain(ctx);
}

static void look_later(struct kpd_dgram *dgram)
{
    if (!dgram->looking)
        kpd_timer_set(dgram->look, (struct kp_dur){LOOK_AGAIN});
    dgram->looking = true;
}

static void on_look(void *ctx)
{
    struct kpd_dgram *dgram = ctx;
    dgram->looking = false;
    drain(dgram);
    kpd_outlet_say(&dgram->outlet, kpd_loop_now(dgram->loop), dgram->errnum);
    if (dgram->errnum != 0 || dgram->outlet.broken || dgram->outlet.lost > dgram->outlet.told)
        look_later(dgram);
}

bool kpd_dgram_init(struct kpd_dgram *dgram, const char *path, size_t max_count,
                    size_t max_bytes)
{
    dgram->path = path;
    dgram->fd = -1;
    kpd_queue_init(&dgram->queue, max_count, max_bytes);
    dgram->look = kpd_timer_new(dgram->loop, on_look, dgram);
    return dgram->look != NULL;
}

void kpd_dgram_fini(struct kpd_dgram *dgram)
{
    drain(dgram);
    hang_up(dgram);
    kpd_timer_free(dgram->look);
    kpd_queue_fini(&dgram->queue);
}

void kpd_dgram_send(struct kpd_dgram *dgram, const char *bytes, size_t len, bool expendable)
{
    bool waiting = dgram->queue.head != NULL;
    uint64_t lost = kpd_queue_push(&dgram->queue, bytes, len, expendable);
    if (lost > 0)
        kpd_outlet_lose(&dgram->outlet, lost);
    if (!waiting)
        drain(dgram);
    if (dgram->errnum != 0 || lost > 0)
        look_later(dgram);
}
