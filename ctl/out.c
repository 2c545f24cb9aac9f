#include "ctl/out.h"

#include "ctl/call.h"
#include "lib/base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As many digits as make 0.2951 stay 0.2951. */
#define REAL JSON_REAL_PRECISION(15)

const json_t *kpc_get(const json_t *object, const char *key)
{
    const json_t *whole = json_object_get(object, key);
    const char *dot = strchr(key, '.');
    char step[64];
    if (whole != NULL || dot == NULL || (size_t)(dot - key) >= sizeof step)
        return whole;
    snprintf(step, sizeof step, "%.*s", (int)(dot - key), key);
    return kpc_get(json_object_get(object, step), dot + 1);
}

const char *kpc_get_text(const json_t *object, const char *key)
{
    return json_string_value(kpc_get(object, key));
}

double kpc_get_number(const json_t *object, const char *key)
{
    const json_t *value = kpc_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

long long kpc_get_count(const json_t *object, const char *key)
{
    return json_integer_value(kpc_get(object, key));
}

bool kpc_out_scripts(const struct kpc_ctx *ctx)
{
    return ctx->args->format != KPC_TABLE && ctx->args->format != KPC_WIDE;
}

/* jansson leaves C1 controls and reordering marks as they are; JSON with any of
 * those is written in ASCII, which means the same. */
static bool harmless(const struct kpc_ctx *ctx, const json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    struct kp_text safe = {0};
    kp_text_add_safe(&safe, line != NULL ? line : "");
    const char *text = kp_text_str(&safe);
    bool same = text != NULL && line != NULL && strcmp(text, line) == 0;
    kp_text_fini(&safe);
    free(line);
    return same && !ctx->term.ascii;
}

static void dump(struct kpc_ctx *ctx, const json_t *object, size_t how)
{
    size_t ascii = harmless(ctx, object) ? 0 : JSON_ENSURE_ASCII;
    char *text = json_dumps(object, how | ascii | REAL);
    if (text == NULL)
        ctx->out.nomem = true;
    else
        kp_text_add(&ctx->out, text);
    kp_text_add(&ctx->out, "\n");
    free(text);
}

void kpc_out_json(struct kpc_ctx *ctx, const json_t *object)
{
    dump(ctx, object, JSON_INDENT(2));
}

void kpc_out_line(struct kpc_ctx *ctx, const json_t *object)
{
    dump(ctx, object, JSON_COMPACT | JSON_ENCODE_ANY);
}

static struct kp_render_style style_of(const struct kpc_ctx *ctx)
{
    static const enum kp_render_kind kinds[] = {
        [KPC_TABLE] = KP_RENDER_TABLE, [KPC_WIDE] = KP_RENDER_WIDE,
        [KPC_JSON] = KP_RENDER_JSONL,  [KPC_JSONL] = KP_RENDER_JSONL,
        [KPC_CSV] = KP_RENDER_CSV,
    };
    return (struct kp_render_style){
        .kind = kinds[ctx->args->format],
        .width = ctx->term.width,
        .color = ctx->term.color,
        .ascii = ctx->term.ascii,
    };
}

static void show_cell(const struct kpc_ctx *ctx, const struct kpc_field *field,
                      const json_t *row, struct kpc_shown *shown, struct kp_cell *cell)
{
    shown->buf[0] = '\0';
    shown->text = shown->buf;
    shown->role = KP_ROLE_PLAIN;
    if (field->show != NULL)
        field->show(ctx, row, shown);
    else
        shown->text = kpc_get_text(row, field->column.key);
    *cell = (struct kp_cell){
        .text = shown->text, .role = shown->role, .value = kpc_get(row, field->column.key)};
}

static bool fits(const struct kpc_field *field, bool scripts, bool spark)
{
    if (field->use == KPC_FIELD_SPARK)
        return spark && !scripts;
    return field->use != (scripts ? KPC_FIELD_PEOPLE : KPC_FIELD_SCRIPTS);
}

struct columns {
    size_t count;
    const struct kpc_field *fields[KPC_FIELDS_MAX];
    struct kp_column columns[KPC_FIELDS_MAX];
};

static struct columns pick(const struct kpc_field *fields, size_t count, bool scripts,
                           bool spark)
{
    struct columns picked = {0};
    for (size_t i = 0; i < count && picked.count < KPC_FIELDS_MAX; i++) {
        if (!fits(&fields[i], scripts, spark))
            continue;
        picked.fields[picked.count] = &fields[i];
        picked.columns[picked.count++] = fields[i].column;
    }
    return picked;
}

static void render(const struct kpc_ctx *ctx, const struct kp_render_style *style,
                   struct kp_text *out, const json_t *rows, const struct columns *picked)
{
    struct kpc_shown shown[KPC_FIELDS_MAX];
    struct kp_cell cells[KPC_FIELDS_MAX];
    struct kp_render *r = kp_render_new(style, picked->columns, picked->count);
    size_t index = 0;
    json_t *row = NULL;
    if (r == NULL) {
        out->nomem = true;
        return;
    }
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < picked->count; i++)
            show_cell(ctx, picked->fields[i], row, &shown[i], &cells[i]);
        kp_render_row(r, cells);
    }
    kp_render_end(r, out);
}

