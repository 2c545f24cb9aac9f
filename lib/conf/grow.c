#include "lib/conf/grow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct kp_grow *g, size_t more)
{
    if (g->nomem)
        return false;
    size_t needed = g->len + more + 1;
    if (needed <= g->capacity)
        return true;
    size_t capacity = needed < 256 ? 256 : needed * 2;
    char *text = realloc(g->text, capacity);
    if (text == NULL) {
        g->nomem = true;
        return false;
    }
    g->text = text;
    g->capacity = capacity;
    return true;
}

void kp_grow_bytes(struct kp_grow *g, const char *bytes, size_t len)
{
    if (!reserve(g, len))
        return;
    memcpy(g->text + g->len, bytes, len);
    g->len += len;
    g->text[g->len] = '\0';
}

void kp_grow_text(struct kp_grow *g, const char *text)
{
    kp_grow_bytes(g, text, strlen(text));
}

void kp_grow_printf(struct kp_grow *g, const char *format, ...)
{
    char buffer[256];
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    kp_grow_text(g, buffer);
}

char *kp_grow_take(struct kp_grow *g)
{
    kp_grow_bytes(g, "", 0);
    char *text = g->text;
    if (g->nomem) {
        free(text);
        text = NULL;
    }
    *g = (struct kp_grow){0};
    return text;
}
