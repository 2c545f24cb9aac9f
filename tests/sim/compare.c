/* kpcompare: the real core beside the rules of other tools, on the same traces.
 * 12 targets behind one path, each asked once in 10 s, and 3 anchors; loss strikes
 * the path, so all that travels it at that moment.  Prints what tests/bench/detect
 * makes its tables of. */
#include "lib/core/view.h"
#include "tests/sim/peers.h"
#include "tests/sim/sim.h"
#include "tests/sim/way.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct channel {
    const char *name;
    const char *lines;   /* of a scenario */
    double availability; /* in the long run */
} channels[] = {
    {"loss1", "loss east 1%", 0.99},
    {"loss5", "loss east 5%", 0.95},
    {"loss20", "loss east 20%", 0.8},
    {"burst3", "loss east 1%\nburst east mean 3s loss 80% gap 120s", 0.97},
    {"burst10", "loss east 1%\nburst east mean 10s loss 80% gap 120s", 0.93},
};

static const struct fault {
    const char *name;
    const char *line;
    int first, last; /* the targets it strikes */
} faults[] = {
    {"outage", "cut east", 1, 12},
    {"brownout", "loss east 50%", 1, 12},
    {"host", "host-down east-7", 7, 7},
    {"dns", "dns-down", 11, 12},
};

static const char setting[] = "paths east\nanchors 3\ntargets 10 east web\n"
                              "targets 2 east soa\ntiming 10s 1s\nrtt east 300ms\n";

/* What we say, and when: an event, an incident, one beyond doubt. */
enum ours { SUSPECT, CONFIRMED, CERTAIN, OURS };
static const char *const our_names[OURS] = {"suspect", "confirmed", "certain"};

struct run {
    struct sim sim;
    struct script script;
    struct checks checks; /* none */
    struct kp_prng rng;
    struct peer peers[PEERS];
    double first[OURS];        /* seconds; since `from` */
    double rate[OURS];         /* probes a second to what fails, from `from` until then */
    unsigned count[OURS];      /* since `from` */
    unsigned alarms[PEERS];    /* since `from` */
    double from;               /* what was said earlier does not count */
    const struct fault *fault; /* NULL: none */
    uint64_t sent;             /* to what fails, until then */
    uint32_t certain_id;       /* the last incident beyond doubt */
};

static double unit(void *arg)
{
    return kp_prng_unit(arg);
}

static const struct kp_addr *address(struct run *r, int number)
{
    char name[24];
    snprintf(name, sizeof name, "east-%d", number);
    return &world_target(&r->sim.world, r->sim.setup.now, name)->addr;
}

static uint64_t sent_to_failed(struct run *r)
{
    uint64_t sum = 0;
    for (int i = r->fault->first; i <= r->fault->last; i++)
        sum += polite_sent(&r->sim.polite, address(r, i));
    return sum;
}

static void note(struct run *r, enum ours what)
{
    double t = sim_seconds(&r->sim);
    if (t < r->from)
        return;
    if (r->count[what]++ > 0)
        return;
    r->first[what] = t - r->from;
    if (r->fault != NULL)
        r->rate[what] = (double)(sent_to_failed(r) - r->sent) / fmax(t - r->from, 1);
}

static void told(void *arg, const struct kp_event *e)
{
    struct run *r = arg;
    if (e->action == KP_EV_SUSPICION_RAISED)
        note(r, SUSPECT);
    if (e->action == KP_EV_INCIDENT_OPENED)
        note(r, CONFIRMED);
    bool incident = e->action == KP_EV_INCIDENT_OPENED || e->action == KP_EV_INCIDENT_UPDATED;
    if (incident && e->incident->confidence == KP_HIGH && e->incident->id != r->certain_id) {
        r->certain_id = e->incident->id;
        note(r, CERTAIN);
    }
}

static bool begin(struct run *r, const char *text, double availability, uint64_t seed)
{
    FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    bool ok = f != NULL && script_read(f, "compare", &r->script);
    if (f != NULL)
        fclose(f);
    struct kp_wr key = kp_wr_init(r->rng.key.bytes, sizeof r->rng.key.bytes);
    kp_wr_u64(&key, seed);
    kp_wr_bytes(&key, "peers", 5);
    r->sim = (struct sim){
        .script = &r->script, .checks = &r->checks, .seed = seed, .told = told, .told_arg = r};
    peers_init(r->peers, availability, unit, &r->rng);
    return ok && checks_build(&r->checks, &r->script) && sim_start(&r->sim);
}

/* Both go on to `end`, in order of time. */
static void advance(struct run *r, double end)
{
    const struct kp_addr *dst = address(r, 7); /* the host that fails where one does */
    for (;;) {
        struct peer *next = &r->peers[0];
        for (int i = 1; i < PEERS; i++)
            if (r->peers[i].due < next->due)
                next = &r->peers[i];
        if (next->due >= end)
            break;
        double t = next->due;
        sim_until(&r->sim, t);
        bool before = next->alarm;
        next->turn(next, t, way_loses(&r->sim.world, dst, t));
        r->alarms[next - r->peers] += next->alarm && !before && next->since >= r->from;
    }
    sim_until(&r->sim, end);
}

