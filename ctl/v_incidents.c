/* Incidents: the list of them, and why one is what it says. */
#include "ctl/incidents.h"

#include "ctl/call.h"
#include "ctl/show.h"
#include "ctl/when.h"
#include "lib/base/vocab.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void kpc_incidents_title(struct kp_text *out, const json_t *incident)
{
    const char *class = kpc_get_text(incident, "class");
    const char *where = kpc_get_text(incident, "where");
    if (json_is_integer(kpc_get(incident, "id")))
        kp_text_printf(out, "#%lld ", kpc_get_count(incident, "id"));
    kp_text_add(out, class != NULL ? class : "something changed");
    if (where != NULL && *where != '\0')
        kp_text_printf(out, " (%s)", where);
}

/* --- for the status screen --- */

static void wrapped(const struct kpc_ctx *ctx, struct kp_text *out, struct kp_text *line)
{
    const char *whole = kp_text_str(line);
    kpc_show_wrap(ctx, out, whole != NULL ? whole : "?", KPC_SHOW_LABEL, KPC_SHOW_LABEL);
    kp_text_fini(line);
}

static void incident_line(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *item)
{
    struct kp_text line = {0};
    char since[KPC_SHOW_SIZE];
    kpc_incidents_title(&line, item);
    if (kpc_get_text(item, "phase") != NULL)
        kp_text_printf(&line, ", %s", kpc_get_text(item, "phase"));
    if (kpc_get_text(item, "confidence") != NULL)
        kp_text_printf(&line, ", confidence %s", kpc_get_text(item, "confidence"));
    kpc_show_when(ctx, kpc_get_text(item, "began"), since, sizeof since);
    if (kpc_get_text(item, "began") != NULL)
        kp_text_printf(&line, ", began %s", since);
    wrapped(ctx, out, &line);
}

/* "path transtelecom", "target kcna", "name servers", "all paths". */
static void suspect(struct kp_text *out, const json_t *item)
{
    const char *what = kpc_get_text(item, "what");
    const char *where = kpc_get_text(item, "where");
    bool named = what != NULL && (strcmp(what, "path") == 0 || strcmp(what, "target") == 0);
    if (named)
        kp_text_printf(out, "%s ", what);
    kp_text_add(out, where != NULL ? where : "something changed");
}

static void suspicion_line(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *item)
{
    struct kp_text line = {0};
    char since[KPC_SHOW_SIZE];
    double score = kpc_get_number(item, "score");
    double threshold = kpc_get_number(item, "threshold");
    suspect(&line, item);
    kpc_show_when(ctx, kpc_get_text(item, "since"), since, sizeof since);
    if (kpc_get_text(item, "since") != NULL)
        kp_text_printf(&line, ": answers missing since %s", since);
    if (isfinite(score) && isfinite(threshold))
        kp_text_printf(&line, ", score %.1f of the %.1f that make an incident", score,
                       threshold);
    wrapped(ctx, out, &line);
}

typedef void line_fn(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *item);

static void lines(const struct kpc_ctx *ctx, struct kp_text *out, const char *label,
                  const json_t *list, const char *none, line_fn *line)
{
    size_t index = 0;
    json_t *item = NULL;
    if (json_array_size(list) == 0) {
        kpc_show_label(ctx, out, label);
        kp_text_printf(out, "%s\n", none);
    }
    json_array_foreach(list, index, item)
    {
        kpc_show_label(ctx, out, index == 0 ? label : "");
        line(ctx, out, item);
    }
}

void kpc_incidents_lines(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *list)
{
    const json_t *first = json_array_get(list, 0);
    char hint[64];
    lines(ctx, out, "Incidents", list, "none open", incident_line);
    if (!json_is_integer(kpc_get(first, "id")))
        return;
    snprintf(hint, sizeof hint, "(why: kpwatchctl explain %lld)", kpc_get_count(first, "id"));
    kpc_show_label(ctx, out, "");
    kp_render_text(out, hint, KP_ROLE_DIM, ctx->term.color);
    kp_text_add(out, "\n");
}

