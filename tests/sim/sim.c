#include "tests/sim/sim.h"

#include "lib/core/view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK (10 * KP_NS_PER_MS)
#define LOOK_EVERY 5.0 /* seconds, where nothing has happened */
#define WALL_AT_START (INT64_C(1790000000) * KP_NS_PER_S)

double sim_seconds(const struct sim *s)
{
    return (double)(s->now.ns - SIM_START) / 1e9;
}

struct kp_mono sim_at(double seconds)
{
    return (struct kp_mono){SIM_START + kp_dur_from_seconds(seconds).ns};
}

void sim_fail(struct sim *s, const char *format, ...)
{
    if (s->failure[0] != '\0')
        return;
    int used = snprintf(s->failure, sizeof s->failure, "at %.2f s: ", sim_seconds(s));
    va_list args;
    va_start(args, format);
    vsnprintf(s->failure + used, sizeof s->failure - (size_t)used, format, args);
    va_end(args);
}

static struct kp_key key_of(const struct sim *s, const char *purpose)
{
    struct kp_key key = {0};
    struct kp_wr w = kp_wr_init(key.bytes, sizeof key.bytes);
    kp_wr_u64(&w, s->seed);
    kp_wr_bytes(&w, purpose, strnlen(purpose, 8));
    return key;
}

/* Draws when each mark is and files its lines. */
static bool plan(struct sim *s)
{
    struct kp_prng rng = {.key = key_of(s, "plan")};
    s->mark_times = calloc(s->script->mark_count, sizeof *s->mark_times);
    if (s->mark_times == NULL)
        return false;
    for (size_t i = 0; i < s->script->mark_count; i++) {
        const struct mark *m = &s->script->marks[i];
        double base = m->relative ? s->mark_times[i - 1] : 0;
        double at = base + m->at + (2 * kp_prng_unit(&rng) - 1) * m->jitter;
        s->mark_times[i] = fmax(at, m->relative ? base : 0);
    }
    for (size_t i = 0; i < s->script->line_count; i++)
        if (!setup_is_word(s->script->lines[i].words.w[0]))
            queue_push(&s->queue,
                       (struct coming){.at = sim_at(s->mark_times[s->script->lines[i].mark]),
                                       .kind = COMING_LINE,
                                       .index = (uint32_t)i});
    return true;
}

static bool start_core(struct sim *s)
{
    const struct kp_wire wire = {key_of(s, "wire"), 0x6b707764, 0x4a3b, 61440, 65535, "sim"};
    const struct kp_key seed = key_of(s, "core");
    s->core = kp_core_new(&wire, &seed);
    if (s->core == NULL)
        return false;
    s->wall_minus_mono = (struct kp_dur){WALL_AT_START - SIM_START};
    kp_core_set_clock(s->core, s->wall_minus_mono);
    return kp_core_configure(s->core, s->setup.now, s->now) == KP_OK;
}

static void on_resolved(struct sim *s, const struct coming *c)
{
    struct kp_target_view view;
    if (c->number != s->generation) /* the daemon drops these on a reload, too */
        return;
    kp_core_target(s->core, c->index, &view);
    const struct kp_addr *addr = view.host != NULL ? world_name(&s->world, view.host) : NULL;
    bool found = c->until > 0 && addr != NULL && addr->family != KP_AF_NONE;
    kp_core_resolved(s->core, c->index, addr, found ? 1 : 0);
}

static void on_line(struct sim *s, const struct line *line)
{
    s->news = true;
    if (checks_is_word(line->words.w[0]))
        return;
    if (s->verbose)
        printf("    %10.2f  -- line %d: %s %s\n", sim_seconds(s), line->number,
               line->words.w[0], line->words.n > 1 ? line->words.w[1] : "");
    const char *wrong = faults_apply(s, line);
    if (wrong != NULL)
        sim_fail(s, "line %d: %s", line->number, wrong);
}

static void flap(struct sim *s, struct coming c)
{
    struct path *path = &s->world.paths[c.index];
    bool down = path->alive_to == HOPS_MAX && sim_seconds(s) < c.until;
    path->alive_to = down ? path->edge : HOPS_MAX;
    double length = (down ? c.down : c.up) * (0.7 + 0.6 * kp_prng_unit(&s->rng));
    if (!down && sim_seconds(s) >= c.until)
        return;
    c.at = sim_at(sim_seconds(s) + length);
    queue_push(&s->queue, c);
}

static void happen(struct sim *s, const struct coming *c)
{
    switch (c->kind) {
    case COMING_PACKET:
        if (!kp_mono_before(s->now, s->overflow_until))
            kp_core_receive(s->core, &c->rx);
        return;
    case COMING_LINE:
        on_line(s, &s->script->lines[c->index]);
        return;
    case COMING_RESOLVED:
        on_resolved(s, c);
        return;
    case COMING_FLAP:
        flap(s, *c);
        return;
    case COMING_HOST_UP:
    case COMING_HOST_DOWN:
        s->world.hosts[c->index].down = c->kind == COMING_HOST_DOWN;
        return;
    case COMING_CUT:
        s->world.paths[c->index].alive_to = s->world.paths[c->index].edge;
        return;
    case COMING_OVERFLOW: /* as the engine tells it, each time the count went up */
        kp_core_gap(s->core, kp_mono_add(s->now, kp_dur_s(-1)), s->now, "socket overflow");
        if (kp_mono_before(s->now, s->overflow_until))
            queue_push(&s->queue, (struct coming){.at = kp_mono_add(s->now, kp_dur_s(1)),
                                                  .kind = COMING_OVERFLOW});
        return;
    }
}

