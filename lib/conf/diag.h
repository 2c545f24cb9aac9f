/* Errors in a text a person wrote, each with its place, shown the way
 * compilers do: FILE:LINE:COL, the source line and a caret. */
#ifndef KP_CONF_DIAG_H
#define KP_CONF_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More errors than this are counted, not kept. */
#define KP_DIAGS_MAX 1000

/* A text and the name it is known by; neither is owned. */
struct kp_source {
    const char *name;
    const char *text; /* not NUL-terminated */
    size_t len;
    unsigned order; /* errors of a lower order are shown first */
};

struct kp_pos {
    uint32_t line; /* from 1 */
    uint32_t col;  /* from 1, in characters */
};

struct kp_diag {
    char *file;
    char *text;   /* the error in words, printable UTF-8 */
    char *source; /* the source line, or the part of a very long one around col */
    unsigned order;
    struct kp_pos pos;
    uint32_t source_col; /* col, counted in `source` */
};

struct kp_diags {
    struct kp_diag *list; /* owned */
    size_t count;
    size_t capacity;
    size_t dropped; /* errors beyond KP_DIAGS_MAX */
    bool nomem;     /* memory ran out: there may be errors that are not listed */
};

void kp_diags_init(struct kp_diags *d);
void kp_diags_fini(struct kp_diags *d);

/* Whether there is any error at all. */
bool kp_diags_any(const struct kp_diags *d);

/* Adds one error.  Never fails: a lack of memory is remembered in d->nomem. */
void kp_diag_add(struct kp_diags *d, const struct kp_source *src, struct kp_pos pos,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Orders errors by file, then place; those of one place stay as they were found. */
void kp_diags_sort(struct kp_diags *d);

/* Every error as "FILE:LINE:COL: error: text", the source line and a caret
 * line, each ended by a newline; NULL where memory ran out.  The caller frees. */
char *kp_diags_text(const struct kp_diags *d);

/* The beginning of a word, short enough to be quoted in an error. */
struct kp_clip {
    char text[72];
};
struct kp_clip kp_clip(const char *word);

/* The place of byte `offset` of src (its end where beyond). */
struct kp_pos kp_source_pos(const struct kp_source *src, size_t offset);

#endif
