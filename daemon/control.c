/* The server: listener, places, and who looks after slow connections. */
#include "daemon/control_json.h"
#include "daemon/control_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_WAKE 16
#define SWEEP_EVERY kp_dur_s(1)

static bool peer_of(const struct kpd_control *control, int fd, uid_t *uid)
{
    if (control->args.peer)
        return control->args.peer(fd, uid);
    struct ucred cred;
    socklen_t len = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return false;
    *uid = cred.uid;
    return true;
}

/* Since when a connection has kept its place for nothing: it never asked, or it
 * does not end its request or take its reply.  Unset: it has a right to be here.
 * Subscribers may read slowly, by rules of their own. */
static struct kp_mono idle_since(const struct kpd_conn *c, struct kp_mono now)
{
    int64_t patience = c->control->limits.newcomer.ns * (c->served ? 10 : 1);
    struct kp_mono since = c->since;
    if (c->served)
        since = kp_mono_set(c->moved) ? c->moved : c->partial;
    bool idle = kp_mono_set(since) && kp_mono_sub(now, since).ns > patience;
    return idle && !c->sub && !c->dead ? since : (struct kp_mono){0};
}

/* The connection that gives way to a newcomer: the one idle longest.  NULL: all
 * places are taken by right. */
static struct kpd_conn *idlest(const struct kpd_control *control)
{
    struct kp_mono now = kpd_loop_now(control->args.loop);
    struct kp_mono longest = now;
    struct kpd_conn *found = NULL;
    for (struct kpd_conn *c = control->conns; c; c = c->next) {
        struct kp_mono since = idle_since(c, now);
        if (!kp_mono_set(since) || !kp_mono_before(since, longest))
            continue;
        longest = since;
        found = c;
    }
    return found;
}

bool kpd_control_may_change(const struct kpd_control *control, uid_t uid)
{
    return uid == 0 || uid == control->user;
}

/* The connection that has been here longest of those that may only read; NULL: none. */
static struct kpd_conn *oldest_reader(const struct kpd_control *control)
{
    struct kpd_conn *found = NULL;
    for (struct kpd_conn *c = control->conns; c; c = c->next)
        if (!c->dead && !kpd_control_may_change(control, c->uid))
            found = c;
    return found;
}

/* Tells fd that there is no place and closes it, whether it hears or not. */
static void turn_away(struct kpd_control *control, int fd)
{
    char text[128];
    int len =
        snprintf(text, sizeof text,
                 "{\"error\":\"" KPD_MONITOR ".TooManyClients\",\"parameters\":{\"limit\":%u}}",
                 control->limits.clients);
    control->stats.turned_away++;
    if (len > 0 && (size_t)len < sizeof text)
        (void)!write(fd, text, (size_t)len + 1);
}

/* A place for one more; false: there is none.  Readers cannot keep out whoever is in
 * charge, however well they behave. */
static bool make_place(struct kpd_control *control, uid_t uid)
{
    if (control->conn_count < control->limits.clients)
        return true;
    struct kpd_conn *leaves = idlest(control);
    if (!leaves && kpd_control_may_change(control, uid))
        leaves = oldest_reader(control);
    if (!leaves)
        return false;
    if (kpd_conn_unread(leaves) == 0)
        turn_away(control, leaves->fd);
    else
        control->stats.closed_slow++; /* in the middle of a reply */
    leaves->dead = true;
    kpd_control_reap(control);
    return true;
}

static void take_client(struct kpd_control *control, int fd)
{
    uid_t uid;
    if (!peer_of(control, fd, &uid)) {
        close(fd);
        return;
    }
    if (!make_place(control, uid)) {
        turn_away(control, fd);
        close(fd);
        return;
    }
    struct kpd_conn *conn = kpd_conn_new(control, fd, uid);
    if (!conn)
        return;
    conn->next = control->conns;
    control->conns = conn;
    control->conn_count++;
    control->stats.accepted++;
}

/* Without descriptors accept fails at once and would be called again at once:
 * the listener rests. */
static void rest(struct kpd_control *control)
{
    kpd_watch_set(control->watch, 0);
    kpd_timer_set(control->resume, control->limits.no_fd_wait);
}

static void on_resume(void *ctx)
{
    struct kpd_control *control = ctx;
    kpd_watch_set(control->watch, KPD_READ);
}

static bool lacks_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_listener(int fd, unsigned what, void *ctx)
{
    (void)what;
    struct kpd_control *control = ctx;
    for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            take_client(control, client);
            continue;
        }
        int error = errno;
        if (lacks_resources(error))
            rest(control);
        if (error != EINTR && error != ECONNABORTED)
            break;
    }
}

