#include "lib/judging/group.h"

/* A brown-out must last this long to be more than a passing burst. */
#define BROWNOUT_HELD (120 * KP_NS_PER_S)
/* A brown-out in which more than this is lost is not over. */
#define STILL_BROWN 0.4
/* Answers that end an outage. */
#define RUN_ANSWERS 3

static void feed_run(struct kp_group_run *run, const struct kp_group_sample *s)
{
    if (s->lost) {
        /* A majority of silence is no recovery: start over. */
        if (++run->losses > run->answers)
            *run = (struct kp_group_run){0};
        return;
    }
    if (run->answers == 0)
        *run = (struct kp_group_run){.first = s->sent, .source = s->source};
    run->answers++;
    run->several |= s->source != run->source;
}

void kp_group_feed(struct kp_group *g, const struct kp_group_rule *rule,
                   const struct kp_group_sample *s)
{
    double ceiling = rule->threshold + 1;
    kp_detect_feed(&g->outage, rule->one ? &kp_detect_confirm_one : &kp_detect_confirm, s->p0,
                   s->sent, s->lost, ceiling);
    kp_detect_feed(&g->certain, rule->one ? &kp_detect_certain_one : &kp_detect_certain, s->p0,
                   s->sent, s->lost, ceiling);
    if (!s->known) {
        bool bad = s->lost || s->slow;
        kp_detect_feed(&g->brownout, &kp_detect_degraded, s->base, s->sent, bad, ceiling);
        kp_detect_feed(&g->sluggish, &kp_detect_sluggish, s->base, s->sent, bad, ceiling);
    }
    if (g->state == KP_DOWN && !s->late && !s->known)
        feed_run(&g->run, s);
}

static void enter(struct kp_group *g, enum kp_state state, struct kp_mono since)
{
    g->state = (uint8_t)state;
    g->since = since;
    g->run = (struct kp_group_run){0};
}

static bool recovered(const struct kp_group *g, const struct kp_group_rule *rule,
                      struct kp_mono now)
{
    const struct kp_group_run *run = &g->run;
    return run->answers >= RUN_ANSWERS && (run->several || !rule->several) &&
           kp_mono_sub(now, run->first).ns >= rule->span.ns;
}

void kp_group_blame(struct kp_group *g)
{
    enter(g, KP_DOWN, g->outage.onset);
}

void kp_group_absolve(struct kp_group *g)
{
    g->outage.score = 0;
    g->certain.score = 0;
    kp_group_make_up(g);
}

void kp_group_make_up(struct kp_group *g)
{
    g->brownout.score = 0;
    g->sluggish.score = 0;
}

double kp_group_worse(const struct kp_group *g, struct kp_mono *since)
{
    const struct kp_detect *d =
        g->sluggish.score > g->brownout.score ? &g->sluggish : &g->brownout;
    *since = d->onset;
    return d->score;
}

enum kp_state kp_group_judge(struct kp_group *g, const struct kp_group_rule *rule,
                             struct kp_mono now, bool may_blame)
{
    struct kp_mono onset;
    double worse = kp_group_worse(g, &onset);
    bool still = g->state == KP_DEGRADED && (worse > 0 || rule->losing > STILL_BROWN);
    bool brown = worse >= rule->threshold || still;
    if (g->state == KP_DOWN) {
        if (recovered(g, rule, now)) {
            struct kp_mono first = g->run.first;
            kp_group_absolve(g);
            enter(g, KP_UP, first);
        }
    } else if (g->outage.score >= rule->threshold && may_blame) {
        kp_group_blame(g);
    } else if (brown && may_blame && kp_mono_sub(now, onset).ns >= BROWNOUT_HELD) {
        if (g->state != KP_DEGRADED)
            enter(g, KP_DEGRADED, onset);
    } else if (g->state != KP_UP && !(brown && g->state == KP_DEGRADED)) {
        enter(g, KP_UP, now);
    }
    return (enum kp_state)g->state;
}

bool kp_group_certain(const struct kp_group *g, const struct kp_group_rule *rule)
{
    return g->certain.score >= rule->threshold;
}

bool kp_group_suspect(const struct kp_group *g)
{
    return g->state == KP_DOWN || g->outage.score >= KP_DETECT_SUSPECT;
}
