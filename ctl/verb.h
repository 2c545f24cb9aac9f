/* A verb of kpwatchctl is one entry of the table in verbs.c and one function. */
#ifndef KPC_VERB_H
#define KPC_VERB_H

#include "ctl/args.h"
#include "ctl/term.h"
#include "lib/base/text.h"

#include <stddef.h>
#include <stdint.h>

enum kpc_exit {
    KPC_DONE = 0,
    KPC_REFUSED = 1, /* or not found */
    KPC_USAGE = 2,
    KPC_UNREACHABLE = 3,
    KPC_PERMISSION = 4,
    KPC_NOT_CLEAR = 10, /* status --exit-status */
};

struct kpc_conn;

/* What a verb works with. */
struct kpc_ctx {
    const struct kpc_args *args;
    const char *socket;
    struct kpc_term term;
    struct kp_wall now;
    struct kp_text out;    /* for standard output; see kpc_out_flush */
    struct kpc_conn *conn; /* opened by the first call */
    size_t spark_room;     /* columns the sparkline of the table in hand may take */
};

struct kpc_verb {
    const char *name;
    const char *words; /* its arguments, for help */
    unsigned words_min, words_max;
    uint32_t takes; /* KPC_BITs of the options that are its own */
    uint32_t needs; /* those of them it cannot do without */
    const char *summary;
    const char *about; /* more, for `help VERB`; NULL: nothing more */
    enum kpc_exit (*exec)(struct kpc_ctx *ctx);
};

/* The verbs in the order of the help. */
extern const struct kpc_verb kpc_verbs[];
extern const size_t kpc_verb_count;

const struct kpc_verb *kpc_verb_find(const char *name);

/* The nth argument of the verb, from 0; NULL: not given. */
static inline const char *kpc_word(const struct kpc_ctx *ctx, size_t n)
{
    return n + 1 < ctx->args->word_count ? ctx->args->words[n + 1] : NULL;
}

enum kpc_exit kpc_status_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_paths_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_targets_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_incidents_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_explain_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_trace_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_history_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_check_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_watch_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_events_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_export_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_replay_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_check_config_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_reload_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_probe_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_mute_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_unmute_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_mutes_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_log_level_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_metrics_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_stats_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_doctor_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_completion_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_version_exec(struct kpc_ctx *ctx);
enum kpc_exit kpc_help_exec(struct kpc_ctx *ctx);

#endif
