/* What every thread of a sink shares: how it starts and what it waits on. */
#ifndef KPD_SINKS_THREAD_H
#define KPD_SINKS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/* Starts run(arg); signals stay the loop's.  False: no thread was to be had. */
bool kpd_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

/* wake's timed waits go by CLOCK_MONOTONIC: they must not depend on whoever sets the
 * clock.  Both are destroyed by the caller. */
void kpd_thread_locks(pthread_mutex_t *lock, pthread_cond_t *wake);

/* When a timed wait of ms milliseconds that begins now is over. */
struct timespec kpd_thread_in_ms(unsigned ms);

#endif
