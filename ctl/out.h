/* Standard output: JSON as it came, tables of JSON objects, csv. */
#ifndef KPC_OUT_H
#define KPC_OUT_H

#include "ctl/verb.h"
#include "lib/telling/render.h"

#include <jansson.h>

/* What a cell shows; text may point to buf, which ends with the cell. */
struct kpc_shown {
    const char *text; /* NULL: "-" */
    enum kp_role role;
    char buf[256];
};

/* A column over rows that are JSON objects. */
struct kpc_field {
    struct kp_column column; /* key: the member; dots lead into objects */
    void (*show)(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);
    enum kpc_field_use {
        KPC_FIELD_BOTH,
        KPC_FIELD_PEOPLE,  /* in tables only: made for the eye */
        KPC_FIELD_SCRIPTS, /* in csv only: tables show it otherwise */
        KPC_FIELD_SPARK,   /* in tables only; ctx->spark_room says how long */
    } use;
};

#define KPC_FIELDS_MAX 24

/* The member by its key, or by steps separated by dots; NULL: none. */
const json_t *kpc_get(const json_t *object, const char *key);
const char *kpc_get_text(const json_t *object, const char *key); /* NULL: no text */
double kpc_get_number(const json_t *object, const char *key);    /* NAN: no number */
long long kpc_get_count(const json_t *object, const char *key);  /* 0: no number */

/* -o json, jsonl or csv: a form for scripts. */
bool kpc_out_scripts(const struct kpc_ctx *ctx);

/* The whole object, indented; safe for terminals. */
void kpc_out_json(struct kpc_ctx *ctx, const json_t *object);

/* The object on one line. */
void kpc_out_line(struct kpc_ctx *ctx, const json_t *object);

/* Rows as -o says; `whole` is what -o json prints. */
void kpc_out_rows(struct kpc_ctx *ctx, const json_t *whole, const json_t *rows,
                  const struct kpc_field *fields, size_t count);

/* A table (or wide) into out, whatever -o says.  A sparkline, which must be the
 * last field, gets what the other columns leave. */
void kpc_out_table(struct kpc_ctx *ctx, struct kp_text *out, const json_t *rows,
                   const struct kpc_field *fields, size_t count);

/* One object in a form for scripts: json, jsonl, or csv of name,value. */
void kpc_out_object(struct kpc_ctx *ctx, const json_t *object);

/* Writes ctx->out to standard output and empties it; false (and said) where
 * that failed. */
bool kpc_out_flush(struct kpc_ctx *ctx);

#endif
