/* The command line as data: one table of options, read in any order around the
 * verb.  An option's arity never depends on the verb, so `-o csv paths` and
 * `paths -o csv` cannot be read differently. */
#ifndef KPC_ARGS_H
#define KPC_ARGS_H

#include "lib/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KPC_WORDS_MAX 64 /* completion is given a whole command line */
#define KPC_ERROR_SIZE 320

enum kpc_opt {
    KPC_OPT_SOCKET,
    KPC_OPT_OUTPUT,
    KPC_OPT_JSON,
    KPC_OPT_COLOR,
    KPC_OPT_ASCII,
    KPC_OPT_LOCAL,
    KPC_OPT_HELP,
    KPC_OPT_VERSION,
    KPC_OPT_EXIT_STATUS, /* the first that belongs to single verbs */
    KPC_OPT_STATE,
    KPC_OPT_GROUP,
    KPC_OPT_SINCE,
    KPC_OPT_ALL,
    KPC_OPT_FOR,
    KPC_OPT_REASON,
    KPC_OPT_OPEN,
    KPC_OPT_NOW,
    KPC_OPT_PATH,
    KPC_OPT_CONFIG,
    KPC_OPT_UNTIL,
    KPC_OPT_STEP,
    KPC_OPT_TARGET,
    KPC_OPT_COUNT,
};
#define KPC_BIT(opt) (UINT32_C(1) << (opt))
#define KPC_OPT_FIRST_OWN KPC_OPT_EXIT_STATUS

enum kpc_format { KPC_TABLE, KPC_WIDE, KPC_JSON, KPC_JSONL, KPC_CSV };
enum kpc_color { KPC_COLOR_AUTO, KPC_COLOR_ALWAYS, KPC_COLOR_NEVER };

struct kpc_args {
    struct kp_wall now; /* what an age is counted from; set by the caller */
    uint32_t given;     /* KPC_BITs of the options that were given */
    const char *socket; /* NULL: the default one */
    enum kpc_format format;
    enum kpc_color color;
    const char *state;
    const char *group;
    const char *reason;
    const char *path;
    const char *config;
    const char *target;
    struct kp_wall since, until;
    struct kp_dur step;
    struct kp_dur length;             /* --for */
    const char *words[KPC_WORDS_MAX]; /* the verb, then its arguments */
    size_t word_count;
    char error[KPC_ERROR_SIZE]; /* what is wrong, where parsing failed */
};

struct kpc_opt_spec {
    const char *name;
    char letter;       /* 0: none */
    const char *value; /* what help calls its value; NULL: takes none */
    const char *help;
    bool (*set)(struct kpc_args *args, const char *value); /* NULL: the bit says it all */
};

const struct kpc_opt_spec *kpc_args_spec(enum kpc_opt opt);

/* Reads argv[1..] into args, whose `now` is set; false with args->error filled. */
bool kpc_args_parse(struct kpc_args *args, int argc, char **argv);

static inline bool kpc_args_has(const struct kpc_args *args, enum kpc_opt opt)
{
    return (args->given & KPC_BIT(opt)) != 0;
}

#endif
