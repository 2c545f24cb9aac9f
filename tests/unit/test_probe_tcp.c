#include "tests/unit/unit.h"
#include "tests/unit/wire_help.h"

#include "lib/base/prng.h"

#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };

static const char *const hosts[] = {"198.18.176.71", "2001:2:0:176::71"};

static struct kp_shot shot_to(const char *host)
{
    struct kp_wire wire = help_wire();
    return help_shot(&wire, KP_PROBE_TCP_SYN, host, 4711, NULL);
}

static enum kp_discard judge(const struct packet *p, const struct kp_shot *shot,
                             const struct kp_addr *from)
{
    struct kp_wire wire = help_wire();
    struct kp_reply reply;
    return help_judge(&wire, KP_PROBE_TCP_SYN, from, p, shot, &reply);
}

static size_t tcp_at(size_t family)
{
    return family == 0 ? 20 : 0;
}

static void the_syn_looks_ordinary(void **state)
{
    (void)state;
    for (size_t family = 0; family < 2; family++) {
        struct kp_wire wire = help_wire();
        struct kp_shot shot = shot_to(hosts[family]);
        struct kp_addr us = help_us(&shot.dst);
        uint8_t bytes[24];
        struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
        assert_int_equal(kp_probe_tcp.build(&wire, &shot, &us, &w), KP_OK);
        assert_int_equal(w.left, 0);
        struct kp_rd r = kp_rd_init(bytes, sizeof bytes);
        assert_int_equal(kp_rd_u16(&r), shot.sport);
        assert_int_equal(kp_rd_u16(&r), 443);
        assert_int_equal(kp_rd_u32(&r), shot.seq);
        assert_int_equal(kp_rd_u32(&r), 0);
        assert_int_equal(kp_rd_u16(&r), 0x6002);
        assert_int_equal(kp_rd_u16(&r), 64240);
        uint16_t checksum = kp_rd_u16(&r);
        assert_int_equal(kp_rd_u16(&r), 0);
        assert_int_equal(kp_rd_u32(&r), 0x02040000 + (family == 0 ? 1460 : 1440));
        uint32_t sum = kp_ip_pseudo_sum(&us, &shot.dst, KP_IP_TCP, sizeof bytes);
        if (family == 0)
            assert_int_equal(kp_csum_finish(kp_csum_add(sum, bytes, sizeof bytes)), 0);
        else
            assert_int_equal(checksum, 0);
    }
}

static void building_needs_room_and_a_source(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    struct kp_addr us = help_us(&shot.dst);
    struct kp_addr six = help_addr(hosts[1]);
    for (size_t room = 0; room < 24; room++) {
        uint8_t *exact = malloc(room > 0 ? room : 1);
        assert_non_null(exact);
        struct kp_wr w = kp_wr_init(exact, room);
        assert_int_equal(kp_probe_tcp.build(&wire, &shot, &us, &w), KP_ERR_SHORT);
        free(exact);
    }
    uint8_t bytes[24];
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_tcp.build(&wire, &shot, NULL, &w), KP_ERR_RANGE);
    assert_int_equal(kp_probe_tcp.build(&wire, &shot, &six, &w), KP_ERR_RANGE);
    shot = shot_to(hosts[1]);
    assert_int_equal(kp_probe_tcp.build(&wire, &shot, NULL, &w), KP_OK);
}

static void flags_decide_what_it_means(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++)
        for (unsigned flags = 0; flags < 256; flags++) {
            struct kp_shot shot = shot_to(hosts[family]);
            struct packet p = help_tcp_reply(&shot, (uint8_t)flags);
            struct kp_reply reply;
            enum kp_discard why =
                help_judge(&wire, KP_PROBE_TCP_SYN, &shot.dst, &p, &shot, &reply);
            unsigned control = flags & (FIN | SYN | RST | ACK);
            bool alive = control == (SYN | ACK) || control == (RST | ACK);
            assert_int_equal(why, alive ? KP_DISCARD_NONE : KP_DISCARD_COOKIE);
            if (alive) {
                assert_int_equal(reply.result, control & RST ? KP_REFUSED : KP_ANSWERED);
                assert_int_equal(reply.ttl, 44);
            }
        }
}

