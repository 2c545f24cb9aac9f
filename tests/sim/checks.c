#include "tests/sim/checks.h"

#include "tests/sim/observe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct condition {
    const char *word;
    int args, more; /* needed, and how many more are allowed */
    bool incidents; /* needs the incident view */
    bool at_end;
    bool (*holds)(const struct checks *c, const struct check *check);
    bool (*is)(const struct kp_event *e, const struct check *check); /* or: happens */
};

static bool state_is(bool found, enum kp_state state, const char *want)
{
    return found && strcmp(kp_state_name(state), want) == 0;
}

static bool path_holds(const struct checks *c, const struct check *k)
{
    enum kp_state s;
    bool found = observe_path(c->core, k->args[0], &s);
    return state_is(found, s, k->args[1]);
}

static bool target_holds(const struct checks *c, const struct check *k)
{
    enum kp_state s;
    bool found = observe_target(c->core, k->args[0], &s);
    return state_is(found, s, k->args[1]);
}

static bool probe_holds(const struct checks *c, const struct check *k)
{
    enum kp_state s;
    bool found = observe_probe(c->core, k->args[0], k->args[1], &s);
    return state_is(found, s, k->args[2]);
}

static bool vantage_holds(const struct checks *c, const struct check *k)
{
    return state_is(true, observe_vantage(c->core), k->args[0]);
}

static bool edge_holds(const struct checks *c, const struct check *k)
{
    return state_is(true, observe_edge(c->core, k->args[0]), k->args[1]);
}

static bool on_path_holds(const struct checks *c, const struct check *k)
{
    const char *path = observe_path_of(c->core, k->args[0]);
    return strcmp(path != NULL ? path : "none", k->args[1]) == 0;
}

static bool among(const struct check *k, const char *value)
{
    for (int i = 0; i < k->arg_count; i++)
        if (strcmp(k->args[i], value) == 0)
            return true;
    return false;
}

static bool verdict_holds(const struct checks *c, const struct check *k)
{
    return among(k, kp_verdict_name(observe_verdict(c->core)));
}

static bool where_holds(const struct checks *c, const struct check *k)
{
    struct incident i;
    return observe_open(c->core, &i) && strcmp(i.where, k->args[0]) == 0;
}

static bool confidence_holds(const struct checks *c, const struct check *k)
{
    struct incident i;
    return observe_open(c->core, &i) && among(k, kp_confidence_name(i.confidence));
}

static bool phase_holds(const struct checks *c, const struct check *k)
{
    struct incident i;
    return observe_latest(c->core, &i) && among(k, kp_phase_name(i.phase));
}

/* "incidents 1" or "incidents 2..4". */
static bool incidents_holds(const struct checks *c, const struct check *k)
{
    char *end = NULL;
    unsigned long least = strtoul(k->args[0], &end, 10);
    unsigned long most = strncmp(end, "..", 2) == 0 ? strtoul(end + 2, &end, 10) : least;
    unsigned count = observe_incident_count(c->core);
    return count >= least && count <= most;
}

static bool history_holds(const struct checks *c, const struct check *k)
{
    struct incident i;
    if (!observe_latest(c->core, &i) || (int)i.history_count != k->arg_count)
        return false;
    for (int n = 0; n < k->arg_count; n++)
        if (strcmp(kp_verdict_name(i.history[n]), k->args[n]) != 0)
            return false;
    return true;
}

static bool rate_holds(const struct checks *c, const struct check *k)
{
    double most = 0;
    return word_rate(k->args[0], &most) && c->mean_rate <= most;
}

static bool is_event(const struct kp_event *e, const struct check *k)
{
    return observe_is(e, k->args[0], k->arg_count > 1 ? k->args[1] : NULL);
}

static bool is_alarm(const struct kp_event *e, const struct check *k)
{
    (void)k;
    return observe_alarm(e);
}

static bool is_state_change(const struct kp_event *e, const struct check *k)
{
    (void)k;
    return observe_state_change(e);
}

static bool is_target_event(const struct kp_event *e, const struct check *k)
{
    return e->action == KP_EV_TARGET_STATE && observe_state_change(e) &&
           observe_is(e, kp_action_name(e->action), k->args[0]);
}

static bool is_path_event(const struct kp_event *e, const struct check *k)
{
    return e->action == KP_EV_PATH_STATE && observe_state_change(e) &&
           observe_is(e, kp_action_name(e->action), k->args[0]);
}

static const struct condition conditions[] = {
    {"path", 2, 0, false, false, path_holds, NULL},
    {"target", 2, 0, false, false, target_holds, NULL},
    {"state", 2, 0, false, false, target_holds, NULL},
    {"probe", 3, 0, false, false, probe_holds, NULL},
    {"vantage", 1, 0, false, false, vantage_holds, NULL},
    {"edge", 2, 0, true, false, edge_holds, NULL},
    {"on-path", 2, 0, false, false, on_path_holds, NULL},
    {"verdict", 1, 8, true, false, verdict_holds, NULL},
    {"where", 1, 0, true, false, where_holds, NULL},
    {"confidence", 1, 2, true, false, confidence_holds, NULL},
    {"phase", 1, 2, true, false, phase_holds, NULL},
    {"incidents", 1, 0, true, true, incidents_holds, NULL},
    {"class-history", 1, 12, true, true, history_holds, NULL},
    {"rate", 1, 0, false, true, rate_holds, NULL},
    {"event", 1, 1, false, false, NULL, is_event},
    {"alarm", 0, 0, false, false, NULL, is_alarm},
    {"state-change", 0, 0, false, false, NULL, is_state_change},
    {"target-event", 1, 0, false, false, NULL, is_target_event},
    {"path-event", 1, 0, false, false, NULL, is_path_event},
};

