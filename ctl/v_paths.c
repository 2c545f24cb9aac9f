#include "ctl/paths.h"

#include "ctl/call.h"
#include "ctl/show.h"
#include "ctl/spark.h"

#include <math.h>
#include <stdio.h>

void kpc_paths_targets(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    long long up = kpc_get_count(row, "targets_up");
    long long total = up + kpc_get_count(row, "targets_degraded") +
                      kpc_get_count(row, "targets_down") +
                      kpc_get_count(row, "targets_unknown");
    (void)ctx;
    snprintf(out->buf, sizeof out->buf, "%lld/%lld", up, total);
}

void kpc_paths_answered(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    kpc_show_ratio(kpc_get_number(row, "answered_ratio"), out->buf, sizeof out->buf);
}

void kpc_paths_rtt(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    double p50 = kpc_get_number(row, "rtt_p50_seconds");
    double p95 = kpc_get_number(row, "rtt_p95_seconds");
    (void)ctx;
    if (isfinite(p50) && isfinite(p95))
        snprintf(out->buf, sizeof out->buf, "%.*f/%.*f ms", kpc_show_digits(p50), p50 * 1e3,
                 kpc_show_digits(p95), p95 * 1e3);
    else
        snprintf(out->buf, sizeof out->buf, "-");
}

/* As many cells as there is room for, each of the same length of time: of 60
 * cells a divisor. */
static size_t cells(size_t room)
{
    static const size_t good[] = {60, 30, 20, 15, 12};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (good[i] <= room)
            return good[i];
    return 10;
}

void kpc_paths_spark(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    struct kpc_spark spark =
        kpc_spark_share(kpc_get(row, "spark"), cells(ctx->spark_room), ctx->term.ascii);
    snprintf(out->buf, sizeof out->buf, "%s", spark.text);
}

static const struct kpc_field fields[] = {
    {{.title = "PATH", .key = "name", .min_width = 8}, NULL, KPC_FIELD_BOTH},
    {{.title = "TITLE", .key = "title", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.title = "STATE", .key = "state"}, kpc_show_state, KPC_FIELD_BOTH},
    {{.title = "SINCE", .key = "since", .wide_only = true}, kpc_show_since, KPC_FIELD_BOTH},
    {{.title = "UP", .key = "", .align = KP_RIGHT}, kpc_paths_targets, KPC_FIELD_PEOPLE},
    {{.title = "ANSWERED", .key = "answered_ratio", .align = KP_RIGHT, .priority = 2},
     kpc_paths_answered,
     KPC_FIELD_BOTH},
    {{.title = "RTT p50/p95", .key = "", .align = KP_RIGHT, .priority = 3},
     kpc_paths_rtt,
     KPC_FIELD_PEOPLE},
    {{.key = "rtt_p50_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "rtt_p95_seconds"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "EDGE", .key = "edge_state", .priority = 4}, NULL, KPC_FIELD_BOTH},
    {{.title = "LAST HOP", .key = "last_hop", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.key = "targets_up"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "targets_degraded"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "targets_down"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "targets_unknown"}, NULL, KPC_FIELD_SCRIPTS},
    {{.key = "muted_until"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "LAST 10 MIN", .key = "spark", .priority = 1}, kpc_paths_spark, KPC_FIELD_SPARK},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

void kpc_paths_legend(const struct kpc_ctx *ctx, struct kp_text *out, const char *span)
{
    char text[128];
    snprintf(text, sizeof text,
             ctx->term.ascii
                 ? "(%s: # all answered, lower is less, x no answer, . not measured)"
                 : "(%s: █ all answered, lower is less, × no answer, · not measured)",
             span);
    kp_render_text(out, text, KP_ROLE_DIM, ctx->term.color);
    kp_text_add(out, "\n");
}

void kpc_paths_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *reply)
{
    const json_t *rows = kpc_get(reply, "paths");
    if (json_array_size(rows) == 0) {
        kp_text_add(out, "No paths are configured.\n");
        return;
    }
    kpc_out_table(ctx, out, rows, fields, FIELD_COUNT);
    kpc_paths_legend(ctx, out, "last 10 min");
}

/* One path as a block of labelled lines. */
static void detail(struct kpc_ctx *ctx, struct kp_text *out, const json_t *path)
{
    struct kpc_shown cell = {0};
    char text[KPC_SHOW_SIZE];
    const char *hop = kpc_get_text(path, "last_hop");
    kpc_show_head(ctx, out, path);
    kpc_show_state_lines(ctx, out, path);
    kpc_show_label(ctx, out, "targets");
    kp_text_printf(out, "%lld up, %lld degraded, %lld down, %lld unknown\n",
                   kpc_get_count(path, "targets_up"), kpc_get_count(path, "targets_degraded"),
                   kpc_get_count(path, "targets_down"), kpc_get_count(path, "targets_unknown"));
    kpc_show_label(ctx, out, "answered");
    kpc_show_ratio(kpc_get_number(path, "answered_ratio"), text, sizeof text);
    kpc_paths_rtt(ctx, path, &cell);
    kp_text_printf(out, "%s in the last 10 minutes%sRTT p50/p95 %s\n", text, kpc_show_dot(ctx),
                   cell.buf);
    kpc_show_label(ctx, out, "edge");
    kpc_show_add_state(ctx, out, path, "edge_state");
    kp_text_add(out, kpc_show_dot(ctx));
    kp_text_add(out, "last hop ");
    kp_text_add_safe(out, hop != NULL ? hop : "not seen yet");
    kp_text_add(out, "\n");
    kpc_show_label(ctx, out, "last 10 min");
    ctx->spark_room = ctx->term.width == 0 ? SIZE_MAX : ctx->term.width - KPC_SHOW_LABEL;
    kpc_paths_spark(ctx, path, &cell);
    kp_text_printf(out, "%s\n", cell.buf);
    kpc_paths_legend(ctx, out, "last 10 min");
}

enum kpc_exit kpc_paths_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    const char *name = kpc_word(ctx, 0);
    enum kpc_exit code = kpc_call(ctx, "ListPaths", kpc_parameter("path", name), &reply);
    if (code != KPC_DONE)
        return code;
    const json_t *rows = kpc_get(reply.parameters, "paths");
    if (kpc_out_scripts(ctx))
        kpc_out_rows(ctx, reply.parameters, rows, fields, FIELD_COUNT);
    else if (name != NULL && json_array_size(rows) == 1)
        detail(ctx, &ctx->out, json_array_get(rows, 0));
    else
        kpc_paths_table(ctx, &ctx->out, reply.parameters);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
