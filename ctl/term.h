/* What the place we print to can show, decided once at start. */
#ifndef KPC_TERM_H
#define KPC_TERM_H

#include "ctl/args.h"

#include <stdbool.h>

struct kpc_term {
    bool tty; /* standard output is a terminal */
    bool color;
    bool ascii;     /* no character beyond ASCII */
    unsigned width; /* columns; 0: no limit (not a terminal) */
    unsigned rows;  /* 0: not a terminal */
};

/* The environment that decides; NULL: not set. */
struct kpc_env {
    const char *no_color, *clicolor_force, *term;
    const char *lc_all, *lc_ctype, *lang;
};

struct kpc_env kpc_env_read(void);

/* --color beats NO_COLOR beats CLICOLOR_FORCE beats what the terminal is. */
bool kpc_term_color(const struct kpc_env *env, enum kpc_color option, bool tty);

/* Whether the locale's character set is UTF-8: the first of LC_ALL, LC_CTYPE
 * and LANG that is set decides. */
bool kpc_term_utf8(const struct kpc_env *env);

struct kpc_term kpc_term_decide(const struct kpc_env *env, const struct kpc_args *args);

/* Reads width and rows again, after SIGWINCH. */
void kpc_term_measure(struct kpc_term *term);

#endif
