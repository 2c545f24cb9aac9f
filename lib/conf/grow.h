/* A text that grows while it is written. */
#ifndef KP_CONF_GROW_H
#define KP_CONF_GROW_H

#include <stdbool.h>
#include <stddef.h>

struct kp_grow {
    char *text; /* owned; NUL-terminated unless NULL */
    size_t len;
    size_t capacity;
    bool nomem; /* memory ran out: what follows is dropped */
};

void kp_grow_bytes(struct kp_grow *g, const char *bytes, size_t len);
void kp_grow_text(struct kp_grow *g, const char *text);

/* At most 255 bytes of formatted text. */
void kp_grow_printf(struct kp_grow *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Hands the text to the caller, who frees it; NULL where memory ran out. */
char *kp_grow_take(struct kp_grow *g);

#endif