static void every_flipped_bit_of_ports_and_ack_is_refused(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {SYN | ACK, RST | ACK};
    for (size_t i = 0; i < 4; i++)
        for (size_t bit = 0; bit < (size_t)12 * 8; bit++) {
            if (bit / 8 >= 4 && bit / 8 < 8)
                continue; /* their sequence number */
            struct kp_shot shot = shot_to(hosts[i % 2]);
            struct packet p = help_tcp_reply(&shot, kinds[i / 2]);
            p.bytes[tcp_at(i % 2) + bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (i % 2 == 0)
                assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_CHECKSUM);
            help_fix_checksum(&p);
            assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_COOKIE);
        }
}

static void acknowledging_anything_else_is_refused(void **state)
{
    (void)state;
    static const int offsets[] = {-2, -1, 1, 2, 1000, INT32_MAX};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct kp_shot shot = shot_to(hosts[0]);
        struct kp_shot wrong = shot;
        wrong.seq += (uint32_t)offsets[i];
        struct packet p = help_tcp_reply(&wrong, RST | ACK);
        assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_COOKIE);
    }
    struct kp_shot shot = shot_to(hosts[0]);
    shot.seq = UINT32_MAX; /* acknowledged by 0 */
    struct packet p = help_tcp_reply(&shot, SYN | ACK);
    assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_NONE);
}

static void another_source_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"198.18.176.72", "2001:2:0:176::72"};
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct kp_shot wrong = shot;
        wrong.dst = help_addr(others[family]);
        struct packet p = help_tcp_reply(&wrong, SYN | ACK);
        assert_int_equal(judge(&p, &shot, &wrong.dst), KP_DISCARD_SOURCE);
        if (family == 0) /* the socket address and the header disagree */
            assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_SOURCE);
    }
}

static void ports_outside_our_range_are_not_ours(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    static const uint16_t ports[] = {0, 22, 32768, 60999, 65000, 65535};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        struct kp_shot shot = shot_to(hosts[1]);
        shot.sport = ports[i];
        struct packet p = help_tcp_reply(&shot, SYN | ACK);
        struct kp_rx rx = {.src = shot.dst, .bytes = p.bytes, .len = p.len};
        struct kp_claim claim;
        assert_int_equal(kp_probe_tcp.match(&wire, &rx, &claim), KP_DISCARD_COOKIE);
    }
}

static void truncations_are_refused(void **state)
{
    (void)state;
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct packet p = help_tcp_reply(&shot, SYN | ACK);
        for (size_t len = p.len; len-- > 0;) {
            p.len = len;
            assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_MALFORMED);
        }
    }
}

static void data_offsets_beyond_the_segment_are_malformed(void **state)
{
    (void)state;
    for (unsigned words = 0; words < 16; words++) {
        struct kp_shot shot = shot_to(hosts[0]);
        struct packet p = help_tcp_reply(&shot, SYN | ACK);
        p.bytes[20 + 12] = (uint8_t)(words << 4);
        help_fix_checksum(&p);
        enum kp_discard want =
            words == 5 || words == 6 ? KP_DISCARD_NONE : KP_DISCARD_MALFORMED;
        assert_int_equal(judge(&p, &shot, &shot.dst), want);
    }
}

