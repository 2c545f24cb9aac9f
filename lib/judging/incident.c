#include "lib/judging/finding.h"
#include "lib/judging/incident_table.h"

#include <stdlib.h>
#include <string.h>

/* What began within this time of something it overlaps is the same event. */
#define GROWTH (1800 * KP_NS_PER_S)
/* A fault of our own takes what fell silent since then, or in the same moment. */
#define MOMENT (60 * KP_NS_PER_S)
#define RELAPSE (1800 * KP_NS_PER_S)

enum { OPENED = 1, UPDATED = 2, CLOSED = 4 };

/* One look. */
struct look {
    struct kp_incidents *table;
    struct kp_wall now;
    const struct kp_finding *findings;
    size_t count;
    const struct kp_incident_host *host;
    bool suspended;
};

static struct kp_wall later(struct kp_wall a, struct kp_wall b)
{
    return a.ns > b.ns ? a : b;
}

static int64_t apart(struct kp_wall a, struct kp_wall b)
{
    return a.ns > b.ns ? a.ns - b.ns : b.ns - a.ns;
}

static bool soon(const struct kp_finding *f, const struct kp_incident *i)
{
    if (f->class == KP_V_VANTAGE_FAULT)
        return i->fell.ns >= f->began.ns - MOMENT;
    return apart(f->began, i->fell) <= GROWTH || apart(f->began, i->grew) <= GROWTH;
}

static bool is_vantage(const struct kp_incident *i)
{
    return i->what.class == KP_V_VANTAGE_FAULT;
}

/* Whether a finding is what an open incident is about: then, as ever, or grown. */
static bool continues(const struct kp_finding *f, const struct kp_incident *i)
{
    const struct kp_finding *was = &i->what;
    if (is_vantage(i) || f->class == KP_V_VANTAGE_FAULT)
        return kp_finding_alike(f, was) ||
               (!is_vantage(i) && i->phase == KP_CONFIRMED && soon(f, i));
    if (!kp_finding_overlap(f, was))
        return false;
    if (!f->leads)
        return kp_finding_covers(was, f) || soon(f, i);
    if (!was->leads)
        return kp_finding_covers(f, was) || kp_finding_covers(was, f) || soon(f, i);
    if (kp_finding_alike(f, was))
        return true;
    if (was->class == KP_V_DEGRADED)
        return kp_finding_covers(f, was);
    if (kp_finding_width(f) > kp_finding_width(was))
        return soon(f, i);
    /* Narrower than thought, if it still is all that was thought silent. */
    return f->class != KP_V_DEGRADED && kp_names_within(&was->targets, &f->targets);
}

/* Not sure what it is, but no longer all of it: the rest of a recovering incident
 * must not keep it open. */
static bool only_rest(const struct kp_finding *f, const struct kp_incident *i)
{
    return !f->leads && i->what.leads && !kp_names_within(&i->what.targets, &f->targets) &&
           !(kp_finding_by_path(&i->what) && !kp_finding_everything(&i->what) &&
             kp_finding_covers(f, &i->what));
}

static struct kp_incident *find_open(const struct kp_incidents *table,
                                     const struct kp_finding *f)
{
    struct kp_incident *best = NULL;
    for (uint32_t n = 0; n < table->count; n++) {
        struct kp_incident *i = table->list[n];
        if (kp_incident_is_open(i) && continues(f, i) &&
            (best == NULL || kp_finding_width(&i->what) > kp_finding_width(&best->what)))
            best = i;
    }
    return best;
}

static bool more_than_a_host(const struct kp_finding *f)
{
    const int host = 2;
    return kp_finding_width(f) > host;
}

/* Whether what the closed incident was about fails again: the same, or of several
 * paths some or more.  What has been silent all the while is its rest. */
