/* The core against a small pretend network: what it sends is answered, or not,
 * after a while; hours pass in milliseconds.  IPv6 ICMP only: other probe kinds
 * have their own tests, and the lab has all of them. */
#include "tests/unit/unit.h"

#include "lib/core/view.h"

#include <stdlib.h>
#include <string.h>

enum { TARGETS = 4, ANCHORS = 2, PENDING = 4096, EVENTS = 4096 };

struct reply {
    struct kp_mono at;
    struct kp_addr from;
    uint8_t bytes[128];
    size_t len;
};

struct net {
    struct kp_core *core;
    struct kp_mono now;
    bool dead[TARGETS + ANCHORS];
    bool sends_fail;
    struct kp_dur rtt;
    struct reply pending[PENDING];
    size_t pending_count;
    struct kp_event events[EVENTS];
    size_t event_count;
    uint32_t sent;
    uint32_t sent_to[TARGETS + ANCHORS];
    uint32_t resolve_asked;
};

static struct kp_conf_probe probes[] = {
    {.name = "ping", .type = KP_PROBE_ICMP, .size = 56, .timing = {{-1}, {-1}, -1}},
};
static size_t only_ping[] = {0};
static size_t east[] = {0};
static size_t west[] = {1};
static struct kp_conf_path paths[] = {
    {.name = "east", .title = "East", .enabled = true},
    {.name = "west", .title = "West", .enabled = true},
};
static struct kp_prefix allow[1];

#define HOST(n, p)                                                                             \
    {                                                                                          \
        .name = n, .title = n, .enabled = true, .probes = only_ping, .probe_count = 1,         \
        .paths = p, .path_count = (p) != NULL, .timing = {                                     \
            {-1},                                                                              \
            {-1},                                                                              \
            -1                                                                                 \
        }                                                                                      \
    }
static struct kp_conf_target targets[TARGETS] = {HOST("a", east), HOST("b", east),
                                                 HOST("c", west), HOST("d", west)};
static struct kp_conf_target anchors[ANCHORS] = {HOST("x", NULL), HOST("y", NULL)};

static struct kp_conf conf_of(size_t target_count)
{
    return (struct kp_conf){
        .vantage_name = "test",
        .allow = allow,
        .allow_count = 1,
        .total_rate = 100,
        .per_address_rate = 10,
        .burst = 5,
        .defaults = {{KP_NS_PER_S}, {2 * KP_NS_PER_S}, 0.1},
        .probes = probes,
        .probe_count = 1,
        .paths = paths,
        .path_count = 2,
        .anchors = anchors,
        .anchor_count = ANCHORS,
        .targets = targets,
        .target_count = target_count,
        .false_alarms_per_year = 0.1,
        .trace_interval = {600 * KP_NS_PER_S},
        .trace_max_hops = 32,
        .recover_after = {60 * KP_NS_PER_S},
        .log_sample = 0,
    };
}

static struct kp_addr address(size_t n)
{
    struct kp_addr a;
    assert_int_equal(kp_addr_parse("2001:2::100", &a), KP_OK);
    a.bytes[15] = (uint8_t)n;
    return a;
}

static struct kp_conf conf;

static struct net *start(void)
{
    struct net *net = calloc(1, sizeof *net);
    const struct kp_wire wire = {{"wire key"}, 0x11223344, 77, 61440, 65535, "test"};
    const struct kp_key seed = {"core seed"};
    assert_non_null(net);
    assert_int_equal(kp_prefix_parse("2001:2::/48", &allow[0]), KP_OK);
    for (size_t i = 0; i < TARGETS + ANCHORS; i++)
        *(i < TARGETS ? &targets[i].address : &anchors[i - TARGETS].address) = address(i);
    conf = conf_of(TARGETS);
    net->rtt = kp_dur_ms(300);
    net->now = (struct kp_mono){1000 * KP_NS_PER_S};
    net->core = kp_core_new(&wire, &seed);
    assert_non_null(net->core);
    kp_core_set_clock(net->core, kp_dur_s(1000000000));
    assert_int_equal(kp_core_configure(net->core, &conf, net->now), KP_OK);
    return net;
}

