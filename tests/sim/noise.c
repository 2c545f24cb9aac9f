/* kpnoise: years of noisy health straight through the judging objects, to count
 * how often they cry wolf.  One path with 12 targets and a link of its own with
 * 3 anchors; thresholds, the order of calls and the sweep are those of lib/core/world.c,
 * judge.c and sweep.c.  Left out is what only holds alarms back: what the others on
 * the path lose, and who else answers. */
#include "lib/judging/baseline.h"
#include "lib/judging/group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 12, ANCHORS = 3, MEMBERS = TARGETS + ANCHORS, MOST_ITEMS = 2 * MEMBERS };
enum { QUEUE = 256 }; /* probes under way: far more than ever are */
#define TARGET_INTERVAL 10.0
#define RTT 0.3
#define JITTER 0.1
#define YEAR (365.0 * 86400)
#define FALSE_ALARMS 0.1
#define GOLDEN 0.61803398874989485
/* The sweep: as lib/core/sweep.c. */
#define SWEEP_EVERY 0.25
#define SWEEP_ITEM_EVERY 4.0
#define SWEEP_TOKENS 60.0
#define SWEEP_REFILL 0.1

struct kind {
    const char *name;
    double loss;              /* independent */
    double burst, gap, inner; /* mean seconds inside and outside, loss inside */
};

static const struct kind kinds[] = {
    {"loss1", 0.01, 0, 0, 0},         {"loss5", 0.05, 0, 0, 0},
    {"loss20", 0.20, 0, 0, 0},        {"burst3", 0.01, 3, 120, 0.8},
    {"burst10", 0.01, 10, 120, 0.8},  {"dead3", 0.01, 3, 120, 1},
    {"quiet10", 0.01, 10, 3600, 0.8},
};

enum group_kind { ITEM, TARGET, PATH, ANCHORS_SCORE, VANTAGE, GROUP_KINDS };
static const char *const group_names[] = {"item", "target", "path", "anchors", "vantage"};

struct count {
    unsigned outage, brownout;
};

struct item {
    struct kp_baseline baseline;
    struct kp_group group;
    unsigned member;
    double nominal, due, asked;
};

struct known { /* a probe whose result is on its way to us */
    double sent, at;
    unsigned item;
};

struct queue { /* in order of `at` */
    struct known list[QUEUE];
    unsigned head, count;
};

struct link {
    bool bad;
    double flip;
};

struct noise {
    const struct kind *kind;
    uint64_t rng;
    double timeout, interval;
    unsigned per_target, items;
    struct item item[MOST_ITEMS];
    struct kp_group member[MEMBERS], path, anchors;
    double item_h, member_h, path_h, anchors_h;
    struct kp_mono last_target, last_anchor;
    struct link link[2];
    struct queue answers, losses;
    double sweep, tokens; /* when the next one may go, and what is left at that time */
    struct count count[GROUP_KINDS];
};

struct options {
    double years, timeout;
    unsigned long first, last;
    unsigned per_target;
    const struct kind *kind;
    const char *totals;
    double most; /* alarms a year and group kind before exit 1; negative: no limit */
};

