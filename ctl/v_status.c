#include "ctl/status.h"

#include "ctl/call.h"
#include "ctl/incidents.h"
#include "ctl/paths.h"
#include "ctl/show.h"
#include "ctl/when.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct kpc_field path_fields[] = {
    {{.title = "PATH", .key = "name", .min_width = 8}, NULL, KPC_FIELD_BOTH},
    {{.title = "STATE", .key = "state"}, kpc_show_state, KPC_FIELD_BOTH},
    {{.title = "UP", .key = "", .align = KP_RIGHT}, kpc_paths_targets, KPC_FIELD_PEOPLE},
    {{.title = "ANSWERED", .key = "answered_ratio", .align = KP_RIGHT, .priority = 2},
     kpc_paths_answered,
     KPC_FIELD_BOTH},
    {{.title = "RTT p50/p95", .key = "", .align = KP_RIGHT, .priority = 3},
     kpc_paths_rtt,
     KPC_FIELD_PEOPLE},
    {{.title = "LAST 10 MIN", .key = "spark", .priority = 1}, kpc_paths_spark, KPC_FIELD_SPARK},
};

static void verdict(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *status)
{
    const char *name = kpc_show_text(status, "verdict");
    kp_render_text(out, name, kpc_show_verdict_role(name), ctx->term.color);
    kp_text_add(out, ": ");
    kpc_show_wrap(ctx, out, kpc_show_text(status, "summary"), kp_text_width(name) + 2, 2);
}

static void target_counts(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *status)
{
    static const struct {
        const char *key;
        const char *state;
    } counts[] = {{"targets.up", "up"},
                  {"targets.degraded", "degraded"},
                  {"targets.down", "down"},
                  {"targets.unknown", "unknown"}};
    kpc_show_label(ctx, out, "Targets");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        char text[48];
        long long n = kpc_get_count(status, counts[i].key);
        snprintf(text, sizeof text, "%lld %s", n, counts[i].state);
        kp_text_add(out, i > 0 ? ", " : "");
        /* A zero is no news: it stays plain. */
        kp_render_text(out, text, n > 0 ? kpc_show_state_role(counts[i].state) : KP_ROLE_PLAIN,
                       ctx->term.color);
    }
    kp_text_printf(out, " of %lld\n", kpc_get_count(status, "targets.total"));
}

static void vantage(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *status)
{
    const json_t *healthy = kpc_get(status, "vantage.healthy");
    char text[KPC_SHOW_SIZE];
    long long total = kpc_get_count(status, "vantage.anchors_total");
    kpc_show_label(ctx, out, "Vantage");
    kp_text_add_safe(out, kpc_show_text(kpc_get(status, "vantage"), "name"));
    kp_text_add(out, ", our own connection is ");
    if (json_is_boolean(healthy))
        kp_render_text(out, json_is_true(healthy) ? "fine" : "faulty",
                       json_is_true(healthy) ? KP_ROLE_GOOD : KP_ROLE_BAD, ctx->term.color);
    else
        kp_render_text(out, "not judged yet", KP_ROLE_DIM, ctx->term.color);
    snprintf(text, sizeof text, " (%lld of %lld anchors answer)",
             kpc_get_count(status, "vantage.anchors_up"), total);
    kp_text_add(out, total > 0 ? text : " (no anchors)");
    kp_text_add(out, "\n");
}

static void daemon_line(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *status)
{
    const json_t *d = kpc_get(status, "daemon");
    struct kp_text line = {0};
    char length[KPC_WHEN_SIZE];
    char loaded[KPC_SHOW_SIZE];
    double uptime = kpc_get_number(d, "uptime_seconds");
    double rate = kpc_get_number(d, "probes_per_second");
    long long dropped = kpc_get_count(d, "events_dropped");
    const char *dot = kpc_show_dot(ctx);
    struct kp_wall t = {0};
    kpc_when_length(kp_dur_from_seconds(isfinite(uptime) ? uptime : 0), length);
    snprintf(loaded, sizeof loaded, "-");
    if (kpc_get_text(d, "config_loaded_at") != NULL &&
        kp_wall_parse(kpc_get_text(d, "config_loaded_at"), &t) == KP_OK)
        kpc_when_ago(t, ctx->now, loaded);
    kp_text_printf(&line, "kpwatchd %s, up %s", kpc_show_text(d, "version"), length);
    if (isfinite(rate))
        kp_text_printf(&line, "%s%.1f probes/s", dot, rate);
    kp_text_printf(&line, "%sconfig loaded %s", dot, loaded);
    if (dropped > 0)
        kp_text_printf(&line, "%s%lld events dropped", dot, dropped);
    kpc_show_label(ctx, out, "Daemon");
    kpc_show_wrap(ctx, out, kp_text_str(&line) != NULL ? kp_text_str(&line) : "?",
                  KPC_SHOW_LABEL, KPC_SHOW_LABEL);
    kp_text_fini(&line);
}

void kpc_status_screen(struct kpc_ctx *ctx, struct kp_text *out, const json_t *status)
{
    struct kp_wall at = {0};
    char stamp[KPC_WHEN_SIZE];
    const json_t *paths = kpc_get(status, "paths");
    if (kpc_get_text(status, "at") != NULL &&
        kp_wall_parse(kpc_get_text(status, "at"), &at) == KP_OK)
        ctx->now = at;
    verdict(ctx, out, status);
    kp_text_add(out, "\n");
    if (json_array_size(paths) > 0) {
        kpc_out_table(ctx, out, paths, path_fields, sizeof path_fields / sizeof path_fields[0]);
        kpc_paths_legend(ctx, out, "last 10 min");
        kp_text_add(out, "\n");
    }
    target_counts(ctx, out, status);
    kpc_incidents_lines(ctx, out, kpc_get(status, "incidents"));
    kpc_incidents_suspicions(ctx, out, kpc_get(status, "suspicions"));
    vantage(ctx, out, status);
    daemon_line(ctx, out, status);
    kpc_when_stamp(ctx->now, kpc_args_has(ctx->args, KPC_OPT_LOCAL), stamp);
    kpc_show_label(ctx, out, "As of");
    kp_text_printf(out, "%s\n", stamp);
}

enum kpc_exit kpc_status_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    enum kpc_exit code = kpc_call(ctx, "GetStatus", NULL, &reply);
    if (code != KPC_DONE)
        return code;
    const char *name = kpc_get_text(reply.parameters, "verdict");
    bool clear = name != NULL && strcmp(name, "clear") == 0;
    if (kpc_out_scripts(ctx))
        kpc_out_object(ctx, reply.parameters);
    else
        kpc_status_screen(ctx, &ctx->out, reply.parameters);
    if (kpc_args_has(ctx->args, KPC_OPT_EXIT_STATUS) && !clear)
        code = KPC_NOT_CLEAR;
    kpc_reply_fini(&reply);
    return code;
}
