/* How many connect for how long: evhttp of libevent 2.1 limits neither. */
#ifndef KPD_SINKS_METRICS_GUESTS_H
#define KPD_SINKS_METRICS_GUESTS_H

#include "daemon/loop.h"

#define KPD_GUESTS 16
#define KPD_GUEST_STAY (60 * KP_NS_PER_S)

struct evconnlistener;
struct evhttp;
struct kpd_guests;

/* Watches the connections that http takes from listener; while KPD_GUESTS are open,
 * or descriptors are short, it does not listen.  NULL: out of memory. */
struct kpd_guests *kpd_guests_new(struct kpd_loop *loop, struct evhttp *http,
                                  struct evconnlistener *listener);
void kpd_guests_free(struct kpd_guests *guests); /* after http; NULL is none */

#endif
