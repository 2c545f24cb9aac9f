/* Asking the daemon, and saying what went wrong: the one place where errors
 * become words and exit codes. */
#ifndef KPC_CALL_H
#define KPC_CALL_H

#include "ctl/conn.h"
#include "ctl/verb.h"

/* "kpwatchctl: ..." on standard error, made safe for terminals. */
void kpc_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on what is said goes to standard output, behind `prefix`: monitoring
 * systems read nothing else. */
void kpc_say_for_check(const char *prefix);

/* Says what a connection error means and what to do; the exit code for it. */
enum kpc_exit kpc_say_conn(const struct kpc_ctx *ctx, enum kpc_conn_err err);

/* Says what an error reply means; the exit code for it. */
enum kpc_exit kpc_say_reply(const struct kpc_ctx *ctx, const struct kpc_reply *reply);

/* "no VERB 'X'" or so, with the nearest of `count` names; KPC_USAGE. */
enum kpc_exit kpc_say_unknown(const char *kind, const char *given, const char *const *names,
                              size_t count);

/* One call and its reply, which the caller ends with kpc_reply_fini where the
 * answer is KPC_DONE; otherwise it has been said.  parameters (may be NULL) are
 * taken over. */
enum kpc_exit kpc_call(struct kpc_ctx *ctx, const char *method, json_t *parameters,
                       struct kpc_reply *reply);

/* The same without a word on failure; *err says why (OK: an error reply). */
bool kpc_call_quiet(struct kpc_ctx *ctx, const char *method, json_t *parameters,
                    struct kpc_reply *reply, enum kpc_conn_err *err);

/* Whether the reply says that all places for clients are taken, and it is worth
 * another try: then waits before it, longer each time, about a second in all.
 * *tries counts, from 0. */
bool kpc_wait_for_place(const struct kpc_reply *reply, unsigned *tries);

/* {"name": value} where value is not NULL, else an empty object. */
json_t *kpc_parameter(const char *name, const char *value);

#endif