static void end(struct net *net)
{
    kp_core_free(net->core);
    free(net);
}

static void deliver(struct net *net, const struct reply *r)
{
    kp_core_receive(net->core, &(struct kp_rx){.type = KP_PROBE_ICMP,
                                               .src = r->from,
                                               .ttl = 50,
                                               .at = r->at,
                                               .bytes = r->bytes,
                                               .len = r->len});
}

static void on_send(struct net *net, const struct kp_send *send)
{
    size_t n = send->dst.bytes[15];
    struct kp_addr src = address(200);
    struct reply r = {.at = kp_mono_add(net->now, net->rtt), .from = send->dst};
    struct kp_wr out = kp_wr_init(r.bytes, sizeof r.bytes);
    assert_true(n < TARGETS + ANCHORS);
    net->sent++;
    net->sent_to[n] += send->ttl == 0; /* not those of traces */
    assert_int_equal(kp_core_build(net->core, send, &src, &out), KP_OK);
    if (net->sends_fail) {
        kp_core_send_failed(net->core, send->slot, send->serial, 101);
        return;
    }
    kp_core_sent(net->core, send->slot, send->serial, net->now, 0);
    r.len = sizeof r.bytes - out.left;
    r.bytes[0] = 129; /* echo reply (RFC 4443 section 4.2) */
    if (!net->dead[n] && net->pending_count < PENDING)
        net->pending[net->pending_count++] = r;
}

static void pump(struct net *net)
{
    struct kp_act act;
    kp_core_tick(net->core, net->now);
    while (kp_core_pop_action(net->core, &act)) {
        if (act.kind == KP_ACT_SEND)
            on_send(net, &act.send);
        if (act.kind == KP_ACT_RESOLVE)
            net->resolve_asked++;
        if (act.kind == KP_ACT_EVENT && net->event_count < EVENTS)
            net->events[net->event_count++] = act.event;
    }
}

static void arrivals(struct net *net)
{
    for (size_t i = 0; i < net->pending_count;) {
        if (kp_mono_before(net->now, net->pending[i].at)) {
            i++;
            continue;
        }
        deliver(net, &net->pending[i]);
        net->pending[i] = net->pending[--net->pending_count];
    }
}

static void run(struct net *net, int64_t seconds)
{
    struct kp_mono until = kp_mono_add(net->now, kp_dur_s(seconds));
    for (; kp_mono_before(net->now, until); net->now.ns += 10 * KP_NS_PER_MS) {
        arrivals(net);
        pump(net);
    }
}

static enum kp_state state_of(struct net *net, uint32_t target)
{
    struct kp_target_view view;
    kp_core_target(net->core, target, &view);
    return view.state;
}

static enum kp_state path_state(struct net *net, uint32_t path)
{
    struct kp_path_view view;
    kp_core_path(net->core, path, &view);
    return view.state;
}

static size_t events_of(const struct net *net, enum kp_action action, const char *about)
{
    size_t count = 0;
    for (size_t i = 0; i < net->event_count; i++) {
        const struct kp_event *e = &net->events[i];
        const char *name = action == KP_EV_PATH_STATE ? e->path : e->target;
        count += e->action == action && (about == NULL || strcmp(name, about) == 0);
    }
    return count;
}

static void asks_on_time_and_learns(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 100);
    for (size_t i = 0; i < TARGETS + ANCHORS; i++)
        assert_in_range(net->sent_to[i], 99, 101);
    for (uint32_t i = 0; i < TARGETS; i++)
        assert_int_equal(state_of(net, i), KP_UP);
    assert_int_equal(path_state(net, 0), KP_UP);
    struct kp_probe_view probe;
    kp_core_probe(net->core, 0, 0, &probe);
    assert_int_equal(probe.result, KP_ANSWERED);
    assert_true(probe.rtt > 0.299 && probe.rtt < 0.311);
    assert_true(probe.baseline_ratio == 1);
    assert_int_equal(probe.reply_ttl, 50);
    struct kp_status_view status;
    kp_core_status(net->core, &status);
    assert_int_equal(status.verdict, KP_V_CLEAR);
    assert_int_equal(status.anchors_up, ANCHORS);
    assert_true(status.probes_per_second > 5.5 && status.probes_per_second < 6.5);
    end(net);
}

