#include "daemon/sinks/thread.h"

#include <signal.h>

bool kpd_thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void kpd_thread_locks(pthread_mutex_t *lock, pthread_cond_t *wake)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(lock, NULL);
}

struct timespec kpd_thread_in_ms(unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    long nsec = until.tv_nsec + (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + nsec / 1000000000;
    until.tv_nsec = nsec % 1000000000;
    return until;
}
