/* explain: what an incident is, why, and what would change it. */
#include "ctl/call.h"
#include "ctl/incidents.h"
#include "ctl/show.h"
#include "lib/base/vocab.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
        line(ctx, "confidence", "%s: %s", text,
             sure == KP_LOW && class != KP_V_UNKNOWN
                 ? "the best explanation there is, not proven"
                 : kp_confidence_doc(sure));
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
    if (kpc_incidents_lasted(ctx, incident, length))
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
        const char *at = kpc_get_text(change, "at");
        if (at != NULL && kp_wall_parse(at, &t) == KP_OK)
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
            kp_text_printf(&text, " (%.3g; needed: %.3g)", value, threshold);
        bullet(ctx, kp_text_str(&text) != NULL ? kp_text_str(&text) : "?");
        kp_text_fini(&text);
        if (excludes == NULL)
            continue;
        kp_text_add(&ctx->out, "    excludes: ");
        kpc_show_wrap(ctx, &ctx->out, excludes, 14, 6);
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
    if (id != NULL && id[0] == '#') /* as screens say it */
        id++;
    enum kpc_exit code = kpc_call(ctx, "Explain", kpc_parameter("id", id), &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx))
        kpc_out_object(ctx, reply.parameters);
    else
        story(ctx, reply.parameters);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
