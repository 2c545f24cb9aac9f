/* Names looked up at a small server of the test's own. */
#include "net_help.h"

#include "daemon/net/resolve.h"
#include "daemon/net/sockaddr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TARGETS = 32,
    HEADER = 12,
    TYPE_A = 1,
    TYPE_AAAA = 28,
    NXDOMAIN = 3,
};

struct answer {
    unsigned calls;
    size_t count;
    struct kp_addr addrs[KPD_RESOLVE_MAX];
};

static struct fixture {
    struct kpd_loop *loop;
    struct kpd_resolve *resolve;
    struct kpd_watch *server;
    int fd;
    unsigned queries;
    bool recursion_wanted;
    bool silent;
    struct answer answers[TARGETS];
    unsigned done, wanted;
    bool again; /* ask for one more from within the callback */
    struct kpd_timer *timer;
} f;

static void on_resolved(void *ctx, uint32_t target, const struct kp_addr *addrs, size_t count)
{
    assert_ptr_equal(ctx, &f);
    struct answer *answer = &f.answers[target];
    answer->calls++;
    answer->count = count;
    memcpy(answer->addrs, addrs, count * sizeof *addrs);
    if (f.again) {
        f.again = false;
        kpd_resolve_lookup(f.resolve, target + 1, "good.kp");
    }
    if (++f.done == f.wanted)
        kpd_loop_stop(f.loop);
}

/* "good*" has addresses, all else does not exist. */
static void on_query(int fd, unsigned what, void *ctx)
{
    (void)what;
    (void)ctx;
    uint8_t query[512], packet[1024];
    union kpd_sockaddr from;
    socklen_t fromlen = sizeof from;
    ssize_t n = recvfrom(fd, query, sizeof query, 0, &from.sa, &fromlen);
    assert_true(n > HEADER + 4);
    f.queries++;
    f.recursion_wanted |= query[2] & 1;
    if (f.silent)
        return;
    size_t len = (size_t)n;
    bool good = query[HEADER] >= 4 && (query[HEADER + 1] | 0x20) == 'g';
    uint8_t type = query[len - 3];
    memcpy(packet, query, len);
    packet[2] = 0x84; /* an authoritative answer */
    packet[3] = good ? 0 : NXDOMAIN;
    memset(packet + 6, 0, 6);
    unsigned records = !good ? 0 : type == TYPE_A ? 2 : 1;
    struct kp_wr out = kp_wr_init(packet + len, sizeof packet - len);
    packet[7] = (uint8_t)records;
    for (unsigned i = 0; i < records; i++) {
        struct kp_addr addr = net_addr(type == TYPE_A ? "198.18.9.1" : "2001:2::9");
        addr.bytes[3] = (uint8_t)(addr.bytes[3] + (type == TYPE_A ? i : 0));
        kp_wr_u16(&out, 0xc000 | HEADER);
        kp_wr_u16(&out, type);
        kp_wr_u16(&out, 1);
        kp_wr_u32(&out, 60);
        kp_wr_u16(&out, (uint16_t)kp_addr_len(&addr));
        kp_wr_bytes(&out, addr.bytes, kp_addr_len(&addr));
    }
    sendto(fd, packet, sizeof packet - out.left, 0, &from.sa, fromlen);
}

static void on_timeout(void *ctx)
{
    (void)ctx;
    kpd_loop_stop(f.loop);
}

static int setup(void **state)
{
    (void)state;
    f.loop = kpd_loop_new();
    f.timer = kpd_timer_new(f.loop, on_timeout, NULL);
    union kpd_sockaddr sa;
    struct kp_addr server = net_addr("198.18.0.1");
    socklen_t len = kpd_sockaddr_make(&server, 53, &sa);
    f.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f.fd, &sa.sa, len), 0);
    f.server = kpd_watch_new(f.loop, f.fd, KPD_READ, on_query, NULL);
    f.resolve = kpd_resolve_new(f.loop, &server, 1, on_resolved, &f);
    assert_non_null(f.resolve);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kpd_resolve_free(f.resolve);
    kpd_watch_free(f.server);
    close(f.fd);
    kpd_timer_free(f.timer);
    kpd_loop_free(f.loop);
    f = (struct fixture){0};
    return 0;
}

