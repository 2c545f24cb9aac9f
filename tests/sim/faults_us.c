/* What goes wrong with us, and what people do to the daemon. */
#include "tests/sim/faults.h"

#include <errno.h>

const char *fault_vantage_silent(const struct call *c)
{
    c->sim->world.uplink_dead = true;
    return NULL;
}

const char *fault_vantage_senderror(const struct call *c)
{
    c->sim->world.send_error = ENETUNREACH;
    return NULL;
}

const char *fault_resolve(const struct call *c)
{
    struct kp_addr *addr = world_name(&c->sim->world, c->what);
    if (addr == NULL || c->value == NULL)
        return "resolve HOST ADDRESS|none";
    if (kp_addr_parse(c->value, addr) != KP_OK)
        *addr = (struct kp_addr){0};
    world_extend(&c->sim->world, c->sim->setup.now);
    return NULL;
}

const char *fault_soa_serial(const struct call *c)
{
    c->sim->world.soa_serial++;
    return NULL;
}

const char *fault_probe(const struct call *c)
{
    return kp_core_probe_now(c->sim->core, c->what) == KP_OK ? NULL : "it cannot be probed";
}

const char *fault_mute(const struct call *c)
{
    double seconds = 0;
    struct kp_wall now = {c->sim->now.ns + c->sim->wall_minus_mono.ns};
    if (!word_seconds(c->value, &seconds))
        return "mute NAME TIME";
    now = kp_wall_add(now, kp_dur_from_seconds(seconds));
    return kp_core_mute(c->sim->core, c->what, now, "sim") == KP_OK ? NULL : "no such name";
}

const char *fault_reload(const struct call *c)
{
    struct sim *s = c->sim;
    sim_pump(s);
    const char *wrong = setup_reload(&s->setup, c->words);
    if (wrong != NULL)
        return wrong;
    world_extend(&s->world, s->setup.now);
    s->generation++;
    return kp_core_configure(s->core, s->setup.now, s->now) == KP_OK ? NULL : "no memory";
}

const char *fault_stall(const struct call *c)
{
    double seconds = 0;
    if (!word_seconds(c->words->w[1], &seconds))
        return "stall TIME";
    c->sim->stalled_until = sim_at(c->t + seconds);
    return NULL;
}

const char *fault_overflow(const struct call *c)
{
    double seconds = 0;
    if (!word_seconds(c->words->w[1], &seconds))
        return "overflow TIME";
    c->sim->overflow_until = sim_at(c->t + seconds);
    queue_push(&c->sim->queue,
               (struct coming){.at = sim_at(c->t + 1), .kind = COMING_OVERFLOW});
    return NULL;
}

/* The wall clock goes on while ours stands; nothing that came meanwhile is left. */
const char *fault_sleep(const struct call *c)
{
    struct sim *s = c->sim;
    double seconds = 0;
    if (!word_seconds(c->words->w[1], &seconds))
        return "sleep TIME";
    s->wall_minus_mono.ns += kp_dur_from_seconds(seconds).ns;
    kp_core_set_clock(s->core, s->wall_minus_mono);
    kp_core_gap(s->core, kp_mono_add(s->now, kp_dur_ms(-10)), s->now, "suspended");
    s->overflow_until = sim_at(c->t + 1); /* answers on their way went nowhere */
    return NULL;
}

const char *fault_clock(const struct call *c)
{
    double seconds = 0;
    if (!word_seconds(c->words->w[1], &seconds))
        return "clock +TIME|-TIME";
    c->sim->wall_minus_mono.ns += kp_dur_from_seconds(seconds).ns;
    kp_core_set_clock(c->sim->core, c->sim->wall_minus_mono);
    return NULL;
}
