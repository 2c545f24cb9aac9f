/* The shell around the core, as daemon/driver.c is: sends become probes in the
 * world, answers come back through the queue, events go to the checks. */
#include "tests/sim/observe.h"
#include "tests/sim/sim.h"
#include "tests/sim/way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_TTL = 64, ACTIONS_MAX = 100000, FIRST_PORT = 32768, LAST_PORT = 60999 };

static void comes_back(struct sim *s, const struct probe *probe, const struct arrival *a)
{
    uint8_t *bytes = malloc(a->packet.len); /* exactly sized, for ASan */
    if (bytes == NULL)
        abort();
    memcpy(bytes, a->packet.bytes, a->packet.len);
    struct kp_mono at = kp_mono_add(s->now, kp_dur_from_seconds(a->delay));
    bool dns = a->type == KP_PROBE_DNS;
    bool bare = a->from.family == KP_IPV6 || dns;
    queue_push(&s->queue, (struct coming){.at = at,
                                          .kind = COMING_PACKET,
                                          .rx = {.type = a->type,
                                                 .src = a->from,
                                                 .rport = dns ? probe->dport : 0,
                                                 .lport = dns ? probe->sport : 0,
                                                 .ttl = bare ? a->ttl : 0,
                                                 .at = at,
                                                 .bytes = bytes,
                                                 .len = a->packet.len}});
}

static uint16_t next_port(struct sim *s)
{
    if (s->port < FIRST_PORT || s->port >= LAST_PORT)
        s->port = FIRST_PORT;
    return s->port++;
}

static uint8_t ttl_of(const struct kp_send *send)
{
    return send->ttl != 0 ? send->ttl : USUAL_TTL;
}

static void on_send(struct sim *s, const struct kp_send *send)
{
    struct probe probe = {.type = send->type,
                          .src = packet_us(&send->dst),
                          .dst = send->dst,
                          .dport = send->dport};
    struct arrival arrival;
    const char *rude = polite_send(&s->polite, s->setup.now, &send->dst, sim_seconds(s));
    if (rude != NULL) {
        char to[KP_ADDR_SIZE];
        kp_addr_format(&send->dst, to);
        sim_fail(s, "a send to %s is %s", to, rude);
    }
    struct kp_wr out = kp_wr_init(probe.body.bytes, sizeof probe.body.bytes);
    if (kp_core_build(s->core, send, &probe.src, &out) != KP_OK)
        sim_fail(s, "a probe cannot be built");
    probe.body.len = sizeof probe.body.bytes - out.left;
    if (s->world.send_error != 0) {
        kp_core_send_failed(s->core, send->slot, send->serial, s->world.send_error);
        return;
    }
    probe.sport = send->type == KP_PROBE_DNS ? next_port(s) : 0;
    kp_core_sent(s->core, send->slot, send->serial, s->now, probe.sport);
    if (way_travel(&s->world, &probe, ttl_of(send), sim_seconds(s), &arrival))
        comes_back(s, &probe, &arrival);
}

/* The shipped resolver asks the name servers in turn: the first that lives answers. */
static void on_resolve(struct sim *s, const struct kp_act *act)
{
    const struct kp_conf *conf = s->setup.now;
    double delay = 0.3;
    bool answered = false;
    for (size_t i = 0; i < conf->resolve_at_count && !answered; i++) {
        answered = way_resolver_answers(&s->world, &conf->resolve_at[i]);
        delay += answered ? 0 : 5;
    }
    queue_push(&s->queue, (struct coming){.at = sim_at(sim_seconds(s) + delay),
                                          .kind = COMING_RESOLVED,
                                          .index = act->target,
                                          .number = s->generation,
                                          .until = answered});
}

static void on_event(struct sim *s, const struct kp_event *e)
{
    s->events++;
    if (e->action == KP_EV_PROBE_RESULT)
        return;
    s->alarms += observe_alarm(e);
    if (s->told != NULL)
        s->told(s->told_arg, e);
    s->news = true;
    if (s->out != NULL)
        export_event(s->out, e);
    checks_event(s->checks, e, sim_seconds(s));
    if (s->verbose)
        printf("    %10.2f  %-20s %s\n", sim_seconds(s), kp_action_name(e->action), e->message);
}

void sim_pump(struct sim *s)
{
    struct kp_act act;
    unsigned actions = 0;
    kp_core_tick(s->core, s->now);
    while (kp_core_pop_action(s->core, &act)) {
        if (++actions > ACTIONS_MAX) {
            sim_fail(s, "the core never runs out of actions");
            return;
        }
        if (act.kind == KP_ACT_SEND)
            on_send(s, &act.send);
        if (act.kind == KP_ACT_RESOLVE)
            on_resolve(s, &act);
        if (act.kind == KP_ACT_EVENT)
            on_event(s, &act.event);
    }
    if (s->out != NULL)
        export_records(s->out, s->core, sim_seconds(s));
}
