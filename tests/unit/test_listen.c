/* What a service manager hands down is taken by its name: a run that was broken into
 * may have stored anything under another. */
#include "daemon/listen.h"
#include "daemon/net/raw.h"
#include "daemon/systemd.h"
#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef KP_SYSTEMD

enum { FIRST = SD_LISTEN_FDS_START, MOST = 4, ELSEWHERE = 20 };

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Out of the way of those that are handed down. */
static int away(int fd)
{
    assert_true(fd >= 0);
    int moved = fcntl(fd, F_DUPFD, ELSEWHERE);
    assert_true(moved >= ELSEWHERE);
    close(fd);
    return moved;
}

static int raw_socket(void)
{
    return away(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

/* It listens at a name of the kernel's choice, which no path equals. */
static int listener(void)
{
    int fd = away(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at.sun_family), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* As the manager does; takes the descriptors over.  names: NULL, it gives none. */
static void hand_down(const int *fds, int count, const char *names)
{
    char text[16];
    for (int i = 0; i < count; i++) {
        assert_int_equal(dup2(fds[i], FIRST + i), FIRST + i);
        close(fds[i]);
    }
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof text, "%d", count);
    setenv("LISTEN_FDS", text, 1);
    unsetenv("LISTEN_FDNAMES");
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
}

static int setup(void **state)
{
    (void)state;
    for (int fd = FIRST; fd < FIRST + MOST; fd++)
        close(fd);
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    char why[KPD_LISTEN_WHY];
    int fd;
    const int fds[] = {raw_socket(), raw_socket(), listener(), listener()};
    hand_down(fds, 4, "other:raw:kpwatchd.socket:stored");
    assert_int_equal(kpd_raw_open(AF_INET, IPPROTO_ICMP), FIRST + 1);
    assert_true(kpd_listen_inherited("/nowhere", &fd, why));
    assert_int_equal(fd, FIRST + 2);
    assert_non_null(strstr(why, "/nowhere"));
    assert_false(is_open(FIRST));
    assert_true(is_open(FIRST + 1));
    assert_false(is_open(FIRST + 3));
    assert_null(getenv("LISTEN_FDS"));
}

/* A name alone is not enough either. */
static void test_false_name(void **state)
{
    (void)state;
    char why[KPD_LISTEN_WHY];
    int fd;
    const int fds[] = {listener(), raw_socket()};
    hand_down(fds, 2, "raw:stored");
    int opened = away(kpd_raw_open(AF_INET, IPPROTO_ICMP));
    assert_true(kpd_listen_inherited("/nowhere", &fd, why));
    assert_int_equal(fd, -1);
    assert_false(is_open(FIRST));
    assert_false(is_open(FIRST + 1));
    close(opened);
}

static void test_nameless(void **state)
{
    (void)state;
    char why[KPD_LISTEN_WHY];
    int fd;
    const int fds[] = {listener(), raw_socket()};
    hand_down(fds, 2, NULL);
    assert_true(kpd_listen_inherited("/nowhere", &fd, why));
    assert_int_equal(fd, FIRST);
    assert_false(is_open(FIRST + 1));
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void test_not_listening(void **state)
{
    (void)state;
    char why[KPD_LISTEN_WHY];
    int fd;
    const int fds[] = {away(socket(AF_INET, SOCK_STREAM, 0))};
    hand_down(fds, 1, "kpwatchd.socket");
    assert_false(kpd_listen_inherited("/nowhere", &fd, why));
    assert_non_null(strstr(why, "socket activation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names, setup),
        cmocka_unit_test_setup(test_false_name, setup),
        cmocka_unit_test_setup(test_nameless, setup),
        cmocka_unit_test_setup(test_not_listening, setup),
    };
    if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0) {
        puts("skipped: no network: no raw socket is to be had");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void)
{
    puts("skipped: no network: built without libsystemd");
    return 0;
}
#endif
