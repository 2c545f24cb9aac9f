/* check: a plug-in for Nagios and its kin: one line, and an exit code that says
 * how bad it is. */
#include "ctl/call.h"
#include "ctl/incidents.h"
#include "lib/base/vocab.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATHS_MOST 64

/* The plug-in's own exit codes, under the names their numbers have elsewhere. */
enum level {
    OK = KPC_DONE,
    WARNING = KPC_REFUSED,
    CRITICAL = KPC_USAGE,
    UNKNOWN = KPC_UNREACHABLE,
};

/* What was found: the level, and the words for it. */
struct finding {
    enum level level;
    struct kp_text text;
};

__attribute__((format(printf, 3, 4))) static void find(struct finding *f, enum level level,
                                                       const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    f->level = level;
    kp_text_clear(&f->text);
    kp_text_add(&f->text, text);
}

static enum level level_of(const char *class)
{
    static const enum level levels[KP_VERDICT_COUNT] = {
        [KP_V_CLEAR] = OK,
        [KP_V_UNKNOWN] = UNKNOWN,
        [KP_V_DEGRADED] = WARNING,
        [KP_V_SERVICE_OUTAGE] = WARNING,
        [KP_V_POSSIBLE_BAN] = WARNING,
        [KP_V_HOST_OUTAGE] = WARNING,
        [KP_V_DNS_OUTAGE] = CRITICAL,
        [KP_V_PATH_OUTAGE] = CRITICAL,
        [KP_V_COUNTRY_OUTAGE] = CRITICAL,
        [KP_V_TRANSIT_OUTAGE] = CRITICAL,
        [KP_V_VANTAGE_FAULT] = UNKNOWN,
    };
    enum kp_verdict value = KP_V_UNKNOWN;
    return class != NULL && kp_verdict_parse(class, &value) ? levels[value] : UNKNOWN;
}

static bool is_class(const json_t *incident, enum kp_verdict class)
{
    const char *text = kpc_get_text(incident, "class");
    return text != NULL && strcmp(text, kp_verdict_name(class)) == 0;
}

static bool names(const json_t *list, const char *name)
{
    size_t index = 0;
    json_t *one = NULL;
    json_array_foreach(list, index,
                       one) if (json_is_string(one) &&
                                strcmp(json_string_value(one), name) == 0) return true;
    return false;
}

static bool is_muted(const json_t *mutes, const char *name)
{
    size_t index = 0;
    json_t *mute = NULL;
    json_array_foreach(mutes, index, mute)
    {
        const char *muted = kpc_get_text(mute, "name");
        if (muted != NULL && strcmp(muted, name) == 0)
            return true;
    }
    return false;
}

static bool all_muted(const json_t *mutes, const json_t *list)
{
    size_t index = 0;
    json_t *one = NULL;
    json_array_foreach(list, index,
                       one) if (!json_is_string(one) ||
                                !is_muted(mutes, json_string_value(one))) return false;
    return json_array_size(list) > 0;
}

/* What the daemon says, as this verb needs it. */
struct seen {
    const json_t *status, *mutes;
    const char *path; /* the only one asked about; NULL: all */
};

static bool is_about(const struct seen *s, const json_t *incident)
{
    if (s->path == NULL || is_class(incident, KP_V_VANTAGE_FAULT) ||
        is_class(incident, KP_V_COUNTRY_OUTAGE) || is_class(incident, KP_V_TRANSIT_OUTAGE))
        return true;
    return names(kpc_get(incident, "paths"), s->path);
}

/* The gravest open incident that counts; they come sorted. */
static const json_t *gravest(const struct seen *s)
{
    size_t index = 0;
    json_t *incident = NULL;
    json_array_foreach(kpc_get(s->status, "incidents"), index, incident)
    {
        bool muted = all_muted(s->mutes, kpc_get(incident, "paths")) ||
                     all_muted(s->mutes, kpc_get(incident, "targets"));
        if (is_about(s, incident) && !muted)
            return incident;
    }
    return NULL;
}

static void from_incident(struct kpc_ctx *ctx, const json_t *incident, struct finding *f)
{
    struct kp_text title = {0};
    char length[KPC_WHEN_SIZE] = "?";
    const char *phase = kpc_get_text(incident, "phase");
    const char *sure = kpc_get_text(incident, "confidence");
    kpc_incidents_title(&title, incident);
    kpc_incidents_lasted(ctx, incident, length);
    find(f, level_of(kpc_get_text(incident, "class")), "%.300s for %s, %s, confidence %s",
         kp_text_str(&title) != NULL ? kp_text_str(&title) : "?", length,
         phase != NULL ? phase : "?", sure != NULL ? sure : "?");
    kp_text_fini(&title);
}

static const json_t *path_of(const struct seen *s, const char *name)
{
    size_t index = 0;
    json_t *path = NULL;
    json_array_foreach(kpc_get(s->status, "paths"), index, path)
    {
        const char *one = kpc_get_text(path, "name");
        if (one != NULL && strcmp(one, name) == 0)
            return path;
    }
    return NULL;
}

/* One path without an incident about it. */
static void from_path(const struct seen *s, struct finding *f)
{
    static const enum level levels[KP_STATE_COUNT] = {
        [KP_UNKNOWN] = UNKNOWN, [KP_UP] = OK, [KP_DEGRADED] = WARNING, [KP_DOWN] = CRITICAL};
    const json_t *path = path_of(s, s->path);
    const char *text = kpc_get_text(path, "state");
    enum kp_state state = KP_UNKNOWN;
    if (text != NULL)
        kp_state_parse(text, &state);
    if (is_muted(s->mutes, s->path))
        find(f, OK, "%s is muted (%s)", s->path, kp_state_name(state));
    else
        find(f, levels[state], "%s is %s", s->path, kp_state_name(state));
}

