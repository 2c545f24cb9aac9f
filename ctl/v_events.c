#include "ctl/events.h"

#include "ctl/call.h"
#include "ctl/show.h"
#include "ctl/when.h"
#include "lib/base/vocab.h"

#include <stdio.h>
#include <string.h>

static enum kp_role level_role(const char *level)
{
    static const enum kp_role roles[KP_LEVEL_COUNT] = {
        [KP_LOG_ERROR] = KP_ROLE_BAD,    [KP_LOG_WARNING] = KP_ROLE_WARN,
        [KP_LOG_NOTICE] = KP_ROLE_TITLE, [KP_LOG_INFO] = KP_ROLE_PLAIN,
        [KP_LOG_DEBUG] = KP_ROLE_DIM,
    };
    enum kp_level value = KP_LOG_INFO;
    return kp_level_parse(level, &value) ? roles[value] : KP_ROLE_PLAIN;
}

static void show_time(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const char *text = kpc_get_text(row, "@timestamp");
    struct kp_wall t = {0};
    if (text == NULL || kp_wall_parse(text, &t) != KP_OK)
        return;
    bool local = kpc_args_has(ctx->args, KPC_OPT_LOCAL);
    /* Narrow screens get the clock; whatever may be kept gets the date as well. */
    if (ctx->term.tty && ctx->args->format != KPC_WIDE)
        kpc_when_clock(t, ctx->now, local, out->buf);
    else
        kpc_when_stamp(t, local, out->buf);
}

static void show_level(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    out->text = kpc_show_text(row, "log.level");
    out->role = level_role(out->text);
}

static const struct kpc_field fields[] = {
    {{.title = "TIME", .key = "@timestamp"}, show_time, KPC_FIELD_BOTH},
    {{.title = "LEVEL", .key = "log.level", .priority = 2}, show_level, KPC_FIELD_BOTH},
    {{.title = "EVENT", .key = "event.action", .priority = 3}, NULL, KPC_FIELD_BOTH},
    {{.title = "TARGET", .key = "kp.target.name", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.title = "PATH", .key = "kp.path.name", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.title = "WHAT HAPPENED", .key = "message", .min_width = 30}, NULL, KPC_FIELD_BOTH},
    {{.title = "ID", .key = "event.id", .wide_only = true}, NULL, KPC_FIELD_BOTH},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

bool kpc_events_wanted(const struct kpc_ctx *ctx, const json_t *event)
{
    return kpc_out_scripts(ctx) || kpc_args_has(ctx->args, KPC_OPT_ALL) ||
           strcmp(kpc_show_text(event, "event.action"), kp_action_name(KP_EV_PROBE_RESULT)) !=
               0;
}

/* The newest `most` of those that are to be shown, as a list of their own. */
static json_t *tail(const struct kpc_ctx *ctx, const json_t *events, size_t most)
{
    json_t *rows = json_array();
    for (size_t i = json_array_size(events); i > 0 && json_array_size(rows) < most; i--) {
        json_t *event = json_array_get(events, i - 1);
        if (kpc_events_wanted(ctx, event))
            json_array_insert(rows, 0, event);
    }
    return rows;
}

void kpc_events_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *events,
                      size_t most)
{
    json_t *rows = tail(ctx, events, most);
    if (json_array_size(rows) == 0)
        kp_text_add(out, "Nothing has happened in that time.\n");
    else
        kpc_out_table(ctx, out, rows, fields, FIELD_COUNT);
    json_decref(rows);
}

void kpc_events_heading(struct kpc_ctx *ctx)
{
    if (ctx->args->format != KPC_CSV)
        return;
    json_t *none = json_array();
    kpc_out_rows(ctx, NULL, none, fields, FIELD_COUNT);
    json_decref(none);
}

/* A stream has no widths to wait for: these hold for all but the oddest. */
static void words(struct kpc_ctx *ctx, const json_t *event)
{
    struct kpc_shown time = {0};
    struct kpc_shown level = {0};
    char padded[32];
    show_time(ctx, event, &time);
    show_level(ctx, event, &level);
    kp_text_printf(&ctx->out, "%s  ", time.buf);
    snprintf(padded, sizeof padded, "%-7.20s", level.text);
    kp_render_text(&ctx->out, padded, level.role, ctx->term.color);
    snprintf(padded, sizeof padded, "  %-18.28s", kpc_show_text(event, "event.action"));
    kp_text_add_safe(&ctx->out, padded);
    kp_text_add(&ctx->out, "  ");
    kp_text_add_safe(&ctx->out, kpc_show_text(event, "message"));
    kp_text_add(&ctx->out, "\n");
}

static void csv_line(struct kpc_ctx *ctx, const json_t *event)
{
    struct kp_render_style style = {.kind = KP_RENDER_CSV, .no_heading = true};
    struct kp_column columns[FIELD_COUNT];
    struct kp_cell cells[FIELD_COUNT];
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        columns[i] = fields[i].column;
        cells[i] = (struct kp_cell){.value = kpc_get(event, fields[i].column.key)};
    }
    struct kp_render *r = kp_render_new(&style, columns, FIELD_COUNT);
    if (r == NULL)
        ctx->out.nomem = true;
    else
        kp_render_row(r, cells);
    kp_render_end(r, &ctx->out);
}

void kpc_events_line(struct kpc_ctx *ctx, const json_t *event)
{
    if (ctx->args->format == KPC_CSV)
        csv_line(ctx, event);
    else if (kpc_out_scripts(ctx))
        kpc_out_line(ctx, event);
    else
        words(ctx, event);
}

enum kpc_exit kpc_events_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    char since[KP_RFC3339_SIZE] = "";
    bool given = kpc_args_has(ctx->args, KPC_OPT_SINCE);
    if (given)
        kp_wall_format(ctx->args->since, since);
    json_t *parameters = kpc_parameter("since", given ? since : NULL);
    enum kpc_exit code = kpc_call(ctx, "ListEvents", parameters, &reply);
    if (code != KPC_DONE)
        return code;
    const json_t *events = kpc_get(reply.parameters, "events");
    if (kpc_out_scripts(ctx))
        kpc_out_rows(ctx, reply.parameters, events, fields, FIELD_COUNT);
    else
        kpc_events_table(ctx, &ctx->out, events, SIZE_MAX);
    if (given && json_is_false(kpc_get(reply.parameters, "complete")))
        kpc_say("the daemon no longer holds all events since then; older ones are in its log");
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
