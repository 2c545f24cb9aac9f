#include "ctl/targets.h"

#include "ctl/call.h"
#include "ctl/show.h"
#include "ctl/spark.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RECENT_CELLS 32 /* what the daemon keeps */

static void show_path(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    out->text = kpc_get_text(row, "path");
}

/* What the last probe of each kind brought: "web 295 ms, tls timeout". */
static void show_last(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    size_t index = 0;
    size_t used = 0;
    json_t *probe = NULL;
    (void)ctx;
    json_array_foreach(kpc_get(row, "probes"), index, probe)
    {
        char rtt[24] = "";
        const char *result = kpc_get_text(probe, "result");
        bool answered = result != NULL && strcmp(result, "answered") == 0;
        kpc_show_seconds(kpc_get_number(probe, "rtt_seconds"), rtt, sizeof rtt);
        int n = snprintf(out->buf + used, sizeof out->buf - used, "%s%.40s %.24s",
                         index > 0 ? ", " : "", kpc_show_text(probe, "name"),
                         answered         ? rtt
                         : result == NULL ? "-"
                                          : result);
        used += (size_t)n < sizeof out->buf - used ? (size_t)n : 0;
    }
    if (used == 0)
        out->text = NULL;
}

/* The probe whose sparkline tells most: the first that is not up, else the first. */
static const json_t *telling_probe(const json_t *target)
{
    const json_t *probes = kpc_get(target, "probes");
    size_t index = 0;
    json_t *probe = NULL;
    json_array_foreach(probes, index, probe)
    {
        const char *state = kpc_show_text(probe, "state");
        if (strcmp(state, "down") == 0 || strcmp(state, "degraded") == 0)
            return probe;
    }
    return json_array_get(probes, 0);
}

static size_t cells(const struct kpc_ctx *ctx)
{
    size_t least = 10;
    size_t room = ctx->spark_room < RECENT_CELLS ? ctx->spark_room : RECENT_CELLS;
    return room < least ? least : room;
}

static void show_spark(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    struct kpc_spark spark = kpc_spark_rtt(kpc_get(telling_probe(row), "recent_rtt_seconds"),
                                           cells(ctx), ctx->term.ascii);
    snprintf(out->buf, sizeof out->buf, "%s", spark.text);
}

static const struct kpc_field fields[] = {
    {{.title = "TARGET", .key = "name", .min_width = 8}, NULL, KPC_FIELD_BOTH},
    {{.title = "TITLE", .key = "title", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.title = "STATE", .key = "state"}, kpc_show_state, KPC_FIELD_BOTH},
    {{.title = "SINCE", .key = "since", .wide_only = true}, kpc_show_since, KPC_FIELD_BOTH},
    {{.title = "PATH", .key = "path", .priority = 3, .min_width = 8},
     show_path,
     KPC_FIELD_BOTH},
    {{.key = "path_source"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "HOST", .key = "host", .wide_only = true}, NULL, KPC_FIELD_BOTH},
    {{.title = "ADDRESS", .key = "address", .priority = 5}, NULL, KPC_FIELD_BOTH},
    {{.title = "GROUP", .key = "group", .priority = 6}, NULL, KPC_FIELD_BOTH},
    {{.key = "muted_until"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "LAST RESULTS", .key = "", .priority = 1, .min_width = 12},
     show_last,
     KPC_FIELD_PEOPLE},
    {{.title = "RECENT RTT", .key = "", .priority = 4}, show_spark, KPC_FIELD_SPARK},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static void legend(const struct kpc_ctx *ctx, struct kp_text *out)
{
    kp_render_text(
        out,
        ctx->term.ascii
            ? "(recent RTT: one mark a probe, newest last; higher is slower, x no answer)"
            : "(recent RTT: one mark a probe, newest last; higher is slower, × no answer)",
        KP_ROLE_DIM, ctx->term.color);
    kp_text_add(out, "\n");
}

void kpc_targets_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *reply)
{
    const json_t *rows = kpc_get(reply, "targets");
    if (json_array_size(rows) == 0) {
        kp_text_add(out, "No such targets.\n");
        return;
    }
    kpc_out_table(ctx, out, rows, fields, FIELD_COUNT);
    legend(ctx, out);
}

