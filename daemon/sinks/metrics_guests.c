#include "daemon/sinks/metrics_guests.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LOOK_AGAIN KP_NS_PER_S
#define LOOK_OFTEN (100 * KP_NS_PER_MS) /* with guests in the house */

struct kpd_guests {
    struct kpd_loop *loop;
    struct evconnlistener *listener;
    struct kpd_timer *look;
    struct guest {
        struct bufferevent *bev; /* NULL: a free place */
        struct kp_mono since;
    } guests[KPD_GUESTS];
    unsigned count;
};

/* evhttp takes its callbacks away when it is done with a connection; ours is then the
 * last hold on it. */
static bool gone(struct bufferevent *bev)
{
    bufferevent_event_cb event = NULL;
    bufferevent_getcb(bev, NULL, NULL, &event, NULL);
    return event == NULL;
}

static void look_at(struct kpd_guests *g, struct guest *guest, struct kp_mono now)
{
    if (!guest->bev)
        return;
    if (gone(guest->bev)) {
        bufferevent_decref(guest->bev);
        *guest = (struct guest){0};
        g->count--;
    } else if (kp_mono_sub(now, guest->since).ns > KPD_GUEST_STAY) {
        /* evhttp finds its end and cleans up. */
        shutdown(bufferevent_getfd(guest->bev), SHUT_RDWR);
    }
}

static void on_look(void *ctx)
{
    struct kpd_guests *g = ctx;
    struct kp_mono now = kpd_loop_now(g->loop);
    for (unsigned i = 0; i < KPD_GUESTS; i++)
        look_at(g, &g->guests[i], now);
    if (g->count < KPD_GUESTS)
        evconnlistener_enable(g->listener);
    kpd_timer_set(g->look, (struct kp_dur){g->count > 0 ? LOOK_OFTEN : LOOK_AGAIN});
}

/* evhttp asks for the buffer of a new connection. */
static struct bufferevent *on_guest(struct event_base *base, void *ctx)
{
    struct kpd_guests *g = ctx;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    for (unsigned i = 0; bev && i < KPD_GUESTS; i++) {
        if (g->guests[i].bev)
            continue;
        bufferevent_incref(bev);
        g->guests[i] = (struct guest){bev, kpd_loop_now(g->loop)};
        g->count++;
        break;
    }
    if (g->count == KPD_GUESTS)
        evconnlistener_disable(g->listener);
    kpd_timer_set(g->look, (struct kp_dur){LOOK_OFTEN});
    return bev;
}

/* Without descriptors accept would fail again and again: the next look listens
 * again.  ctx is evhttp's. */
static void on_error(struct evconnlistener *listener, void *ctx)
{
    (void)ctx;
    evconnlistener_disable(listener);
}

struct kpd_guests *kpd_guests_new(struct kpd_loop *loop, struct evhttp *http,
                                  struct evconnlistener *listener)
{
    struct kpd_guests *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    *g = (struct kpd_guests){.loop = loop, .listener = listener};
    g->look = kpd_timer_new(loop, on_look, g);
    if (!g->look) {
        free(g);
        return NULL;
    }
    evhttp_set_bevcb(http, on_guest, g);
    evconnlistener_set_error_cb(listener, on_error);
    on_look(g);
    return g;
}

void kpd_guests_free(struct kpd_guests *g)
{
    if (!g)
        return;
    for (unsigned i = 0; i < KPD_GUESTS; i++)
        if (g->guests[i].bev)
            bufferevent_decref(g->guests[i].bev);
    kpd_timer_free(g->look);
    free(g);
}
