#include "daemon/control_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Twice what the text buffer of the parser grows through for 64 KiB of string. */
#define RESERVE ((size_t)512 << 10)

/* jansson 2.14 does not look whether the buffer it collects a string in could
 * grow, and then reads past it (lex_scan_string): found by failing each of its
 * allocations once.  So while it parses, memory that cannot be had comes from
 * here; untouched, this costs no memory. */
static struct {
    _Alignas(max_align_t) char bytes[RESERVE];
    size_t used;
    size_t live; /* pieces in use */
    bool open;
} reserve;

static void *take_reserve(size_t n)
{
    size_t align = _Alignof(max_align_t);
    size_t room = (n + align - 1) / align * align;
    if (!reserve.open || room < n || room > RESERVE - reserve.used)
        return NULL;
    void *p = reserve.bytes + reserve.used;
    reserve.used += room;
    reserve.live++;
    return p;
}

static void *take(size_t n)
{
    void *p = malloc(n);
    return p ? p : take_reserve(n);
}

static void give(void *p)
{
    uintptr_t at = (uintptr_t)p;
    uintptr_t begin = (uintptr_t)reserve.bytes;
    if (at < begin || at >= begin + RESERVE) {
        free(p);
        return;
    }
    if (--reserve.live == 0)
        reserve.used = 0;
}

void kpd_json_init(void)
{
    json_set_alloc_funcs(take, give);
}

/* Whether brackets nest too deep; a scan that is cheaper than the parser's
 * recursion.  Strings are skipped; whether they are right is the parser's. */
static bool too_deep(const char *text, size_t len, int max_depth)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len && depth <= max_depth; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    return depth > max_depth;
}

json_t *kpd_json_parse(const char *text, size_t len, int max_depth, json_error_t *error)
{
    if (too_deep(text, len, max_depth)) {
        snprintf(error->text, sizeof error->text, "more than %d levels deep", max_depth);
        return NULL;
    }
    reserve.open = true;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, error);
    reserve.open = false;
    return json;
}
