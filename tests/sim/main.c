/* kpsim: scenarios against the real core in a pretended Internet. */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_UNSUPPORTED = 77 };

struct options {
    unsigned seed, iterations, most_fails;
    bool verbose;
    const char *export; /* NULL: do not */
    double from;
};

/* How long each check took over all seeds. */
struct delays {
    double *list;
    size_t count;
};

static const char help_text[] =
    "usage: kpsim [-s SEED] [-i ITERATIONS] [-m MAX_FAILS] [-v] [-e FILE [-f S]] SCENARIO...\n"
    "\n"
    "Runs each scenario under SEED, SEED+1, ... (ITERATIONS of them, 1 unless given) and\n"
    "stops it after MAX_FAILS failed seeds (10).  -v shows every event and fault with its\n"
    "second.  The same seed gives the same run.  Nothing is ever sent anywhere.\n"
    "-e writes what kpwatchctl replay reads (of the last run), from second S on, and beside\n"
    "it in FILE.events what was told since.\n"
    "Exit: 0 all as expected, 1 not, 2 wrong use, 77 a check cannot be decided yet.\n"
    "\n"
    "ctest runs few seeds; before a release run the long form (about an hour):\n"
    "    kpsim -i 200 tests/sim/scenarios/*.sim tests/sim/scenarios/verdicts/*.sim\n"
    "    kpnoise --years 1 --seed-range 1-100 --kind burst10 --totals FILE   (each kind)\n"
    "\n"
    "A scenario is lines of words; # begins a comment.\n"
    "  end 6h                      how long it runs\n"
    "  at 2h+-5m: LINE             LINE, and those below it, happen then (drawn per seed)\n"
    "  at +10m+-1m: LINE           counted from the mark before\n"
    "Configuration: `config shipped`, `config FILE` (from the source tree's top), or\n"
    "  paths NAME...   targets COUNT PATH|none PROBE... (ping web tls soa; named PATH-1 ...)\n"
    "  anchors COUNT   timing INTERVAL TIMEOUT   false-alarms 1/10y   family 4|6\n"
    "The world (WHAT: all, PATH, TARGET, PREFIX; of links also uplink, anchors):\n"
    "  cut PATH|all [over D]       silent behind the edge; over D: host by host\n"
    "  blackhole PATH|all          silent from before the edge on\n"
    "  transit-down                no path's hops answer; anchors do\n"
    "  flap PATH down D up D for D   heal all|PATH|TARGET|vantage|transit [over D]\n"
    "  host-down T...  host-up T...  ban T  port-down T PROBE  port-refuse T PROBE\n"
    "  port-up T PROBE  unreachable T CODE [edge]  dns-down [T...]  icmp-drop [T...]\n"
    "  silence-edge P  wake-edge P  silence-hops P  hop-rate P N/s  rtt P D\n"
    "  loss WHAT 5%  burst WHAT mean 3s loss 80% gap 120s  delay WHAT D  jitter WHAT D\n"
    "  late WHAT 5% 7s  ramp WHAT loss|delay to VALUE over D  calm WHAT\n"
    "  move T|PREFIX PATH  return T|PREFIX PATH  resolve HOST ADDRESS|none  soa-serial\n"
    "Ourselves: vantage-silent  vantage-senderror  stall D  sleep D  overflow D  clock +D\n"
    "  probe T  mute NAME D  reload same|reorder|without T|with T|address T A|only T PROBE|\n"
    "  interval T D\n"
    "Checks: expect COND [within D], keep COND [for D], never COND [for D]; COND:\n"
    "  path P STATE  target T STATE  probe T PROBE STATE  vantage STATE  edge P STATE\n"
    "  on-path T P|none  verdict CLASS...  where TEXT  confidence C...  phase P...\n"
    "  incidents N|N..M  class-history CLASS...  rate N/s  event ACTION [ABOUT]\n"
    "  alarm  state-change  target-event T  path-event P\n"
    "Always checked: rates, bursts and the allow list; no answer discarded; no probe leaked.\n";

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_delays(const struct checks *checks, struct delays *delays)
{
    char text[200];
    for (size_t i = 0; i < checks->count; i++) {
        struct delays *d = &delays[i];
        if (checks->list[i].mode != CHECK_EXPECT || checks->list[i].limit <= 0 || d->count == 0)
            continue;
        qsort(d->list, d->count, sizeof *d->list, by_value);
        checks_text(&checks->list[i], text, sizeof text);
        printf("    %-58s p50 %7.1f s  p99 %7.1f s  worst %7.1f s\n", text,
               d->list[d->count / 2], d->list[d->count * 99 / 100], d->list[d->count - 1]);
    }
}

