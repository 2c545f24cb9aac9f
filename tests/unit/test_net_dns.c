/* DNS probes' sockets: answers, bad datagrams, errors, TCP in pieces, limits. */
#include "net_help.h"

#include "daemon/net/sockaddr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { QUERY = 30 };

static struct server {
    int fd, peer;
    uint16_t port;
    struct kpd_watch *watch, *peer_watch;
    uint8_t query[QUERY + 2];
    union kpd_sockaddr from;
    socklen_t fromlen;
    unsigned queries;
    enum behaviour {
        ANSWER,   /* once */
        NOISE,    /* an empty datagram and junk, then the answer */
        SILENCE,  /* nothing */
        DRIP,     /* TCP: byte by byte */
        HUGE_LEN, /* TCP: announces 60,000 bytes */
        HANG_UP,  /* TCP: closes in the middle */
    } behaviour;
} server;

static void reset(struct net_record *record)
{
    memset(record->slots, 0, sizeof record->slots);
    record->received = 0;
}

static void on_datagram(int fd, unsigned what, void *ctx)
{
    (void)what;
    (void)ctx;
    server.fromlen = sizeof server.from;
    ssize_t n =
        recvfrom(fd, server.query, sizeof server.query, 0, &server.from.sa, &server.fromlen);
    assert_int_equal(n, QUERY);
    server.queries++;
    if (server.behaviour == SILENCE)
        return;
    if (server.behaviour == NOISE) {
        sendto(fd, "", 0, 0, &server.from.sa, server.fromlen);
        sendto(fd, "junk", 4, 0, &server.from.sa, server.fromlen);
    }
    sendto(fd, server.query, QUERY, 0, &server.from.sa, server.fromlen);
}

static void hang_up(void)
{
    kpd_watch_free(server.peer_watch);
    server.peer_watch = NULL;
    if (server.peer > 0)
        close(server.peer);
    server.peer = 0;
}

static void on_stream(int fd, unsigned what, void *ctx)
{
    (void)what;
    (void)ctx;
    ssize_t n = recv(fd, server.query, sizeof server.query, 0);
    if (n <= 0) {
        hang_up();
        return;
    }
    assert_int_equal(n, QUERY + 2);
    assert_int_equal(server.query[1], QUERY);
    server.queries++;
    if (server.behaviour == ANSWER)
        send(fd, server.query, QUERY + 2, MSG_NOSIGNAL);
    if (server.behaviour == HUGE_LEN)
        send(fd, "\xea\x60 and so on", 12, MSG_NOSIGNAL);
    if (server.behaviour == HANG_UP) {
        send(fd, server.query, QUERY, MSG_NOSIGNAL);
        hang_up();
    }
}

static void on_accept(int fd, unsigned what, void *ctx)
{
    (void)what;
    struct net_record *record = ctx;
    server.peer = accept(fd, NULL, NULL);
    assert_true(server.peer > 0);
    server.peer_watch = kpd_watch_new(record->loop, server.peer, KPD_READ, on_stream, NULL);
}

static void serve(struct net_record *record, const char *address, int type, enum behaviour how)
{
    reset(record);
    server = (struct server){.behaviour = how};
    struct kp_addr addr = net_addr(address);
    union kpd_sockaddr sa;
    socklen_t len = kpd_sockaddr_make(&addr, 0, &sa);
    server.fd = socket(sa.sa.sa_family, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, &sa.sa, len), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(server.fd, 4), 0);
    kpd_sockaddr_local(server.fd, &server.port);
    server.watch = kpd_watch_new(record->loop, server.fd, KPD_READ,
                                 type == SOCK_STREAM ? on_accept : on_datagram, record);
}

static void stop(void)
{
    hang_up();
    kpd_watch_free(server.watch);
    close(server.fd);
}

static struct kp_send make_send(const char *to, uint16_t port, bool tcp, uint32_t slot)
{
    return (struct kp_send){.slot = slot,
                            .serial = slot + 1,
                            .type = KP_PROBE_DNS,
                            .dst = net_addr(to),
                            .dport = port,
                            .dns_tcp = tcp};
}

