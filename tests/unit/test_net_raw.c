/* The raw sockets against a real kernel: probes, answers, filters, failures. */
#include "net_help.h"

#include "daemon/net/env.h"
#include "daemon/net/sockaddr.h"
#include "lib/wire/cookie.h"
#include "lib/wire/icmp_error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static bool one_received(const struct net_record *record)
{
    return record->received > 0;
}

static void reset(struct net_record *record)
{
    memset(record->slots, 0, sizeof record->slots);
    record->received = 0;
    record->overflow = 0;
}

/* Stamps of both ways, and a sane round trip between them. */
static void check_times(const struct net_record *record, uint32_t slot, unsigned packet)
{
    const struct net_slot *s = &record->slots[slot];
    assert_int_equal(s->sent, 2);
    assert_int_equal(s->failed, 0);
    assert_true(s->first.ns <= s->last.ns);
    int64_t rtt = record->packets[packet].rx.at.ns - s->last.ns;
    assert_true(rtt > 0);
    assert_true(rtt < 50 * KP_NS_PER_MS);
}

static void check_probe(struct net_record *record, enum kp_probe_type type, const char *to,
                        uint16_t port, enum kp_result result)
{
    reset(record);
    struct kp_shot shot = net_probe(record, type, to, port, 7);
    assert_int_equal(record->slots[7].sent, 0);
    kpd_net_flush(record->net);
    assert_true(net_until(record, one_received));
    struct kp_reply reply = {0};
    assert_int_equal(net_judge(record, 0, &shot, &reply), KP_DISCARD_NONE);
    assert_int_equal(reply.result, result);
    assert_int_equal(record->packets[0].rx.ttl, 64);
    check_times(record, 7, 0);
    net_for(record, 20);
    assert_int_equal(record->received, 1);
    assert_true(record->settled > 0);
}

static void test_echo(void **state)
{
    check_probe(*state, KP_PROBE_ICMP, "198.18.0.1", 0, KP_ANSWERED);
    check_probe(*state, KP_PROBE_ICMP, "2001:2::1", 0, KP_ANSWERED);
}

static int listen_on(const char *address, uint16_t *port)
{
    union kpd_sockaddr sa;
    struct kp_addr addr = net_addr(address);
    socklen_t len = kpd_sockaddr_make(&addr, 0, &sa);
    int fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &sa.sa, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    kpd_sockaddr_local(fd, port);
    return fd;
}

static void check_tcp(struct net_record *record, const char *address)
{
    uint16_t port = 0;
    int fd = listen_on(address, &port);
    check_probe(record, KP_PROBE_TCP_SYN, address, port, KP_ANSWERED);
    close(fd);
    check_probe(record, KP_PROBE_TCP_SYN, address, port, KP_REFUSED);
}

static void test_syn(void **state)
{
    check_tcp(*state, "198.18.0.2");
    check_tcp(*state, "2001:2::2");
}

/* A packet from somebody else: raw bytes of the transport, our kernel's header. */
static void inject(const char *to, int protocol, const uint8_t *bytes, size_t len)
{
    union kpd_sockaddr sa;
    struct kp_addr addr = net_addr(to);
    socklen_t salen = kpd_sockaddr_make(&addr, 0, &sa);
    int fd = socket(sa.sa.sa_family, SOCK_RAW | SOCK_CLOEXEC, protocol);
    int at = 16;
    if (protocol == IPPROTO_TCP && sa.sa.sa_family == AF_INET6)
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof at), 0);
    assert_int_equal(sendto(fd, bytes, len, 0, &sa.sa, salen), len);
    close(fd);
}

static struct kp_wr begin(uint8_t *packet, size_t size)
{
    memset(packet, 0, size);
    return kp_wr_init(packet, size);
}

static void inject_reply(const char *to, bool v4, uint16_t id, uint32_t word)
{
    uint8_t packet[64];
    struct kp_wr out = begin(packet, sizeof packet);
    kp_wr_u8(&out, v4 ? KP_ICMP4_ECHO_REPLY : KP_ICMP6_ECHO_REPLY);
    kp_wr_u8(&out, 0);
    kp_wr_u16(&out, 0);
    kp_wr_u16(&out, id);
    kp_wr_u16(&out, 1);
    kp_wr_u32(&out, word);
    inject(to, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, packet, sizeof packet);
}