static void a_dead_host_is_down_and_comes_back(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    net->dead[0] = true;
    struct kp_mono cut = net->now;
    run(net, 200);
    assert_int_equal(state_of(net, 0), KP_DOWN);
    assert_int_equal(state_of(net, 1), KP_UP);
    struct kp_target_view view;
    kp_core_target(net->core, 0, &view);
    int64_t since = view.since.ns - kp_dur_s(1000000000).ns;
    assert_true(since >= cut.ns - KP_NS_PER_S && since <= cut.ns + 2 * KP_NS_PER_S);
    net->dead[0] = false;
    run(net, 10);
    assert_int_equal(state_of(net, 0), KP_UP);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, "a"), 3); /* up, down, up */
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, "b"), 1);
    end(net);
}

static void a_silent_path_is_down_with_its_targets(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    net->dead[0] = net->dead[1] = true;
    run(net, 120);
    assert_int_equal(path_state(net, 0), KP_DOWN);
    assert_int_equal(path_state(net, 1), KP_UP);
    assert_int_equal(state_of(net, 0), KP_DOWN);
    assert_int_equal(state_of(net, 1), KP_DOWN);
    assert_int_equal(state_of(net, 2), KP_UP);
    net->dead[0] = net->dead[1] = false;
    run(net, 30);
    assert_int_equal(path_state(net, 0), KP_UP);
    assert_int_equal(events_of(net, KP_EV_PATH_STATE, "east"), 3);
    end(net);
}

/* The only incident there ever was. */
static const struct kp_incident *the_incident(const struct net *net)
{
    const struct kp_incidents *all = kp_core_incidents(net->core);
    assert_int_equal(kp_incidents_count(all), 1);
    return kp_incidents_at(all, 0);
}

static struct net *learned(void)
{
    struct net *net = start();
    run(net, 60);
    assert_int_equal(kp_incidents_count(kp_core_incidents(net->core)), 0);
    return net;
}

static void a_silent_path_is_one_incident_that_closes(void **state)
{
    (void)state;
    struct net *net = learned();
    net->dead[0] = net->dead[1] = true;
    run(net, 120);
    const struct kp_incident *i = the_incident(net);
    assert_int_equal(i->what.class, KP_V_PATH_OUTAGE);
    assert_string_equal(i->what.where, "east");
    assert_int_equal(i->phase, KP_CONFIRMED);
    assert_int_equal(i->confidence, KP_HIGH);
    assert_true(i->what.fact_count > 2);
    struct kp_status_view status;
    kp_core_status(net->core, &status);
    assert_int_equal(status.verdict, KP_V_PATH_OUTAGE);
    net->dead[0] = net->dead[1] = false;
    run(net, 30);
    assert_int_equal(the_incident(net)->phase, KP_RECOVERING);
    run(net, 60);
    assert_int_equal(the_incident(net)->phase, KP_CLOSED);
    kp_core_status(net->core, &status);
    assert_int_equal(status.verdict, KP_V_CLEAR);
    assert_int_equal(events_of(net, KP_EV_INCIDENT_OPENED, NULL), 1);
    assert_int_equal(events_of(net, KP_EV_INCIDENT_CLOSED, NULL), 1);
    end(net);
}

static void all_silent_without_edges_is_the_country_with_low_confidence(void **state)
{
    (void)state;
    struct net *net = learned();
    memset(net->dead, true, TARGETS * sizeof net->dead[0]);
    run(net, 150);
    assert_int_equal(the_incident(net)->what.class, KP_V_COUNTRY_OUTAGE);
    assert_string_equal(the_incident(net)->what.where, "all paths");
    assert_int_equal(the_incident(net)->confidence, KP_LOW);
    end(net);
}

