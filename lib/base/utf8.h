/* UTF-8 one character at a time, and what terminals make of it. */
#ifndef KP_BASE_UTF8_H
#define KP_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KP_UTF8_BAD UINT32_MAX

/* Decodes the character at p, of which at most left > 0 bytes are read; never
 * reads past a NUL.  Returns its length in bytes (1..4) and its code point;
 * bytes that are no UTF-8 (RFC 3629) count as characters of one byte each with
 * code point KP_UTF8_BAD. */
size_t kp_utf8_next(const char *p, size_t left, uint32_t *code);

/* Columns the character takes: 0 (combining), 1, or 2 (East Asian wide, emoji).
 * Fixed tables, because wcwidth depends on the locale. */
unsigned kp_utf8_width(uint32_t code);

/* Controls (C0, DEL, C1) and what reorders, joins or hides text: must not reach
 * a terminal raw. */
bool kp_utf8_unsafe(uint32_t code);

#endif