/* All IHL x total length x protocol, in an exactly sized buffer. */
static void no_combination_of_lengths_slips_through(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    struct packet p = help_tcp_reply(&shot, SYN | ACK);
    unsigned accepted = 0;
    uint8_t *exact = malloc(p.len);
    assert_non_null(exact);
    for (unsigned ihl = 0; ihl < 16; ihl++)
        for (unsigned total = 0; total < p.len + 8; total++)
            for (unsigned protocol = 0; protocol < 256; protocol++) {
                memcpy(exact, p.bytes, p.len);
                exact[0] = (uint8_t)(0x40 | ihl);
                exact[3] = (uint8_t)total;
                exact[9] = (uint8_t)protocol;
                struct kp_rx rx = {.src = shot.dst, .bytes = exact, .len = p.len};
                struct kp_claim claim;
                struct kp_reply reply;
                if (kp_probe_tcp.match(&wire, &rx, &claim) == KP_DISCARD_NONE)
                    accepted +=
                        kp_probe_tcp.classify(&wire, &shot, &claim, &reply) == KP_DISCARD_NONE;
            }
    free(exact);
    assert_int_equal(accepted, 1);
}

/* A blind forger knows addresses, service port and our port range, not the key. */
static void a_million_blind_guesses_are_refused(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    struct kp_prng r = {.key = {{42}}};
    unsigned accepted = 0;
    struct kp_shot guess = shot;
    struct packet p = help_tcp_reply(&shot, SYN | ACK);
    for (int i = 0; i < 1000000; i++) {
        guess.sport = (uint16_t)(wire.port_min + kp_prng_below(&r, 4000));
        uint32_t ack = (uint32_t)kp_prng_u64(&r);
        struct kp_wr w = kp_wr_init(p.bytes + 22, 10);
        kp_wr_u16(&w, guess.sport);
        kp_wr_u32(&w, 0);
        kp_wr_u32(&w, ack);
        p.bytes[33] = i % 2 != 0 ? RST | ACK : SYN | ACK;
        help_fix_checksum(&p);
        struct kp_rx rx = {.src = shot.dst, .bytes = p.bytes, .len = p.len};
        struct kp_claim claim;
        struct kp_reply reply;
        if (kp_probe_tcp.match(&wire, &rx, &claim) == KP_DISCARD_NONE)
            accepted += kp_probe_tcp.classify(&wire, &shot, &claim, &reply) == KP_DISCARD_NONE;
    }
    assert_int_equal(accepted, 0);
}

/* As the kernel delivers a SYN/ACK that never crossed a network card. */
static void a_checksum_left_to_the_card_is_accepted(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    struct packet p = help_tcp_reply(&shot, SYN | ACK);
    struct kp_ip ip;
    assert_int_equal(kp_ip4_parse(p.bytes, p.len, &ip), KP_OK);
    uint32_t sum = kp_ip_pseudo_sum(&ip.src, &ip.dst, KP_IP_TCP, ip.len);
    struct kp_wr w = kp_wr_init(p.bytes + tcp_at(0) + 16, 2);
    kp_wr_u16(&w, (uint16_t)~kp_csum_finish(sum));
    struct kp_rx rx = {.src = shot.dst, .bytes = p.bytes, .len = p.len};
    struct kp_claim claim;
    assert_int_equal(kp_probe_tcp.match(&wire, &rx, &claim), KP_DISCARD_NONE);
    p.bytes[tcp_at(0) + 17] ^= 1;
    assert_int_equal(kp_probe_tcp.match(&wire, &rx, &claim), KP_DISCARD_CHECKSUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_syn_looks_ordinary),
        cmocka_unit_test(building_needs_room_and_a_source),
        cmocka_unit_test(flags_decide_what_it_means),
        cmocka_unit_test(every_flipped_bit_of_ports_and_ack_is_refused),
        cmocka_unit_test(acknowledging_anything_else_is_refused),
        cmocka_unit_test(another_source_is_refused),
        cmocka_unit_test(ports_outside_our_range_are_not_ours),
        cmocka_unit_test(a_checksum_left_to_the_card_is_accepted),
        cmocka_unit_test(truncations_are_refused),
        cmocka_unit_test(data_offsets_beyond_the_segment_are_malformed),
        cmocka_unit_test(no_combination_of_lengths_slips_through),
        cmocka_unit_test(a_million_blind_guesses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