static void ask(struct net_record *record, const struct kp_send *send)
{
    struct kp_wr out = kpd_net_reserve(record->net, send);
    kp_wr_fill(&out, 0x42, QUERY);
    kpd_net_commit(record->net, send, NULL, QUERY);
    kpd_net_flush(record->net);
}

static uint32_t open_sockets(const struct net_record *record)
{
    struct kpd_net_stats stats;
    kpd_net_stats(record->net, &stats);
    return stats.dns_sockets;
}

static void done(struct net_record *record, const struct kp_send *send)
{
    assert_int_equal(open_sockets(record), 1);
    kpd_net_release(record->net, send->slot, send->serial + 1); /* somebody else's */
    assert_int_equal(open_sockets(record), 1);
    kpd_net_release(record->net, send->slot, send->serial);
    assert_int_equal(open_sockets(record), 0);
    net_for(record, 20);
}

static bool one_received(const struct net_record *record)
{
    return record->received > 0;
}

static bool three_received(const struct net_record *record)
{
    return record->received >= 3;
}

static bool one_error(const struct net_record *record)
{
    return record->slots[0].errors > 0;
}

static void check_packet(const struct net_record *record, unsigned i, const struct kp_send *to)
{
    const struct kp_rx *rx = &record->packets[i].rx;
    assert_int_equal(rx->type, KP_PROBE_DNS);
    assert_int_equal(rx->len, QUERY);
    assert_int_equal(rx->bytes[0], 0x42);
    assert_int_equal(rx->bytes[QUERY - 1], 0x42);
    assert_true(kp_addr_equal(&rx->src, &to->dst));
    assert_int_equal(rx->rport, to->dport);
    assert_int_equal(rx->lport, record->slots[to->slot].sport);
    assert_int_equal(rx->ttl, to->dns_tcp ? 0 : 64); /* TCP does not tell */
    int64_t rtt = rx->at.ns - record->slots[to->slot].last.ns;
    assert_true(rtt > 0);
    assert_true(rtt < (server.behaviour == DRIP ? 1000 : 50) * KP_NS_PER_MS);
}

static void check_udp(struct net_record *record, const char *to)
{
    serve(record, to, SOCK_DGRAM, ANSWER);
    struct kp_send send = make_send(to, server.port, false, 0);
    ask(record, &send);
    assert_int_equal(record->slots[0].sent, 2); /* the stamp is there at once */
    assert_true(net_until(record, one_received));
    check_packet(record, 0, &send);
    done(record, &send);
    stop();
}

static void test_udp(void **state)
{
    check_udp(*state, "198.18.0.1");
    check_udp(*state, "2001:2::1");
}

static void test_noise(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_DGRAM, NOISE);
    struct kp_send send = make_send("198.18.0.1", server.port, false, 0);
    ask(record, &send);
    assert_true(net_until(record, three_received));
    assert_int_equal(record->packets[0].rx.len, 0);
    assert_int_equal(record->packets[1].rx.len, 4);
    check_packet(record, 2, &send);
    done(record, &send);
    stop();
}

/* Only the server asked is heard: the kernel sees to it. */
static void test_stranger(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_DGRAM, SILENCE);
    struct kp_send send = make_send("198.18.0.1", server.port, false, 0);
    ask(record, &send);
    net_for(record, 20);
    assert_int_equal(server.queries, 1);
    int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sendto(stranger, "forged", 6, 0, &server.from.sa, server.fromlen);
    close(stranger);
    net_for(record, 20);
    assert_int_equal(record->received, 0);
    done(record, &send);
    stop();
}

static void check_port_unreachable(struct net_record *record, const char *to)
{
    reset(record);
    struct kp_send send = make_send(to, 9, false, 0);
    ask(record, &send);
    assert_true(net_until(record, one_error));
    const struct net_slot *slot = &record->slots[0];
    assert_int_equal(slot->cause, KP_CAUSE_PORT);
    assert_true(kp_addr_equal(&slot->sender, &send.dst));
    assert_false(slot->refused);
    net_for(record, 50);
    assert_int_equal(slot->errors, 1);
    assert_int_equal(slot->failed, 0);
    done(record, &send);
}

static void test_port_unreachable(void **state)
{
    check_port_unreachable(*state, "198.18.0.1");
    check_port_unreachable(*state, "2001:2::1");
}

