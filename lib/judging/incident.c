#include "lib/judging/incident.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 256
#define CLOSED_MAX 256
#define LIST_MAX 1024 /* one look may close many before the next forgets them */
/* What began within this time of something it overlaps is the same event. */
#define GROWTH (600 * KP_NS_PER_S)
/* A fault of our own takes only what fell silent in the same moment. */
#define MOMENT (60 * KP_NS_PER_S)
#define RELAPSE (1800 * KP_NS_PER_S)

enum { OPENED = 1, UPDATED = 2, CLOSED = 4 };

struct kp_incidents {
    struct kp_dur recover_after;
    uint32_t last_id;
    bool suspended;         /* the last look found a fault of our own */
    struct kp_wall resumed; /* since when it does not */
    uint32_t count;
    struct kp_incident *list[LIST_MAX]; /* by id */
    uint32_t change_count;
    struct kp_incident_change changes[LIST_MAX];
};

/* One look. */
struct look {
    struct kp_incidents *table;
    struct kp_wall now;
    const struct kp_finding *findings;
    size_t count;
    const struct kp_incident_host *host;
    bool suspended;
};

static bool has(const struct kp_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count && i < KP_INCIDENT_NAMES; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

void kp_names_add(struct kp_names *names, const char *name)
{
    if (has(names, name))
        return;
    if (names->count < KP_INCIDENT_NAMES) {
        char *to = names->name[names->count];
        size_t len = strnlen(name, sizeof names->name[0] - 1);
        memcpy(to, name, len);
        to[len] = '\0';
    }
    names->count++;
}

/* Lists that were cut short are joined as far as is known. */
static void join(struct kp_names *to, const struct kp_names *from)
{
    uint32_t most = to->count > from->count ? to->count : from->count;
    for (uint32_t i = 0; i < from->count && i < KP_INCIDENT_NAMES; i++)
        if (to->count < KP_INCIDENT_NAMES)
            kp_names_add(to, from->name[i]);
    if (to->count < most)
        to->count = most;
}

static bool shares(const struct kp_names *a, const struct kp_names *b)
{
    for (uint32_t i = 0; i < a->count && i < KP_INCIDENT_NAMES; i++)
        if (has(b, a->name[i]))
            return true;
    return false;
}

/* Whether all of a, known in full and not empty, is in b. */
static bool within(const struct kp_names *a, const struct kp_names *b)
{
    if (a->count == 0 || a->count > KP_INCIDENT_NAMES)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!has(b, a->name[i]))
            return false;
    return true;
}

static int width(const struct kp_finding *f)
{
    static const int widths[KP_VERDICT_COUNT] = {
        [KP_V_SERVICE_OUTAGE] = 1, [KP_V_POSSIBLE_BAN] = 2,  [KP_V_HOST_OUTAGE] = 2,
        [KP_V_DNS_OUTAGE] = 3,     [KP_V_PATH_OUTAGE] = 4,   [KP_V_COUNTRY_OUTAGE] = 5,
        [KP_V_TRANSIT_OUTAGE] = 5, [KP_V_VANTAGE_FAULT] = 6,
    };
    return widths[f->class];
}

static bool everything(const struct kp_finding *f)
{
    return width(f) >= 5;
}

/* Targets do not tell: it is about paths, or there are too many. */
static bool by_path(const struct kp_finding *f)
{
    return f->class == KP_V_PATH_OUTAGE || f->targets.count == 0 ||
           f->targets.count > KP_INCIDENT_NAMES;
}

static bool overlap(const struct kp_finding *a, const struct kp_finding *b)
{
    if (everything(a) || everything(b) || shares(&a->targets, &b->targets))
        return true;
    return (by_path(a) || by_path(b)) && shares(&a->paths, &b->paths);
}

/* Whether b is a part of a. */
static bool covers(const struct kp_finding *a, const struct kp_finding *b)
{
    if (everything(a))
        return true;
    if (!everything(b)) {
        if (a->class == KP_V_SERVICE_OUTAGE && b->class == KP_V_SERVICE_OUTAGE)
            return strcmp(a->where, b->where) == 0;
        if (a->class == KP_V_DNS_OUTAGE && b->class == KP_V_DNS_OUTAGE)
            return true;
        if (by_path(a) && within(&b->paths, &a->paths))
            return true;
    }
    return within(&b->targets, &a->targets);
}

/* Two findings of one width about one thing. */
static bool alike(const struct kp_finding *a, const struct kp_finding *b)
{
    if (width(a) != width(b) || (a->class == KP_V_DEGRADED) != (b->class == KP_V_DEGRADED))
        return false;
    if (a->class == KP_V_SERVICE_OUTAGE)
        return strcmp(a->where, b->where) == 0;
    return a->class == KP_V_DNS_OUTAGE || overlap(a, b);
}