static void expect(struct net_record *record, unsigned count)
{
    net_for(record, 20);
    assert_int_equal(record->received, count);
    record->received = 0;
}

static void check_reply_filter(struct net_record *record, const char *to, bool v4)
{
    const struct kp_wire *wire = &record->wire;
    inject_reply(to, v4, wire->icmp_id, wire->word + 1);
    inject_reply(to, v4, (uint16_t)(wire->icmp_id + 1), wire->word);
    expect(record, 0);
    inject_reply(to, v4, wire->icmp_id, wire->word);
    expect(record, 1);
}

static void test_foreign_replies(void **state)
{
    reset(*state);
    check_reply_filter(*state, "198.18.0.1", true);
    check_reply_filter(*state, "2001:2::1", false);
}

static void inject_tcp(const char *to, uint16_t dport, uint8_t flags)
{
    uint8_t packet[20];
    struct kp_wr out = begin(packet, sizeof packet);
    kp_wr_u16(&out, 80);
    kp_wr_u16(&out, dport);
    kp_wr_u64(&out, 0);
    kp_wr_u8(&out, 5 << 4);
    kp_wr_u8(&out, flags);
    inject(to, IPPROTO_TCP, packet, sizeof packet);
}

static void check_tcp_filter(struct net_record *record, const char *to)
{
    enum { SYN = 0x02, RST = 0x04, ACK = 0x10, FIN = 0x01 };
    uint16_t low = record->wire.port_min, high = record->wire.port_max;
    inject_tcp(to, (uint16_t)(low - 1), RST);
    inject_tcp(to, (uint16_t)(high + 1), RST);
    inject_tcp(to, low, ACK);
    inject_tcp(to, low, FIN);
    inject_tcp(to, high, SYN);
    /* The kernel's own RSTs for these go to port 80: not ours. */
    expect(record, 0);
    inject_tcp(to, low, RST);
    inject_tcp(to, high, SYN | ACK);
    inject_tcp(to, high, RST | ACK);
    expect(record, 3);
}

static void test_foreign_segments(void **state)
{
    reset(*state);
    check_tcp_filter(*state, "198.18.0.1");
    check_tcp_filter(*state, "2001:2::1");
}

struct quote {
    uint8_t protocol, type;
    uint16_t first, third; /* 16-bit words of the quoted transport header */
};

static void inject_error(const char *to, bool v4, uint8_t type, const struct quote *quote)
{
    uint8_t packet[8 + 40 + 8];
    struct kp_wr out = begin(packet, sizeof packet);
    kp_wr_u8(&out, type);
    kp_wr_fill(&out, 0, 7);
    if (v4) {
        kp_wr_u8(&out, 0x46); /* with an option: the filter must find the length */
        kp_wr_fill(&out, 0, 8);
        kp_wr_u8(&out, quote->protocol);
        kp_wr_fill(&out, 0, 14);
    } else {
        kp_wr_u8(&out, 0x60);
        kp_wr_fill(&out, 0, 5);
        kp_wr_u8(&out, quote->protocol);
        kp_wr_fill(&out, 0, 33);
    }
    unsigned type_code = (unsigned)quote->type << 8;
    kp_wr_u16(&out, (uint16_t)(quote->protocol == IPPROTO_TCP ? quote->first : type_code));
    kp_wr_u16(&out, 0);
    kp_wr_u16(&out, quote->third);
    kp_wr_u16(&out, 0);
    inject(to, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, packet, sizeof packet - out.left);
}

