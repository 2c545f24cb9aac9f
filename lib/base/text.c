#include "lib/base/text.h"

#include "lib/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 128
#define UTF8_MOST 4 /* bytes of a character; a NUL ends it earlier */

void kp_text_fini(struct kp_text *t)
{
    free(t->data);
    *t = (struct kp_text){0};
}

void kp_text_clear(struct kp_text *t)
{
    t->len = 0;
    t->nomem = false;
    if (t->data)
        t->data[0] = '\0';
}

/* Room for n more bytes and the NUL. */
static bool reserve(struct kp_text *t, size_t n)
{
    if (t->nomem)
        return false;
    if (n < t->room - t->len)
        return true;
    size_t room = t->room ? t->room : FIRST_ROOM;
    while (room - t->len <= n && room <= SIZE_MAX / 2)
        room *= 2;
    char *data = room - t->len > n ? realloc(t->data, room) : NULL;
    if (!data) {
        t->nomem = true;
        return false;
    }
    t->data = data;
    t->room = room;
    return true;
}

void kp_text_addn(struct kp_text *t, const char *bytes, size_t n)
{
    if (!reserve(t, n))
        return;
    if (n > 0)
        memcpy(t->data + t->len, bytes, n);
    t->len += n;
    t->data[t->len] = '\0';
}

void kp_text_add(struct kp_text *t, const char *text)
{
    kp_text_addn(t, text, strlen(text));
}

void kp_text_pad(struct kp_text *t, char c, size_t n)
{
    if (!reserve(t, n))
        return;
    memset(t->data + t->len, c, n);
    t->len += n;
    t->data[t->len] = '\0';
}

void kp_text_printf(struct kp_text *t, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0 && reserve(t, (size_t)n)) {
        vsnprintf(t->data + t->len, (size_t)n + 1, format, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

char *kp_text_take(struct kp_text *t)
{
    if (!t->nomem && t->data == NULL)
        kp_text_addn(t, "", 0);
    char *data = t->data;
    if (t->nomem) {
        free(data);
        data = NULL;
    }
    *t = (struct kp_text){0};
    return data;
}

const char *kp_text_str(const struct kp_text *t)
{
    if (t->nomem)
        return NULL;
    return t->data ? t->data : "";
}

size_t kp_text_width(const char *text)
{
    size_t width = 0;
    uint32_t c = 0;
    while (*text) {
        text += kp_utf8_next(text, UTF8_MOST, &c);
        width += kp_utf8_width(c);
    }
    return width;
}

size_t kp_text_fit(const char *text, size_t columns)
{
    const char *p = text;
    size_t width = 0;
    while (*p) {
        uint32_t c = 0;
        size_t len = kp_utf8_next(p, UTF8_MOST, &c);
        width += kp_utf8_width(c);
        if (width > columns)
            break;
        p += len;
    }
    return (size_t)(p - text);
}

static void add_escape(struct kp_text *t, uint32_t c)
{
    static const char letters[] = {['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r'};
    if (c < sizeof letters && letters[c])
        kp_text_printf(t, "\\%c", letters[c]);
    else if (c < 0x80)
        kp_text_printf(t, "\\x%02x", (unsigned)c);
    else
        kp_text_printf(t, "\\u{%x}", (unsigned)c);
}

void kp_text_add_safe(struct kp_text *t, const char *text)
{
    const char *plain = text; /* what is not yet appended begins here */
    while (*text) {
        const char *here = text;
        uint32_t c = 0;
        text += kp_utf8_next(text, UTF8_MOST, &c);
        bool bad = c == KP_UTF8_BAD;
        if (!bad && !kp_utf8_unsafe(c))
            continue;
        kp_text_addn(t, plain, (size_t)(here - plain));
        if (bad)
            kp_text_printf(t, "\\x%02x", (unsigned)(unsigned char)*here);
        else
            add_escape(t, c);
        plain = text;
    }
    kp_text_addn(t, plain, (size_t)(text - plain));
}
