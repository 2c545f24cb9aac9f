/* trace: the way to a target, and what changed on it. */
#include "ctl/call.h"
#include "ctl/show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* 32 hops at one a second, silent ones waited for, come to less. */
#define WAIT_S 60
#define STEPS_PER_S 5

/* Whether the newest trace was finished after `when`. */
static bool fresh(const json_t *reply, const char *when)
{
    struct kp_wall asked = {0};
    struct kp_wall at = {0};
    const char *text = kpc_get_text(json_array_get(kpc_get(reply, "traces"), 0), "at");
    if (when == NULL || kp_wall_parse(when, &asked) != KP_OK)
        return true;
    return text != NULL && kp_wall_parse(text, &at) == KP_OK && at.ns >= asked.ns;
}

/* KPC_REFUSED, and the reply, where none came in time. */
static enum kpc_exit wait_for(struct kpc_ctx *ctx, const char *name, const char *when,
                              struct kpc_reply *reply)
{
    static const struct timespec step = {0, 1000000000 / STEPS_PER_S};
    for (int i = 0;; i++) {
        enum kpc_exit code = kpc_call(ctx, "GetTrace", kpc_parameter("target", name), reply);
        if (code != KPC_DONE || fresh(reply->parameters, when))
            return code;
        if (i == WAIT_S * STEPS_PER_S) {
            kpc_say("no trace was finished within %d s; rate limits may hold it back", WAIT_S);
            return KPC_REFUSED;
        }
        if (i == 0 && ctx->term.tty)
            kpc_say("asked; a trace takes some seconds, one hop after the other");
        kpc_reply_fini(reply);
        nanosleep(&step, NULL);
    }
}

static enum kpc_exit ask_now(struct kpc_ctx *ctx, const char *name, struct kpc_reply *reply)
{
    struct kpc_reply asked;
    enum kpc_exit code = kpc_call(ctx, "Trace", kpc_parameter("target", name), &asked);
    if (code != KPC_DONE)
        return code;
    code = wait_for(ctx, name, kpc_get_text(asked.parameters, "requested_at"), reply);
    kpc_reply_fini(&asked);
    return code;
}

/* --- the table --- */

static void show_ttl(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    snprintf(out->buf, sizeof out->buf, "%lld", kpc_get_count(row, "ttl"));
}

static void show_address(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    out->text = kpc_get_text(row, "address");
    if (out->text != NULL)
        return;
    out->text = "*";
    out->role = KP_ROLE_DIM;
}

static void show_rtt(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    (void)ctx;
    kpc_show_seconds(kpc_get_number(row, "rtt_seconds"), out->buf, sizeof out->buf);
}

static void show_whose(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const char *path = kpc_get_text(row, "path");
    (void)ctx;
    if (json_is_true(kpc_get(row, "is_target")))
        out->text = "the target";
    else
        out->text = path != NULL ? path : "";
}

/* What stood at this place before, where that was something else. */
static void show_was(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const char *was = kpc_get_text(row, "was");
    (void)ctx;
    out->text = was != NULL ? was : "";
    out->role = was != NULL ? KP_ROLE_WARN : KP_ROLE_PLAIN;
}