/* --- one target: its probes --- */

static void show_result(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const char *result = kpc_get_text(row, "result");
    (void)ctx;
    out->text = result != NULL ? result : "none yet";
    if (result != NULL)
        out->role = strcmp(result, "answered") == 0      ? KP_ROLE_GOOD
                    : strcmp(result, "refused") == 0     ? KP_ROLE_PLAIN /* alive */
                    : strcmp(result, "local-error") == 0 ? KP_ROLE_DIM
                                                         : KP_ROLE_WARN;
}

static void show_at(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    kpc_show_time(ctx, kpc_get_text(row, "at"), out->buf, sizeof out->buf);
}

static void show_rtt(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    kpc_show_seconds(kpc_get_number(row, "rtt_seconds"), out->buf, sizeof out->buf);
}

/* "99.8 %, 290 ms" while healthy. */
static void show_usual(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    char ratio[16];
    char rtt[16];
    double known = kpc_get_number(row, "baseline_ratio");
    (void)ctx;
    kpc_show_ratio(known, ratio, sizeof ratio);
    kpc_show_seconds(kpc_get_number(row, "baseline_rtt_seconds"), rtt, sizeof rtt);
    if (isfinite(known))
        snprintf(out->buf, sizeof out->buf, "%s, %s", ratio, rtt);
    else
        snprintf(out->buf, sizeof out->buf, "learning");
}

static void show_counts(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    snprintf(out->buf, sizeof out->buf, "%lld/%lld", kpc_get_count(row, "answered"),
             kpc_get_count(row, "sent"));
}

static void show_probe_state(const struct kpc_ctx *ctx, const json_t *row,
                             struct kpc_shown *out)
{
    (void)ctx;
    out->text = kpc_show_text(row, "state");
    out->role = kpc_show_state_role(out->text);
}

static void show_probe_spark(const struct kpc_ctx *ctx, const json_t *row,
                             struct kpc_shown *out)
{
    struct kpc_spark spark =
        kpc_spark_rtt(kpc_get(row, "recent_rtt_seconds"), cells(ctx), ctx->term.ascii);
    snprintf(out->buf, sizeof out->buf, "%s", spark.text);
}

static void show_ttl(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    if (kpc_get_count(row, "reply_ttl") > 0)
        snprintf(out->buf, sizeof out->buf, "%lld", kpc_get_count(row, "reply_ttl"));
    else
        out->text = NULL;
}

static const struct kpc_field probe_fields[] = {
    {{.title = "PROBE", .key = "name"}, NULL, KPC_FIELD_BOTH},
    {{.title = "TYPE", .key = "type", .priority = 3}, NULL, KPC_FIELD_BOTH},
    {{.title = "STATE", .key = "state"}, show_probe_state, KPC_FIELD_BOTH},
    {{.title = "LAST", .key = "result"}, show_result, KPC_FIELD_BOTH},
    {{.title = "WHEN", .key = "at", .priority = 4}, show_at, KPC_FIELD_BOTH},
    {{.title = "RTT", .key = "rtt_seconds", .align = KP_RIGHT}, show_rtt, KPC_FIELD_BOTH},
    {{.title = "TTL", .key = "reply_ttl", .align = KP_RIGHT, .wide_only = true},
     show_ttl,
     KPC_FIELD_BOTH},
    {{.title = "USUAL", .key = "baseline_ratio", .priority = 2}, show_usual, KPC_FIELD_BOTH},
    {{.title = "ANSWERED", .key = "answered", .align = KP_RIGHT, .priority = 5},
     show_counts,
     KPC_FIELD_BOTH},
    {{.title = "RECENT RTT", .key = "", .priority = 1}, show_probe_spark, KPC_FIELD_SPARK},
};

static void host_line(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *target)
{
    const char *address = kpc_get_text(target, "address");
    const char *group = kpc_get_text(target, "group");
    const char *host = kpc_get_text(target, "host");
    kpc_show_label(ctx, out, "host");
    kp_text_add_safe(out, host != NULL ? host : "no name");
    kp_text_add(out, kpc_show_dot(ctx));
    kp_text_add_safe(out, address != NULL ? address : "no address yet");
    if (group != NULL) {
        kp_text_printf(out, "%sgroup ", kpc_show_dot(ctx));
        kp_text_add_safe(out, group);
    }
    kp_text_add(out, "\n");
}

