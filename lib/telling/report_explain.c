/* What would end an incident and what would make it worse, as sentences derived
 * from its class, its phase and the paths there are. */
#include "lib/base/text.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/json_obj.h"
#include "lib/telling/report_incident.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RELAPSE kp_dur_s(30 * 60) /* within this time of closing it is the same incident */

struct story {
    const struct kp_core *core;
    const struct kp_incident *incident;
    const struct kp_report_daemon *daemon;
    json_t *closes, *escalates;
};

__attribute__((format(printf, 2, 3))) static void say(json_t **list, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kp_json_append(list, n < 0 ? NULL : kp_json_text(text));
}

/* "2026-11-22T10:50:06Z": whole seconds read better. */
static const char *stamp(struct kp_wall t, char out[KP_RFC3339_SIZE])
{
    kp_wall_format(t, out);
    memcpy(out + 19, "Z", 2);
    return out;
}

/* How long answers must go on. */
static const char *kept_up(const struct story *s, char out[KP_DUR_SIZE + 32])
{
    struct kp_dur d = s->daemon->recover_after;
    int64_t minutes = d.ns / (60 * KP_NS_PER_S);
    char text[KP_DUR_SIZE];
    if (d.ns <= 0)
        return strcpy(out, "kept up for verdict.recover-after");
    kp_dur_format(d, text);
    if (d.ns % (60 * KP_NS_PER_S) == 0 && minutes < 60)
        snprintf(text, sizeof text, "%d minute%s", (int)minutes, minutes == 1 ? "" : "s");
    snprintf(out, KP_DUR_SIZE + 32, "kept up for %s", text);
    return out;
}

static bool is_part(const struct kp_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count && i < KP_INCIDENT_NAMES; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

static uint32_t targets_of(const struct kp_path_view *v)
{
    uint32_t total = 0;
    for (int state = 0; state < KP_STATE_COUNT; state++)
        total += v->targets[state];
    return total;
}

/* The titles of the paths with targets that the incident is about, or is not,
 * joined by `joint`; *targets counts what they carry.  Returns how many. */
static uint32_t titles(const struct story *s, bool part, const char *joint, struct kp_text *out,
                       uint32_t *targets)
{
    uint32_t found = 0, count = kp_core_path_count(s->core);
    *targets = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct kp_path_view v;
        kp_core_path(s->core, i, &v);
        if (targets_of(&v) == 0 || is_part(&s->incident->what.paths, v.name) != part)
            continue;
        kp_text_add(out, found++ > 0 ? joint : "");
        kp_text_add(out, v.title ? v.title : v.name);
        *targets += targets_of(&v);
    }
    if (out->nomem)
        found = 0;
    return found;
}

/* --- what closes it --- */

static void closes_plain(struct story *s, const char *what)
{
    char kept[KP_DUR_SIZE + 32];
    say(&s->closes, "%s, %s", what, kept_up(s, kept));
}

static void closes_unknown(struct story *s)
{
    closes_plain(s, "answers from what fell silent");
}

static void closes_degraded(struct story *s)
{
    closes_plain(s, "answers as many and as fast as the baseline says");
}

static void closes_host(struct story *s)
{
    char text[256];
    snprintf(text, sizeof text, "answers from %s", s->incident->what.where);
    closes_plain(s, text);
}

static void closes_dns(struct story *s)
{
    closes_plain(s, "DNS answers from at least two name servers");
}

static void closes_path(struct story *s)
{
    struct kp_text names = {0};
    uint32_t targets;
    uint32_t count = titles(s, true, " or ", &names, &targets);
    const char *of = count > 0 && kp_text_str(&names) ? kp_text_str(&names) : "the path";
    char text[384];
    snprintf(text, sizeof text, "answers from %s of %.300s",
             targets == 1 ? "the one target" : "at least two targets", of);
    closes_plain(s, text);
    kp_text_fini(&names);
}

static void closes_country(struct story *s)
{
    closes_plain(s, "answers from at least two targets, over whichever path");
}

static void closes_vantage(struct story *s)
{
    closes_plain(s, "an answer from any anchor or target to a probe sent since then");
}

/* --- what makes it worse, or something else --- */

static void grows_unknown(struct story *s)
{
    say(&s->escalates, "one explanation is clearly likelier than all others: the incident "
                       "takes its class");
}

static void grows_degraded(struct story *s)
{
    say(&s->escalates, "answers stop altogether: an outage of the host, path or country");
}

static void grows_service(struct story *s)
{
    const char *where = s->incident->what.where;
    say(&s->escalates, "the other probes of %.*s fall silent as well: host-outage",
        (int)strcspn(where, "/"), where);
}

static void grows_host(struct story *s)
{
    struct kp_text names = {0};
    uint32_t targets;
    uint32_t count = titles(s, true, " or ", &names, &targets);
    const char *of = kp_text_str(&names);
    say(&s->escalates, "other targets%s%.300s fall silent as well: path-outage",
        count > 0 ? " of " : "", count > 0 && of ? of : "");
    kp_text_fini(&names);
}

