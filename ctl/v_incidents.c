/* incidents: the list of them; and their lines on the status screen. */
#include "ctl/incidents.h"

#include "ctl/call.h"
#include "ctl/show.h"

#include <math.h>
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

bool kpc_incidents_lasted(const struct kpc_ctx *ctx, const json_t *incident,
                          char out[KPC_WHEN_SIZE])
{
    struct kp_wall from = {0};
    struct kp_wall to = ctx->now;
    const char *phase = kpc_get_text(incident, "phase");
    bool over = phase != NULL && strcmp(phase, "closed") == 0;
    if (!time_of(incident, "began", &from) || (!time_of(incident, "ended", &to) && over))
        return false; /* nobody saw its end */
    kpc_when_length((struct kp_dur){to.ns - from.ns}, out);
    return true;
}

static void show_lasted(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    char length[KPC_WHEN_SIZE];
    if (kpc_incidents_lasted(ctx, row, length))
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

void kpc_incidents_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *rows)
{
    kpc_out_table(ctx, out, rows, fields, sizeof fields / sizeof fields[0]);
}

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
    if (kpc_args_has(ctx->args, KPC_OPT_ALL))
        json_object_set_new(parameters, "merged", json_true());
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
