/* Loss, delay and bursts on stretches of the way. */
#include "tests/sim/faults.h"

#include <string.h>

static int links(const struct call *c, struct link *out[])
{
    return world_links(&c->sim->world, c->sim->setup.now, c->what, out);
}

const char *fault_loss(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    double share = 0;
    int n = links(c, list);
    if (n == 0 || !word_share(c->value, &share))
        return "loss WHAT SHARE";
    for (int i = 0; i < n; i++)
        list[i]->loss = ramp_constant(share);
    return NULL;
}

/* burst WHAT mean 3s loss 80% gap 120s */
const char *fault_burst(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    struct link l = {.loss = {0}};
    int n = links(c, list);
    if (n == 0 || !word_seconds(words_after(c->words, "mean"), &l.burst.mean) ||
        !word_share(words_after(c->words, "loss"), &l.burst.loss) ||
        !word_seconds(words_after(c->words, "gap"), &l.burst.gap))
        return "burst WHAT mean TIME loss SHARE gap TIME";
    for (int i = 0; i < n; i++) {
        list[i]->burst = l.burst;
        list[i]->burst.flip = c->t + draw_exponential(&c->sim->rng, l.burst.gap);
    }
    return NULL;
}

const char *fault_delay(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    double seconds = 0;
    int n = links(c, list);
    if (n == 0 || !word_seconds(c->value, &seconds))
        return "delay WHAT TIME";
    for (int i = 0; i < n; i++)
        list[i]->delay = ramp_constant(seconds);
    return NULL;
}

const char *fault_jitter(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    double seconds = 0;
    int n = links(c, list);
    if (n == 0 || !word_seconds(c->value, &seconds))
        return "jitter WHAT TIME";
    for (int i = 0; i < n; i++)
        list[i]->jitter = seconds;
    return NULL;
}

const char *fault_late(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    double share = 0;
    double seconds = 0;
    int n = links(c, list);
    if (n == 0 || !word_share(c->value, &share) || !word_seconds(c->value2, &seconds))
        return "late WHAT SHARE TIME";
    for (int i = 0; i < n; i++) {
        list[i]->late_share = share;
        list[i]->late_by = seconds;
    }
    return NULL;
}

/* ramp WHAT loss|delay to VALUE over TIME */
const char *fault_ramp(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    bool is_loss = c->value != NULL && strcmp(c->value, "loss") == 0;
    const char *to = words_after(c->words, "to");
    double value = 0;
    int n = links(c, list);
    if (n == 0 || c->over <= 0 ||
        !(is_loss ? word_share(to, &value) : word_seconds(to, &value)))
        return "ramp WHAT loss|delay to VALUE over TIME";
    for (int i = 0; i < n; i++) {
        struct ramp *r = is_loss ? &list[i]->loss : &list[i]->delay;
        *r = (struct ramp){ramp_at(r, c->t), value, c->t, c->t + c->over};
    }
    return NULL;
}

/* Takes loss, bursts and delays off again. */
const char *fault_calm(const struct call *c)
{
    struct link *list[HOSTS_MAX];
    int n = links(c, list);
    for (int i = 0; i < n; i++)
        *list[i] = (struct link){.jitter = list[i]->jitter};
    return n > 0 ? NULL : "calm WHAT";
}