void kpc_incidents_suspicions(const struct kpc_ctx *ctx, struct kp_text *out,
                              const json_t *list)
{
    lines(ctx, out, "Suspicions", list, "none", suspicion_line);
}

/* --- the list --- */

static void show_id(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    snprintf(out->buf, sizeof out->buf, "%lld", kpc_get_count(row, "id"));
}

static void show_class(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const char *phase = kpc_get_text(row, "phase");
    bool over = phase != NULL && strcmp(phase, "closed") == 0;
    (void)ctx;
    out->text = kpc_show_text(row, "class");
    out->role = over ? KP_ROLE_PLAIN : kpc_show_verdict_role(out->text);
}

static void show_began(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    kpc_show_time(ctx, kpc_get_text(row, "began"), out->buf, sizeof out->buf);
}

static void show_ended(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    kpc_show_time(ctx, kpc_get_text(row, "ended"), out->buf, sizeof out->buf);
}

static bool time_of(const json_t *object, const char *key, struct kp_wall *t)
{
    const char *text = kpc_get_text(object, key);
    return text != NULL && kp_wall_parse(text, t) == KP_OK;
}

/* From the first missed answer to the end, or to now. */
static bool lasted(const struct kpc_ctx *ctx, const json_t *incident, char out[KPC_WHEN_SIZE])
{
    struct kp_wall from = {0};
    struct kp_wall to = ctx->now;
    if (!time_of(incident, "began", &from))
        return false;
    time_of(incident, "ended", &to);
    kpc_when_length((struct kp_dur){to.ns - from.ns}, out);
    return true;
}

static void show_lasted(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    char length[KPC_WHEN_SIZE];
    if (lasted(ctx, row, length))
        snprintf(out->buf, sizeof out->buf, "%s", length);
    else
        out->text = NULL;
}

static const struct kpc_field fields[] = {
    {{.title = "ID", .key = "id", .align = KP_RIGHT}, show_id, KPC_FIELD_BOTH},
    {{.title = "CLASS", .key = "class"}, show_class, KPC_FIELD_BOTH},
    {{.title = "WHERE", .key = "where", .min_width = 12}, NULL, KPC_FIELD_BOTH},
    {{.title = "PHASE", .key = "phase"}, NULL, KPC_FIELD_BOTH},
    {{.title = "SURE", .key = "confidence", .priority = 2}, NULL, KPC_FIELD_BOTH},
    {{.title = "BEGAN", .key = "began"}, show_began, KPC_FIELD_BOTH},
    {{.key = "confirmed"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "ENDED", .key = "ended", .wide_only = true}, show_ended, KPC_FIELD_BOTH},
    {{.title = "LASTED", .key = "", .align = KP_RIGHT, .priority = 1},
     show_lasted,
     KPC_FIELD_PEOPLE},
    {{.key = "targets_total"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "targets"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "paths"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "UUID", .key = "uuid", .wide_only = true}, NULL, KPC_FIELD_BOTH},
};

enum kpc_exit kpc_incidents_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    char since[KP_RFC3339_SIZE] = "";
    bool open = kpc_args_has(ctx->args, KPC_OPT_OPEN);
    bool given = kpc_args_has(ctx->args, KPC_OPT_SINCE);
    if (given)
        kp_wall_format(ctx->args->since, since);
    json_t *parameters = kpc_parameter("since", given ? since : NULL);
    if (open)
        json_object_set_new(parameters, "open", json_true());
    enum kpc_exit code = kpc_call(ctx, "ListIncidents", parameters, &reply);
    if (code != KPC_DONE)
        return code;
    const json_t *rows = kpc_get(reply.parameters, "incidents");
    if (!kpc_out_scripts(ctx) && json_array_size(rows) == 0)
        kp_text_add(&ctx->out, open    ? "No incident is open.\n"
                               : given ? "No incident in that time.\n"
                                       : "No incidents.\n");
    else
        kpc_out_rows(ctx, reply.parameters, rows, fields, sizeof fields / sizeof fields[0]);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}

