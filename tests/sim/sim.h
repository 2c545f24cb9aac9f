/* One run of one scenario under one seed: the world, the core and the clock. */
#ifndef KP_SIM_SIM_H
#define KP_SIM_SIM_H

#include "lib/core/core.h"
#include "tests/sim/checks.h"
#include "tests/sim/export.h"
#include "tests/sim/polite.h"
#include "tests/sim/queue.h"
#include "tests/sim/setup.h"
#include "tests/sim/world.h"

struct sim {
    const struct script *script;
    struct checks *checks;
    uint64_t seed;
    bool verbose;

    struct setup setup;
    struct world world;
    struct kp_prng rng; /* of the world */
    struct queue queue;
    struct polite polite;
    struct kp_core *core;
    struct kp_mono now;
    struct kp_dur wall_minus_mono;
    double *mark_times;
    uint32_t generation; /* of the configuration */
    uint16_t port;       /* of the next DNS socket */

    struct kp_mono stalled_until; /* {0}: the loop turns */
    struct kp_mono overflow_until;
    bool stood_still; /* at least once */
    double looked;
    bool news; /* something happened that a check may want to see */

    void (*told)(void *arg, const struct kp_event *e); /* of each event; or NULL */
    void *told_arg;
    struct export *out; /* NULL: nothing is exported */

    char failure[400]; /* "": none */
    uint64_t events, alarms;
};

/* The clock of a run begins here, so that 0 stays "never". */
#define SIM_START (1000 * KP_NS_PER_S)

double sim_seconds(const struct sim *s); /* since the start of the run */
struct kp_mono sim_at(double seconds);

/* Keeps the first failure. */
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs the scenario; false, and s->failure, where something is not as it should
 * be.  checks holds the outcome of each check. */
bool sim_run(struct sim *s);

/* The same in steps, where something else happens beside it: what is so from
 * birth, then up to `seconds` or the first failure. */
bool sim_start(struct sim *s);
void sim_until(struct sim *s, double seconds);
void sim_fini(struct sim *s);

/* pump.c: carries out what the core wants now. */
void sim_pump(struct sim *s);

/* faults.c: what a scenario's line does to the world.  NULL, or what is wrong. */
const char *faults_apply(struct sim *s, const struct line *line);
bool faults_is_word(const char *word);

#endif
