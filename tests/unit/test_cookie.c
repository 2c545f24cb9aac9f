#include "lib/wire/cookie.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { BITMAP = 65536 };

static struct kp_wire wire_of(uint8_t seed)
{
    return (struct kp_wire){
        .key = {{seed, 1, 2, 3}}, .icmp_id = 0x1234, .port_min = 61000, .port_max = 61999};
}

static struct kp_shot shot_of(const struct kp_wire *wire, enum kp_probe_type type,
                              uint32_t item, uint32_t flow, uint32_t serial)
{
    struct kp_shot shot = {.dst = {KP_IPV4, {198, 18, 0, 7}}, .dport = 80, .sport = 4321};
    kp_cookie_make(wire, type, item, flow, serial, &shot);
    return shot;
}

static void tcp_port_is_the_flow_and_sequence_the_probe(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(1);
    struct kp_shot a = shot_of(&wire, KP_PROBE_TCP_SYN, 5, 0, 100);
    struct kp_shot b = shot_of(&wire, KP_PROBE_TCP_SYN, 5, 0, 101);
    struct kp_shot again = shot_of(&wire, KP_PROBE_TCP_SYN, 5, 0, 100);
    assert_int_equal(a.sport, b.sport);
    assert_int_not_equal(a.seq, b.seq);
    assert_int_equal(a.seq, again.seq);
    assert_int_equal(a.serial, 100);
    unsigned moved = 0;
    for (uint32_t flow = 1; flow <= 32; flow++)
        moved += shot_of(&wire, KP_PROBE_TCP_SYN, 5, flow, 100).sport != a.sport;
    assert_true(moved >= 30);
}

static void tcp_ports_fill_their_range_and_no_more(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(2);
    static uint8_t seen[BITMAP];
    memset(seen, 0, sizeof seen);
    unsigned distinct = 0;
    for (uint32_t item = 0; item < 20000; item++) {
        uint16_t port = shot_of(&wire, KP_PROBE_TCP_SYN, item, 0, 0).sport;
        assert_in_range(port, wire.port_min, wire.port_max);
        distinct += !seen[port];
        seen[port] = 1;
    }
    assert_int_equal(distinct, 1000);
    wire.port_max = wire.port_min;
    assert_int_equal(shot_of(&wire, KP_PROBE_TCP_SYN, 1, 0, 0).sport, wire.port_min);
    wire.port_min = 0;
    wire.port_max = 65535;
    (void)shot_of(&wire, KP_PROBE_TCP_SYN, 1, 0, 0);
}

static void tcp_sequence_depends_on_key_address_and_port(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(3);
    struct kp_wire other = wire_of(4);
    struct kp_shot a = shot_of(&wire, KP_PROBE_TCP_SYN, 5, 0, 100);
    assert_int_not_equal(shot_of(&other, KP_PROBE_TCP_SYN, 5, 0, 100).seq, a.seq);
    struct kp_shot b = {.dst = {KP_IPV4, {198, 18, 0, 8}}, .dport = 80};
    kp_cookie_make(&wire, KP_PROBE_TCP_SYN, 5, 0, 100, &b);
    assert_int_not_equal(b.seq, a.seq);
    struct kp_shot c = {.dst = a.dst, .dport = 443};
    kp_cookie_make(&wire, KP_PROBE_TCP_SYN, 5, 0, 100, &c);
    assert_int_not_equal(c.seq, a.seq);
}

static void icmp_checksum_is_the_flow_and_never_zero(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(5);
    struct kp_shot a = shot_of(&wire, KP_PROBE_ICMP, 5, 0, 100);
    assert_int_equal(a.sport, wire.icmp_id);
    assert_int_equal(a.checksum, shot_of(&wire, KP_PROBE_ICMP, 5, 0, 9999).checksum);
    unsigned same = 0;
    for (uint32_t item = 0; item < 300000; item++) {
        uint16_t checksum = shot_of(&wire, KP_PROBE_ICMP, item, 1, 0).checksum;
        assert_in_range(checksum, 1, 0xfffe);
        same += checksum == a.checksum;
    }
    assert_in_range(same, 0, 25); /* expected 4.6 */
}

static void icmp_sequences_do_not_repeat_for_65536_probes(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(6);
    static uint8_t seen[BITMAP];
    memset(seen, 0, sizeof seen);
    unsigned in_order = 0;
    uint32_t before = 0;
    for (uint32_t serial = 0x50000; serial < 0x60000; serial++) {
        uint32_t seq = shot_of(&wire, KP_PROBE_ICMP, 1, 0, serial).seq;
        assert_true(seq < BITMAP);
        assert_int_equal(seen[seq], 0);
        seen[seq] = 1;
        in_order += seq == before + 1;
        before = seq;
    }
    assert_in_range(in_order, 0, 10); /* not a counter */
}

static void icmp_tag_is_recomputable_and_bound(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(7);
    struct kp_wire other = wire_of(8);
    struct kp_shot a = shot_of(&wire, KP_PROBE_ICMP, 5, 0, 100);
    assert_int_equal(kp_cookie_icmp_tag(&wire, &a.dst, 100), a.tag);
    assert_int_not_equal(kp_cookie_icmp_tag(&wire, &a.dst, 101), a.tag);
    assert_int_not_equal(kp_cookie_icmp_tag(&other, &a.dst, 100), a.tag);
    for (unsigned i = 0; i < 4; i++) {
        struct kp_addr b = a.dst;
        b.bytes[i] ^= 1;
        assert_int_not_equal(kp_cookie_icmp_tag(&wire, &b, 100), a.tag);
    }
    struct kp_addr six = {KP_IPV6, {198, 18, 0, 7}};
    assert_int_not_equal(kp_cookie_icmp_tag(&wire, &six, 100), a.tag);
}

static void dns_id_and_case_are_fresh_and_the_port_stays(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(9);
    unsigned repeats = 0;
    uint32_t before = BITMAP;
    uint64_t ones = 0;
    uint64_t zeros = 0;
    for (uint32_t serial = 0; serial < 10000; serial++) {
        struct kp_shot shot = shot_of(&wire, KP_PROBE_DNS, 1, 0, serial);
        assert_int_equal(shot.sport, 4321);
        assert_true(shot.seq < BITMAP);
        repeats += shot.seq == before;
        before = shot.seq;
        ones |= shot.tag;
        zeros |= ~shot.tag;
    }
    assert_in_range(repeats, 0, 5);
    assert_int_equal(ones & zeros, UINT64_MAX);
}

static void nothing_stale_is_left_in_the_shot(void **state)
{
    (void)state;
    struct kp_wire wire = wire_of(10);
    struct kp_shot shot = {.dst = {KP_IPV4, {198, 18, 0, 7}}, .tag = 77, .checksum = 77};
    kp_cookie_make(&wire, KP_PROBE_TCP_SYN, 1, 0, 1, &shot);
    assert_int_equal(shot.tag, 0);
    assert_int_equal(shot.checksum, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_port_is_the_flow_and_sequence_the_probe),
        cmocka_unit_test(tcp_ports_fill_their_range_and_no_more),
        cmocka_unit_test(tcp_sequence_depends_on_key_address_and_port),
        cmocka_unit_test(icmp_checksum_is_the_flow_and_never_zero),
        cmocka_unit_test(icmp_sequences_do_not_repeat_for_65536_probes),
        cmocka_unit_test(icmp_tag_is_recomputable_and_bound),
        cmocka_unit_test(dns_id_and_case_are_fresh_and_the_port_stays),
        cmocka_unit_test(nothing_stale_is_left_in_the_shot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