static bool relapses(const struct kp_finding *f, const struct kp_incident *i)
{
    if (f->began.ns <= i->ended.ns)
        return f->leads && kp_finding_alike(f, &i->what);
    if (!f->leads)
        return kp_finding_overlap(f, &i->what) &&
               (kp_finding_covers(&i->what, f) || kp_names_within(&f->paths, &i->what.paths));
    if (kp_finding_alike(f, &i->what))
        return true;
    return more_than_a_host(f) && more_than_a_host(&i->what) && !is_vantage(i) &&
           f->class != KP_V_VANTAGE_FAULT &&
           (kp_finding_covers(f, &i->what) || kp_finding_covers(&i->what, f));
}

/* The latest closed incident that the finding brings back. */
static struct kp_incident *find_relapse(const struct kp_incidents *table,
                                        const struct kp_finding *f)
{
    for (uint32_t n = table->count; n-- > 0;) {
        struct kp_incident *i = table->list[n];
        if (!kp_incident_is_open(i) && i->merged_into == 0 &&
            f->began.ns - i->closed_at.ns <= RELAPSE && relapses(f, i))
            return i;
    }
    return NULL;
}

/* A part of something wider that is open: still silent or coming back late, or, where
 * more than a host of it is silent again, not coming back yet. */
static bool part_of_open(const struct look *look, const struct kp_finding *f,
                         struct kp_incident *i)
{
    if (!kp_incident_is_open(i))
        return false;
    if (i->phase == KP_RECOVERING && f->began.ns > i->answering.ns && more_than_a_host(f))
        i->broken = look->now;
    return true;
}

/* Its last hosts may take longer than it did to close. */
static bool rest_of_closed(const struct look *look, const struct kp_finding *f,
                           const struct kp_incident *i)
{
    return i->phase == KP_CLOSED && i->merged_into == 0 && f->began.ns <= i->ended.ns &&
           look->now.ns - i->closed_at.ns <= 2 * look->table->recover_after.ns;
}

static bool swallowed(const struct look *look, const struct kp_finding *f)
{
    for (uint32_t n = 0; n < look->table->count; n++) {
        struct kp_incident *i = look->table->list[n];
        if (!is_vantage(i) && kp_finding_covers(&i->what, f) &&
            kp_finding_width(&i->what) > kp_finding_width(f) &&
            (part_of_open(look, f, i) || rest_of_closed(look, f, i)))
            return true;
    }
    return false;
}

static void note_class(struct kp_incident *i, struct kp_wall now)
{
    if (i->history_count == KP_INCIDENT_HISTORY) {
        memmove(&i->history[1], &i->history[2],
                (KP_INCIDENT_HISTORY - 2) * sizeof i->history[0]);
        i->history_count--;
    }
    i->history[i->history_count++] = (struct kp_class_change){now, i->what.class};
}

static enum kp_confidence confidence(const struct kp_finding *f)
{
    if (!f->leads || f->unsure || f->class == KP_V_UNKNOWN)
        return KP_LOW;
    return f->certain ? KP_HIGH : KP_MEDIUM;
}

/* The finding says better than before what the incident is. */
static void take_class(struct kp_incident *i, const struct kp_finding *f, struct kp_wall now)
{
    struct kp_finding what = *f;
    if (i->what.leads && kp_finding_width(f) > kp_finding_width(&i->what)) {
        kp_names_join(&what.targets, &i->what.targets);
        kp_names_join(&what.paths, &i->what.paths);
    }
    bool changed = i->what.class != f->class;
    what.began = i->what.began;
    i->what = what;
    if (changed)
        note_class(i, now);
}

/* More of the same: nothing is taken back while it lasts. */
static void take_more(struct kp_incident *i, const struct kp_finding *f)
{
    struct kp_finding *what = &i->what;
    if (kp_finding_covers(f, what))
        memcpy(what->where, f->where, sizeof what->where);
    what->certain |= f->certain;
    what->unsure &= f->unsure;
    kp_names_join(&what->targets, &f->targets);
    kp_names_join(&what->paths, &f->paths);
    if (f->fact_count == 0)
        return;
    what->fact_count = f->fact_count;
    memcpy(what->facts, f->facts, sizeof what->facts);
}

static void fall_again(struct kp_incident *i, struct kp_wall began)
{
    i->phase = KP_CONFIRMED;
    i->fell = i->grew = began;
    i->answering = i->ended = i->closed_at = i->broken = (struct kp_wall){0};
}