static void one_host_is_one_incident_and_maybe_a_ban(void **state)
{
    (void)state;
    for (int ban = 0; ban < 2; ban++) {
        struct net *net = learned();
        if (ban)
            assert_int_equal(kp_core_probe_now(net->core, "a"), KP_OK);
        net->dead[0] = true;
        run(net, 200);
        const struct kp_incident *i = the_incident(net);
        assert_int_equal(i->what.class, ban ? KP_V_POSSIBLE_BAN : KP_V_HOST_OUTAGE);
        assert_string_equal(i->what.where, "a");
        end(net);
    }
}

static void our_fault_is_the_only_incident(void **state)
{
    (void)state;
    struct net *net = learned();
    net->sends_fail = true;
    run(net, 60);
    assert_int_equal(the_incident(net)->what.class, KP_V_VANTAGE_FAULT);
    assert_string_equal(the_incident(net)->what.where, "test");
    net->sends_fail = false;
    run(net, 90);
    assert_int_equal(the_incident(net)->phase, KP_CLOSED);
    end(net);
}

static void a_muted_path_raises_no_incident(void **state)
{
    (void)state;
    struct net *net = learned();
    struct kp_wall until = {net->now.ns + kp_dur_s(1000000000 + 1000).ns};
    assert_int_equal(kp_core_mute(net->core, "east", until, "cable work"), KP_OK);
    net->dead[0] = net->dead[1] = true;
    run(net, 200);
    assert_int_equal(kp_incidents_count(kp_core_incidents(net->core)), 0);
    assert_int_equal(path_state(net, 0), KP_DOWN);
    end(net);
}

static void our_own_fault_is_nobody_elses(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    memset(net->dead, true, sizeof net->dead);
    run(net, 400);
    struct kp_status_view status;
    kp_core_status(net->core, &status);
    assert_int_equal(status.vantage, KP_DOWN);
    assert_int_equal(status.targets[KP_UNKNOWN], TARGETS);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, NULL), TARGETS + ANCHORS);
    assert_int_equal(events_of(net, KP_EV_VANTAGE_HEALTH, NULL), 2);
    memset(net->dead, false, sizeof net->dead);
    run(net, 30);
    kp_core_status(net->core, &status);
    assert_int_equal(status.vantage, KP_UP);
    assert_int_equal(status.targets[KP_UP], TARGETS);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, NULL), TARGETS + ANCHORS);
    end(net);
}

static void failed_sends_never_vote(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    net->sends_fail = true;
    run(net, 300);
    struct kp_probe_view probe;
    kp_core_probe(net->core, 0, 0, &probe);
    assert_int_equal(probe.result, KP_LOCAL_ERROR);
    assert_int_equal(probe.errnum, 101);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, NULL), TARGETS + ANCHORS);
    assert_int_equal(state_of(net, 0), KP_UNKNOWN);
    net->sends_fail = false;
    run(net, 10);
    assert_int_equal(state_of(net, 0), KP_UP);
    end(net);
}

static void one_filtered_anchor_changes_nothing(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    net->dead[TARGETS] = true;
    run(net, 300);
    struct kp_status_view status;
    kp_core_status(net->core, &status);
    assert_int_equal(status.vantage, KP_UP);
    assert_int_equal(status.anchors_up, ANCHORS - 1);
    assert_int_equal(status.targets[KP_UP], TARGETS);
    end(net);
}