/* The next moment at which anything happens, in the world or in the core. */
static struct kp_mono next_moment(const struct sim *s, struct kp_mono end)
{
    struct kp_mono due;
    struct kp_mono next = end;
    const struct coming *c = queue_first(&s->queue);
    if (kp_mono_set(s->stalled_until))
        return s->stalled_until;
    if (kp_core_next_due(s->core, &due)) {
        /* The daemon's timer has a resolution of one tick, too. */
        if (!kp_mono_before(s->now, due))
            due = (struct kp_mono){(s->now.ns / TICK + 1) * TICK};
        if (kp_mono_before(due, next))
            next = due;
    }
    return c != NULL && kp_mono_before(c->at, next) ? c->at : next;
}

static void take_coming(struct sim *s)
{
    const struct coming *c = queue_first(&s->queue);
    for (; c != NULL && !kp_mono_before(s->now, c->at); c = queue_first(&s->queue)) {
        struct coming now = queue_pop(&s->queue);
        happen(s, &now);
        if (now.kind == COMING_PACKET)
            free((void *)(uintptr_t)now.rx.bytes);
        if (kp_mono_set(s->stalled_until) && kp_mono_before(s->now, s->stalled_until))
            return; /* this line stopped the loop: the rest waits */
    }
}

/* After a stall the daemon finds timer and sockets ready at once: which of them
 * its loop serves first is not for us to say. */
static void wake_up(struct sim *s, struct kp_mono from)
{
    bool sockets_first = kp_prng_below(&s->rng, 2) == 0;
    s->stalled_until = (struct kp_mono){0};
    s->stood_still = true;
    if (sockets_first)
        take_coming(s);
    kp_core_gap(s->core, from, s->now, "stalled");
    sim_pump(s);
    take_coming(s);
}

static void step(struct sim *s, struct kp_mono end)
{
    bool stalled = kp_mono_set(s->stalled_until);
    struct kp_mono before = s->now;
    s->now = next_moment(s, end);
    if (kp_mono_before(end, s->now))
        s->now = end;
    if (stalled)
        wake_up(s, before);
    else
        take_coming(s);
    if (!kp_mono_set(s->stalled_until))
        sim_pump(s);
    double t = sim_seconds(s);
    if (!s->news && t - s->looked < LOOK_EVERY)
        return;
    checks_look(s->checks, t);
    s->looked = t;
    s->news = false;
}

/* What came while we stood still is read after its slot is gone: only ICMP answers
 * prove by themselves that they are old, the others look forged. */
static bool excused(const struct sim *s, enum kp_discard why)
{
    return why == KP_DISCARD_LATE || (why == KP_DISCARD_COOKIE && s->stood_still);
}

static void check_health(struct sim *s)
{
    struct kp_stats_view stats;
    kp_core_stats(s->core, &stats);
    if (stats.denied > 0)
        sim_fail(s, "%llu sends were refused by the allow list",
                 (unsigned long long)stats.denied);
    if (stats.events_lost > 0)
        sim_fail(s, "events were lost");
    if (stats.in_flight > 40 * (stats.items + 1))
        sim_fail(s, "%u probes in flight", stats.in_flight);
    for (int type = 0; type < KP_PROBE_COUNT; type++)
        for (int why = 0; why < KP_DISCARD_COUNT; why++)
            if (!excused(s, (enum kp_discard)why) && stats.discarded[type][why] > 0)
                sim_fail(s, "%llu %s packets discarded: %s",
                         (unsigned long long)stats.discarded[type][why],
                         kp_probe_type_name((enum kp_probe_type)type),
                         kp_discard_name((enum kp_discard)why));
}

bool sim_start(struct sim *s)
{
    s->now = (struct kp_mono){SIM_START};
    s->rng = (struct kp_prng){.key = key_of(s, "world")};
    if (!setup_load(&s->setup, s->script) || !plan(s)) {
        sim_fail(s, "it cannot be set up");
        return false;
    }
    world_init(&s->world, s->setup.now, &s->rng);
    take_coming(s); /* what is so from birth */
    if (!start_core(s)) {
        sim_fail(s, "the core cannot be set up");
        return false;
    }
    checks_start(s->checks, s->core, s->mark_times);
    sim_pump(s);
    return true;
}

void sim_until(struct sim *s, double seconds)
{
    struct kp_mono end = sim_at(seconds);
    while (kp_mono_before(s->now, end) && s->failure[0] == '\0')
        step(s, end);
}

bool sim_run(struct sim *s)
{
    if (!sim_start(s))
        return false;
    sim_until(s, s->script->end);
    checks_end(s->checks, sim_seconds(s), (double)s->polite.total.sent / s->script->end);
    if (s->failure[0] == '\0')
        check_health(s);
    return s->failure[0] == '\0';
}

void sim_fini(struct sim *s)
{
    kp_core_free(s->core);
    queue_fini(&s->queue);
    polite_fini(&s->polite);
    setup_fini(&s->setup);
    free(s->mark_times);
}