static void take(struct kp_incident *i, const struct kp_finding *f, struct kp_wall now)
{
    struct kp_finding *what = &i->what;
    enum kp_phase phase = i->phase;
    enum kp_verdict class = what->class;
    char where[sizeof what->where];
    memcpy(where, what->where, sizeof where);
    if (phase == KP_RECOVERING)
        fall_again(i, f->began);
    if (f->began.ns < what->began.ns && apart(f->began, i->fell) <= GROWTH)
        what->began = i->fell = f->began;
    if (f->leads && (!what->leads || f->class != class))
        take_class(i, f, now);
    else if (f->leads || f->class == class)
        take_more(i, f);
    else if (!what->leads && f->class != KP_V_UNKNOWN)
        take_class(i, f, now);
    if (i->grew.ns < f->began.ns && apart(f->began, i->grew) <= GROWTH)
        i->grew = f->began;
    enum kp_confidence sure = confidence(what);
    if (sure != i->confidence || class != what->class || phase != i->phase ||
        strcmp(where, what->where) != 0)
        i->news |= UPDATED;
    i->confidence = sure;
    i->held = true;
}

static void close_at(struct kp_incident *i, struct kp_wall ended, struct kp_wall now)
{
    i->phase = KP_CLOSED;
    i->ended = ended;
    i->closed_at = now;
    i->news |= CLOSED;
}

/* Others that turn out to be a part of the same event. */
static void merge_into(const struct look *look, struct kp_incident *into,
                       const struct kp_finding *f)
{
    for (uint32_t n = 0; f->leads && n < look->table->count; n++) {
        struct kp_incident *i = look->table->list[n];
        if (i == into || !kp_incident_is_open(i) || i->held || is_vantage(i) ||
            kp_finding_width(&i->what) > kp_finding_width(f) ||
            !kp_finding_covers(f, &i->what) || !soon(f, i))
            continue;
        if (i->what.began.ns < into->what.began.ns)
            into->what.began = i->what.began;
        i->merged_into = into->id;
        close_at(i, look->now, look->now);
    }
}

static enum kp_err open_new(const struct look *look, const struct kp_finding *f)
{
    struct kp_incidents *table = look->table;
    if (table->count == KP_INCIDENTS_LIST ||
        kp_incidents_open_count(table) >= KP_INCIDENTS_OPEN)
        return KP_ERR_BUSY;
    struct kp_incident *i = calloc(1, sizeof *i);
    if (i == NULL)
        return KP_ERR_NOMEM;
    i->id = ++table->last_id;
    look->host->uuid(look->host->arg, i->uuid);
    i->what = *f;
    i->phase = KP_CONFIRMED;
    i->confidence = confidence(f);
    i->confirmed = look->now;
    i->fell = i->grew = f->began;
    i->news = OPENED;
    i->held = true;
    note_class(i, look->now);
    table->list[table->count++] = i;
    merge_into(look, i, f);
    return KP_OK;
}

static enum kp_err take_finding(const struct look *look, const struct kp_finding *f)
{
    struct kp_incident *i = find_open(look->table, f);
    if (i != NULL && only_rest(f, i))
        return KP_OK;
    if (i == NULL && swallowed(look, f))
        return KP_OK;
    if (i == NULL || !i->what.leads || kp_finding_width(&i->what) < kp_finding_width(f)) {
        struct kp_incident *back = find_relapse(look->table, f);
        if (back != NULL && (i == NULL || f->leads)) {
            fall_again(back, f->began);
            back->news |= UPDATED;
            i = back;
        }
    }
    if (i == NULL)
        return open_new(look, f);
    take(i, f, look->now);
    merge_into(look, i, f);
    return KP_OK;
}