static bool done(struct run *r)
{
    bool ok = r->sim.failure[0] == '\0';
    if (!ok)
        fprintf(stderr, "kpcompare: seed %llu: %s\n", (unsigned long long)r->sim.seed,
                r->sim.failure);
    sim_fini(&r->sim);
    checks_fini(&r->checks);
    script_free(&r->script);
    return ok;
}

static void print_delay(const char *name, bool before, double delay, double rate)
{
    if (before)
        printf("%s before\n", name); /* it said so already */
    else if (delay < 0)
        printf("%s never\n", name);
    else
        printf("%s %.2f %.3f\n", name, delay, rate);
}

/* How long each takes to say so. */
static bool measure(const struct channel *channel, const struct fault *fault, uint64_t seed)
{
    static struct run r;
    char text[400];
    bool already[PEERS];
    snprintf(text, sizeof text, "%s%s\nat 25m+-5m: %s\nend 1h\n", setting, channel->lines,
             fault->line);
    r = (struct run){.from = INFINITY, .fault = fault, .first = {-1, -1, -1}};
    if (!begin(&r, text, channel->availability, seed))
        return done(&r);
    double at = r.sim.mark_times[1];
    advance(&r, at);
    bool suspected = kp_core_suspicion_count(r.sim.core) > 0;
    bool open = kp_incidents_open_count(kp_core_incidents(r.sim.core)) > 0;
    for (int i = 0; i < PEERS; i++)
        already[i] = r.peers[i].alarm && r.peers[i].since < at;
    r.from = at;
    r.sent = sent_to_failed(&r);
    for (int i = 0; i < PEERS; i++)
        r.alarms[i] = r.peers[i].alarm && !already[i];
    double first[PEERS] = {-1, -1, -1, -1, -1, -1};
    for (double t = at; t < at + 1200; t += 0.5) {
        advance(&r, t);
        for (int i = 0; i < PEERS; i++)
            if (first[i] < 0 && r.alarms[i] > 0)
                first[i] = r.peers[i].since - at;
    }
    print_delay(our_names[SUSPECT], suspected || open, r.first[SUSPECT], r.rate[SUSPECT]);
    print_delay(our_names[CONFIRMED], open, r.first[CONFIRMED], r.rate[CONFIRMED]);
    print_delay(our_names[CERTAIN], open, r.first[CERTAIN], r.rate[CERTAIN]);
    for (int i = 0; i < PEERS; i++)
        print_delay(r.peers[i].name, already[i], first[i], 0);
    return done(&r);
}

/* How often each cries wolf in so many healthy days. */
static bool count_alarms(const struct channel *channel, double days, uint64_t seed)
{
    static struct run r;
    char text[400];
    const double learned = 1200;
    snprintf(text, sizeof text, "%s%s\nend 1h\n", setting, channel->lines);
    r = (struct run){.from = learned};
    if (!begin(&r, text, channel->availability, seed))
        return done(&r);
    advance(&r, learned + days * 86400);
    for (int i = 0; i < OURS; i++)
        printf("%s %u\n", our_names[i], r.count[i]);
    for (int i = 0; i < PEERS; i++)
        printf("%s %u\n", r.peers[i].name, r.alarms[i]);
    return done(&r);
}

static int usage(void)
{
    fprintf(stderr, "usage: kpcompare delay CHANNEL FAULT FIRST-SEED SEEDS\n"
                    "       kpcompare alarms CHANNEL DAYS FIRST-SEED SEEDS\n"
                    "Lines of \"WHO DELAY PROBES-A-SECOND\" (seconds; before: it had said so\n"
                    "already; never: not in 20 min), or \"WHO FALSE-ALARMS\".\nCHANNEL:");
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        fprintf(stderr, " %s", channels[i].name);
    fprintf(stderr, "  FAULT:");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        fprintf(stderr, " %s", faults[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    const struct channel *channel = NULL;
    const struct fault *fault = NULL;
    if (argc != 6)
        return usage();
    bool delays = strcmp(argv[1], "delay") == 0;
    double days = delays ? 0 : strtod(argv[3], NULL);
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        if (strcmp(channels[i].name, argv[2]) == 0)
            channel = &channels[i];
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strcmp(faults[i].name, argv[3]) == 0)
            fault = &faults[i];
    uint64_t first = strtoull(argv[4], NULL, 10);
    uint64_t seeds = strtoull(argv[5], NULL, 10);
    if (channel == NULL || (delays ? fault == NULL : days <= 0) || seeds == 0)
        return usage();
    bool ok = true;
    for (uint64_t seed = first; ok && seed < first + seeds; seed++)
        ok = delays ? measure(channel, fault, seed) : count_alarms(channel, days, seed);
    return ok ? 0 : 1;
}
