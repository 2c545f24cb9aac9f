/* history: strips over time, the outages in it, and when nobody was watching. */
#include "ctl/call.h"
#include "ctl/incidents.h"
#include "ctl/paths.h"
#include "ctl/show.h"
#include "ctl/spark.h"
#include "ctl/when.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- strips --- */

static void show_answered(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    kpc_show_ratio(kpc_get_number(row, "whole.answered_ratio"), out->buf, sizeof out->buf);
}

static void show_rtt(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    kpc_paths_rtt(ctx, kpc_get(row, "whole"), out);
}

static void show_length(double seconds, struct kpc_shown *out)
{
    if (seconds > 0)
        kpc_when_length(kp_dur_from_seconds(seconds), out->buf);
    else
        out->text = NULL;
}

static void show_down(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    show_length(kpc_get_number(row, "whole.down_seconds"), out);
}

static void show_strip(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    size_t room = ctx->spark_room > 10 ? ctx->spark_room : 10;
    struct kpc_spark spark =
        kpc_spark_share(kpc_get(row, "cells.answered_ratio"), room, ctx->term.ascii);
    snprintf(out->buf, sizeof out->buf, "%s", spark.text);
}

static const struct kpc_field strip_fields[] = {
    {{.title = "NAME", .key = "name", .min_width = 8}, NULL, KPC_FIELD_BOTH},
    {{.title = "KIND", .key = "kind", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.title = "ANSWERED", .key = "", .align = KP_RIGHT}, show_answered, KPC_FIELD_BOTH},
    {{.title = "RTT p50/p95", .key = "", .align = KP_RIGHT, .priority = 2},
     show_rtt,
     KPC_FIELD_BOTH},
    {{.title = "DOWN", .key = "", .align = KP_RIGHT, .priority = 1}, show_down, KPC_FIELD_BOTH},
    {{.title = "HISTORY", .key = ""}, show_strip, KPC_FIELD_SPARK},
};

/* --- gaps --- */

static bool read_time(const json_t *object, const char *key, struct kp_wall *out)
{
    const char *text = kpc_get_text(object, key);
    return text != NULL && kp_wall_parse(text, out) == KP_OK;
}

static void show_from(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    struct kp_wall t = {0};
    if (read_time(row, "began", &t))
        kpc_when_stamp(t, kpc_args_has(ctx->args, KPC_OPT_LOCAL), out->buf);
}

static void show_for(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    struct kp_wall from = {0}, to = {0};
    (void)ctx;
    if (read_time(row, "began", &from) && read_time(row, "ended", &to))
        kpc_when_length((struct kp_dur){to.ns - from.ns}, out->buf);
}

static const struct kpc_field gap_fields[] = {
    {{.title = "NOT WATCHED FROM", .key = "began"}, show_from, KPC_FIELD_BOTH},
    {{.title = "FOR", .key = "", .align = KP_RIGHT}, show_for, KPC_FIELD_BOTH},
    {{.title = "WHY", .key = "reason", .min_width = 10}, NULL, KPC_FIELD_BOTH},
};

#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* --- for people --- */

static void heading(struct kpc_ctx *ctx, const json_t *reply)
{
    struct kp_wall since = {0}, until = {0};
    char from[KPC_WHEN_SIZE] = "-", to[KPC_WHEN_SIZE] = "-", cell[KPC_WHEN_SIZE];
    bool local = kpc_args_has(ctx->args, KPC_OPT_LOCAL);
    if (read_time(reply, "since", &since))
        kpc_when_stamp(since, local, from);
    if (read_time(reply, "until", &until))
        kpc_when_stamp(until, local, to);
    kpc_when_length(kp_dur_s(kpc_get_count(reply, "step_seconds")), cell);
    kp_text_printf(&ctx->out, "From %s to %s, in steps of %s\n\n", from, to, cell);
}

static void table(struct kpc_ctx *ctx, const json_t *rows, const struct kpc_field *fields,
                  size_t count, const char *none)
{
    kp_text_add(&ctx->out, "\n");
    if (json_array_size(rows) == 0)
        kp_text_printf(&ctx->out, "%s\n", none);
    else
        kpc_out_table(ctx, &ctx->out, rows, fields, count);
}

