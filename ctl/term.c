#include "ctl/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct kpc_env kpc_env_read(void)
{
    return (struct kpc_env){
        .no_color = getenv("NO_COLOR"),
        .clicolor_force = getenv("CLICOLOR_FORCE"),
        .term = getenv("TERM"),
        .lc_all = getenv("LC_ALL"),
        .lc_ctype = getenv("LC_CTYPE"),
        .lang = getenv("LANG"),
    };
}

static bool set(const char *value)
{
    return value != NULL && *value != '\0';
}

bool kpc_term_color(const struct kpc_env *env, enum kpc_color option, bool tty)
{
    if (option != KPC_COLOR_AUTO)
        return option == KPC_COLOR_ALWAYS;
    if (set(env->no_color))
        return false;
    if (set(env->clicolor_force) && strcmp(env->clicolor_force, "0") != 0)
        return true;
    return tty && set(env->term) && strcmp(env->term, "dumb") != 0;
}

bool kpc_term_utf8(const struct kpc_env *env)
{
    const char *locale = set(env->lc_all)     ? env->lc_all
                         : set(env->lc_ctype) ? env->lc_ctype
                                              : env->lang;
    return set(locale) &&
           (strcasestr(locale, "UTF-8") != NULL || strcasestr(locale, "UTF8") != NULL);
}

void kpc_term_measure(struct kpc_term *term)
{
    struct winsize size = {0};
    if (!term->tty)
        return;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    term->width = known ? size.ws_col : 80;
    term->rows = known && size.ws_row > 0 ? size.ws_row : 24;
}

struct kpc_term kpc_term_decide(const struct kpc_env *env, const struct kpc_args *args)
{
    struct kpc_term term = {.tty = isatty(STDOUT_FILENO) == 1};
    term.color = kpc_term_color(env, args->color, term.tty);
    term.ascii = kpc_args_has(args, KPC_OPT_ASCII) || !kpc_term_utf8(env);
    kpc_term_measure(&term);
    return term;
}