static void late_answers_revise_and_duplicates_do_not_count(void **state)
{
    (void)state;
    struct net *net = start();
    struct kp_probe_view probe;
    struct kp_stats_view stats;
    net->rtt = kp_dur_ms(2500); /* the time-out is 2 s */
    run(net, 60);
    kp_core_probe(net->core, 0, 0, &probe);
    assert_in_range(probe.late, 55, 59);
    assert_int_equal(probe.answered, probe.late);
    struct kp_path_view path;
    kp_core_path(net->core, 0, &path);
    assert_true(path.answered_ratio > 0.95);
    struct reply twice = net->pending[0];
    twice.at = net->now = kp_mono_add(net->now, kp_dur_s(1));
    kp_core_stats(net->core, &stats);
    assert_int_equal(stats.discarded[KP_PROBE_ICMP][KP_DISCARD_DUPLICATE], 0);
    deliver(net, &twice);
    deliver(net, &twice);
    kp_core_stats(net->core, &stats);
    assert_int_equal(stats.discarded[KP_PROBE_ICMP][KP_DISCARD_DUPLICATE], 1);
    struct reply forged = twice;
    forged.bytes[20] ^= 1; /* inside the tag */
    deliver(net, &forged);
    kp_core_stats(net->core, &stats);
    assert_int_equal(stats.discarded[KP_PROBE_ICMP][KP_DISCARD_COOKIE], 1);
    net->pending_count = 0;
    run(net, 60);
    deliver(net, &twice);
    kp_core_stats(net->core, &stats);
    assert_int_equal(stats.discarded[KP_PROBE_ICMP][KP_DISCARD_LATE], 1);
    end(net);
}

static void silence_in_a_gap_is_no_evidence(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    memset(net->dead, true, TARGETS * sizeof net->dead[0]);
    for (int i = 0; i < 300; i++) {
        struct kp_mono from = net->now;
        run(net, 1);
        kp_core_gap(net->core, from, net->now, "test");
    }
    memset(net->dead, false, sizeof net->dead);
    run(net, 5);
    for (uint32_t i = 0; i < TARGETS; i++)
        assert_int_equal(state_of(net, i), KP_UP);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, NULL), TARGETS + ANCHORS);
    end(net);
}

static void a_reload_keeps_what_it_knows_by_name(void **state)
{
    (void)state;
    struct net *net = start();
    struct kp_probe_view before;
    struct kp_probe_view after;
    run(net, 60);
    kp_core_probe(net->core, 1, 0, &before);
    uint32_t sent = net->sent_to[1];
    for (int i = 0; i < 50; i++) {
        static struct kp_conf next[2];
        static struct kp_conf_target fewer[TARGETS];
        memcpy(fewer, targets + 1, sizeof fewer - sizeof fewer[0]); /* without "a" */
        next[i % 2] = conf_of(i % 2 == 0 ? TARGETS - 1 : TARGETS);
        next[i % 2].targets = i % 2 == 0 ? fewer : targets;
        pump(net);
        assert_int_equal(kp_core_configure(net->core, &next[i % 2], net->now), KP_OK);
        run(net, 1);
    }
    kp_core_probe(net->core, 1, 0, &after);
    assert_in_range(after.sent, before.sent + 49, before.sent + 51);
    assert_in_range(net->sent_to[1] - sent, 49, 51);
    assert_true(after.baseline_ratio == 1);
    assert_int_equal(state_of(net, 1), KP_UP);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, "b"), 1);
    struct kp_stats_view stats;
    kp_core_stats(net->core, &stats);
    assert_true(stats.in_flight <= TARGETS + ANCHORS);
    end(net);
}

static void muted_things_raise_nothing_and_tell_it_after(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 60);
    struct kp_wall until = {net->now.ns + kp_dur_s(1000000000 + 250).ns};
    assert_int_equal(kp_core_mute(net->core, "nobody", until, "x"), KP_ERR_NOTFOUND);
    assert_int_equal(kp_core_mute(net->core, "a", until, "maintenance"), KP_OK);
    assert_int_equal(kp_core_mute_count(net->core), 1);
    net->dead[0] = true;
    run(net, 200);
    assert_int_equal(state_of(net, 0), KP_DOWN);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, "a"), 1);
    run(net, 60);
    assert_int_equal(kp_core_mute_count(net->core), 0);
    assert_int_equal(events_of(net, KP_EV_TARGET_STATE, "a"), 2);
    assert_int_equal(kp_core_unmute(net->core, "b"), KP_ERR_NOTFOUND);
    end(net);
}