static int64_t apart(struct kp_wall a, struct kp_wall b)
{
    return a.ns > b.ns ? a.ns - b.ns : b.ns - a.ns;
}

static bool soon(const struct kp_finding *f, const struct kp_incident *i)
{
    if (f->class == KP_V_VANTAGE_FAULT)
        return apart(f->began, i->fell) <= MOMENT;
    return apart(f->began, i->fell) <= GROWTH || apart(f->began, i->grew) <= GROWTH;
}

static bool is_open(const struct kp_incident *i)
{
    return i->phase != KP_CLOSED;
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
        return alike(f, was) || (!is_vantage(i) && i->phase == KP_CONFIRMED && soon(f, i));
    if (!overlap(f, was))
        return false;
    if (!f->leads)
        return covers(was, f) || soon(f, i);
    if (!was->leads)
        return covers(f, was) || covers(was, f) || soon(f, i);
    if (alike(f, was))
        return true;
    if (was->class == KP_V_DEGRADED)
        return covers(f, was);
    if (width(f) > width(was))
        return soon(f, i);
    /* Narrower than thought, if it still is all that was thought silent. */
    return f->class != KP_V_DEGRADED && within(&was->targets, &f->targets);
}

/* Not sure what it is, but no longer all of it: the rest of a recovering incident
 * must not keep it open. */
static bool only_rest(const struct kp_finding *f, const struct kp_incident *i)
{
    return !f->leads && i->what.leads && !within(&i->what.targets, &f->targets) &&
           !(by_path(&i->what) && !everything(&i->what) && covers(f, &i->what));
}

static struct kp_incident *find_open(const struct kp_incidents *table,
                                     const struct kp_finding *f)
{
    struct kp_incident *best = NULL;
    for (uint32_t n = 0; n < table->count; n++) {
        struct kp_incident *i = table->list[n];
        if (is_open(i) && continues(f, i) &&
            (best == NULL || width(&i->what) > width(&best->what)))
            best = i;
    }
    return best;
}

/* The latest closed incident that the finding brings back. */
static struct kp_incident *find_relapse(const struct kp_incidents *table,
                                        const struct kp_finding *f)
{
    for (uint32_t n = table->count; n-- > 0;) {
        struct kp_incident *i = table->list[n];
        if (is_open(i) || i->merged_into != 0 || f->began.ns - i->closed_at.ns > RELAPSE)
            continue;
        bool same = f->leads ? alike(f, &i->what)
                             : overlap(f, &i->what) && covers(&i->what, f) && !only_rest(f, i);
        if (same)
            return i;
    }
    return NULL;
}