static void keep_delays(const struct checks *checks, struct delays *delays)
{
    for (size_t i = 0; i < checks->count; i++) {
        struct delays *d = &delays[i];
        if (!checks->list[i].done)
            continue;
        d->list = reallocarray(d->list, d->count + 1, sizeof *d->list);
        if (d->list == NULL)
            abort();
        d->list[d->count++] = checks->list[i].took;
    }
}

static bool print_failures(const struct sim *s)
{
    char text[200];
    bool failed = s->failure[0] != '\0';
    if (failed)
        printf("FAIL %s, seed %llu: %s\n", s->script->name, (unsigned long long)s->seed,
               s->failure);
    for (size_t i = 0; i < s->checks->count; i++) {
        const struct check *k = &s->checks->list[i];
        if (!k->failed)
            continue;
        checks_text(k, text, sizeof text);
        printf("FAIL %s, seed %llu, line %d: %s", s->script->name, (unsigned long long)s->seed,
               k->line->number, text);
        if (k->mode != CHECK_EXPECT && k->took >= 0)
            printf(" (broken %.1f s after its mark)", k->took);
        printf("%s\n", k->seen);
        failed = true;
    }
    return failed;
}

static unsigned run_seeds(const struct options *o, const struct script *script,
                          struct checks *checks, struct delays *delays)
{
    unsigned failed = 0;
    unsigned ran = 0;
    uint64_t sent = 0;
    for (unsigned i = 0; i < o->iterations && failed < o->most_fails; i++, ran++) {
        struct export out = {0};
        if (o->export != NULL && !export_open(&out, o->export, o->from))
            exit(2);
        struct sim s = {.script = script,
                        .checks = checks,
                        .seed = o->seed + i,
                        .verbose = o->verbose,
                        .out = &out};
        (void)sim_run(&s);
        failed += print_failures(&s);
        keep_delays(checks, delays);
        sent += s.polite.total.sent;
        export_close(&out);
        sim_fini(&s);
    }
    printf("%s: %u seeds, %u failed%s; %.2f sends/s\n", script->name, ran, failed,
           checks->unsupported ? ", some checks not supported yet" : "",
           (double)sent / script->end / ran);
    return failed;
}

static int run_script(const struct options *o, const char *path)
{
    struct script script;
    struct checks checks = {0};
    int result = 2;
    bool ok = script_load(path, &script);
    for (size_t i = 0; ok && i < script.line_count; i++) {
        const char *word = script.lines[i].words.w[0];
        ok = setup_is_word(word) || checks_is_word(word) || faults_is_word(word);
        if (!ok)
            fprintf(stderr, "%s:%d: no such verb '%s'\n", path, script.lines[i].number, word);
    }
    if (ok && checks_build(&checks, &script)) {
        struct delays *delays = calloc(checks.count + 1, sizeof *delays);
        if (delays == NULL)
            abort();
        unsigned failed = run_seeds(o, &script, &checks, delays);
        print_delays(&checks, delays);
        for (size_t i = 0; i < checks.count; i++)
            free(delays[i].list);
        free(delays);
        result = failed > 0 ? 1 : checks.unsupported ? EXIT_UNSUPPORTED : 0;
    }
    checks_fini(&checks);
    script_free(&script);
    return result;
}

/* The gravest of two results: wrong use, failure, not decided, fine. */
static int graver(int a, int b)
{
    static const int order[] = {2, 1, EXIT_UNSUPPORTED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct options o = {1, 1, 10, false, NULL, 0};
    int result = 0;
    for (int c; (c = getopt_long(argc, argv, "s:i:m:ve:f:h", long_options, NULL)) != -1;)
        switch (c) {
        case 's':
            o.seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'i':
            o.iterations = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'm':
            o.most_fails = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'e':
            o.export = optarg;
            break;
        case 'f':
            o.from = strtod(optarg, NULL);
            break;
        case 'v':
            o.verbose = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return 0;
        default:
            fputs(help_text, stderr);
            return 2;
        }
    if (optind == argc || o.iterations == 0) {
        fputs(help_text, stderr);
        return 2;
    }
    for (int i = optind; i < argc; i++) {
        result = graver(result, run_script(&o, argv[i]));
        fflush(stdout);
    }
    return result;
}