static void story(struct kpc_ctx *ctx, const json_t *reply)
{
    const json_t *strips = kpc_get(reply, "strips");
    const json_t *incidents = kpc_get(reply, "incidents");
    heading(ctx, reply);
    if (json_array_size(strips) == 0)
        kp_text_add(&ctx->out, "Nothing is stored yet.\n");
    else
        kpc_out_table(ctx, &ctx->out, strips, strip_fields, COUNT(strip_fields));
    if (json_array_size(strips) > 0)
        kpc_paths_legend(ctx, &ctx->out, "oldest first");
    kp_text_add(&ctx->out, "\n");
    if (json_array_size(incidents) == 0)
        kp_text_add(&ctx->out, "No incident in that time.\n");
    else
        kpc_incidents_table(ctx, &ctx->out, incidents);
    table(ctx, kpc_get(reply, "gaps"), gap_fields, COUNT(gap_fields),
          "We watched all the time.");
}

/* --- for scripts: a line for each cell --- */

static const struct kpc_field cell_fields[] = {
    {{.key = "at"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "kind"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "name"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "answered_ratio"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "sent"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "rtt_p50_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "rtt_p95_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "up_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "degraded_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "down_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "unknown_seconds"}, NULL, KPC_FIELD_SCRIPTS},
};

static json_t *cell_row(const json_t *strip, size_t index, struct kp_wall at)
{
    char time[KP_RFC3339_SIZE];
    const char *key = NULL;
    json_t *list = NULL;
    json_t *row = json_object();
    kp_wall_format(at, time);
    json_object_set_new(row, "at", json_string(time));
    json_object_set_new(row, "kind", json_string(kpc_show_text(strip, "kind")));
    json_object_set_new(row, "name", json_string(kpc_show_text(strip, "name")));
    json_object_foreach(json_object_get(strip, "cells"), key, list)
        json_object_set(row, key, json_array_get(list, index));
    return row;
}

static void lines(struct kpc_ctx *ctx, const json_t *reply)
{
    struct kp_wall since = {0};
    struct kp_dur step = kp_dur_s(kpc_get_count(reply, "step_seconds"));
    json_t *rows = json_array();
    size_t index = 0;
    json_t *strip = NULL;
    read_time(reply, "since", &since);
    json_array_foreach(kpc_get(reply, "strips"), index, strip)
    {
        size_t count = json_array_size(kpc_get(strip, "cells.sent"));
        struct kp_wall at = since;
        for (size_t i = 0; i < count; i++, at = kp_wall_add(at, step))
            json_array_append_new(rows, cell_row(strip, i, at));
    }
    kpc_out_rows(ctx, reply, rows, cell_fields, COUNT(cell_fields));
    json_decref(rows);
}

static void put_time(json_t *parameters, const char *name, struct kp_wall t)
{
    char text[KP_RFC3339_SIZE];
    kp_wall_format(t, text);
    json_object_set_new(parameters, name, json_string(text));
}

enum kpc_exit kpc_history_exec(struct kpc_ctx *ctx)
{
    const struct kpc_args *args = ctx->args;
    struct kpc_reply reply;
    if (args->path != NULL && args->target != NULL) {
        kpc_say("give --path or --target, not both");
        return KPC_USAGE;
    }
    if (kpc_args_has(args, KPC_OPT_UNTIL) && kpc_args_has(args, KPC_OPT_SINCE) &&
        args->since.ns >= args->until.ns) {
        kpc_say("--since must be before --until");
        return KPC_USAGE;
    }
    json_t *parameters = kpc_parameter("path", args->path);
    if (args->target != NULL)
        json_object_set_new(parameters, "target", json_string(args->target));
    if (kpc_args_has(args, KPC_OPT_SINCE))
        put_time(parameters, "since", args->since);
    if (kpc_args_has(args, KPC_OPT_UNTIL))
        put_time(parameters, "until", args->until);
    if (kpc_args_has(args, KPC_OPT_STEP))
        json_object_set_new(parameters, "step_seconds", json_real(kp_dur_seconds(args->step)));
    enum kpc_exit code = kpc_call(ctx, "GetHistory", parameters, &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx))
        lines(ctx, reply.parameters);
    else
        story(ctx, reply.parameters);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