/* splitmix64 (Steele, Lea, Flood 2014): SipHash would be half of the run time. */
static double unit(struct noise *n)
{
    uint64_t z = n->rng += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double exponential(struct noise *n, double mean)
{
    return -mean * log(1 - unit(n));
}

static bool lost_now(struct noise *n, struct link *l, double t)
{
    const struct kind *k = n->kind;
    if (k->burst > 0)
        while (l->flip <= t) {
            l->bad = !l->bad;
            l->flip += exponential(n, l->bad ? k->burst : k->gap);
        }
    return unit(n) < (l->bad ? k->inner : k->loss);
}

static void push(struct queue *q, struct known known)
{
    if (q->count == QUEUE)
        abort();
    q->list[(q->head + q->count++) % QUEUE] = known;
}

static struct kp_mono mono(double t)
{
    return (struct kp_mono){(int64_t)(t * 1e9) + KP_NS_PER_S};
}

/* Feeds and judges one group; counts what it newly says. */
static void judge(struct kp_group *g, struct kp_group_rule rule,
                  const struct kp_group_sample *s, struct kp_mono now, struct count *count)
{
    enum kp_state was = (enum kp_state)g->state;
    kp_group_feed(g, &rule, s);
    enum kp_state is = kp_group_judge(g, &rule, now, true);
    count->outage += is == KP_DOWN && was != KP_DOWN;
    count->brownout += is == KP_DEGRADED && was != KP_DEGRADED;
}

/* As judge_vantage: the score alone, and with "and no target answers either". */
static void judge_anchors(struct noise *n, const struct kp_group_sample *s)
{
    bool was = n->anchors.outage.score >= n->anchors_h;
    kp_group_feed(&n->anchors, &(struct kp_group_rule){.threshold = n->anchors_h}, s);
    if (n->anchors.outage.score < n->anchors_h || was)
        return;
    n->count[ANCHORS_SCORE].outage++;
    struct kp_mono onset = n->anchors.outage.onset;
    n->count[VANTAGE].outage +=
        kp_mono_before(n->last_target, onset) && kp_mono_before(n->last_anchor, onset);
}

static void feed(struct noise *n, const struct known *k, bool lost)
{
    struct item *item = &n->item[k->item];
    bool anchor = item->member >= TARGETS;
    struct kp_mono sent = mono(k->sent);
    struct kp_mono now = mono(k->at);
    struct kp_group *member = &n->member[item->member];
    if (!lost && kp_mono_before(anchor ? n->last_anchor : n->last_target, sent))
        *(anchor ? &n->last_anchor : &n->last_target) = sent;
    if (kp_baseline_votes(&item->baseline)) {
        struct kp_group_sample s = {.sent = sent,
                                    .lost = lost,
                                    .base = kp_baseline_loss(&item->baseline),
                                    .p0 = kp_baseline_loss(&item->baseline),
                                    .source = item->member};
        struct kp_group_sample one = s;
        one.p0 = kp_detect_loss(anchor ? &n->anchors.outage : &n->path.outage,
                                &kp_detect_confirm, s.p0, sent);
        judge(&item->group, (struct kp_group_rule){.threshold = n->item_h, .one = true}, &one,
              now, &n->count[ITEM]);
        judge(member, (struct kp_group_rule){.threshold = n->member_h, .one = true}, &one, now,
              &n->count[TARGET]);
        if (anchor)
            judge_anchors(n, &s);
        else
            judge(&n->path,
                  (struct kp_group_rule){
                      .threshold = n->path_h, .several = true, .span = kp_dur_s(10)},
                  &s, now, &n->count[PATH]);
    }
    bool suspect = kp_group_suspect(&item->group) || kp_group_suspect(member) ||
                   (!anchor && kp_group_suspect(&n->path));
    kp_baseline_feed(&item->baseline, lost ? -1 : RTT, n->interval, suspect);
}

/* Results become known in order; a loss only when its time-out is over. */
static void catch_up(struct noise *n, double now)
{
    for (;;) {
        struct known *a = n->answers.count > 0 ? &n->answers.list[n->answers.head] : NULL;
        struct known *l = n->losses.count > 0 ? &n->losses.list[n->losses.head] : NULL;
        bool loss = a == NULL || (l != NULL && l->at < a->at);
        struct known *next = loss ? l : a;
        if (next == NULL || next->at > now)
            return;
        feed(n, next, loss);
        struct queue *q = loss ? &n->losses : &n->answers;
        q->head = (q->head + 1) % QUEUE;
        q->count--;
    }
}

static void set_up(struct noise *n, const struct options *o, unsigned long seed)
{
    *n = (struct noise){.kind = o->kind,
                        .rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
                        .timeout = o->timeout,
                        .per_target = o->per_target,
                        .items = MEMBERS * o->per_target,
                        .interval = TARGET_INTERVAL * o->per_target,
                        .tokens = SWEEP_TOKENS};
    for (unsigned i = 0; i < n->items; i++) {
        struct item *item = &n->item[i];
        double whole = 0;
        kp_baseline_init(&item->baseline);
        item->member = i / o->per_target;
        item->asked = -SWEEP_ITEM_EVERY;
        item->nominal = item->due = modf(i * GOLDEN, &whole) * n->interval;
    }
    for (int i = 0; i < 2; i++)
        n->link[i].flip = n->kind->burst > 0 ? exponential(n, n->kind->gap) : 0;
    unsigned narrow = 2 * (n->items + MEMBERS);
    unsigned wide = 2 * (1 + 3);
    double rate = 1 / TARGET_INTERVAL;
    n->item_h = kp_detect_threshold(FALSE_ALARMS, 1 / n->interval, narrow);
    n->member_h = kp_detect_threshold(FALSE_ALARMS, rate, narrow);
    n->path_h = kp_detect_threshold(FALSE_ALARMS, rate * (double)TARGETS, wide);
    n->anchors_h = kp_detect_threshold(FALSE_ALARMS, rate * (double)ANCHORS, wide);
}

static void ask(struct noise *n, struct item *item, double t)
{
    bool lost = lost_now(n, &n->link[item->member >= TARGETS], t);
    push(lost ? &n->losses : &n->answers,
         (struct known){t, t + (lost ? n->timeout : RTT), (unsigned)(item - n->item)});
    item->asked = t;
}

static bool rising(const struct kp_group *group)
{
    return group->state != KP_DOWN && kp_group_suspect(group);
}

/* Up to t: while the path may be silent, its item that was asked longest ago. */
static void sweep(struct noise *n, double t)
{
    if (!rising(&n->path)) { /* a suspicion starts it at the next probe */
        n->tokens = fmin(SWEEP_TOKENS, n->tokens + (t - n->sweep) * SWEEP_REFILL);
        n->sweep = t;
    }
    for (; n->sweep < t; n->sweep += SWEEP_EVERY) {
        n->tokens = fmin(SWEEP_TOKENS, n->tokens + SWEEP_EVERY * SWEEP_REFILL);
        catch_up(n, n->sweep);
        if (!rising(&n->path) || n->tokens < 1)
            continue;
        struct item *oldest = &n->item[0];
        for (unsigned i = 1; i < TARGETS * n->per_target; i++)
            if (n->item[i].asked < oldest->asked)
                oldest = &n->item[i];
        if (n->sweep - oldest->asked < SWEEP_ITEM_EVERY)
            continue;
        n->tokens--;
        ask(n, oldest, n->sweep);
    }
}

static void run(struct noise *n, double years)
{
    for (;;) {
        struct item *next = &n->item[0];
        for (unsigned i = 1; i < n->items; i++)
            if (n->item[i].due < next->due)
                next = &n->item[i];
        double t = next->due;
        if (t > years * YEAR)
            return;
        sweep(n, t);
        catch_up(n, t);
        ask(n, next, t);
        next->nominal += n->interval;
        next->due = next->nominal + (2 * unit(n) - 1) * JITTER * n->interval;
    }
}

/* One line per seed; a line that is there need not be computed again. */
static void describe(const struct options *o, unsigned long seed, char out[96])
{
    snprintf(out, 96, "%s years %g timeout %g per-target %u seed %lu:", o->kind->name, o->years,
             o->timeout, o->per_target, seed);
}

static bool stored(const struct options *o, unsigned long seed, struct count c[GROUP_KINDS])
{
    char head[96];
    char line[256];
    bool found = false;
    describe(o, seed, head);
    FILE *f = o->totals != NULL ? fopen(o->totals, "r") : NULL;
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
        size_t len = strlen(head);
        if (strncmp(line, head, len) != 0)
            continue;
        char *at = line + len;
        for (int g = 0; g < GROUP_KINDS; g++) {
            c[g].outage = (unsigned)strtoul(at, &at, 10);
            c[g].brownout = (unsigned)strtoul(at + (*at == '/'), &at, 10);
        }
        found = true;
    }
    if (f != NULL)
        fclose(f);
    return found;
}