/* The widest line of a text. */
static size_t widest(const char *text)
{
    size_t most = 0;
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, "\n");
        char *line = strndup(text, len);
        size_t width = line != NULL ? kp_text_width(line) : 0;
        free(line);
        most = width > most ? width : most;
        text += len + (text[len] != '\0');
    }
    return most;
}

/* What the columns beside the sparkline leave of the line. */
static size_t spark_room(const struct kpc_ctx *ctx, const struct kp_render_style *style,
                         const json_t *rows, const struct kpc_field *fields, size_t count)
{
    struct kp_render_style plain = *style;
    struct columns others = pick(fields, count, false, false);
    struct kp_text text = {0};
    if (style->width == 0)
        return SIZE_MAX;
    plain.width = 0;
    plain.color = false;
    render(ctx, &plain, &text, rows, &others);
    size_t taken = widest(kp_text_str(&text)) + 2;
    kp_text_fini(&text);
    return taken < style->width ? style->width - taken : 0;
}

void kpc_out_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *rows,
                   const struct kpc_field *fields, size_t count)
{
    struct kp_render_style style = style_of(ctx);
    struct columns all = pick(fields, count, false, true);
    if (style.kind != KP_RENDER_WIDE)
        style.kind = KP_RENDER_TABLE;
    ctx->spark_room = spark_room(ctx, &style, rows, fields, count);
    render(ctx, &style, out, rows, &all);
}

void kpc_out_rows(struct kpc_ctx *ctx, const json_t *whole, const json_t *rows,
                  const struct kpc_field *fields, size_t count)
{
    struct kp_render_style style = style_of(ctx);
    size_t index = 0;
    json_t *row = NULL;
    if (ctx->args->format == KPC_JSON) {
        kpc_out_json(ctx, whole);
    } else if (ctx->args->format == KPC_JSONL) {
        /* The reply's own objects, not the table's columns: one shape for all. */
        json_array_foreach(rows, index, row) kpc_out_line(ctx, row);
    } else if (ctx->args->format == KPC_CSV) {
        struct columns picked = pick(fields, count, true, false);
        render(ctx, &style, &ctx->out, rows, &picked);
    } else {
        kpc_out_table(ctx, &ctx->out, rows, fields, count);
    }
}

static void flatten(struct kp_render *r, const char *name, const json_t *value)
{
    const char *key = NULL;
    json_t *child = NULL;
    size_t index = 0;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, child)
        {
            struct kp_text path = {0};
            kp_text_printf(&path, "%s%s%s", name, *name != '\0' ? "." : "", key);
            if (!path.nomem)
                flatten(r, path.data, child);
            kp_text_fini(&path);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, child)
        {
            struct kp_text path = {0};
            kp_text_printf(&path, "%s.%zu", name, index);
            if (!path.nomem)
                flatten(r, path.data, child);
            kp_text_fini(&path);
        }
    } else {
        kp_render_row(r, (struct kp_cell[]){{.text = name}, {.value = value}});
    }
}

void kpc_out_object(struct kpc_ctx *ctx, const json_t *object)
{
    static const struct kp_column columns[] = {{.key = "name"}, {.key = "value"}};
    struct kp_render_style style = {.kind = KP_RENDER_CSV};
    if (ctx->args->format == KPC_JSON) {
        kpc_out_json(ctx, object);
    } else if (ctx->args->format == KPC_JSONL) {
        kpc_out_line(ctx, object);
    } else {
        struct kp_render *r = kp_render_new(&style, columns, 2);
        if (r == NULL)
            ctx->out.nomem = true;
        else
            flatten(r, "", object);
        kp_render_end(r, &ctx->out);
    }
}

/* Where only ASCII may go out, each other character becomes question marks of
 * its width, so that columns stay straight. */
static void to_ascii(struct kp_text *text)
{
    struct kp_text plain = {0};
    const char *p = kp_text_str(text);
    while (p != NULL && *p != '\0') {
        uint32_t c = 0;
        size_t len = kp_utf8_next(p, strlen(p), &c);
        if (c < 0x80)
            kp_text_addn(&plain, p, 1);
        else
            kp_text_pad(&plain, '?', kp_utf8_width(c));
        p += len;
    }
    plain.nomem |= text->nomem;
    kp_text_fini(text);
    *text = plain;
}

bool kpc_out_flush(struct kpc_ctx *ctx)
{
    if (ctx->term.ascii)
        to_ascii(&ctx->out);
    const char *text = kp_text_str(&ctx->out);
    bool ok = text != NULL && (fputs(text, stdout) >= 0) && fflush(stdout) == 0;
    if (text == NULL)
        kpc_say("out of memory");
    else if (!ok)
        kpc_say("cannot write: %s", strerror(errno));
    kp_text_clear(&ctx->out);
    return ok;
}
