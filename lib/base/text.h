/* A growing string, and what terminals need to know about text: how wide it
 * is and what must not reach them as it came. */
#ifndef KP_BASE_TEXT_H
#define KP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is an empty one.  A lack of memory is remembered, so that callers append
 * straight through and check once; the text then has no meaning. */
struct kp_text {
    char *data; /* NUL-terminated once anything was added; NULL while empty */
    size_t len;
    size_t room;
    bool nomem;
};

void kp_text_fini(struct kp_text *t);

/* Empties t and keeps its memory. */
void kp_text_clear(struct kp_text *t);

void kp_text_add(struct kp_text *t, const char *text);
void kp_text_addn(struct kp_text *t, const char *bytes, size_t n);
void kp_text_pad(struct kp_text *t, char c, size_t n);
void kp_text_printf(struct kp_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text as a C string ("" while empty); NULL where memory ran out.  Stays t's. */
const char *kp_text_str(const struct kp_text *t);

/* Hands the text to the caller, who frees it, and empties t; NULL where memory
 * ran out. */
char *kp_text_take(struct kp_text *t);

/* Appends text with all that could act on a terminal spelled out: control
 * characters (ESC, newline, C1) as \x1b, \n, \u{9b}; characters that reorder or
 * hide text as \u{202e}; bytes that are not UTF-8 as \xff. */
void kp_text_add_safe(struct kp_text *t, const char *text);

/* Columns a whole text takes; it is taken to be safe (kp_text_add_safe). */
size_t kp_text_width(const char *text);

/* Bytes of the longest beginning of text that takes at most `columns`. */
size_t kp_text_fit(const char *text, size_t columns);

#endif