/* Everything, without an incident that counts. */
static void from_verdict(const struct seen *s, struct finding *f)
{
    const char *verdict = kpc_get_text(s->status, "verdict");
    const char *summary = kpc_get_text(s->status, "summary");
    bool unjudged = verdict == NULL || strcmp(verdict, kp_verdict_name(KP_V_UNKNOWN)) == 0;
    if (json_array_size(kpc_get(s->status, "incidents")) > 0)
        find(f, OK, "all open incidents are about muted things");
    else
        find(f, unjudged ? UNKNOWN : level_of(verdict), "%s: %s",
             verdict != NULL ? verdict : "no verdict", summary != NULL ? summary : "");
}

static void judge(struct kpc_ctx *ctx, const struct seen *s, struct finding *f)
{
    const json_t *incident = gravest(s);
    if (incident != NULL)
        from_incident(ctx, incident, f);
    else if (json_is_false(kpc_get(s->status, "vantage.healthy")))
        find(f, UNKNOWN, "our own connection is faulty; nothing beyond it can be judged");
    else if (s->path != NULL)
        from_path(s, f);
    else
        from_verdict(s, f);
}

/* --- performance data: 'label'=value[unit];warn;crit;min;max --- */

static void label(struct kp_text *out, const char *name, const char *what)
{
    kp_text_add(out, " '");
    for (const char *p = name; *p != '\0'; p++)
        kp_text_addn(out, strchr("'=|\n\r\t", *p) != NULL ? "_" : p, 1);
    kp_text_printf(out, "%s'=", what);
}

/* Never with an exponent: not every grapher reads one. */
static void number(struct kp_text *out, double value, int decimals, const char *unit,
                   const char *bounds)
{
    if (isfinite(value))
        kp_text_printf(out, "%.*f%s;;;%s", decimals, value, unit, bounds);
    else
        kp_text_add(out, "U");
}

static void path_data(struct kp_text *out, const json_t *path)
{
    const char *name = kpc_get_text(path, "name");
    long long up = kpc_get_count(path, "targets_up");
    long long total = up + kpc_get_count(path, "targets_degraded") +
                      kpc_get_count(path, "targets_down") +
                      kpc_get_count(path, "targets_unknown");
    if (name == NULL)
        return;
    label(out, name, "_loss");
    number(out, 100 * (1 - kpc_get_number(path, "answered_ratio")), 1, "%", "0;100");
    label(out, name, "_rtt");
    number(out, kpc_get_number(path, "rtt_p50_seconds"), 6, "s", "0");
    label(out, name, "_targets_up");
    kp_text_printf(out, "%lld;;;0;%lld", up, total);
}

static void performance(struct kp_text *out, const struct seen *s)
{
    size_t index = 0;
    json_t *path = NULL;
    kp_text_add(out, " |");
    json_array_foreach(kpc_get(s->status, "paths"), index,
                       path) if (s->path == NULL || path == path_of(s, s->path))
        path_data(out, path);
    if (s->path == NULL)
        kp_text_printf(out, " 'targets_up'=%lld;;;0;%lld",
                       kpc_get_count(s->status, "targets.up"),
                       kpc_get_count(s->status, "targets.total"));
}

/* The first part of the line; a bar would end it. */
static void words(struct kp_text *out, const struct finding *f)
{
    static const char *const titles[] = {
        [OK] = "OK", [WARNING] = "WARNING", [CRITICAL] = "CRITICAL", [UNKNOWN] = "UNKNOWN"};
    const char *text = kp_text_str(&f->text) != NULL ? kp_text_str(&f->text) : "out of memory";
    struct kp_text safe = {0};
    kp_text_add_safe(&safe, text);
    kp_text_printf(out, "KPWATCHD %s - ", titles[f->level]);
    for (const char *p = kp_text_str(&safe); p != NULL && *p != '\0'; p++)
        kp_text_addn(out, *p == '|' ? "/" : p, 1);
    kp_text_fini(&safe);
}

static bool path_is_known(const struct seen *s)
{
    const char *known[PATHS_MOST];
    size_t count = 0;
    size_t index = 0;
    json_t *path = NULL;
    if (s->path == NULL || path_of(s, s->path) != NULL)
        return true;
    json_array_foreach(kpc_get(s->status, "paths"), index,
                       path) if (count < PATHS_MOST && kpc_get_text(path, "name") != NULL)
        known[count++] = kpc_get_text(path, "name");
    kpc_say_unknown("path", s->path, known, count);
    return false;
}

static enum level report(struct kpc_ctx *ctx, const struct seen *s)
{
    struct finding f = {.level = UNKNOWN};
    if (!path_is_known(s))
        return UNKNOWN;
    judge(ctx, s, &f);
    words(&ctx->out, &f);
    performance(&ctx->out, s);
    kp_text_add(&ctx->out, "\n");
    kp_text_fini(&f.text);
    return f.level;
}

enum kpc_exit kpc_check_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply status;
    struct kpc_reply mutes;
    enum level level = UNKNOWN;
    if (kpc_out_scripts(ctx)) {
        kpc_say("check prints one line of its own: leave -o and --json out");
        return KPC_UNREACHABLE;
    }
    if (kpc_call(ctx, "GetStatus", NULL, &status) != KPC_DONE)
        return KPC_UNREACHABLE;
    if (kpc_call(ctx, "ListMutes", NULL, &mutes) == KPC_DONE) {
        struct seen seen = {.status = status.parameters,
                            .mutes = kpc_get(mutes.parameters, "mutes"),
                            .path = ctx->args->path};
        level = report(ctx, &seen);
        kpc_reply_fini(&mutes);
    }
    kpc_reply_fini(&status);
    return (enum kpc_exit)level;
}
