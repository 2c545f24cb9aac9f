/* Lists for people and for scripts, by one interface: name the columns, give
 * the rows, take the text.
 *
 *   table  aligned; fits the given width by shortening, then leaving out the
 *          columns that matter least
 *   wide   aligned; every column, whole
 *   csv    RFC 4180 (CRLF); every column, a heading of keys
 *   jsonl  one JSON object a line; every column by its key
 *
 * Text is made safe for terminals (kp_text_add_safe) in all but jsonl, which is
 * JSON-escaped; csv keeps newlines inside quotes. */
#ifndef KP_TELLING_RENDER_H
#define KP_TELLING_RENDER_H

#include "lib/base/text.h"

#include <jansson.h>

enum kp_render_kind {
    KP_RENDER_TABLE,
    KP_RENDER_WIDE,
    KP_RENDER_CSV,
    KP_RENDER_JSONL,
};

/* What a text is to the reader; shown as colour where colour is wanted, and
 * never the only sign. */
enum kp_role {
    KP_ROLE_PLAIN,
    KP_ROLE_TITLE, /* bold: headings, the verdict */
    KP_ROLE_GOOD,  /* green */
    KP_ROLE_WARN,  /* yellow */
    KP_ROLE_BAD,   /* red */
    KP_ROLE_DIM,   /* faint: unknown, muted, unimportant */
    KP_ROLE_COUNT,
};

enum kp_align { KP_LEFT, KP_RIGHT };

struct kp_column {
    const char *title; /* heading of tables */
    const char *key;   /* heading of csv, key of jsonl */
    enum kp_align align;
    unsigned priority;  /* 0: always shown; else the highest number goes first */
    unsigned min_width; /* may be cut down to this before it is left out; 0: never cut */
    bool wide_only;     /* not in `table` */
};

struct kp_cell {
    const char *text;    /* for people, in tables; NULL: "-" */
    enum kp_role role;   /* tables only */
    const json_t *value; /* for csv and jsonl; NULL: text, as a string or null */
};

struct kp_render_style {
    enum kp_render_kind kind;
    size_t width;    /* columns of the terminal, for `table`; 0: whatever it takes */
    bool color;      /* SGR sequences in `table` and `wide` */
    bool ascii;      /* "..." instead of U+2026 where a text was cut */
    bool no_heading; /* tables and csv without their first line */
};

struct kp_render;

/* columns (and their texts) must outlive the renderer.  NULL: out of memory. */
struct kp_render *kp_render_new(const struct kp_render_style *style,
                                const struct kp_column *columns, size_t column_count);

/* Adds a row of column_count cells; they are copied. */
void kp_render_row(struct kp_render *r, const struct kp_cell *cells);

/* Appends the whole to out and frees r (NULL: does nothing); out->nomem is set
 * where memory ran out at any step. */
void kp_render_end(struct kp_render *r, struct kp_text *out);

/* Appends safe text in the colour of its role; plain where color is false.  For
 * sentences beside tables. */
void kp_render_text(struct kp_text *out, const char *text, enum kp_role role, bool color);

#endif
