/* What a scenario expects:
 *
 *   expect CONDITION [within 3m]   becomes true in that time (at once without it)
 *   keep CONDITION [for 1h]        is true all the time
 *   never CONDITION [for 1h]       is not true, or does not happen, even once
 *
 * counted from the line's mark; without a time for keep and never, to the end. */
#ifndef KP_SIM_CHECKS_H
#define KP_SIM_CHECKS_H

#include "lib/core/core.h"
#include "tests/sim/script.h"

struct condition;

struct check {
    const struct line *line;
    enum check_mode { CHECK_EXPECT, CHECK_KEEP, CHECK_NEVER } mode;
    const struct condition *condition;
    char **args; /* in the line's words */
    int arg_count;
    double limit; /* seconds; negative: none given */
    /* of the present run: */
    double start, deadline;
    bool looked, done, failed;
    double took;    /* expect: seconds until it was true */
    char seen[160]; /* failed: what was there instead */
};

struct checks {
    struct check *list;
    size_t count;
    const struct kp_core *core;
    double mean_rate; /* sends per second, at the end */
    bool unsupported; /* one of them cannot be decided yet */
};

bool checks_is_word(const char *word);

/* false, and words on stderr: a line is no check. */
bool checks_build(struct checks *c, const struct script *script);
void checks_fini(struct checks *c);

/* A new run; times[] holds each mark's second. */
void checks_start(struct checks *c, const struct kp_core *core, const double *times);

void checks_event(struct checks *c, const struct kp_event *e, double t);
void checks_look(struct checks *c, double t);
void checks_end(struct checks *c, double t, double mean_rate);

/* The check as it stands in the file. */
void checks_text(const struct check *check, char *out, size_t size);

#endif