static void store(const struct options *o, unsigned long seed,
                  const struct count c[GROUP_KINDS])
{
    char head[96];
    FILE *f = o->totals != NULL ? fopen(o->totals, "a") : NULL;
    if (f == NULL)
        return;
    describe(o, seed, head);
    fprintf(f, "%s", head);
    for (int g = 0; g < GROUP_KINDS; g++)
        fprintf(f, " %u/%u", c[g].outage, c[g].brownout);
    fprintf(f, "\n");
    fclose(f);
}

static int report(const struct options *o, const struct count total[GROUP_KINDS])
{
    static const unsigned members[] = {MEMBERS, MEMBERS, 1, 1, 1};
    double years = o->years * (double)(o->last - o->first + 1);
    int result = 0;
    printf("%s: %g simulated years (time-out %g s, %u probes a target)\n", o->kind->name, years,
           o->timeout, o->per_target);
    for (int g = 0; g < GROUP_KINDS; g++) {
        unsigned groups = members[g] * (g == ITEM ? o->per_target : 1);
        printf("  %-8s %3u groups: %6u false outages (%.3g a year), "
               "%6u false brown-outs (%.3g a year)\n",
               group_names[g], groups, total[g].outage, total[g].outage / years,
               total[g].brownout, total[g].brownout / years);
        bool counts = g != ANCHORS_SCORE; /* by itself it raises nothing */
        if (o->most >= 0 && counts && total[g].outage > o->most * years)
            result = 1;
    }
    return result;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: kpnoise [--years N] [--seed-range A-B] [--kind KIND] [--timeout S]\n"
            "               [--per-target 1|2] [--totals FILE] [--most ALARMS-A-YEAR]\n"
            "N simulated years for each seed; with --totals, seeds already in FILE are not\n"
            "run again.  --most: exit 1 where any kind of group raised more outages a year.\n"
            "KIND:");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        fprintf(stderr, " %s", kinds[i].name);
    fprintf(stderr, "\n");
    return 2;
}