/* What anybody might send who guesses the port: the id is wrong, missing, or right. */
static void send_error(const struct kp_send *to, uint16_t sport, const char *id, size_t len)
{
    uint8_t packet[8 + 20 + 8 + 2] = {3, 3};
    uint8_t *ip = packet + 8;
    memcpy(ip, (uint8_t[]){0x45, 0, 0, 28 + QUERY, 0, 0, 0, 0, 64, IPPROTO_UDP}, 10);
    memcpy(ip + 12, to->dst.bytes, 4);
    memcpy(ip + 16, to->dst.bytes, 4);
    for (int i = 0; i < 2; i++) {
        ip[21 - i] = (uint8_t)(sport >> 8 * i);
        ip[23 - i] = (uint8_t)(to->dport >> 8 * i);
    }
    ip[25] = 8 + QUERY;
    memcpy(ip + 28, id, len);
    size_t size = 8 + 20 + 8 + len;
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i += 2)
        sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
    sum = ~((sum & 0xffff) + (sum >> 16));
    packet[2] = (uint8_t)(sum >> 8);
    packet[3] = (uint8_t)sum;
    union kpd_sockaddr sa;
    socklen_t salen = kpd_sockaddr_make(&to->dst, 0, &sa);
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    assert_int_equal(sendto(fd, packet, size, 0, &sa.sa, salen), size);
    close(fd);
}

static void test_forged_error(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_DGRAM, SILENCE);
    struct kp_send send = make_send("198.18.0.1", server.port, false, 0);
    const struct net_slot *slot = &record->slots[0];
    ask(record, &send);
    send_error(&send, slot->sport, "BC", 2);
    send_error(&send, slot->sport, "", 0);
    net_for(record, 20);
    assert_int_equal(slot->errors, 0);
    send_error(&send, slot->sport, "BB", 2);
    assert_true(net_until(record, one_error));
    assert_int_equal(slot->cause, KP_CAUSE_PORT);
    assert_int_equal(slot->failed, 0);
    done(record, &send);
    stop();
}

static void test_no_route(void **state)
{
    struct net_record *record = *state;
    for (int tcp = 0; tcp < 2; tcp++) {
        reset(record);
        struct kp_send send = make_send("198.19.0.1", 53, tcp, 0);
        ask(record, &send);
        assert_int_equal(record->slots[0].errnum, ENETUNREACH);
        assert_int_equal(open_sockets(record), 0);
    }
}

static void check_tcp(struct net_record *record, const char *to)
{
    serve(record, to, SOCK_STREAM, ANSWER);
    struct kp_send send = make_send(to, server.port, true, 0);
    ask(record, &send);
    assert_int_equal(record->slots[0].sent, 1);
    assert_true(net_until(record, one_received));
    check_packet(record, 0, &send);
    done(record, &send);
    stop();
}

static void test_tcp(void **state)
{
    check_tcp(*state, "198.18.0.1");
    check_tcp(*state, "2001:2::1");
}

static void test_tcp_drip(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_STREAM, DRIP);
    struct kp_send send = make_send("198.18.0.1", server.port, true, 0);
    ask(record, &send);
    net_for(record, 20);
    assert_int_equal(server.queries, 1);
    for (size_t i = 0; i < QUERY + 2; i++) {
        assert_int_equal(record->received, 0);
        assert_int_equal(write(server.peer, server.query + i, 1), 1);
        net_for(record, 2);
    }
    assert_true(net_until(record, one_received));
    check_packet(record, 0, &send);
    done(record, &send);
    stop();
}

/* A length beyond ours is left to the time-out, without spinning. */
static void test_tcp_huge(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_STREAM, HUGE_LEN);
    struct kp_send send = make_send("198.18.0.1", server.port, true, 0);
    ask(record, &send);
    net_for(record, 50);
    assert_int_equal(server.queries, 1);
    struct kpd_net_stats before, after;
    kpd_net_stats(record->net, &before);
    net_for(record, 50);
    kpd_net_stats(record->net, &after);
    assert_int_equal(after.wakeups, before.wakeups);
    assert_int_equal(record->received, 0);
    assert_int_equal(record->slots[0].errors, 0);
    done(record, &send);
    stop();
}