/* A part of something wider that is open, still silent or coming back late. */
static bool swallowed(const struct kp_incidents *table, const struct kp_finding *f)
{
    for (uint32_t n = 0; n < table->count; n++) {
        const struct kp_incident *i = table->list[n];
        if (is_open(i) && !is_vantage(i) && width(&i->what) > width(f) && covers(&i->what, f))
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

static void take_facts(struct kp_finding *what, const struct kp_finding *f)
{
    if (f->fact_count == 0)
        return;
    what->fact_count = f->fact_count < KP_INCIDENT_FACTS ? f->fact_count : KP_INCIDENT_FACTS;
    memcpy(what->facts, f->facts, sizeof what->facts);
}

/* The finding says better than before what the incident is. */
static void take_class(struct kp_incident *i, const struct kp_finding *f, struct kp_wall now)
{
    struct kp_wall began = i->what.began;
    bool grown = i->what.leads && width(f) > width(&i->what);
    struct kp_names targets = i->what.targets;
    struct kp_names paths = i->what.paths;
    bool changed = i->what.class != f->class;
    i->what = *f;
    i->what.began = began;
    if (grown) {
        join(&i->what.targets, &targets);
        join(&i->what.paths, &paths);
    }
    if (changed)
        note_class(i, now);
}

/* More of the same: nothing is taken back while it lasts. */
static void take_more(struct kp_incident *i, const struct kp_finding *f)
{
    struct kp_finding *what = &i->what;
    if (covers(f, what))
        memcpy(what->where, f->where, sizeof what->where);
    what->certain |= f->certain;
    what->unsure &= f->unsure;
    join(&what->targets, &f->targets);
    join(&what->paths, &f->paths);
    take_facts(what, f);
}

static void fall_again(struct kp_incident *i, struct kp_wall began)
{
    i->phase = KP_CONFIRMED;
    i->fell = i->grew = began;
    i->answering = i->ended = i->closed_at = (struct kp_wall){0};
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

static void reopen(struct kp_incident *i, const struct kp_finding *f)
{
    fall_again(i, f->began);
    i->news |= UPDATED;
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
        if (i == into || !is_open(i) || is_vantage(i) || width(&i->what) > width(f) ||
            !covers(f, &i->what) || !soon(f, i))
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
    if (table->count == LIST_MAX || kp_incidents_open_count(table) >= OPEN_MAX)
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
    if (i == NULL || !i->what.leads) {
        struct kp_incident *back = find_relapse(look->table, f);
        if (back != NULL && (i == NULL || f->leads)) {
            reopen(back, f);
            i = back;
        }
    }
    if (i != NULL) {
        take(i, f, look->now);
        merge_into(look, i, f);
        return KP_OK;
    }
    return swallowed(look->table, f) ? KP_OK : open_new(look, f);
}

/* Sure and wide findings first, so that they take the narrow ones in. */
static enum kp_err take_findings(const struct look *look)
{
    enum kp_err err = KP_OK;
    for (int turn = 13; turn >= 0; turn--) {
        for (size_t n = 0; n < look->count; n++) {
            const struct kp_finding *f = &look->findings[n];
            if (width(f) + (f->leads ? 7 : 0) != turn ||
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
        if (within(&i->what.targets, &f->targets) ||
            (f->leads && width(f) >= width(&i->what) && covers(f, &i->what)))
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
    struct kp_wall first = look->host->answering(look->host->arg, i);
    if (first.ns == 0) {
        relapse_silently(i, look->now);
        return;
    }
    /* A run that is older than the silence is none of its end. */
    if (first.ns < i->fell.ns)
        first = i->phase == KP_RECOVERING ? i->answering : look->now;
    if (i->phase != KP_RECOVERING)
        i->news |= UPDATED;
    i->phase = KP_RECOVERING;
    i->answering = first;
    int64_t since = first.ns > look->table->resumed.ns ? first.ns : look->table->resumed.ns;
    if (look->now.ns - since >= look->table->recover_after.ns)
        close_at(i, first, look->now);
}

static void recover_others(const struct look *look)
{
    for (uint32_t n = 0; n < look->table->count; n++) {
        struct kp_incident *i = look->table->list[n];
        if (!is_open(i) || i->held || (look->suspended && !is_vantage(i)))
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
        if (!is_open(i) && closed > CLOSED_MAX) {
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

struct kp_incidents *kp_incidents_new(struct kp_dur recover_after)
{
    struct kp_incidents *table = calloc(1, sizeof *table);
    if (table != NULL)
        table->recover_after = recover_after;
    return table;
}

void kp_incidents_free(struct kp_incidents *table)
{
    for (uint32_t n = 0; table != NULL && n < table->count; n++)
        free(table->list[n]);
    free(table);
}

void kp_incidents_configure(struct kp_incidents *table, struct kp_dur recover_after)
{
    table->recover_after = recover_after;
}

enum kp_err kp_incidents_restore(struct kp_incidents *table, const struct kp_incident *incident)
{
    if (incident->id == 0 || kp_incidents_by_id(table, incident->id) != NULL)
        return KP_ERR_RANGE;
    if (table->count >= OPEN_MAX + CLOSED_MAX)
        return KP_ERR_BUSY;
    struct kp_incident *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return KP_ERR_NOMEM;
    *copy = *incident;
    uint32_t n = table->count++;
    for (; n > 0 && table->list[n - 1]->id > copy->id; n--)
        table->list[n] = table->list[n - 1];
    table->list[n] = copy;
    table->last_id = table->list[table->count - 1]->id;
    return KP_OK;
}

const struct kp_incident_change *kp_incidents_changes(const struct kp_incidents *table,
                                                      size_t *count)
{
    *count = table->change_count;
    return table->changes;
}

uint32_t kp_incidents_open_count(const struct kp_incidents *table)
{
    uint32_t open = 0;
    for (uint32_t n = 0; n < table->count; n++)
        open += is_open(table->list[n]);
    return open;
}

const struct kp_incident *kp_incidents_gravest(const struct kp_incidents *table)
{
    const struct kp_incident *gravest = NULL;
    for (uint32_t n = 0; n < table->count; n++) {
        const struct kp_incident *i = table->list[n];
        if (is_open(i) && (gravest == NULL || i->what.class > gravest->what.class))
            gravest = i;
    }
    return gravest;
}

uint32_t kp_incidents_count(const struct kp_incidents *table)
{
    return table->count;
}

const struct kp_incident *kp_incidents_at(const struct kp_incidents *table, uint32_t index)
{
    return table->list[index];
}

const struct kp_incident *kp_incidents_by_id(const struct kp_incidents *table, uint32_t id)
{
    for (uint32_t n = 0; n < table->count; n++)
        if (table->list[n]->id == id)
            return table->list[n];
    return NULL;
}

const struct kp_incident *kp_incidents_by_uuid(const struct kp_incidents *table,
                                               const uint8_t uuid[16])
{
    for (uint32_t n = 0; n < table->count; n++)
        if (memcmp(table->list[n]->uuid, uuid, 16) == 0)
            return table->list[n];
    return NULL;
}