static void path_line(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *target)
{
    const char *path = kpc_get_text(target, "path");
    const char *source = kpc_show_text(target, "path_source");
    kpc_show_label(ctx, out, "path");
    kp_text_add_safe(out, path != NULL ? path : "not known");
    if (path != NULL)
        kp_text_add(out, strcmp(source, "trace") == 0    ? " (seen by trace)"
                         : strcmp(source, "config") == 0 ? " (as configured; not traced yet)"
                                                         : "");
    kp_text_add(out, "\n");
}

/* What a table has no room for: why a probe failed, what a name server said. */
static void notes(struct kp_text *out, const json_t *probe)
{
    const char *cause = kpc_get_text(probe, "cause");
    const char *error = kpc_get_text(probe, "error");
    const json_t *dns = kpc_get(probe, "dns");
    struct kp_text note = {0};
    if (cause != NULL) {
        kp_text_add(&note, cause);
        kp_text_printf(&note, ", says %s", kpc_show_text(probe, "sender"));
    }
    if (error != NULL)
        kp_text_printf(&note, "could not send here: %s", error);
    if (json_is_object(dns)) {
        kp_text_printf(&note, "DNS rcode %lld%s%s", kpc_get_count(dns, "rcode"),
                       json_is_true(kpc_get(dns, "aa")) ? ", authoritative" : "",
                       json_is_true(kpc_get(dns, "tc")) ? ", truncated" : "");
        if (json_is_integer(kpc_get(dns, "serial")))
            kp_text_printf(&note, ", serial %lld", kpc_get_count(dns, "serial"));
        if (json_is_integer(kpc_get(dns, "ttl_seconds")))
            kp_text_printf(&note, ", TTL %lld s", kpc_get_count(dns, "ttl_seconds"));
    }
    const char *text = kp_text_str(&note);
    if (text != NULL && *text != '\0') {
        kp_text_add_safe(out, kpc_show_text(probe, "name"));
        kp_text_add(out, ": ");
        kp_text_add_safe(out, text);
        kp_text_add(out, "\n");
    }
    kp_text_fini(&note);
}

void kpc_targets_detail(struct kpc_ctx *ctx, struct kp_text *out, const json_t *target)
{
    size_t index = 0;
    json_t *probe = NULL;
    const json_t *probes = kpc_get(target, "probes");
    kpc_show_head(ctx, out, target);
    kpc_show_state_lines(ctx, out, target);
    host_line(ctx, out, target);
    if (json_is_true(kpc_get(target, "anchor"))) {
        kpc_show_label(ctx, out, "anchor");
        kp_text_add(out, "must answer as long as our own connection works\n");
    } else {
        path_line(ctx, out, target);
    }
    kp_text_add(out, "\n");
    kpc_out_table(ctx, out, probes, probe_fields, sizeof probe_fields / sizeof probe_fields[0]);
    json_array_foreach(probes, index, probe) notes(out, probe);
    legend(ctx, out);
}

enum kpc_exit kpc_targets_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    const char *name = kpc_word(ctx, 0);
    const struct kpc_args *args = ctx->args;
    if (name != NULL && (args->state != NULL || args->group != NULL)) {
        kpc_say("a TARGET is one already: leave out --state and --group");
        return KPC_USAGE;
    }
    json_t *parameters = json_pack("{s:s*,s:s*,s:s*}", "target", name, "state", args->state,
                                   "group", args->group);
    enum kpc_exit code = kpc_call(ctx, "ListTargets", parameters, &reply);
    if (code != KPC_DONE)
        return code;
    const json_t *rows = kpc_get(reply.parameters, "targets");
    if (kpc_out_scripts(ctx))
        kpc_out_rows(ctx, reply.parameters, rows, fields, FIELD_COUNT);
    else if (name != NULL && json_array_size(rows) == 1)
        kpc_targets_detail(ctx, &ctx->out, json_array_get(rows, 0));
    else
        kpc_targets_table(ctx, &ctx->out, reply.parameters);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
