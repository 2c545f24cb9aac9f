/* The terminal while `watch` runs: keys without Enter, no cursor, and all put
 * back however it ends. */
#ifndef KPC_TTY_H
#define KPC_TTY_H

#include <stdbool.h>
#include <termios.h>

struct kpc_tty {
    bool screen;          /* it is redrawn in place: the cursor is hidden */
    bool keys;            /* standard input is a terminal, in raw mode */
    struct termios saved; /* as it was, where keys */
    int signals;          /* readable when a signal came; -1: none taken over */
    int fatal;            /* the signal that ended it; 0: none */
};

/* Takes the terminal over; standard output must be one. */
bool kpc_tty_begin(struct kpc_tty *tty, bool screen);
void kpc_tty_end(struct kpc_tty *tty);

enum kpc_tty_news {
    KPC_TTY_NOTHING,
    KPC_TTY_REDRAW, /* the size changed, or we were stopped and go on */
    KPC_TTY_QUIT,   /* q, or a signal: then tty->fatal is set */
};

/* Call when tty->signals is readable. */
enum kpc_tty_news kpc_tty_signal(struct kpc_tty *tty);

/* Call when standard input is readable. */
enum kpc_tty_news kpc_tty_key(struct kpc_tty *tty);

/* Dies by the signal that ended it, as callers expect; returns where none did. */
void kpc_tty_die(const struct kpc_tty *tty);

#endif