bool checks_is_word(const char *word)
{
    return strcmp(word, "expect") == 0 || strcmp(word, "keep") == 0 ||
           strcmp(word, "never") == 0;
}

static bool parse(struct check *k, const struct line *line)
{
    char *const *w = line->words.w;
    int at = 1;
    int end = line->words.n;
    *k = (struct check){.line = line, .limit = -1, .mode = CHECK_EXPECT};
    bool never = end > 1 && strcmp(w[0], "expect") == 0 && strcmp(w[1], "never") == 0;
    at += never;
    if (never || strcmp(w[0], "never") == 0)
        k->mode = CHECK_NEVER;
    if (strcmp(w[0], "keep") == 0)
        k->mode = CHECK_KEEP;
    if (end - at >= 3 &&
        (strcmp(w[end - 2], "within") == 0 || strcmp(w[end - 2], "for") == 0)) {
        if (!word_seconds(w[end - 1], &k->limit))
            return false;
        end -= 2;
    }
    for (size_t i = 0; at < end && i < sizeof conditions / sizeof conditions[0]; i++)
        if (strcmp(conditions[i].word, w[at]) == 0)
            k->condition = &conditions[i];
    k->args = (char **)(uintptr_t)&w[at + 1];
    k->arg_count = end - at - 1;
    return k->condition != NULL && k->arg_count >= k->condition->args &&
           k->arg_count <= k->condition->args + k->condition->more;
}

bool checks_build(struct checks *c, const struct script *script)
{
    *c = (struct checks){.list = calloc(script->line_count + 1, sizeof *c->list)};
    for (size_t i = 0; c->list != NULL && i < script->line_count; i++) {
        const struct line *line = &script->lines[i];
        if (!checks_is_word(line->words.w[0]))
            continue;
        if (!parse(&c->list[c->count], line)) {
            fprintf(stderr, "%s:%d: no such check\n", script->file, line->number);
            return false;
        }
        if (c->list[c->count++].condition->incidents && !observe_has_incidents())
            c->unsupported = true;
    }
    return c->list != NULL;
}

void checks_fini(struct checks *c)
{
    free(c->list);
    *c = (struct checks){0};
}

void checks_start(struct checks *c, const struct kp_core *core, const double *times)
{
    c->core = core;
    for (size_t i = 0; i < c->count; i++) {
        struct check *k = &c->list[i];
        bool open_end = k->limit < 0 && k->mode != CHECK_EXPECT;
        k->start = times[k->line->mark];
        k->deadline = open_end ? INFINITY : k->start + fmax(k->limit, 0);
        k->looked = k->done = k->failed = false;
        k->took = -1;
        k->seen[0] = '\0';
    }
}

static bool decidable(const struct check *k)
{
    return !k->condition->incidents || observe_has_incidents();
}

static bool running(const struct check *k, double t)
{
    return !k->done && !k->failed && decidable(k) && t >= k->start;
}

/* What a failed check about incidents found instead. */
static void note_seen(const struct checks *c, struct check *k)
{
    struct incident i;
    if (!k->condition->incidents || !observe_has_incidents())
        return;
    int used =
        snprintf(k->seen, sizeof k->seen, "; verdict %s, %u incidents",
                 kp_verdict_name(observe_verdict(c->core)), observe_incident_count(c->core));
    if (!observe_latest(c->core, &i))
        return;
    used += snprintf(k->seen + used, sizeof k->seen - (size_t)used,
                     ", the last %s at %s:", kp_confidence_name(i.confidence), i.where);
    for (unsigned n = 0; n < i.history_count && used < (int)sizeof k->seen; n++)
        used += snprintf(k->seen + used, sizeof k->seen - (size_t)used, " %s",
                         kp_verdict_name(i.history[n]));
}

static void found(const struct checks *c, struct check *k, bool holds, double t)
{
    bool over = t > k->deadline && k->looked;
    k->looked = true;
    if (k->mode == CHECK_EXPECT) {
        k->done = holds && !over;
        k->took = t - k->start;
        k->failed = over;
    } else if (over) {
        k->done = true;
    } else {
        k->failed = holds != (k->mode == CHECK_KEEP);
        k->took = t - k->start;
    }
    if (k->failed)
        note_seen(c, k);
}

void checks_event(struct checks *c, const struct kp_event *e, double t)
{
    for (size_t i = 0; i < c->count; i++) {
        struct check *k = &c->list[i];
        if (k->condition->is != NULL && running(k, t) && k->condition->is(e, k))
            found(c, k, true, t);
    }
}

void checks_look(struct checks *c, double t)
{
    for (size_t i = 0; i < c->count; i++) {
        struct check *k = &c->list[i];
        if (!running(k, t) || k->condition->at_end)
            continue;
        if (k->condition->holds != NULL)
            found(c, k, k->condition->holds(c, k), t);
        else if (t > k->deadline)
            found(c, k, false, t);
    }
}

void checks_end(struct checks *c, double t, double mean_rate)
{
    c->mean_rate = mean_rate;
    for (size_t i = 0; i < c->count; i++) {
        struct check *k = &c->list[i];
        if (!running(k, t))
            continue;
        if (k->condition->at_end)
            k->failed = k->condition->holds(c, k) == (k->mode == CHECK_NEVER);
        else if (k->mode == CHECK_EXPECT)
            k->failed = true; /* the scenario ended before it came true */
        if (k->failed)
            note_seen(c, k);
    }
}

void checks_text(const struct check *check, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < check->line->words.n && used + 1 < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "",
                         check->line->words.w[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}
