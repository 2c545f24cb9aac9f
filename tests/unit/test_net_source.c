/* The source address cache: what it finds, keeps, and forgets. */
#include "net_help.h"

#include "daemon/net/source.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
static bool no_netlink;

/* As where a service manager allows only some address families. */
int __wrap_socket(int family, int type, int protocol)
{
    if (!no_netlink || family != AF_NETLINK)
        return __real_socket(family, type, protocol);
    errno = EAFNOSUPPORT;
    return -1;
}

static struct kpd_source *source;
static struct kp_mono now = {1000};

static int setup(void **state)
{
    (void)state;
    const struct kp_key key = {{1, 2, 3}};
    source = kpd_source_new(&key);
    assert_non_null(source);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kpd_source_free(source);
    return 0;
}

static void settle(void)
{
    struct pollfd fd = {.fd = kpd_source_fd(source), .events = POLLIN};
    while (poll(&fd, 1, 20) > 0)
        kpd_source_changed(source);
}

static int find(const char *to, const struct kp_via *via, struct kp_addr *src)
{
    struct kp_addr dst = net_addr(to);
    *src = (struct kp_addr){0};
    return kpd_source_find(source, &dst, via, now, src);
}

static void expect(const char *to, const struct kp_via *via, const char *from)
{
    struct kp_addr src, wanted = net_addr(from);
    assert_int_equal(find(to, via, &src), 0);
    assert_true(kp_addr_equal(&src, &wanted));
}

static void test_found(void **state)
{
    (void)state;
    expect("198.18.0.2", NULL, "198.18.0.2");
    expect("2001:2::1", NULL, "2001:2::1");
    expect("198.18.0.2", NULL, "198.18.0.2");
    struct kp_addr src;
    struct kp_addr none = {0};
    assert_int_equal(find("198.19.0.9", NULL, &src), ENETUNREACH);
    assert_int_equal(kpd_source_find(source, &none, NULL, now, &src), EAFNOSUPPORT);
}

static void test_via(void **state)
{
    (void)state;
    struct kp_via fixed = {.source = net_addr("198.18.0.3")};
    struct kp_via lo = {.device = "lo"};
    struct kp_via gone = {.device = "nosuch0"};
    struct kp_addr src;
    expect("198.18.0.2", &fixed, "198.18.0.3");
    expect("198.18.0.2", &lo, "198.18.0.2");
    assert_int_equal(find("2001:2::1", &fixed, &src), EAFNOSUPPORT);
    assert_int_equal(find("198.18.0.2", &gone, &src), ENODEV);
    assert_true(kpd_source_device(source, "lo") > 0);
}

/* Every kind of change is noticed, and nothing is remembered across it. */
static void test_changes(void **state)
{
    (void)state;
    net_run("ip link add v0 type veth peer name v1");
    net_run("ip link set v0 up && ip link set v1 up && ip addr add 198.18.5.1/24 dev v0");
    settle();
    expect("198.18.5.9", NULL, "198.18.5.1");
    net_run(
        "ip addr add 198.18.6.1/24 dev v0 && ip route add 198.18.5.9 dev v0 src 198.18.6.1");
    expect("198.18.5.9", NULL, "198.18.5.1"); /* remembered until told */
    settle();
    expect("198.18.5.9", NULL, "198.18.6.1");
    net_run("ip rule add pref 10 to 198.18.5.9 unreachable");
    settle();
    struct kp_addr src;
    assert_int_equal(find("198.18.5.9", NULL, &src), ENETUNREACH);
    net_run("ip link del v0");
    settle();
    assert_int_equal(kpd_source_device(source, "v0"), 0);
    net_run("ip rule del pref 10");
}

/* An error is asked again after a second even where nothing announces the end. */
static void test_errors_age(void **state)
{
    (void)state;
    struct kp_addr src;
    settle();
    assert_int_equal(find("198.18.7.1", NULL, &src), ENETUNREACH);
    net_run("ip addr add 198.18.7.1/32 dev lo");
    assert_int_equal(find("198.18.7.1", NULL, &src), ENETUNREACH);
    now = kp_mono_add(now, kp_dur_s(2));
    assert_int_equal(find("198.18.7.1", NULL, &src), 0);
}

static int setup_untold(void **state)
{
    no_netlink = true;
    int rc = setup(state);
    no_netlink = false;
    return rc;
}

/* Where nobody tells of changes, nothing is believed for longer than a second. */
static void test_untold(void **state)
{
    (void)state;
    assert_int_equal(kpd_source_fd(source), -1);
    net_run("ip link add v2 type veth peer name v3");
    net_run("ip link set v2 up && ip link set v3 up && ip addr add 198.18.8.1/24 dev v2");
    expect("198.18.8.9", NULL, "198.18.8.1");
    unsigned before = kpd_source_device(source, "v2");
    assert_true(before > 0);
    net_run(
        "ip addr add 198.18.9.1/24 dev v2 && ip route add 198.18.8.9 dev v2 src 198.18.9.1");
    now = kp_mono_add(now, kp_dur_s(2));
    expect("198.18.8.9", NULL, "198.18.9.1");
    net_run("ip link del v2");
    assert_int_equal(kpd_source_device(source, "v2"), 0);
}

/* Beyond what the table may hold it forgets, and goes on. */
static void test_many(void **state)
{
    (void)state;
    net_run("ip route add local 198.18.64.0/18 dev lo");
    net_run("ip route add local 198.19.0.0/16 dev lo");
    settle();
    for (unsigned i = 0; i < 80000; i++) {
        char text[KP_ADDR_SIZE];
        unsigned high = i < 16384 ? 18 : 19, rest = i < 16384 ? i + (64 << 8) : i & 0xffff;
        snprintf(text, sizeof text, "198.%u.%u.%u", high, rest >> 8, rest & 0xff);
        struct kp_addr src;
        assert_int_equal(find(text, NULL, &src), 0);
    }
}

int main(void)
{
    if (!net_sandbox())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_via, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_untold, setup_untold, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