static void test_tcp_broken(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_STREAM, HANG_UP);
    struct kp_send send = make_send("198.18.0.1", server.port, true, 0);
    ask(record, &send);
    assert_true(net_until(record, one_error));
    assert_true(record->slots[0].refused);
    done(record, &send);
    stop();
    reset(record);
    ask(record, &send); /* now nobody listens there */
    assert_true(net_until(record, one_error));
    assert_true(record->slots[0].refused);
    assert_int_equal(record->slots[0].sent, 1);
    assert_int_equal(record->slots[0].failed, 0);
    net_for(record, 20);
    assert_int_equal(record->slots[0].errors, 1);
    done(record, &send);
}

static void test_tcp_unreachable(void **state)
{
    struct net_record *record = *state;
    if (system("nft add table ip t 2>/dev/null") != 0) {
        print_message("skipped: no nft here\n");
        skip();
    }
    net_run("nft add chain ip t i '{ type filter hook input priority 0; }'");
    net_run("nft add rule ip t i tcp dport 54 reject with icmp type host-unreachable");
    reset(record);
    struct kp_send send = make_send("198.18.0.1", 54, true, 0);
    ask(record, &send);
    assert_true(net_until(record, one_error));
    assert_false(record->slots[0].refused);
    assert_int_equal(record->slots[0].cause, KP_CAUSE_HOST);
    net_run("nft delete table ip t");
    done(record, &send);
}

static void test_pinned(void **state)
{
    struct net_record *record = *state;
    struct kp_via via = {.source = net_addr("198.18.0.2"), .device = "lo"};
    struct kp_via gone = {.device = "nosuch0"};
    serve(record, "198.18.0.1", SOCK_DGRAM, ANSWER);
    struct kp_send send = make_send("198.18.0.1", server.port, false, 0);
    send.via = &via;
    ask(record, &send);
    assert_true(net_until(record, one_received));
    struct kp_addr from = kpd_sockaddr_read(&server.from.sa, NULL);
    assert_true(kp_addr_equal(&from, &via.source));
    done(record, &send);
    send.via = &gone;
    ask(record, &send);
    assert_int_equal(record->slots[0].errnum, ENODEV);
    stop();
}

/* Many at once, in slots the table does not have yet; a slot taken anew closes
 * the socket it had. */
static void test_many(void **state)
{
    struct net_record *record = *state;
    serve(record, "198.18.0.1", SOCK_DGRAM, SILENCE);
    struct kp_send send = make_send("198.18.0.1", server.port, false, 0);
    for (uint32_t slot = 0; slot < 100; slot++) {
        send.slot = 900 - slot;
        send.serial = send.slot + 1;
        ask(record, &send);
        ask(record, &send);
    }
    assert_int_equal(open_sockets(record), 100);
    net_for(record, 50);
    assert_int_equal(server.queries, 200);
    for (uint32_t slot = 0; slot < 100; slot++)
        kpd_net_release(record->net, 900 - slot, 901 - slot);
    assert_int_equal(open_sockets(record), 0);
    stop();
}

/* Run last, in a network opened under a low limit. */
static void test_descriptors(void **state)
{
    (void)state;
    struct rlimit limit, low;
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 128;
    setrlimit(RLIMIT_NOFILE, &low);
    void *mine = NULL;
    net_setup(&mine);
    struct net_record *record = mine;
    for (uint32_t slot = 0; slot < 100; slot++) {
        struct kp_send send = make_send("198.18.0.1", 53, slot % 2, slot);
        ask(record, &send);
    }
    uint32_t open = open_sockets(record);
    assert_true(open > 10 && open < 64);
    assert_int_equal(record->slots[99].errnum, EMFILE);
    int free_fd = dup(0);
    assert_true(free_fd >= 0);
    close(free_fd);
    net_teardown(&mine);
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    if (!net_sandbox())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),          cmocka_unit_test(test_noise),
        cmocka_unit_test(test_stranger),     cmocka_unit_test(test_port_unreachable),
        cmocka_unit_test(test_no_route),     cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_drip),     cmocka_unit_test(test_tcp_huge),
        cmocka_unit_test(test_tcp_broken),   cmocka_unit_test(test_tcp_unreachable),
        cmocka_unit_test(test_pinned),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_forged_error), cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests(tests, net_setup, net_teardown);
}