void kpd_control_reap(struct kpd_control *control)
{
    struct kpd_conn **at = &control->conns;
    while (*at) {
        struct kpd_conn *conn = *at;
        if (!conn->dead) {
            at = &conn->next;
            continue;
        }
        *at = conn->next;
        control->conn_count--;
        kpd_conn_free(conn);
    }
}

void kpd_control_watch_slow(struct kpd_control *control, bool at_once)
{
    if (control->sweeping && !at_once)
        return;
    struct kp_dur quarter = {control->limits.stall.ns / 4};
    struct kp_dur wait = quarter.ns < SWEEP_EVERY.ns ? quarter : SWEEP_EVERY;
    control->sweeping = true;
    kpd_timer_set(control->sweep, at_once ? (struct kp_dur){0} : wait);
}

static void on_sweep(void *ctx)
{
    struct kpd_control *control = ctx;
    struct kp_mono now = kpd_loop_now(control->args.loop);
    bool again = false;
    control->sweeping = false;
    for (struct kpd_conn *c = control->conns; c; c = c->next)
        again |= kpd_conn_sweep(c, now);
    kpd_control_reap(control);
    if (again)
        kpd_control_watch_slow(control, false);
}

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    (void)event;
    struct kpd_control *control = ctx;
    for (struct kpd_conn *c = control->conns; c; c = c->next)
        if (c->sub && !c->dead && !c->closing)
            kpd_sub_event(c, entry);
}

void kpd_control_describe(const struct kpd_control *control, struct kp_report_daemon *out)
{
    struct kpd_hub_stats stats;
    kpd_hub_stats(control->args.hub, &stats);
    *out = (struct kp_report_daemon){0};
    control->args.ops->describe(control->args.ctx, out);
    out->events_dropped = stats.dropped;
}

void kpd_control_user(struct kpd_control *control, uid_t user)
{
    control->user = user;
}

void kpd_control_reconfigured(struct kpd_control *control)
{
    for (struct kpd_conn *c = control->conns; c; c = c->next) {
        if (c->piece && (c->targets.begun || c->metrics.text) && !c->dead) {
            c->dead = true;
            kpd_control_watch_slow(control, true);
        }
    }
}

unsigned kpd_control_clients(const struct kpd_control *control)
{
    return control->conn_count;
}

/* Everything that can fail after the socket is there. */
static bool serve(struct kpd_control *control)
{
    struct kpd_loop *loop = control->args.loop;
    control->watch = kpd_watch_new(loop, control->listener, KPD_READ, on_listener, control);
    control->resume = kpd_timer_new(loop, on_resume, control);
    control->sweep = kpd_timer_new(loop, on_sweep, control);
    return control->watch && control->resume && control->sweep &&
           kpd_hub_sink(control->args.hub, on_event, control);
}

struct kpd_control *kpd_control_open(const struct kpd_control_args *args,
                                     char why[KPD_CONTROL_WHY])
{
    struct kpd_control *control = calloc(1, sizeof *control);
    if (!control) {
        snprintf(why, KPD_CONTROL_WHY, "out of memory");
        return NULL;
    }
    kpd_json_init();
    control->args = *args;
    control->user = geteuid();
    control->limits = args->limits ? *args->limits : KPD_CONTROL_LIMITS;
    const char *group = args->group ? args->group : "kpwatchd";
    control->place.dir = -1;
    control->listener = args->listener;
    why[0] = '\0';
    if (args->listener == 0)
        control->listener = kpd_place_listen(&control->place, args->path, group, why);
    if (control->listener >= 0 && serve(control))
        return control;
    if (control->listener >= 0)
        snprintf(why, KPD_CONTROL_WHY, "out of memory");
    kpd_control_close(control);
    return NULL;
}

void kpd_control_close(struct kpd_control *control)
{
    if (!control)
        return;
    kpd_hub_unsink(control->args.hub, on_event, control);
    for (struct kpd_conn *c = control->conns; c; c = c->next) {
        kpd_conn_last_words(c);
        c->dead = true;
    }
    kpd_control_reap(control);
    kpd_watch_free(control->watch);
    kpd_timer_free(control->resume);
    kpd_timer_free(control->sweep);
    /* The name goes first: nobody shall find a socket that does not answer. */
    kpd_place_leave(&control->place);
    if (control->listener >= 0)
        close(control->listener);
    free(control);
}