static bool take_option(struct options *o, const char *name, const char *value)
{
    char *end = NULL;
    if (strcmp(name, "--kind") == 0) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (strcmp(kinds[i].name, value) == 0)
                o->kind = &kinds[i];
        return strcmp(o->kind->name, value) == 0;
    }
    if (strcmp(name, "--totals") == 0) {
        o->totals = value;
        return true;
    }
    if (strcmp(name, "--seed-range") == 0) {
        o->first = o->last = strtoul(value, &end, 10);
        if (*end == '-')
            o->last = strtoul(end + 1, &end, 10);
        return *end == '\0' && o->first <= o->last;
    }
    double number = strtod(value, &end);
    if (*end != '\0' || number < 0)
        return false;
    if (strcmp(name, "--years") == 0)
        o->years = number;
    else if (strcmp(name, "--timeout") == 0)
        o->timeout = number;
    else if (strcmp(name, "--most") == 0)
        o->most = number;
    else if (strcmp(name, "--per-target") == 0)
        o->per_target = number == 2 ? 2 : 1;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {1, 1, 1, 1, 1, &kinds[1], NULL, -1};
    struct count total[GROUP_KINDS] = {0};
    static struct noise n;
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !take_option(&o, argv[i], argv[i + 1]))
            return usage();
    for (unsigned long seed = o.first; seed <= o.last; seed++) {
        struct count c[GROUP_KINDS] = {0};
        if (!stored(&o, seed, c)) {
            set_up(&n, &o, seed);
            run(&n, o.years);
            memcpy(c, n.count, sizeof c);
            store(&o, seed, c);
        }
        for (int g = 0; g < GROUP_KINDS; g++) {
            total[g].outage += c[g].outage;
            total[g].brownout += c[g].brownout;
        }
    }
    return report(&o, total);
}
