#include "ctl/show.h"

#include "ctl/when.h"
#include "lib/base/vocab.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *kpc_show_text(const json_t *object, const char *key)
{
    const char *text = kpc_get_text(object, key);
    return text != NULL ? text : "-";
}

enum kp_role kpc_show_state_role(const char *state)
{
    static const enum kp_role roles[KP_STATE_COUNT] = {
        [KP_UNKNOWN] = KP_ROLE_DIM,
        [KP_UP] = KP_ROLE_GOOD,
        [KP_DEGRADED] = KP_ROLE_WARN,
        [KP_DOWN] = KP_ROLE_BAD,
    };
    enum kp_state value = KP_UNKNOWN;
    return state != NULL && kp_state_parse(state, &value) ? roles[value] : KP_ROLE_PLAIN;
}

enum kp_role kpc_show_verdict_role(const char *verdict)
{
    enum kp_verdict value = KP_V_UNKNOWN;
    if (verdict == NULL || !kp_verdict_parse(verdict, &value))
        return KP_ROLE_TITLE;
    if (value == KP_V_CLEAR)
        return KP_ROLE_GOOD;
    return value == KP_V_UNKNOWN || value == KP_V_DEGRADED ? KP_ROLE_WARN : KP_ROLE_BAD;
}

void kpc_show_state(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    const char *state = kpc_get_text(row, "state");
    const char *since = kpc_get_text(row, "since");
    bool muted = kpc_get_text(row, "muted_until") != NULL;
    char length[KPC_WHEN_SIZE] = "";
    struct kp_wall t = {0};
    if (since != NULL && kp_wall_parse(since, &t) == KP_OK)
        kpc_when_length((struct kp_dur){ctx->now.ns - t.ns}, length);
    snprintf(out->buf, sizeof out->buf, "%.40s%s%s%s", state != NULL ? state : "?",
             *length != '\0' ? " " : "", length, muted ? ", muted" : "");
    out->role = muted ? KP_ROLE_DIM : kpc_show_state_role(state);
}

void kpc_show_since(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    kpc_show_time(ctx, kpc_get_text(row, "since"), out->buf, sizeof out->buf);
}

int kpc_show_digits(double seconds)
{
    if (seconds >= 0.01)
        return 0;
    return seconds >= 0.001 ? 1 : 2;
}

void kpc_show_seconds(double seconds, char *out, size_t size)
{
    if (!isfinite(seconds))
        snprintf(out, size, "-");
    else if (seconds >= 1)
        snprintf(out, size, "%.2f s", seconds);
    else
        snprintf(out, size, "%.*f ms", kpc_show_digits(seconds), seconds * 1e3);
}

void kpc_show_ratio(double ratio, char *out, size_t size)
{
    if (!isfinite(ratio))
        snprintf(out, size, "-");
    else if (ratio >= 1 || ratio <= 0)
        snprintf(out, size, "%d %%", ratio >= 1 ? 100 : 0);
    else
        snprintf(out, size, "%.1f %%", fmax(fmin(ratio * 100, 99.9), 0.1));
}

void kpc_show_time(const struct kpc_ctx *ctx, const char *time, char *out, size_t size)
{
    struct kp_wall t = {0};
    char text[KPC_WHEN_SIZE] = "-";
    if (time != NULL && kp_wall_parse(time, &t) == KP_OK) {
        if (ctx->args->format == KPC_WIDE || kpc_args_has(ctx->args, KPC_OPT_LOCAL))
            kpc_when_stamp(t, kpc_args_has(ctx->args, KPC_OPT_LOCAL), text);
        else
            kpc_when_ago(t, ctx->now, text);
    }
    snprintf(out, size, "%s", text);
}

void kpc_show_when(const struct kpc_ctx *ctx, const char *time, char *out, size_t size)
{
    struct kp_wall t = {0};
    char ago[KPC_WHEN_SIZE];
    char stamp[KPC_WHEN_SIZE];
    if (time == NULL || kp_wall_parse(time, &t) != KP_OK) {
        snprintf(out, size, "-");
        return;
    }
    kpc_when_ago(t, ctx->now, ago);
    kpc_when_stamp(t, kpc_args_has(ctx->args, KPC_OPT_LOCAL), stamp);
    snprintf(out, size, "%s (%s)", ago, stamp);
}

void kpc_show_wrap(const struct kpc_ctx *ctx, struct kp_text *out, const char *text, size_t at,
                   size_t indent)
{
    struct kp_text safe = {0};
    size_t limit = ctx->term.width > indent + 20 ? ctx->term.width : SIZE_MAX;
    kp_text_add_safe(&safe, text);
    const char *p = kp_text_str(&safe);
    bool first = true; /* no word on this line yet */
    while (p != NULL && *p != '\0') {
        char word[256];
        size_t len = strcspn(p, " ");
        snprintf(word, sizeof word, "%.*s", (int)(len < 255 ? len : 255), p);
        size_t width = kp_text_width(word);
        if (!first && at + 1 + width > limit) {
            kp_text_add(out, "\n");
            kp_text_pad(out, ' ', indent);
            at = indent;
            first = true;
        }
        kp_text_add(out, first ? "" : " ");
        kp_text_addn(out, p, len);
        at += width + (first ? 0 : 1);
        first = false;
        p += len;
        p += strspn(p, " ");
    }
    kp_text_add(out, "\n");
    out->nomem |= safe.nomem;
    kp_text_fini(&safe);
}

void kpc_show_label(const struct kpc_ctx *ctx, struct kp_text *out, const char *label)
{
    size_t width = strlen(label);
    kp_render_text(out, label, KP_ROLE_DIM, ctx->term.color);
    kp_text_pad(out, ' ', width < KPC_SHOW_LABEL ? KPC_SHOW_LABEL - width : 1);
}

const char *kpc_show_dot(const struct kpc_ctx *ctx)
{
    return ctx->term.ascii ? "; " : " · ";
}

void kpc_show_add_state(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *object,
                        const char *key)
{
    const char *state = kpc_show_text(object, key);
    kp_render_text(out, state, kpc_show_state_role(state), ctx->term.color);
}

void kpc_show_head(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *object)
{
    const char *name = kpc_show_text(object, "name");
    const char *title = kpc_show_text(object, "title");
    kp_render_text(out, name, KP_ROLE_TITLE, ctx->term.color);
    if (strcmp(name, title) != 0) {
        kp_text_add(out, "  ");
        kp_text_add_safe(out, title);
    }
    kp_text_add(out, "\n");
}

void kpc_show_state_lines(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *object)
{
    char text[KPC_SHOW_SIZE];
    const char *since = kpc_get_text(object, "since");
    const char *muted = kpc_get_text(object, "muted_until");
    kpc_show_label(ctx, out, "state");
    kpc_show_add_state(ctx, out, object, "state");
    kpc_show_when(ctx, since, text, sizeof text);
    kp_text_printf(out, "%s%s\n", since != NULL ? " since " : "", since != NULL ? text : "");
    if (muted == NULL)
        return;
    kpc_show_label(ctx, out, "muted");
    kpc_show_when(ctx, muted, text, sizeof text);
    kp_text_printf(out, "ends %s\n", text);
}
