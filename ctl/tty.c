#include "ctl/tty.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define HIDE_CURSOR "\x1b[?25l\x1b[2J\x1b[H"
#define SHOW_CURSOR "\x1b[?25h\n"

static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

static void put(const char *text)
{
    ssize_t done = write(STDOUT_FILENO, text, strlen(text));
    (void)done; /* a terminal that is gone needs nothing put back */
}

static void enter(struct kpc_tty *tty)
{
    if (tty->keys) {
        struct termios raw = tty->saved;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    if (tty->screen)
        put(HIDE_CURSOR);
}

static void leave(struct kpc_tty *tty)
{
    if (tty->screen)
        put(SHOW_CURSOR);
    if (tty->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &tty->saved);
}

static sigset_t signal_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        sigaddset(&set, taken[i]);
    return set;
}

bool kpc_tty_begin(struct kpc_tty *tty, bool screen)
{
    sigset_t set = signal_set();
    *tty = (struct kpc_tty){.screen = screen, .signals = -1};
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    tty->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (tty->signals < 0)
        return false;
    tty->keys = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &tty->saved) == 0;
    enter(tty);
    return true;
}

void kpc_tty_end(struct kpc_tty *tty)
{
    sigset_t set = signal_set();
    if (tty->signals < 0)
        return;
    leave(tty);
    close(tty->signals);
    tty->signals = -1;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

enum kpc_tty_news kpc_tty_signal(struct kpc_tty *tty)
{
    struct signalfd_siginfo info;
    if (read(tty->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return KPC_TTY_NOTHING;
    if (info.ssi_signo == SIGWINCH)
        return KPC_TTY_REDRAW;
    if (info.ssi_signo == SIGTSTP) {
        leave(tty);
        kill(getpid(), SIGSTOP); /* returns when the shell lets us go on */
        enter(tty);
        return KPC_TTY_REDRAW;
    }
    tty->fatal = (int)info.ssi_signo;
    return KPC_TTY_QUIT;
}

enum kpc_tty_news kpc_tty_key(struct kpc_tty *tty)
{
    char key = 0;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    /* A terminal that hung up would be readable for ever. */
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        tty->keys = false;
    if (n != 1)
        return KPC_TTY_NOTHING;
    if (key == 'q' || key == 'Q')
        return KPC_TTY_QUIT;
    return key == '\f' ? KPC_TTY_REDRAW : KPC_TTY_NOTHING;
}

void kpc_tty_die(const struct kpc_tty *tty)
{
    if (tty->fatal == 0)
        return;
    signal(tty->fatal, SIG_DFL);
    raise(tty->fatal);
}