static void grows_ban(struct story *s)
{
    grows_host(s);
    say(&s->escalates,
        "another vantage finds it silent too: then it is no ban (that cannot be seen from "
        "here)");
}

static void grows_dns(struct story *s)
{
    say(&s->escalates, "SYN probes fall silent as well: path-outage or country-outage");
}

static void grows_path(struct story *s)
{
    struct kp_text names = {0};
    uint32_t targets;
    uint32_t count = titles(s, false, " and ", &names, &targets);
    if (count > 0 && kp_text_str(&names))
        say(&s->escalates, "%.300s fall%s silent as well: country-outage", kp_text_str(&names),
            count == 1 ? "s" : "");
    kp_text_fini(&names);
}

static bool any_edge_seen(const struct kp_core *core)
{
    uint32_t count = kp_core_path_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_path_view v;
        kp_core_path(core, i, &v);
        if (v.edge_state != KP_UNKNOWN)
            return true;
    }
    return false;
}

static void grows_country(struct story *s)
{
    if (any_edge_seen(s->core))
        say(&s->escalates, "every last visible hop before the border falls silent as well: "
                           "transit-outage");
    else
        say(&s->escalates, "a last visible hop before the border is seen to answer: then the "
                           "fault surely lies at or beyond it");
}

static void grows_transit(struct story *s)
{
    say(&s->escalates, "a last visible hop before the border answers again while the targets "
                       "stay silent: country-outage");
    say(&s->escalates, "all anchors fall silent as well: vantage-fault");
}

static void grows_vantage(struct story *s)
{
    say(&s->escalates, "until our own connection works, nothing beyond it can be judged");
}

static const struct {
    void (*closes)(struct story *s);
    void (*grows)(struct story *s);
} by_class[KP_VERDICT_COUNT] = {
    [KP_V_UNKNOWN] = {closes_unknown, grows_unknown},
    [KP_V_DEGRADED] = {closes_degraded, grows_degraded},
    [KP_V_SERVICE_OUTAGE] = {closes_host, grows_service},
    [KP_V_POSSIBLE_BAN] = {closes_host, grows_ban},
    [KP_V_HOST_OUTAGE] = {closes_host, grows_host},
    [KP_V_DNS_OUTAGE] = {closes_dns, grows_dns},
    [KP_V_PATH_OUTAGE] = {closes_path, grows_path},
    [KP_V_COUNTRY_OUTAGE] = {closes_country, grows_country},
    [KP_V_TRANSIT_OUTAGE] = {closes_country, grows_transit},
    [KP_V_VANTAGE_FAULT] = {closes_vantage, grows_vantage},
};

static void recovering(struct story *s)
{
    char first[KP_RFC3339_SIZE], until[KP_RFC3339_SIZE];
    struct kp_wall since = s->incident->answering;
    struct kp_wall end = kp_wall_add(since, s->daemon->recover_after);
    if (s->daemon->recover_after.ns > 0)
        say(&s->closes, "answers have been back since %s: it closes if they go on until %s",
            stamp(since, first), stamp(end, until));
    else
        say(&s->closes, "answers have been back since %s: it closes if they go on",
            stamp(since, first));
}

/* Over: only a relapse can change it, and only for a while. */
static void closed(struct story *s)
{
    char until[KP_RFC3339_SIZE];
    struct kp_wall last = kp_wall_add(s->incident->closed_at, RELAPSE);
    if (s->incident->merged_into == 0 && s->daemon->now.ns < last.ns)
        say(&s->escalates, "the same falls silent again before %s: this incident is reopened",
            stamp(last, until));
}

static void tell(struct story *s)
{
    enum kp_verdict class = s->incident->what.class;
    if (s->incident->phase == KP_CLOSED) {
        closed(s);
        return;
    }
    if (s->incident->phase == KP_RECOVERING && s->incident->answering.ns != 0)
        recovering(s);
    if ((unsigned)class >= KP_VERDICT_COUNT || !by_class[class].closes)
        class = KP_V_UNKNOWN;
    by_class[class].closes(s);
    by_class[class].grows(s);
}

json_t *kp_report_explain(const struct kp_core *core, const struct kp_report_daemon *daemon,
                          const struct kp_incident *incident)
{
    struct story s = {core, incident, daemon, json_array(), json_array()};
    tell(&s);
    struct kp_obj o = kp_obj_begin();
    kp_obj_int(&o, "schema", KP_REPORT_SCHEMA);
    kp_obj_json(&o, "incident", kp_incident_json(incident));
    kp_obj_json(&o, "closes_when", s.closes);
    kp_obj_json(&o, "escalates_when", s.escalates);
    return kp_obj_end(&o);
}