/* --- one of them --- */

static void title(struct kpc_ctx *ctx, const json_t *incident)
{
    struct kp_text text = {0};
    kpc_incidents_title(&text, incident);
    const char *whole = kp_text_str(&text);
    kp_render_text(&ctx->out, whole != NULL ? whole : "?",
                   kpc_show_verdict_role(kpc_get_text(incident, "class")), ctx->term.color);
    kp_text_add(&ctx->out, "\n");
    kp_text_fini(&text);
}

__attribute__((format(printf, 3, 4))) static void line(struct kpc_ctx *ctx, const char *label,
                                                       const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kpc_show_label(ctx, &ctx->out, label);
    kpc_show_wrap(ctx, &ctx->out, text, KPC_SHOW_LABEL, KPC_SHOW_LABEL);
}

static void meaning(struct kpc_ctx *ctx, const json_t *incident)
{
    enum kp_verdict class = KP_V_UNKNOWN;
    enum kp_phase phase = KP_CONFIRMED;
    enum kp_confidence sure = KP_LOW;
    const char *text = kpc_get_text(incident, "class");
    if (text != NULL && kp_verdict_parse(text, &class))
        line(ctx, "what", "%s",
             class == KP_V_UNKNOWN ? "silence was confirmed; no explanation leads yet"
                                   : kp_verdict_doc(class));
    text = kpc_get_text(incident, "phase");
    if (text != NULL && kp_phase_parse(text, &phase))
        line(ctx, "phase", "%s: %s", text, kp_phase_doc(phase));
    text = kpc_get_text(incident, "confidence");
    if (text != NULL && kp_confidence_parse(text, &sure))
        line(ctx, "confidence", "%s: %s", text, kp_confidence_doc(sure));
}

static void times(struct kpc_ctx *ctx, const json_t *incident)
{
    static const char *const keys[] = {"began", "confirmed", "ended"};
    char text[KPC_SHOW_SIZE];
    char length[KPC_WHEN_SIZE];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *time = kpc_get_text(incident, keys[i]);
        kpc_show_when(ctx, time, text, sizeof text);
        if (time != NULL)
            line(ctx, keys[i], "%s%s", text, i == 0 ? ", the first missed answer" : "");
    }
    if (lasted(ctx, incident, length))
        line(ctx, "lasted", "%s%s", length,
             kpc_get_text(incident, "ended") != NULL ? "" : " so far");
}

static void names(struct kpc_ctx *ctx, const char *label, const json_t *list, long long total)
{
    struct kp_text text = {0};
    size_t index = 0;
    json_t *name = NULL;
    json_array_foreach(list, index, name)
    {
        const char *one = json_string_value(name);
        kp_text_printf(&text, "%s%s", index > 0 ? ", " : "", one != NULL ? one : "?");
    }
    if (total > (long long)json_array_size(list))
        kp_text_printf(&text, " and %lld more", total - (long long)json_array_size(list));
    if (json_array_size(list) > 0 && kp_text_str(&text) != NULL) {
        kpc_show_label(ctx, &ctx->out, label);
        kpc_show_wrap(ctx, &ctx->out, kp_text_str(&text), KPC_SHOW_LABEL, KPC_SHOW_LABEL);
    }
    kp_text_fini(&text);
}

static void course(struct kpc_ctx *ctx, const json_t *history)
{
    size_t index = 0;
    json_t *change = NULL;
    if (json_array_size(history) < 2)
        return;
    json_array_foreach(history, index, change)
    {
        struct kp_wall t = {0};
        char stamp[KPC_WHEN_SIZE] = "-";
        if (time_of(change, "at", &t))
            kpc_when_stamp(t, kpc_args_has(ctx->args, KPC_OPT_LOCAL), stamp);
        line(ctx, index == 0 ? "course" : "", "%s %s", stamp, kpc_show_text(change, "class"));
    }
}

