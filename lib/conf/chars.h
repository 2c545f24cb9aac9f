/* UTF-8 one character at a time, and how wide it stands on a terminal. */
#ifndef KP_CONF_CHARS_H
#define KP_CONF_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at p, with left > 0 bytes left.  Returns its length in
 * bytes (1..4) and its code point; bytes that are no UTF-8 (RFC 3629) count as
 * characters of one byte each with code point KP_CHAR_BAD. */
#define KP_CHAR_BAD UINT32_MAX
size_t kp_char_next(const char *p, size_t left, uint32_t *code);

/* Terminal cells a character takes: 0 (combining), 1, or 2 (East Asian). */
unsigned kp_char_width(uint32_t code);

/* C0 and C1 controls, DEL, line and paragraph separators, bidirectional
 * overrides: what must not reach a terminal raw. */
bool kp_char_control(uint32_t code);

#endif
