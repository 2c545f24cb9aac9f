/*
 * Faults that a kernel seldom has, for the real programs: LD_PRELOAD this, and name a
 * page of orders in KP_SHIM.  Whoever maps the same page (tests/lab/shim.py) gives them
 * while the program runs; no system call is made for it.
 *
 * The clocks it moves move the kernel's packet stamps as well, as a real step would.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The page: 64-bit words in this order. */
struct orders {
    int64_t wall_ns;    /* CLOCK_REALTIME runs this much ahead */
    int64_t boot_ns;    /* CLOCK_BOOTTIME */
    int64_t send_errno; /* sendmmsg, sendmsg, sendto, send, connect fail so; 0: none */
    int64_t send_every; /* every how many-th of them */
    int64_t recv_errno; /* recvmmsg (but for stamps), recvmsg, recvfrom, recv */
    int64_t recv_every;
    int64_t alloc_at;    /* counts down; the allocation that makes it 0 fails */
    int64_t alloc_every; /* every how many-th allocation fails; 0: none */
    int64_t allocs;      /* counted */
    int64_t allocs_failed;
    int64_t sends_failed;
    int64_t recvs_failed;
};

enum { NS_PER_S = 1000000000, STAMPS = 3 };

static struct orders none;
static struct orders *orders = &none;

/* glibc's own, which its malloc(3) and so on are other names of. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

__attribute__((constructor)) static void take_page(void)
{
    const char *name = getenv("KP_SHIM");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED)
        orders = page;
}

static int64_t add(int64_t *word, int64_t more)
{
    return __atomic_add_fetch(word, more, __ATOMIC_RELAXED);
}

static int64_t get(const int64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* ---- memory ---- */

static _Thread_local bool in_nss;

/* Two libraries do not look whether they have memory, both before the daemon is ready, and
 * neither is ours to mend: libseccomp 2.5.4 crashes or never ends where it makes the filter,
 * and glibc 2.36 (nss_database.c) where it looks a group up. */
static bool spared(const void *caller)
{
    Dl_info info;
    return in_nss ||
           (dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libseccomp"));
}

static bool no_memory(const void *caller)
{
    int64_t count = add(&orders->allocs, 1);
    int64_t every = get(&orders->alloc_every);
    bool fails = every > 0 && count % every == 0;
    if (get(&orders->alloc_at) > 0 && add(&orders->alloc_at, -1) == 0)
        fails = true;
    if (!fails || spared(caller))
        return false;
    add(&orders->allocs_failed, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}

/* ---- clocks ---- */

static int64_t ahead(clockid_t clock)
{
    if (clock == CLOCK_REALTIME)
        return get(&orders->wall_ns);
    return clock == CLOCK_BOOTTIME ? get(&orders->boot_ns) : 0;
}

static void shift(struct timespec *ts, int64_t ns)
{
    int64_t at = ts->tv_sec * (int64_t)NS_PER_S + ts->tv_nsec + ns;
    ts->tv_sec = at / NS_PER_S;
    ts->tv_nsec = at % NS_PER_S;
}

#define REAL(name) ((__typeof__(&(name)))real(#name))

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    static __typeof__(&clock_gettime) next;
    if (!next)
        next = REAL(clock_gettime);
    int rc = next(clock, ts);
    if (rc == 0)
        shift(ts, ahead(clock));
    return rc;
}

static void shift_stamps(struct msghdr *msg)
{
    int64_t ns = get(&orders->wall_ns);
    struct timespec stamps[STAMPS];
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); ns && c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPING ||
            c->cmsg_len < CMSG_LEN(sizeof stamps))
            continue;
        memcpy(stamps, CMSG_DATA(c), sizeof stamps);
        for (int i = 0; i < STAMPS; i++)
            if (stamps[i].tv_sec)
                shift(&stamps[i], ns);
        memcpy(CMSG_DATA(c), stamps, sizeof stamps);
    }
}

int getgrnam_r(const char *name, struct group *group, char *room, size_t size,
               struct group **found)
{
    in_nss = true;
    int rc = REAL(getgrnam_r)(name, group, room, size, found);
    in_nss = false;
    return rc;
}

/* ---- sockets ---- */

static bool refuses(const int64_t *errnum, const int64_t *every, int64_t *failed,
                    int64_t *calls)
{
    int64_t with = get(errnum), one_in = get(every);
    if (with == 0 || one_in <= 0 || add(calls, 1) % one_in != 0)
        return false;
    add(failed, 1);
    errno = (int)with;
    return true;
}

static bool no_send(int fd)
{
    static int64_t calls;
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    int saved = errno;
    if (get(&orders->send_errno) == 0)
        return false;
    /* Only the network fails, not who is to be told of it. */
    bool local =
        getsockname(fd, (struct sockaddr *)&own, &len) == 0 && own.ss_family == AF_UNIX;
    errno = saved;
    return !local &&
           refuses(&orders->send_errno, &orders->send_every, &orders->sends_failed, &calls);
}

static bool no_receive(int flags)
{
    static int64_t calls;
    return !(flags & MSG_ERRQUEUE) &&
           refuses(&orders->recv_errno, &orders->recv_every, &orders->recvs_failed, &calls);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return no_send(fd) ? -1 : REAL(sendmmsg)(fd, messages, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return no_send(fd) ? -1 : REAL(sendmsg)(fd, message, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
               socklen_t tolen)
{
    return no_send(fd) ? -1 : REAL(sendto)(fd, bytes, len, flags, to, tolen);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    return no_send(fd) ? -1 : REAL(send)(fd, bytes, len, flags);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    return no_send(fd) ? -1 : REAL(connect)(fd, to, len);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *wait)
{
    int n = no_receive(flags) ? -1 : REAL(recvmmsg)(fd, messages, count, flags, wait);
    for (int i = 0; i < n; i++)
        shift_stamps(&messages[i].msg_hdr);
    return n;
}