/* Sure and wide findings first, so that they take the narrow ones in. */
static enum kp_err take_findings(const struct look *look)
{
    enum kp_err err = KP_OK;
    for (int turn = 13; turn >= 0; turn--) {
        for (size_t n = 0; n < look->count; n++) {
            const struct kp_finding *f = &look->findings[n];
            if (kp_finding_width(f) + (f->leads ? 7 : 0) != turn ||
                (look->suspended && f->class != KP_V_VANTAGE_FAULT))
                continue;
            enum kp_err failed = take_finding(look, f);
            err = failed != KP_OK ? failed : err;
        }
    }
    return err;
}

/* An incident whose place lies inside something wider that is silent. */
static bool covered(const struct look *look, const struct kp_incident *i)
{
    for (size_t n = 0; n < look->count; n++) {
        const struct kp_finding *f = &look->findings[n];
        if (f->class == KP_V_DEGRADED && i->what.class != KP_V_DEGRADED)
            continue;
        if (kp_names_within(&i->what.targets, &f->targets) ||
            (f->leads && kp_finding_width(f) >= kp_finding_width(&i->what) &&
             kp_finding_covers(f, &i->what)))
            return true;
    }
    return false;
}

static void relapse_silently(struct kp_incident *i, struct kp_wall now)
{
    if (i->phase != KP_RECOVERING)
        return;
    fall_again(i, now);
    i->news |= UPDATED;
}

static void recover(const struct look *look, struct kp_incident *i)
{
    struct kp_back back = look->host->answering(look->host->arg, i);
    struct kp_wall first = back.first;
    if (first.ns == 0) {
        relapse_silently(i, look->now);
        return;
    }
    /* A run that is older than the silence is none of its end. */
    if (first.ns < i->fell.ns)
        first = i->phase == KP_RECOVERING ? i->answering : look->now;
    first = later(first, i->broken);
    if (i->phase != KP_RECOVERING)
        i->news |= UPDATED;
    i->phase = KP_RECOVERING;
    i->answering = first;
    struct kp_wall since = later(later(first, back.settled), look->table->resumed);
    if (look->now.ns - since.ns >= look->table->recover_after.ns)
        close_at(i, first, look->now);
}

static void recover_others(const struct look *look)
{
    for (uint32_t n = 0; n < look->table->count; n++) {
        struct kp_incident *i = look->table->list[n];
        if (!kp_incident_is_open(i) || i->held || (look->suspended && !is_vantage(i)))
            continue;
        if (!is_vantage(i) && covered(look, i))
            relapse_silently(i, look->now);
        else
            recover(look, i);
    }
}

/* Forgets the oldest closed ones, and the news of the last look. */
static void tidy(struct kp_incidents *table)
{
    uint32_t closed = table->count - kp_incidents_open_count(table);
    uint32_t kept = 0;
    for (uint32_t n = 0; n < table->count; n++) {
        struct kp_incident *i = table->list[n];
        if (!kp_incident_is_open(i) && closed > KP_INCIDENTS_CLOSED) {
            closed--;
            free(i);
            continue;
        }
        i->news = 0;
        i->held = false;
        table->list[kept++] = i;
    }
    table->count = kept;
}

static void list_changes(struct kp_incidents *table)
{
    table->change_count = 0;
    for (uint32_t n = 0; n < table->count; n++) {
        const struct kp_incident *i = table->list[n];
        if (i->news == 0)
            continue;
        enum kp_action action = i->news & OPENED   ? KP_EV_INCIDENT_OPENED
                                : i->news & CLOSED ? KP_EV_INCIDENT_CLOSED
                                                   : KP_EV_INCIDENT_UPDATED;
        table->changes[table->change_count++] = (struct kp_incident_change){action, i->id};
    }
}

enum kp_err kp_incidents_observe(struct kp_incidents *table, struct kp_wall now,
                                 const struct kp_finding *findings, size_t count,
                                 const struct kp_incident_host *host)
{
    struct look look = {table, now, findings, count, host, false};
    for (size_t n = 0; n < count; n++)
        look.suspended |= findings[n].class == KP_V_VANTAGE_FAULT;
    if (table->suspended && !look.suspended)
        table->resumed = now;
    table->suspended = look.suspended;
    tidy(table);
    enum kp_err err = take_findings(&look);
    recover_others(&look);
    list_changes(table);
    return err;
}