static void run(unsigned wanted)
{
    f.wanted = wanted;
    kpd_timer_set(f.timer, kp_dur_s(3));
    assert_true(kpd_loop_run(f.loop));
    assert_int_equal(f.done, wanted);
}

static bool has(const struct answer *answer, const char *text)
{
    struct kp_addr wanted = net_addr(text);
    for (size_t i = 0; i < answer->count; i++) {
        if (kp_addr_equal(&answer->addrs[i], &wanted))
            return true;
    }
    return false;
}

static void test_both_families(void **state)
{
    (void)state;
    kpd_resolve_lookup(f.resolve, 3, "good.kp");
    kpd_resolve_lookup(f.resolve, 3, "good.kp");
    assert_int_equal(f.done, 0);
    run(1);
    assert_int_equal(f.answers[3].count, 3);
    assert_true(has(&f.answers[3], "198.18.9.1"));
    assert_true(has(&f.answers[3], "198.18.9.2"));
    assert_true(has(&f.answers[3], "2001:2::9"));
    assert_int_equal(f.queries, 2);
    assert_false(f.recursion_wanted);
}

static void test_unknown_name(void **state)
{
    (void)state;
    kpd_resolve_lookup(f.resolve, 0, "bad.kp");
    run(1);
    assert_int_equal(f.answers[0].count, 0);
}

/* Neither /etc/hosts nor a search list is asked; one label stays one label. */
static void test_no_hosts_file(void **state)
{
    (void)state;
    kpd_resolve_lookup(f.resolve, 0, "ip6-localhost");
    run(1);
    assert_int_equal(f.answers[0].count, 0);
    assert_true(f.queries <= 2);
}

static void test_cached_never(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        kpd_resolve_lookup(f.resolve, 0, "good.kp");
        run(i);
    }
    assert_int_equal(f.queries, 6);
}

static void test_queue(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TARGETS; i++)
        kpd_resolve_lookup(f.resolve, i, i % 2 ? "bad.kp" : "good.kp");
    run(TARGETS);
    for (uint32_t i = 0; i < TARGETS; i++) {
        assert_int_equal(f.answers[i].calls, 1);
        assert_int_equal(f.answers[i].count, i % 2 ? 0 : 3);
    }
}

static void test_from_callback(void **state)
{
    (void)state;
    f.again = true;
    kpd_resolve_lookup(f.resolve, 0, "bad.kp");
    run(2);
    assert_int_equal(f.answers[1].count, 3);
}

static void test_freed_under_way(void **state)
{
    (void)state;
    f.silent = true;
    for (uint32_t i = 0; i < TARGETS; i++)
        kpd_resolve_lookup(f.resolve, i, "good.kp");
    kpd_timer_set(f.timer, kp_dur_ms(50));
    assert_true(kpd_loop_run(f.loop));
    assert_true(f.queries >= 8);
    assert_int_equal(f.done, 0);
}

static void test_two_servers(void **state)
{
    (void)state;
    struct kp_addr servers[] = {net_addr("198.18.0.1"), net_addr("2001:2::1")};
    struct kpd_resolve *both = kpd_resolve_new(f.loop, servers, 2, on_resolved, &f);
    assert_non_null(both);
    assert_null(kpd_resolve_new(f.loop, servers, 0, on_resolved, &f));
    kpd_resolve_lookup(both, 5, "good.kp");
    run(1); /* nobody listens at the second: refused at once, the first answers */
    assert_int_equal(f.answers[5].count, 3);
    kpd_resolve_free(both);
}

int main(void)
{
    if (!net_sandbox())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_families, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_hosts_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cached_never, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_from_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_servers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
