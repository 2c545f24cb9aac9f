/* The daemon itself: log-level, stats, version. */
#include "ctl/call.h"
#include "ctl/show.h"
#include "ctl/when.h"
#include "lib/base/vocab.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum kpc_exit kpc_log_level_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    const char *names[KP_LEVEL_COUNT];
    const char *wanted = kpc_word(ctx, 0);
    enum kp_level level = KP_LOG_INFO;
    for (size_t i = 0; i < KP_LEVEL_COUNT; i++)
        names[i] = kp_level_name((enum kp_level)i);
    if (!kp_level_parse(wanted, &level))
        return kpc_say_unknown("level", wanted, names, KP_LEVEL_COUNT);
    enum kpc_exit code = kpc_call(ctx, "SetLogLevel", kpc_parameter("level", wanted), &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx))
        kpc_out_object(ctx, reply.parameters);
    else
        kp_text_printf(&ctx->out,
                       "The daemon now logs from %s on (before: %s), until its next start or "
                       "reload.\n",
                       wanted, kpc_show_text(reply.parameters, "previous"));
    kpc_reply_fini(&reply);
    return KPC_DONE;
}

static void show_count(const struct kpc_ctx *ctx, const json_t *row, const char *key,
                       struct kpc_shown *out)
{
    (void)ctx;
    snprintf(out->buf, sizeof out->buf, "%lld", kpc_get_count(row, key));
}

#define COUNT_CELL(name, key)                                                                  \
    static void name(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)      \
    {                                                                                          \
        show_count(ctx, row, key, out);                                                        \
    }

COUNT_CELL(show_sent, "sent")
COUNT_CELL(show_late, "late")
COUNT_CELL(show_answered, "results.answered")
COUNT_CELL(show_refused, "results.refused")
COUNT_CELL(show_timeout, "results.timeout")
COUNT_CELL(show_unreachable, "results.unreachable")
COUNT_CELL(show_local, "results.local-error")

/* All that was heard and not taken as a reply. */
static void show_discarded(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const json_t *discarded = kpc_get(row, "discarded");
    const char *key = NULL;
    json_t *count = NULL;
    long long sum = 0;
    (void)ctx;
    json_object_foreach((json_t *)(uintptr_t)discarded, key, count) sum +=
        json_integer_value(count);
    snprintf(out->buf, sizeof out->buf, "%lld", sum);
}

#define NUMBER(t, k) .title = (t), .key = (k), .align = KP_RIGHT
static const struct kpc_field fields[] = {
    {{.title = "PROBES", .key = "type"}, NULL, KPC_FIELD_BOTH},
    {{NUMBER("SENT", "sent")}, show_sent, KPC_FIELD_BOTH},
    {{NUMBER("ANSWERED", "answered")}, show_answered, KPC_FIELD_BOTH},
    {{NUMBER("REFUSED", "refused")}, show_refused, KPC_FIELD_BOTH},
    {{NUMBER("TIMEOUT", "timeout")}, show_timeout, KPC_FIELD_BOTH},
    {{NUMBER("UNREACH.", "unreachable")}, show_unreachable, KPC_FIELD_BOTH},
    {{NUMBER("LOCAL", "local-error")}, show_local, KPC_FIELD_BOTH},
    {{NUMBER("LATE", "late")}, show_late, KPC_FIELD_BOTH},
    {{NUMBER("JUNK", "discarded")}, show_discarded, KPC_FIELD_BOTH},
};

static void stats_lines(struct kpc_ctx *ctx, const json_t *s)
{
    char length[KPC_WHEN_SIZE];
    char lag[24];
    struct kp_text *out = &ctx->out;
    double uptime = kpc_get_number(s, "uptime_seconds");
    kpc_when_length(kp_dur_from_seconds(isfinite(uptime) ? uptime : 0), length);
    kpc_show_seconds(kpc_get_number(s, "scheduler_lag_seconds"), lag, sizeof lag);
    kp_text_printf(out, "(since the start %s ago; junk: heard, and no reply to a probe)\n\n",
                   length);
    kpc_show_label(ctx, out, "Scheduler");
    kp_text_printf(out, "%lld items, %lld in flight, worst lag %s in the last minute\n",
                   kpc_get_count(s, "items"), kpc_get_count(s, "in_flight"), lag);
    kpc_show_label(ctx, out, "Put off");
    kp_text_printf(out, "%lld by rate limits, %lld refused by the allow list\n",
                   kpc_get_count(s, "deferred"), kpc_get_count(s, "denied"));
    kpc_show_label(ctx, out, "Gaps");
    kp_text_printf(out, "%lld times answers may have been missed here\n",
                   kpc_get_count(s, "gaps"));
    kpc_show_label(ctx, out, "Events");
    kp_text_printf(out, "%lld published, %lld dropped, %lld held in memory (%lld KiB)\n",
                   kpc_get_count(s, "events.published"), kpc_get_count(s, "events.dropped"),
                   kpc_get_count(s, "events.held"),
                   kpc_get_count(s, "events.held_bytes") / 1024);
    kpc_show_label(ctx, out, "Clients");
    kp_text_printf(out, "%lld now, %lld of them subscribed; %lld requests, %lld bad\n",
                   kpc_get_count(s, "control.clients"), kpc_get_count(s, "control.subscribers"),
                   kpc_get_count(s, "control.requests"),
                   kpc_get_count(s, "control.bad_requests"));
    kpc_show_label(ctx, out, "");
    kp_text_printf(out, "%lld accepted, %lld turned away, %lld closed for being slow\n",
                   kpc_get_count(s, "control.accepted"),
                   kpc_get_count(s, "control.turned_away"),
                   kpc_get_count(s, "control.closed_slow"));
}

enum kpc_exit kpc_stats_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    enum kpc_exit code = kpc_call(ctx, "GetStats", NULL, &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx)) {
        kpc_out_object(ctx, reply.parameters);
    } else {
        kpc_out_table(ctx, &ctx->out, kpc_get(reply.parameters, "probes"), fields,
                      sizeof fields / sizeof fields[0]);
        stats_lines(ctx, reply.parameters);
    }
    kpc_reply_fini(&reply);
    return KPC_DONE;
}

enum kpc_exit kpc_metrics_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    enum kpc_exit code = kpc_call(ctx, "GetMetrics", NULL, &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx))
        kpc_out_object(ctx, reply.parameters);
    else
        kp_text_add(&ctx->out, kpc_show_text(reply.parameters, "text"));
    kpc_reply_fini(&reply);
    return KPC_DONE;
}

enum kpc_exit kpc_version_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply = {0};
    enum kpc_conn_err err = KPC_CONN_OK;
    bool reached = kpc_call_quiet(ctx, "GetStatus", NULL, &reply, &err);
    const char *daemon = reached ? kpc_get_text(reply.parameters, "daemon.version") : NULL;
    json_t *versions =
        json_pack("{s:i,s:s,s:s?}", "schema", 1, "kpwatchctl", KP_VERSION, "kpwatchd", daemon);
    if (kpc_out_scripts(ctx)) {
        kpc_out_object(ctx, versions);
    } else {
        kp_text_add(&ctx->out, "kpwatchctl " KP_VERSION "\nkpwatchd   ");
        kp_text_add_safe(&ctx->out, daemon != NULL ? daemon : "not reachable");
        kp_text_add(&ctx->out, "\n");
    }
    json_decref(versions);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
