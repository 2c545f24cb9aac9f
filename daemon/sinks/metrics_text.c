#include "daemon/sinks/metrics_text.h"

#include <stdlib.h>

#define FRESH KP_NS_PER_S
#define SLICE KP_NS_PER_MS /* of the loop's time at once */
#define PIECES_PER_LOOK 8  /* at the clock */

void kpd_metrics_body_release(struct kpd_metrics_body *body)
{
    if (!body || --body->users > 0)
        return;
    free(body->data);
    free(body);
}

static struct kpd_metrics_body *take_body(struct kpd_metrics_text *t)
{
    size_t len = t->text.len;
    struct kpd_metrics_body *body = calloc(1, sizeof *body);
    char *data = kp_text_take(&t->text);
    if (!body || !data) {
        free(body);
        free(data);
        return NULL;
    }
    *body = (struct kpd_metrics_body){data, len, 1};
    return body;
}

static void finish(struct kpd_metrics_text *t)
{
    struct kpd_metrics_body *body = take_body(t);
    kp_text_fini(&t->text);
    t->making = false;
    if (body) {
        kpd_metrics_body_release(t->last);
        t->last = body;
        t->made = kpd_loop_now(t->args.loop);
    }
    t->ready(t->ctx, body);
}

static void on_slice(void *ctx)
{
    struct kpd_metrics_text *t = ctx;
    int64_t end = kpd_loop_now(t->args.loop).ns + SLICE;
    for (unsigned i = 1; kp_metrics_next(t->args.core, &t->facts, &t->at, &t->text); i++)
        if (i % PIECES_PER_LOOK == 0 && kpd_loop_now(t->args.loop).ns >= end) {
            kpd_timer_set(t->slice, (struct kp_dur){0});
            return;
        }
    finish(t);
}

static void begin(struct kpd_metrics_text *t)
{
    kp_text_clear(&t->text);
    t->at = (struct kp_metrics){0};
    t->facts = (struct kp_metrics_daemon){0};
    t->args.facts(t->args.ctx, &t->facts);
    t->making = true;
    kpd_timer_set(t->slice, (struct kp_dur){0});
}

bool kpd_metrics_text_init(struct kpd_metrics_text *t)
{
    t->slice = kpd_timer_new(t->args.loop, on_slice, t);
    return t->slice != NULL;
}

void kpd_metrics_text_fini(struct kpd_metrics_text *t)
{
    kpd_timer_free(t->slice);
    kpd_metrics_body_release(t->last);
    kp_text_fini(&t->text);
}

struct kpd_metrics_body *kpd_metrics_text_get(struct kpd_metrics_text *t)
{
    struct kp_mono now = kpd_loop_now(t->args.loop);
    if (t->last && kp_mono_sub(now, t->made).ns < FRESH)
        return t->last;
    if (!t->making)
        begin(t);
    return NULL;
}

void kpd_metrics_text_restart(struct kpd_metrics_text *t)
{
    t->made = (struct kp_mono){0};
    if (t->making)
        begin(t);
}
