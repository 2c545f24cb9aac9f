/* The core alone, in a pretended network in which everybody answers after a millisecond, but
 * the first path only in the first half: what thinking costs, without sockets.
 *
 * usage: kp_bench_core PROBES PATHS ROUNDS
 *
 * PROBES are asked once a second each; a target has several where a configuration cannot hold
 * so many targets.  Prints how many were sent and answered, the nanoseconds the core spent on
 * each answer (recognised, judged, told), the longest it took to judge a tick, in ms, and how
 * many seconds after the silence began an incident opened (-1: none).  Whatever the machine
 * does, the work is the same. */
#include "lib/core/core.h"
#include "lib/conf/conf_load.h"
#include "tests/sim/packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WAITING_MAX = 100000,
    PACKET_ROOM = 128,
    TTL = 60,
    TARGETS_MAX = 12000,
    LEAST_SIZE = 56
};

static struct {
    struct kp_core *core;
    struct kp_mono now, half;
    unsigned long probes, paths, sent, answered;
    int64_t spent_ns, worst_ns;
    struct kp_mono opened; /* {0}: no incident yet */
    size_t waiting;
    struct reply {
        struct kp_addr from;
        uint8_t bytes[PACKET_ROOM];
        size_t len;
    } replies[WAITING_MAX];
} b;

static const char *const head =
    "version: 1\n"
    "vantage: {name: bench}\n"
    "allow: [198.18.0.0/15]\n"
    "limits: {total-rate: 1000000/s, per-address-rate: 10/s, burst: 1000}\n"
    "defaults: {interval: 1s, timeout: 900ms}\n"
    "trace: {interval: 1d}\n"
    "log: {journal: off}\n"
    "probes:\n";

/* Targets are spread evenly: the n-th is on path n % paths. */
static void write_configuration(FILE *out)
{
    unsigned long each = (b.probes + TARGETS_MAX - 1) / TARGETS_MAX;
    fputs(head, out);
    for (unsigned long i = 0; i < each; i++)
        fprintf(out, "  i%lu: {type: icmp, size: %lu}\n", i, LEAST_SIZE + i);
    fputs("paths:\n", out);
    for (unsigned long i = 0; i < b.paths; i++)
        fprintf(out, "  p%lu: {}\n", i);
    fputs("targets:\n", out);
    for (unsigned long i = 0; i < b.probes / each; i++) {
        fprintf(out, "- {name: t%lu,address: 198.18.%lu.%lu,paths: [p%lu],probes: [i0", i,
                i / 250, i % 250 + 1, i % b.paths);
        for (unsigned long k = 1; k < each; k++)
            fprintf(out, ",i%lu", k);
        fputs("]}\n", out);
    }
}

static struct kp_conf *configure(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    write_configuration(out);
    fclose(out);
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_text("bench", text, len, &diags);
    if (conf == NULL && diags.count > 0)
        fprintf(stderr, "%s\n", diags.list[0].text);
    kp_diags_fini(&diags);
    free(text);
    return conf;
}

static bool silent(const struct kp_addr *to)
{
    unsigned long number = to->bytes[2] * 250UL + to->bytes[3] - 1;
    return number % b.paths == 0 && !kp_mono_before(b.now, b.half);
}

static void send_probe(const struct kp_send *send)
{
    struct probe probe = {.type = send->type, .src = packet_us(&send->dst), .dst = send->dst};
    struct kp_wr out = kp_wr_init(probe.body.bytes, sizeof probe.body.bytes);
    if (kp_core_build(b.core, send, &probe.src, &out) != KP_OK)
        abort();
    probe.body.len = sizeof probe.body.bytes - out.left;
    kp_core_sent(b.core, send->slot, send->serial, b.now, 0);
    b.sent++;
    if (send->ttl != 0 || silent(&send->dst))
        return;
    struct packet reply;
    packet_echo_reply(&probe, TTL, &reply);
    struct reply *r = &b.replies[b.waiting++];
    if (b.waiting == WAITING_MAX || reply.len > sizeof r->bytes)
        abort();
    r->from = send->dst;
    r->len = reply.len;
    memcpy(r->bytes, reply.bytes, reply.len);
}

static void pump(void)
{
    struct kp_act act;
    kp_core_tick(b.core, b.now);
    while (kp_core_pop_action(b.core, &act)) {
        if (act.kind == KP_ACT_EVENT && act.event.action == KP_EV_INCIDENT_OPENED &&
            !kp_mono_set(b.opened))
            b.opened = b.now;
        if (act.kind == KP_ACT_SEND)
            send_probe(&act.send);
    }
}

static int64_t clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

static void answer_all(void)
{
    int64_t began = clock_ns();
    for (size_t i = 0; i < b.waiting; i++) {
        const struct reply *r = &b.replies[i];
        struct kp_rx rx = {.type = KP_PROBE_ICMP,
                           .src = r->from,
                           .at = b.now,
                           .bytes = r->bytes,
                           .len = r->len};
        kp_core_receive(b.core, &rx);
    }
    int64_t received = clock_ns();
    kp_core_tick(b.core, b.now);
    int64_t judged = clock_ns();
    b.spent_ns += judged - began;
    if (judged - received > b.worst_ns)
        b.worst_ns = judged - received;
    b.answered += b.waiting;
    b.waiting = 0;
}

static void run(unsigned long rounds)
{
    struct kp_mono end = kp_mono_add(b.now, (struct kp_dur){(int64_t)rounds * KP_NS_PER_S});
    b.half = kp_mono_add(b.now, (struct kp_dur){(int64_t)rounds * KP_NS_PER_S / 2});
    while (kp_mono_before(b.now, end)) {
        struct kp_mono next;
        pump();
        b.now = kp_mono_add(b.now, (struct kp_dur){KP_NS_PER_MS});
        answer_all();
        if (kp_core_next_due(b.core, &next) && kp_mono_before(b.now, next))
            b.now = next;
    }
}

int main(int argc, char **argv)
{
    const struct kp_wire wire = {{{1, 2}}, 0x6b707764, 0x4a3b, 61440, 65535, "bench"};
    const struct kp_key seed = {{3, 4}};
    unsigned long rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (rounds > 0) {
        b.probes = strtoul(argv[1], NULL, 10);
        b.paths = strtoul(argv[2], NULL, 10);
    }
    if (b.probes == 0 || b.probes > 100000 || b.paths == 0 || b.paths > b.probes) {
        fprintf(stderr, "usage: kp_bench_core PROBES PATHS ROUNDS\n");
        return 2;
    }
    b.now = (struct kp_mono){1000 * KP_NS_PER_S};
    struct kp_conf *conf = configure();
    b.core = conf != NULL ? kp_core_new(&wire, &seed) : NULL;
    if (b.core == NULL)
        return 1;
    kp_core_set_clock(b.core, (struct kp_dur){1700000000 * KP_NS_PER_S});
    if (kp_core_configure(b.core, conf, b.now) != KP_OK)
        return 1;
    run(rounds);
    double seconds = kp_mono_set(b.opened) ? kp_dur_seconds(kp_mono_sub(b.opened, b.half)) : -1;
    printf("%lu %lu %.0f %.3f %.2f\n", b.sent, b.answered,
           (double)b.spent_ns / (double)(b.answered > 0 ? b.answered : 1),
           (double)b.worst_ns / KP_NS_PER_MS, seconds);
    kp_core_free(b.core);
    kp_conf_free(conf);
    return 0;
}