static const struct kpc_field fields[] = {
    {{.title = "TTL", .key = "ttl", .align = KP_RIGHT}, show_ttl, KPC_FIELD_BOTH},
    {{.title = "ADDRESS", .key = "address"}, show_address, KPC_FIELD_BOTH},
    {{.title = "RTT", .key = "rtt_seconds", .align = KP_RIGHT}, show_rtt, KPC_FIELD_BOTH},
    {{.title = "WHOSE", .key = "path"}, show_whose, KPC_FIELD_BOTH},
    {{.key = "is_target"}, NULL, KPC_FIELD_SCRIPTS},
    {{.title = "CHANGED", .key = "was", .priority = 1}, show_was, KPC_FIELD_PEOPLE},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static json_t *hop_at(const json_t *trace, long long ttl)
{
    size_t index = 0;
    json_t *hop = NULL;
    json_array_foreach(kpc_get(trace, "hops"), index,
                       hop) if (kpc_get_count(hop, "ttl") == ttl) return hop;
    return NULL;
}

/* Whether a hop differs from the one before; what it was, into text. */
static bool changed(const json_t *hop, const json_t *before, char *text, size_t size)
{
    const json_t *other = hop_at(before, kpc_get_count(hop, "ttl"));
    const char *now = kpc_get_text(hop, "address");
    const char *then = kpc_get_text(other, "address");
    if (strcmp(now != NULL ? now : "", then != NULL ? then : "") == 0)
        return false;
    if (then != NULL)
        snprintf(text, size, "was %s", then);
    else
        snprintf(text, size, "%s", other != NULL ? "was silent" : "new");
    return true;
}

/* Marks the hops that changed, and counts those where one address took the place
 * of another: a hop that only fell silent is no other way. */
static size_t mark(const json_t *trace, const json_t *before)
{
    size_t index = 0;
    size_t moved = 0;
    json_t *hop = NULL;
    json_array_foreach(kpc_get(trace, "hops"), index, hop)
    {
        char text[80];
        if (!json_is_object(hop) || !changed(hop, before, text, sizeof text))
            continue;
        json_object_set_new(hop, "was", json_string(text));
        moved += strncmp(text, "was silent", 10) != 0 && kpc_get_text(hop, "address") != NULL;
    }
    return moved;
}

/* Hops that answered before, at places this trace does not reach to. */
static size_t gone(const json_t *trace, const json_t *before)
{
    size_t index = 0;
    size_t count = 0;
    json_t *hop = NULL;
    json_array_foreach(kpc_get(before, "hops"), index, hop) count +=
        kpc_get_text(hop, "address") != NULL &&
        hop_at(trace, kpc_get_count(hop, "ttl")) == NULL;
    return count;
}

static void head(struct kpc_ctx *ctx, const json_t *trace)
{
    char when[KPC_SHOW_SIZE];
    const char *path = kpc_get_text(trace, "path");
    bool reached = json_is_true(kpc_get(trace, "reached"));
    kp_render_text(&ctx->out, kpc_show_text(trace, "target"), KP_ROLE_TITLE, ctx->term.color);
    kp_text_add(&ctx->out, "\n");
    kpc_show_label(ctx, &ctx->out, "traced");
    kpc_show_when(ctx, kpc_get_text(trace, "at"), when, sizeof when);
    kp_text_printf(&ctx->out, "%s\n", when);
    kpc_show_label(ctx, &ctx->out, "path");
    kp_text_add_safe(&ctx->out, path != NULL ? path : "not recognised");
    kp_text_add(&ctx->out, "\n");
    kpc_show_label(ctx, &ctx->out, "target");
    kp_render_text(&ctx->out, reached ? "answered" : "did not answer",
                   reached ? KP_ROLE_GOOD : KP_ROLE_WARN, ctx->term.color);
    kp_text_add(&ctx->out, "\n\n");
}

/* In words what the marks say, and since when. */
static void compare(struct kpc_ctx *ctx, const json_t *trace, const json_t *before,
                    size_t moved)
{
    char when[KPC_SHOW_SIZE];
    struct kp_text text = {0};
    const char *now = kpc_get_text(trace, "path");
    const char *then = kpc_get_text(before, "path");
    kpc_show_when(ctx, kpc_get_text(before, "at"), when, sizeof when);
    kp_text_printf(&text, "Since the trace before, %s: ", when);
    if (strcmp(now != NULL ? now : "", then != NULL ? then : "") != 0)
        kp_text_printf(&text, "the path was %s; ", then != NULL ? then : "not recognised");
    if (json_is_true(kpc_get(trace, "reached")) != json_is_true(kpc_get(before, "reached")))
        kp_text_printf(&text, "the target %s; ",
                       json_is_true(kpc_get(before, "reached")) ? "answered" : "was silent");
    if (gone(trace, before) > 0)
        kp_text_printf(&text, "%zu more answered behind the end; ", gone(trace, before));
    if (moved > 0)
        kp_text_printf(&text, "%zu hop%s changed.", moved, moved == 1 ? "" : "s");
    else
        kp_text_add(&text, "no hop changed.");
    kpc_show_wrap(ctx, &ctx->out, kp_text_str(&text) != NULL ? kp_text_str(&text) : "?", 0, 2);
    kp_text_fini(&text);
}

static void screen(struct kpc_ctx *ctx, const json_t *reply)
{
    const json_t *traces = kpc_get(reply, "traces");
    const json_t *trace = json_array_get(traces, 0);
    const json_t *before = json_array_get(traces, 1);
    bool running = json_is_true(kpc_get(reply, "running"));
    if (trace == NULL) {
        kp_text_printf(&ctx->out, "No trace of %s is finished yet; %s\n", kpc_word(ctx, 0),
                       running ? "one is under way." : "--now asks for one.");
        return;
    }
    size_t moved = before != NULL ? mark(trace, before) : 0;
    head(ctx, trace);
    if (json_array_size(kpc_get(trace, "hops")) > 0)
        kpc_out_table(ctx, &ctx->out, kpc_get(trace, "hops"), fields, FIELD_COUNT);
    else
        kp_text_add(&ctx->out, "No hop answered.\n");
    kp_text_add(&ctx->out, "\n");
    if (before != NULL)
        compare(ctx, trace, before, moved);
    else
        kp_text_add(&ctx->out, "There is no earlier trace to compare it with.\n");
    if (running)
        kp_text_add(&ctx->out, "A newer one is under way.\n");
}

static void wall_now(struct kp_wall *now)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    now->ns = ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

enum kpc_exit kpc_trace_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply = {0};
    const char *name = kpc_word(ctx, 0);
    enum kpc_exit code = kpc_args_has(ctx->args, KPC_OPT_NOW)
                             ? ask_now(ctx, name, &reply)
                             : kpc_call(ctx, "GetTrace", kpc_parameter("target", name), &reply);
    if (code != KPC_DONE) {
        kpc_reply_fini(&reply);
        return code;
    }
    wall_now(&ctx->now);
    const json_t *traces = kpc_get(reply.parameters, "traces");
    const json_t *hops = kpc_get(json_array_get(traces, 0), "hops");
    if (!kpc_out_scripts(ctx))
        screen(ctx, reply.parameters);
    else /* a line a hop for spreadsheets, a line a trace for programs */
        kpc_out_rows(ctx, reply.parameters, ctx->args->format == KPC_CSV ? hops : traces,
                     fields, FIELD_COUNT);
    kpc_reply_fini(&reply);
    return code;
}