static void names_give_addresses_inside_allow_only(void **state)
{
    (void)state;
    struct net *net = start();
    static struct kp_conf named;
    static struct kp_conf_target with_host[TARGETS];
    struct kp_addr servers[1] = {address(0)};
    struct kp_addr inside = address(3);
    struct kp_addr outside;
    assert_int_equal(kp_addr_parse("2001:3::1", &outside), KP_OK);
    memcpy(with_host, targets, sizeof with_host);
    with_host[0].host = "a.kp";
    with_host[0].address = (struct kp_addr){0};
    with_host[1].host = "b.kp"; /* pinned as well */
    named = conf_of(TARGETS);
    named.targets = with_host;
    named.resolve_at = servers;
    named.resolve_at_count = 1;
    pump(net);
    assert_int_equal(kp_core_configure(net->core, &named, net->now), KP_OK);
    run(net, 5);
    assert_int_equal(net->resolve_asked, 2);
    kp_core_resolved(net->core, 0, &outside, 1);
    kp_core_resolved(net->core, 1, &inside, 1);
    kp_core_resolved(net->core, 1, &inside, 1);
    uint32_t sent = net->sent_to[3];
    run(net, 20);
    assert_int_equal(events_of(net, KP_EV_DNS_MISMATCH, "a"), 1);
    assert_int_equal(events_of(net, KP_EV_DNS_MISMATCH, "b"), 1);
    assert_int_equal(state_of(net, 0), KP_UNKNOWN);
    assert_in_range(net->sent_to[3] - sent, 19, 21);
    kp_core_resolved(net->core, 0, &inside, 1);
    run(net, 20);
    assert_int_equal(state_of(net, 0), KP_UP);
    assert_in_range(net->sent_to[3] - sent, 58, 62);
    kp_core_resolved(net->core, 0, NULL, 0); /* a failed look-up keeps the last */
    run(net, 5);
    assert_int_equal(state_of(net, 0), KP_UP);
    end(net);
}

static void a_probe_on_demand_keeps_the_rates(void **state)
{
    (void)state;
    struct net *net = start();
    run(net, 30);
    uint32_t sent = net->sent_to[0];
    assert_int_equal(kp_core_probe_now(net->core, "a"), KP_OK);
    pump(net);
    assert_int_equal(net->sent_to[0], sent + 1);
    for (int i = 0; i < 1000; i++) {
        (void)kp_core_probe_now(net->core, "a");
        pump(net);
    }
    assert_in_range(net->sent_to[0], sent + 2, sent + 5);
    assert_int_equal(kp_core_probe_now(net->core, "nobody"), KP_ERR_NOTFOUND);
    end(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_on_time_and_learns),
        cmocka_unit_test(a_dead_host_is_down_and_comes_back),
        cmocka_unit_test(a_silent_path_is_down_with_its_targets),
        cmocka_unit_test(a_silent_path_is_one_incident_that_closes),
        cmocka_unit_test(all_silent_without_edges_is_the_country_with_low_confidence),
        cmocka_unit_test(one_host_is_one_incident_and_maybe_a_ban),
        cmocka_unit_test(our_fault_is_the_only_incident),
        cmocka_unit_test(a_muted_path_raises_no_incident),
        cmocka_unit_test(our_own_fault_is_nobody_elses),
        cmocka_unit_test(failed_sends_never_vote),
        cmocka_unit_test(one_filtered_anchor_changes_nothing),
        cmocka_unit_test(late_answers_revise_and_duplicates_do_not_count),
        cmocka_unit_test(silence_in_a_gap_is_no_evidence),
        cmocka_unit_test(a_reload_keeps_what_it_knows_by_name),
        cmocka_unit_test(muted_things_raise_nothing_and_tell_it_after),
        cmocka_unit_test(names_give_addresses_inside_allow_only),
        cmocka_unit_test(a_probe_on_demand_keeps_the_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