static void heading(struct kpc_ctx *ctx, const char *text)
{
    kp_text_add(&ctx->out, "\n");
    kp_render_text(&ctx->out, text, KP_ROLE_TITLE, ctx->term.color);
    kp_text_add(&ctx->out, "\n");
}

static void bullet(struct kpc_ctx *ctx, const char *text)
{
    kp_text_add(&ctx->out, "  - ");
    kpc_show_wrap(ctx, &ctx->out, text, 4, 4);
}

/* Counts stand in the sentence itself; scores do not, and say how clear it was. */
static bool is_score(double value, double threshold)
{
    return isfinite(value) && isfinite(threshold) &&
           (value != floor(value) || threshold != floor(threshold));
}

static void evidence(struct kpc_ctx *ctx, const json_t *list)
{
    size_t index = 0;
    json_t *fact = NULL;
    heading(ctx, "Why");
    if (json_array_size(list) == 0)
        bullet(ctx, "no evidence was recorded");
    json_array_foreach(list, index, fact)
    {
        struct kp_text text = {0};
        const char *excludes = kpc_get_text(fact, "excludes");
        double value = kpc_get_number(fact, "value");
        double threshold = kpc_get_number(fact, "threshold");
        kp_text_add(&text, kpc_show_text(fact, "text"));
        if (is_score(value, threshold))
            kp_text_printf(&text, " (%.1f, needed %.1f)", value, threshold);
        if (excludes != NULL)
            kp_text_printf(&text, "; excludes %s", excludes);
        bullet(ctx, kp_text_str(&text) != NULL ? kp_text_str(&text) : "?");
        kp_text_fini(&text);
    }
}

static void sentences(struct kpc_ctx *ctx, const char *head, const json_t *list)
{
    size_t index = 0;
    json_t *one = NULL;
    if (json_array_size(list) == 0)
        return;
    heading(ctx, head);
    json_array_foreach(list, index, one)
        bullet(ctx, json_string_value(one) != NULL ? json_string_value(one) : "?");
}

static void keeping(struct kpc_ctx *ctx, const json_t *incident)
{
    long long id = kpc_get_count(incident, "id");
    kp_text_add(&ctx->out, "\n");
    if (kpc_verb_find("export") != NULL)
        line(ctx, "evidence", "kpwatchctl export %lld > incident-%lld.jsonl", id, id);
    else
        line(ctx, "to keep it", "kpwatchctl explain %lld --json > incident-%lld.json", id, id);
    line(ctx, "uuid", "%s", kpc_show_text(incident, "uuid"));
}

static void story(struct kpc_ctx *ctx, const json_t *reply)
{
    const json_t *incident = kpc_get(reply, "incident");
    title(ctx, incident);
    meaning(ctx, incident);
    times(ctx, incident);
    course(ctx, kpc_get(incident, "class_history"));
    names(ctx, "paths", kpc_get(incident, "paths"), 0);
    names(ctx, "silent", kpc_get(incident, "targets"),
          kpc_get_count(incident, "targets_total"));
    if (kpc_get_count(incident, "merged_into") > 0)
        line(ctx, "went on as", "a part of #%lld", kpc_get_count(incident, "merged_into"));
    evidence(ctx, kpc_get(incident, "evidence"));
    sentences(ctx, "It ends with", kpc_get(reply, "closes_when"));
    sentences(ctx, "What would change it", kpc_get(reply, "escalates_when"));
    keeping(ctx, incident);
}

enum kpc_exit kpc_explain_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    const char *id = kpc_word(ctx, 0);
    /* Screens say "#12"; whoever quotes that means 12. */
    json_t *parameters = kpc_parameter("id", id[0] == '#' ? id + 1 : id);
    enum kpc_exit code = kpc_call(ctx, "Explain", parameters, &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx))
        kpc_out_object(ctx, reply.parameters);
    else
        story(ctx, reply.parameters);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
