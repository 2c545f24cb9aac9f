/* A history that answers what it is told to, a turn of the loop later. */
#include "tests/unit/control_fake_history.h"

#include "daemon/control.h"

#include <stdlib.h>

struct kpd_history {
    struct rig *rig;
    struct fake_answer answer;
    struct kpd_ask *asked;
    struct kpd_timer *timer;
};

static void on_timer(void *ctx)
{
    struct kpd_history *h = ctx;
    struct kpd_ask *ask = h->asked;
    h->asked = NULL;
    ask->failed = h->answer.failed;
    ask->found = h->answer.text != NULL;
    if (h->answer.text)
        kp_text_add(&ask->answer, h->answer.text);
    kpd_control_answered(h->rig->control, ask);
    kpd_ask_free(ask);
}

struct kpd_history *fake_history_new(struct rig *rig)
{
    struct kpd_history *h = calloc(1, sizeof *h);
    h->rig = rig;
    h->timer = kpd_timer_new(rig->loop, on_timer, h);
    kpd_control_set_history(rig->control, h);
    return h;
}

void fake_history_free(struct kpd_history *h)
{
    kpd_control_set_history(h->rig->control, NULL);
    kpd_ask_free(h->asked);
    kpd_timer_free(h->timer);
    free(h);
}

void fake_history_answer(struct kpd_history *h, struct fake_answer answer)
{
    h->answer = answer;
}

void kpd_history_ask(struct kpd_history *h, struct kpd_ask *ask)
{
    h->asked = ask;
    if (h->answer.seen)
        *h->answer.seen = *ask;
    if (!h->answer.never)
        kpd_timer_set(h->timer, kp_dur_ms(1));
}

void kpd_history_stats(const struct kpd_history *h, struct kpd_history_stats *out)
{
    (void)h;
    *out = (struct kpd_history_stats){.last_event = 7, .waiting = 1, .errnum = 28};
}

void kpd_ask_free(struct kpd_ask *ask)
{
    if (!ask)
        return;
    free(ask->known);
    kp_text_fini(&ask->answer);
    free(ask);
}