static void check_error_filter(struct net_record *record, const char *to, bool v4)
{
    const struct kp_wire *wire = &record->wire;
    uint8_t icmp = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    uint8_t echo = v4 ? KP_ICMP4_ECHO : KP_ICMP6_ECHO;
    uint8_t type = v4 ? 11 : 3;
    struct quote bad[] = {
        {icmp, echo, 0, (uint16_t)(wire->icmp_id + 1)},
        {icmp, (uint8_t)(echo + 1), 0, wire->icmp_id},
        {IPPROTO_TCP, 0, (uint16_t)(wire->port_min - 1), 0},
        {IPPROTO_TCP, 0, (uint16_t)(wire->port_max + 1), 0},
        {IPPROTO_UDP, 0, wire->port_min, wire->icmp_id},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        inject_error(to, v4, type, &bad[i]);
    struct quote good[] = {
        {icmp, echo, 0, wire->icmp_id},
        {IPPROTO_TCP, 0, wire->port_min, 0},
        {IPPROTO_TCP, 0, wire->port_max, 0},
    };
    inject_error(to, v4, v4 ? 5 : 137, &good[0]); /* a redirect is no error of ours */
    expect(record, 0);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        inject_error(to, v4, type, &good[i]);
    expect(record, 3);
}

static void test_foreign_errors(void **state)
{
    reset(*state);
    check_error_filter(*state, "198.18.0.1", true);
    check_error_filter(*state, "2001:2::1", false);
}

static bool two_received(const struct net_record *record)
{
    return record->received >= 2;
}

static void test_unreachable_amid_batch(void **state)
{
    struct net_record *record = *state;
    reset(record);
    net_probe(record, KP_PROBE_ICMP, "198.18.0.1", 0, 0);
    net_probe(record, KP_PROBE_ICMP, "198.19.0.1", 0, 1); /* no route */
    net_probe(record, KP_PROBE_ICMP, "198.18.0.2", 0, 2);
    net_probe(record, KP_PROBE_TCP_SYN, "2001:2:1::1", 9, 3);
    kpd_net_flush(record->net);
    assert_int_equal(record->slots[1].failed, 1);
    assert_int_equal(record->slots[1].errnum, ENETUNREACH);
    assert_int_equal(record->slots[1].sent, 0);
    assert_int_equal(record->slots[3].errnum, ENETUNREACH);
    assert_true(net_until(record, two_received));
    check_times(record, 0, 0);
    check_times(record, 2, 1);
}

/* The kernel counts a packet that the firewall drops, but not one without a
 * route: stamps must go to the right probes all the same. */
static void test_firewall_amid_batch(void **state)
{
    struct net_record *record = *state;
    if (system("nft add table ip t 2>/dev/null") != 0) {
        print_message("skipped: no nft here\n");
        skip();
    }
    reset(record);
    net_run("nft add chain ip t o '{ type filter hook output priority 0; }'");
    net_run("nft add rule ip t o ip daddr 198.18.0.3 drop");
    for (uint32_t slot = 0; slot < 9; slot++) {
        const char *to[] = {"198.18.0.1", "198.18.0.3", "198.19.0.1"};
        net_probe(record, KP_PROBE_ICMP, to[slot % 3], 0, slot);
    }
    kpd_net_flush(record->net);
    net_run("nft delete table ip t");
    net_for(record, 50);
    assert_int_equal(record->received, 3);
    for (uint32_t slot = 0; slot < 9; slot += 3) {
        check_times(record, slot, slot / 3);
        assert_int_equal(record->slots[slot + 1].errnum, EPERM);
        assert_int_equal(record->slots[slot + 2].errnum, ENETUNREACH);
    }
}

/* More than a batch in one go: flushed by itself, every stamp matched. */
static void test_many(void **state)
{
    struct net_record *record = *state;
    reset(record);
    struct kpd_net_stats before, after;
    kpd_net_stats(record->net, &before);
    for (uint32_t slot = 0; slot < NET_RECORDS; slot++)
        net_probe(record, KP_PROBE_ICMP, "198.18.0.1", 0, slot);
    kpd_net_flush(record->net);
    net_for(record, 50);
    kpd_net_stats(record->net, &after);
    assert_int_equal(record->received, NET_RECORDS);
    assert_int_equal(after.stamps - before.stamps, NET_RECORDS);
    for (uint32_t slot = 0; slot < NET_RECORDS; slot++)
        assert_int_equal(record->slots[slot].sent, 2);
}

/* A queue that holds next to nothing drops behind our back: the send call says
 * ok, but no stamp comes. */
static void test_dropped_in_queue(void **state)
{
    struct net_record *record = *state;
    net_run("ip link add v0 type veth peer name v1 && ip addr add 198.18.4.1/24 dev v0 && "
            "ip link set v0 up && ip link set v1 up && "
            "ip neigh add 198.18.4.2 lladdr 02:00:00:00:00:01 dev v0");
    if (system("tc qdisc add dev v0 root tbf rate 8kbit burst 2k limit 300 2>/dev/null")) {
        print_message("skipped: no tbf here\n");
        net_run("ip link del v0");
        skip();
    }
    reset(record);
    struct kpd_net_stats before, after;
    kpd_net_stats(record->net, &before);
    for (uint32_t slot = 0; slot < 100; slot++)
        net_probe(record, KP_PROBE_ICMP, "198.18.4.2", 0, slot);
    kpd_net_flush(record->net);
    net_for(record, 2500);
    kpd_net_stats(record->net, &after);
    unsigned failed = 0, twice = 0;
    for (uint32_t slot = 0; slot < 100; slot++) {
        const struct net_slot *s = &record->slots[slot];
        assert_int_equal(s->failed + (s->sent == 2), 1);
        assert_true(s->failed == 0 || s->errnum == ENOBUFS);
        failed += s->failed;
        twice += s->sent == 2;
    }
    assert_true(failed > 50);
    assert_true(twice > 0);
    assert_int_equal(after.stamps_missing - before.stamps_missing, failed);
    net_run("ip link del v0");
}

static void test_pinned(void **state)
{
    struct net_record *record = *state;
    reset(record);
    struct kp_via via = {.source = net_addr("198.18.0.2"), .device = "lo"};
    struct kp_via gone = {.device = "nosuch0"};
    struct kp_send send = {
        .slot = 0, .serial = 1, .type = KP_PROBE_ICMP, .dst = net_addr("198.18.0.1")};
    for (send.slot = 0; send.slot < 2; send.slot++, send.serial++) {
        send.via = send.slot == 0 ? &via : &gone;
        struct kp_shot shot = {.dst = send.dst, .size = 56};
        kp_cookie_make(&record->wire, send.type, 0, 0, send.serial, &shot);
        struct kp_wr out = kpd_net_reserve(record->net, &send);
        kp_probe_ops(send.type)->build(&record->wire, &shot, NULL, &out);
        kpd_net_commit(record->net, &send, NULL, KPD_PACKET_MAX - out.left);
    }
    kpd_net_flush(record->net);
    assert_true(net_until(record, one_received));
    const uint8_t *to = record->packets[0].bytes + 16;
    assert_memory_equal(to, via.source.bytes, 4);
    assert_int_equal(record->slots[1].errnum, ENODEV);
}

/* Wrong checksums count as drops on IPv6 raw sockets: nobody may blind us so. */
static void test_false_overflow(void **state)
{
    struct net_record *record = *state;
    reset(record);
    union kpd_sockaddr sa;
    struct kp_addr to = net_addr("2001:2::1");
    socklen_t len = kpd_sockaddr_make(&to, 0, &sa);
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
    uint8_t packet[20] = {0};
    for (int i = 0; i < 100; i++)
        sendto(fd, packet, sizeof packet, 0, &sa.sa, len);
    close(fd);
    net_probe(record, KP_PROBE_TCP_SYN, "2001:2::1", 9, 0);
    kpd_net_flush(record->net);
    assert_true(net_until(record, one_received));
    assert_int_equal(record->overflow, 0);
}

static void test_overflow(void **state)
{
    struct net_record *record = *state;
    reset(record);
    uint8_t packet[1400];
    struct kp_wr out = begin(packet, sizeof packet);
    kp_wr_u32(&out, 0);
    kp_wr_u16(&out, record->wire.icmp_id);
    kp_wr_u16(&out, 1);
    kp_wr_u32(&out, record->wire.word);
    union kpd_sockaddr sa;
    struct kp_addr to = net_addr("198.18.0.1");
    socklen_t len = kpd_sockaddr_make(&to, 0, &sa);
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    for (int i = 0; i < 20000; i++)
        sendto(fd, packet, sizeof packet, 0, &sa.sa, len);
    close(fd);
    net_for(record, 200);
    assert_true(record->received > 100);
    assert_true(record->overflow > 0);
    assert_int_equal(record->overflow + record->received, 20000);
}

static void test_quiet(void **state)
{
    struct net_record *record = *state;
    struct kpd_net_stats before, after;
    kpd_net_stats(record->net, &before);
    net_for(record, 200);
    kpd_net_stats(record->net, &after);
    assert_true(after.wakeups - before.wakeups <= 2);
}

int main(void)
{
    if (!net_sandbox())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_syn),
        cmocka_unit_test(test_foreign_replies),
        cmocka_unit_test(test_foreign_segments),
        cmocka_unit_test(test_foreign_errors),
        cmocka_unit_test(test_unreachable_amid_batch),
        cmocka_unit_test(test_firewall_amid_batch),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_dropped_in_queue),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_false_overflow),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_quiet),
    };
    return cmocka_run_group_tests(tests, net_setup, net_teardown);
}
