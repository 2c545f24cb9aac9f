/* How single values look to people. */
#ifndef KPC_SHOW_H
#define KPC_SHOW_H

#include "ctl/out.h"

#define KPC_SHOW_SIZE 96

/* The text of a member; "-" where it has none. */
const char *kpc_show_text(const json_t *object, const char *key);

enum kp_role kpc_show_state_role(const char *state);
enum kp_role kpc_show_verdict_role(const char *verdict);

/* Cell makers for struct kpc_field.  The first shows `state`, how long by
 * `since`, and that it is muted; the second `since` itself. */
void kpc_show_state(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);
void kpc_show_since(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out);

/* "295 ms", "1.20 s", "0.4 ms"; "-" for NAN. */
void kpc_show_seconds(double seconds, char *out, size_t size);

/* Digits behind the point that a time in milliseconds deserves. */
int kpc_show_digits(double seconds);

/* "100 %", "99.8 %": what is below all is never rounded up to it; "-" for NAN. */
void kpc_show_ratio(double ratio, char *out, size_t size);

/* A time for a table: "3m ago", in `wide` the time itself; "-" where NULL. */
void kpc_show_time(const struct kpc_ctx *ctx, const char *time, char *out, size_t size);

/* "3m ago (2026-11-22 10:50:06Z)"; "-" where time is NULL. */
void kpc_show_when(const struct kpc_ctx *ctx, const char *time, char *out, size_t size);

/* Appends text to out, which is at column `at`, breaking lines at blanks so that
 * they fit the terminal; new lines begin with `indent` blanks.  Ends the line. */
void kpc_show_wrap(const struct kpc_ctx *ctx, struct kp_text *out, const char *text, size_t at,
                   size_t indent);

/* A label, and blanks up to column KPC_SHOW_LABEL. */
#define KPC_SHOW_LABEL 13
void kpc_show_label(const struct kpc_ctx *ctx, struct kp_text *out, const char *label);

/* Appends a member that is a state, in its colour. */
void kpc_show_add_state(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *object,
                        const char *key);

/* The first line of a block: name, bold, and title. */
void kpc_show_head(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *object);

/* The lines "state" and, where it is muted, "muted" of such a block. */
void kpc_show_state_lines(const struct kpc_ctx *ctx, struct kp_text *out, const json_t *object);

/* The separator of short phrases: " · ", in ASCII "; ". */
const char *kpc_show_dot(const struct kpc_ctx *ctx);

#endif
