#include "lib/conf/diag.h"

#include "lib/base/text.h"
#include "lib/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_SIZE 512
#define EXCERPT_CHARS 160
#define NO_BREAK_SPACE 0xa0 /* seen as a blank, and none to YAML */

void kp_diags_init(struct kp_diags *d)
{
    *d = (struct kp_diags){0};
}

void kp_diags_fini(struct kp_diags *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->list[i].file);
        free(d->list[i].text);
        free(d->list[i].source);
    }
    free(d->list);
    kp_diags_init(d);
}

bool kp_diags_any(const struct kp_diags *d)
{
    return d->count > 0 || d->dropped > 0 || d->nomem;
}

/* Bytes of a line break at byte i, or 0. */
static size_t break_at(const struct kp_source *src, size_t i)
{
    if (src->text[i] == '\n')
        return 1;
    if (src->text[i] != '\r')
        return 0;
    return i + 1 < src->len && src->text[i + 1] == '\n' ? 2 : 1;
}

struct kp_pos kp_source_pos(const struct kp_source *src, size_t offset)
{
    struct kp_pos pos = {1, 1};
    uint32_t code = 0;
    for (size_t i = 0; i < src->len && i < offset;) {
        size_t line_break = break_at(src, i);
        if (line_break > 0)
            pos = (struct kp_pos){pos.line + 1, 1};
        else
            pos.col++;
        i += line_break > 0 ? line_break : kp_utf8_next(src->text + i, src->len - i, &code);
    }
    return pos;
}

/* The first byte of a line (the end of the text where there is no such line). */
static size_t line_start(const struct kp_source *src, uint32_t line)
{
    size_t i = 0;
    for (uint32_t at = 1; at < line && i < src->len; i++) {
        size_t line_break = break_at(src, i);
        if (line_break == 0)
            continue;
        i += line_break - 1;
        at++;
    }
    return i;
}

/* Skips up to `count` characters of the line from byte i. */
static size_t skip_chars(const struct kp_source *src, size_t i, size_t count)
{
    uint32_t code = 0;
    for (; count > 0 && i < src->len && break_at(src, i) == 0; count--)
        i += kp_utf8_next(src->text + i, src->len - i, &code);
    return i;
}

/* Cuts the part of the source line that holds the place into diag->source. */
static void cut_excerpt(struct kp_diag *diag, const struct kp_source *src)
{
    size_t start = line_start(src, diag->pos.line);
    diag->source_col = diag->pos.col;
    if (diag->pos.col > EXCERPT_CHARS * 3 / 4) {
        uint32_t cut = diag->pos.col - EXCERPT_CHARS / 2;
        start = skip_chars(src, start, cut);
        diag->source_col = diag->pos.col - cut;
    }
    size_t end = skip_chars(src, start, EXCERPT_CHARS);
    /* Valid for an empty line at the end of the text, where nothing is read. */
    diag->source = strndup(src->len > 0 ? src->text + start : "", end - start);
}

/* Room for one more; false where it may not or cannot be had. */
static bool reserve(struct kp_diags *d)
{
    if (d->count >= KP_DIAGS_MAX) {
        d->dropped++;
        return false;
    }
    if (d->count < d->capacity)
        return true;
    size_t capacity = d->capacity == 0 ? 16 : d->capacity * 2;
    struct kp_diag *list = realloc(d->list, capacity * sizeof *list);
    if (list == NULL) {
        d->nomem = true;
        return false;
    }
    d->list = list;
    d->capacity = capacity;
    return true;
}

/* Takes back a character that the end of a buffer cut in two. */
static void trim_partial(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t step = kp_utf8_next(text + i, len - i, &code);
        if (code == KP_UTF8_BAD)
            text[i] = '\0';
        i = code == KP_UTF8_BAD ? len : i + step;
    }
}

void kp_diag_add(struct kp_diags *d, const struct kp_source *src, struct kp_pos pos,
                 const char *format, ...)
{
    if (!reserve(d))
        return;
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    trim_partial(message);
    struct kp_diag diag = {.order = src->order, .pos = pos};
    diag.file = strdup(src->name);
    diag.text = strdup(message);
    cut_excerpt(&diag, src);
    if (diag.file != NULL && diag.text != NULL && diag.source != NULL) {
        d->list[d->count++] = diag;
        return;
    }
    free(diag.file);
    free(diag.text);
    free(diag.source);
    d->nomem = true;
}

static bool stands_before(const struct kp_diag *a, const struct kp_diag *b)
{
    if (a->order != b->order)
        return a->order < b->order;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line;
    return a->pos.col < b->pos.col;
}

/* Insertion keeps the order of equals and needs no memory; the list is short
 * and nearly in order. */
void kp_diags_sort(struct kp_diags *d)
{
    for (size_t i = 1; i < d->count; i++) {
        struct kp_diag moved = d->list[i];
        size_t at = i;
        for (; at > 0 && stands_before(&moved, &d->list[at - 1]); at--)
            d->list[at] = d->list[at - 1];
        d->list[at] = moved;
    }
}

/* Writes text with everything escaped that a terminal would act upon, but tabs. */
static void put_escaped(struct kp_text *g, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t step = kp_utf8_next(text + i, len - i, &code);
        if (code == KP_UTF8_BAD)
            kp_text_printf(g, "\\x%02x", (unsigned)(unsigned char)text[i]);
        else if (code != '\t' && (kp_utf8_unsafe(code) || code == NO_BREAK_SPACE))
            kp_text_printf(g, "\\u%04x", code);
        else
            kp_text_addn(g, text + i, step);
        i += step;
    }
}

/* Blanks as wide as the escaped text in front of character `col`, then ^. */
static void put_caret(struct kp_text *g, const char *text, uint32_t col)
{
    size_t len = strlen(text);
    size_t i = 0;
    for (uint32_t at = 1; at < col && i < len; at++) {
        uint32_t code = 0;
        i += kp_utf8_next(text + i, len - i, &code);
        if (code == KP_UTF8_BAD)
            kp_text_add(g, "    ");
        else if (code == '\t')
            kp_text_add(g, "\t");
        else if (kp_utf8_unsafe(code) || code == NO_BREAK_SPACE)
            kp_text_add(g, "      ");
        else
            kp_text_addn(g, "  ", kp_utf8_width(code));
    }
    kp_text_add(g, "^\n");
}

static void put_diag(struct kp_text *g, const struct kp_diag *diag)
{
    put_escaped(g, diag->file);
    kp_text_printf(g, ":%u:%u: error: ", diag->pos.line, diag->pos.col);
    put_escaped(g, diag->text);
    kp_text_add(g, "\n");
    put_escaped(g, diag->source);
    kp_text_add(g, "\n");
    put_caret(g, diag->source, diag->source_col);
}

char *kp_diags_text(const struct kp_diags *d)
{
    struct kp_text g = {0};
    for (size_t i = 0; i < d->count; i++)
        put_diag(&g, &d->list[i]);
    if (d->dropped > 0)
        kp_text_printf(&g, "%zu more errors\n", d->dropped);
    if (d->nomem)
        kp_text_add(&g, "error: out of memory\n");
    return kp_text_take(&g);
}

struct kp_clip kp_clip(const char *word)
{
    struct kp_clip out = {{0}};
    size_t len = strlen(word);
    if (len < sizeof out.text) {
        memcpy(out.text, word, len);
        return out;
    }
    memcpy(out.text, word, sizeof out.text - 4);
    trim_partial(out.text);
    memcpy(out.text + strlen(out.text), "...", 4);
    return out;
}
