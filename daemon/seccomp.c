#include "daemon/seccomp.h"

#ifdef KP_SECCOMP

#include <errno.h>
#include <features.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* What is not here answers EPERM rather than killing: a C library that one day
 * asks for a call of another name shall cost a feature, not end the watch.  exec is
 * the exception: whoever tries that is not us any more.  A process cannot be made:
 * clone makes threads only (a reload may start one), and clone3, whose flags a
 * filter cannot see, pretends not to exist, so the C library falls back to clone.
 * Where the C library has another way (mremap, madvise, set_robust_list), it takes that. */
static const int allowed[] = {
    /* files and descriptors: reload, log files, history */
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(getdents64),
    SCMP_SYS(fcntl),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(statfs),
    SCMP_SYS(unlinkat),
    /* sockets */
    SCMP_SYS(bind),
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(accept4),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    /* the loop, time, signals */
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    /* memory, threads, the end */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(futex),
    SCMP_SYS(rseq),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
/* Where the older call does not exist, the C library uses the newer one. */
#ifdef __x86_64__
    SCMP_SYS(epoll_wait),
    SCMP_SYS(poll),
    SCMP_SYS(rename),
#else
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(ppoll),
    SCMP_SYS(renameat),
#endif
#if __GLIBC_PREREQ(2, 39)
    SCMP_SYS(fstat),
#endif
};

/* Allowed only where (argument & mask) == value; one call may have several lines. */
static const struct {
    int call;
    unsigned argument;
    scmp_datum_t mask, value;
} conditional[] = {
    {SCMP_SYS(socket), 0, ~(scmp_datum_t)0, AF_UNIX},
    {SCMP_SYS(socket), 0, ~(scmp_datum_t)0, AF_INET},
    {SCMP_SYS(socket), 0, ~(scmp_datum_t)0, AF_INET6},
    {SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
};
#define CONDITIONAL_CALLS 4 /* different ones above */
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#if defined __x86_64__ && !__GLIBC_PREREQ(2, 39)
_Static_assert(COUNT(allowed) + CONDITIONAL_CALLS <= 45, "each call more is a door more");
#endif

static int fill(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execveat), 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; rc == 0 && i < COUNT(allowed); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; rc == 0 && i < COUNT(conditional); i++) {
        struct scmp_arg_cmp cmp = {conditional[i].argument, SCMP_CMP_MASKED_EQ,
                                   conditional[i].mask, conditional[i].value};
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, conditional[i].call, 1, &cmp);
    }
    return rc;
}

bool kpd_seccomp_apply(char *why)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter != NULL ? fill(filter) : -ENOMEM;
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = seccomp_load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    if (rc != 0)
        snprintf(why, 256, "cannot filter system calls (seccomp): %s", strerror(-rc));
    return rc == 0;
}

#else

bool kpd_seccomp_apply(char *why)
{
    (void)why;
    return true;
}

#endif
