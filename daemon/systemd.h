/* libsystemd, or, built without it, a world where no service manager is there. */
#ifndef KPD_SYSTEMD_H
#define KPD_SYSTEMD_H

#ifdef KP_SYSTEMD
#include <systemd/sd-daemon.h>
#else
#include <stddef.h>
#include <stdint.h>

static inline int sd_notify(int unset, const char *state)
{
    (void)unset;
    (void)state;
    return 0;
}

static inline int sd_pid_notify_with_fds(int pid, int unset, const char *state, const int *fds,
                                         unsigned count)
{
    (void)pid;
    (void)unset;
    (void)state;
    (void)fds;
    (void)count;
    return 0;
}

static inline int sd_notify_barrier(int unset, uint64_t usec)
{
    (void)unset;
    (void)usec;
    return 0;
}

static inline int sd_watchdog_enabled(int unset, uint64_t *usec)
{
    (void)unset;
    (void)usec;
    return 0;
}

static inline int sd_listen_fds_with_names(int unset, char ***names)
{
    (void)unset;
    *names = NULL;
    return 0;
}

static inline int sd_is_socket_unix(int fd, int type, int listening, const char *path,
                                    size_t length)
{
    (void)fd;
    (void)type;
    (void)listening;
    (void)path;
    (void)length;
    return 0;
}
#define SD_LISTEN_FDS_START 3
#endif

/* What it calls the descriptors that it hands down. */
#define KPD_FD_RAW "raw"
#define KPD_FD_CONTROL "kpwatchd.socket" /* as its unit is called */
#define KPD_FD_NAMELESS "unknown"        /* of a manager that gives no names */

#endif
