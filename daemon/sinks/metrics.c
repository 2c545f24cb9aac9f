#include "daemon/sinks/metrics.h"

#include "daemon/sinks/metrics_guests.h"
#include "daemon/sinks/metrics_text.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS 8192
#define IDLE_S 10

/* A request that waits for the text. */
struct waiting {
    struct waiting *next;
    struct evhttp_request *request;
};

struct kpd_metrics {
    struct kpd_metrics_text text;
    struct kpd_guests *guests;
    struct evhttp *http;
    struct waiting *waiting;
    char host[64];
    uint16_t port;
    bool loopback;
};

static void used(const void *data, size_t len, void *ctx)
{
    (void)data;
    (void)len;
    kpd_metrics_body_release(ctx);
}

/* The body is not copied: it is large, and more than one may read it. */
static bool add_body(struct evbuffer *out, struct kpd_metrics_body *body)
{
    body->users++;
    if (evbuffer_add_reference(out, body->data, body->len, used, body) == 0)
        return true;
    body->users--;
    return false;
}

static void reply(struct evhttp_request *request, struct kpd_metrics_body *body)
{
    char length[24];
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *out = evbuffer_new();
    bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    if (!body || !out || (!head && !add_body(out, body))) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    } else {
        snprintf(length, sizeof length, "%zu", body->len);
        evhttp_add_header(headers, "Content-Type", KP_METRICS_TYPE);
        evhttp_add_header(headers, "Content-Length", length);
        evhttp_send_reply(request, HTTP_OK, "OK", out);
    }
    if (out)
        evbuffer_free(out);
}

static void on_ready(void *ctx, struct kpd_metrics_body *body)
{
    struct kpd_metrics *m = ctx;
    while (m->waiting) {
        struct waiting *w = m->waiting;
        m->waiting = w->next;
        reply(w->request, body);
        free(w);
    }
}

/* The part before the port is localhost or an address. */
static bool good_host(const char *host)
{
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (n == 9 && strncasecmp(host, "localhost", n) == 0)
        return true;
    return host[0] == '[' || (n > 0 && strspn(host, "0123456789.") == n);
}

static bool welcome(const struct kpd_metrics *m, struct evhttp_request *request)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const char *host = evhttp_find_header(headers, "Host");
    return !m->loopback || !host || good_host(host);
}

static void on_metrics(struct evhttp_request *request, void *ctx)
{
    struct kpd_metrics *m = ctx;
    if (!welcome(m, request)) {
        evhttp_send_error(request, 421, "Misdirected Request");
        return;
    }
    struct waiting *w = calloc(1, sizeof *w);
    if (!w) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    *w = (struct waiting){m->waiting, request};
    m->waiting = w;
    struct kpd_metrics_body *body = kpd_metrics_text_get(&m->text);
    if (body)
        on_ready(m, body);
}

static void on_other(struct evhttp_request *request, void *ctx)
{
    (void)ctx;
    evhttp_send_error(request, HTTP_NOTFOUND, NULL);
}

static bool listen_at(struct kpd_metrics *m)
{
    m->http = evhttp_new(kpd_loop_base(m->text.args.loop));
    if (!m->http)
        return false;
    evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(m->http, HEADERS);
    evhttp_set_max_body_size(m->http, 0);
    evhttp_set_timeout(m->http, IDLE_S);
    evhttp_set_gencb(m->http, on_other, m);
    if (evhttp_set_cb(m->http, "/metrics", on_metrics, m) != 0)
        return false;
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(m->http, m->host, m->port);
    if (!bound)
        return false;
    m->guests =
        kpd_guests_new(m->text.args.loop, m->http, evhttp_bound_socket_get_listener(bound));
    return m->guests != NULL;
}

struct kpd_metrics *kpd_metrics_open(const struct kpd_metrics_args *args, const char *host,
                                     uint16_t port, char *why)
{
    struct kpd_metrics *m = calloc(1, sizeof *m);
    errno = ENOMEM;
    if (m) {
        snprintf(m->host, sizeof m->host, "%s", host);
        m->port = port;
        m->loopback = strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
        m->text.args = *args;
        m->text.ready = on_ready;
        m->text.ctx = m;
    }
    if (m && kpd_metrics_text_init(&m->text) && listen_at(m))
        return m;
    snprintf(why, 256, "metrics.listen %.64s:%u: %s", host, port, strerror(errno));
    kpd_metrics_close(m);
    return NULL;
}

void kpd_metrics_close(struct kpd_metrics *m)
{
    if (!m)
        return;
    on_ready(m, NULL);
    if (m->http)
        evhttp_free(m->http);
    kpd_guests_free(m->guests);
    kpd_metrics_text_fini(&m->text);
    free(m);
}

void kpd_metrics_reconfigured(struct kpd_metrics *m)
{
    kpd_metrics_text_restart(&m->text);
}

bool kpd_metrics_is_at(const struct kpd_metrics *m, const char *host, uint16_t port)
{
    return strcmp(m->host, host) == 0 && m->port == port;
}
