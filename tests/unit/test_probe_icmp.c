#include "tests/unit/unit.h"
#include "tests/unit/wire_help.h"

#include "lib/wire/icmp_error.h"

#include <stdlib.h>
#include <string.h>

static const char *const hosts[] = {"198.18.176.71", "2001:2:0:176::71"};
static const char *const routers[] = {"198.18.1.9", "2001:2:0:1::9"};

static enum kp_discard judge(const struct packet *p, const struct kp_shot *shot,
                             const struct kp_addr *from)
{
    struct kp_wire wire = help_wire();
    struct kp_reply reply;
    return help_judge(&wire, KP_PROBE_ICMP, from, p, shot, &reply);
}

static struct kp_shot shot_to(const char *host)
{
    struct kp_wire wire = help_wire();
    return help_shot(&wire, KP_PROBE_ICMP, host, 4711, NULL);
}

/* Where the ICMP header starts in what a raw socket delivers. */
static size_t icmp_at(const char *host)
{
    return strchr(host, ':') != NULL ? 0 : 20;
}

static void checksum_is_the_flow_whatever_the_size(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++)
        for (uint16_t size = 18; size <= 1400; size++) {
            struct kp_shot shot = shot_to(hosts[family]);
            shot.size = size;
            shot.serial = size;
            uint8_t bytes[1408];
            struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
            assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_OK);
            size_t len = sizeof bytes - w.left;
            assert_int_equal(len, 8U + size);
            uint16_t on_wire = (uint16_t)(bytes[2] << 8 | bytes[3]);
            assert_int_equal(on_wire, family == 0 ? shot.checksum : 0);
            uint16_t sum = kp_csum_finish(kp_csum_add(0, bytes, len));
            assert_int_equal(sum, family == 0 ? 0 : shot.checksum);
        }
}

static void extreme_checksums_can_be_reached(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    for (uint32_t checksum = 1; checksum < 0xffff; checksum++) {
        shot.checksum = (uint16_t)checksum;
        uint8_t bytes[64];
        struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
        assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_OK);
        assert_int_equal(kp_csum_finish(kp_csum_add(0, bytes, 64)), 0);
    }
}

static void layout_is_as_documented(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    uint8_t bytes[64];
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_OK);
    struct kp_rd r = kp_rd_init(bytes, sizeof bytes);
    assert_int_equal(kp_rd_u16(&r), 0x0800);
    (void)kp_rd_u16(&r);
    assert_int_equal(kp_rd_u16(&r), wire.icmp_id);
    assert_int_equal(kp_rd_u16(&r), shot.seq);
    assert_int_equal(kp_rd_u32(&r), wire.word);
    assert_int_equal(kp_rd_u32(&r), shot.serial);
    assert_int_equal(kp_rd_u64(&r), shot.tag);
    (void)kp_rd_u16(&r);
    assert_memory_equal(r.p, wire.contact,
                        r.left < strlen(wire.contact) ? r.left : strlen(wire.contact));
}

static void contact_fills_the_payload(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    shot.size = 18 + 11;
    memcpy(wire.contact, "me@x", 5);
    uint8_t bytes[64];
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_OK);
    assert_memory_equal(bytes + 26, "me@x\0me@x\0m", 11);
    wire.contact[0] = '\0';
    w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_OK);
    assert_memory_equal(bytes + 26, "\0\0\0\0\0\0\0\0\0\0\0", 11);
    memset(wire.contact, 'z', sizeof wire.contact); /* without its end */
    shot.size = 200;
    uint8_t big[208];
    w = kp_wr_init(big, sizeof big);
    assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_OK);
    assert_int_equal(big[26 + 63], 'z');
    assert_int_equal(big[26 + 64], 0);
}

static void building_needs_room_and_a_payload(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    struct kp_shot shot = shot_to(hosts[0]);
    for (size_t room = 0; room < 64; room++) {
        uint8_t *exact = malloc(room > 0 ? room : 1);
        assert_non_null(exact);
        struct kp_wr w = kp_wr_init(exact, room);
        assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_ERR_SHORT);
        free(exact);
    }
    uint8_t bytes[64];
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    shot.size = 17;
    assert_int_equal(kp_probe_icmp.build(&wire, &shot, NULL, &w), KP_ERR_RANGE);
}

static void the_reply_is_accepted(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct packet p = help_icmp_reply(&wire, &shot);
        struct kp_reply reply;
        assert_int_equal(help_judge(&wire, KP_PROBE_ICMP, &shot.dst, &p, &shot, &reply),
                         KP_DISCARD_NONE);
        assert_int_equal(reply.result, KP_ANSWERED);
        assert_int_equal(reply.cause, KP_CAUSE_NONE);
        assert_int_equal(reply.ttl, 44);
    }
}

static void every_flipped_bit_of_the_header_and_proof_is_refused(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct packet good = help_icmp_reply(&wire, &shot);
        size_t at = icmp_at(hosts[family]);
        for (size_t bit = 0; bit < (size_t)24 * 8; bit++) {
            struct packet p = good;
            if (family == 1 && (bit / 8 == 2 || bit / 8 == 3))
                continue; /* the kernel's checksum */
            p.bytes[at + bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (family == 0)
                assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_CHECKSUM);
            if (family == 0 && (bit / 8 == 2 || bit / 8 == 3))
                continue;
            help_fix_checksum(&p);
            enum kp_discard why = judge(&p, &shot, &shot.dst);
            /* A flip can turn the type into an error's, whose quote is nonsense. */
            if (bit / 8 != 0 || why != KP_DISCARD_MALFORMED)
                assert_int_equal(why, KP_DISCARD_COOKIE);
        }
    }
}

static void another_source_is_refused(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct packet p = help_icmp_reply(&wire, &shot);
        struct kp_addr other = help_addr(routers[family]);
        if (family == 0)
            memcpy(p.bytes + 12, other.bytes, 4);
        assert_int_equal(judge(&p, &shot, &other),
                         KP_DISCARD_COOKIE); /* tag holds the address */
        /* And the address is compared even where the tag would fit. */
        struct kp_shot theirs = help_shot(&wire, KP_PROBE_ICMP, routers[family], 4711, NULL);
        p = help_icmp_reply(&wire, &theirs);
        assert_int_equal(judge(&p, &shot, &other), KP_DISCARD_SOURCE);
    }
}

static void another_probe_of_ours_is_refused(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct kp_shot other = help_shot(&wire, KP_PROBE_ICMP, hosts[family], 4712, NULL);
        struct packet p = help_icmp_reply(&wire, &other);
        assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_COOKIE);
        struct kp_shot wraps = shot; /* 2^16 probes later: the same sequence number */
        wraps.serial += 0x10000;
        wraps.tag = kp_cookie_icmp_tag(&wire, &wraps.dst, wraps.serial);
        p = help_icmp_reply(&wire, &wraps);
        assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_COOKIE);
        struct kp_wire restarted = wire; /* another start's key */
        restarted.key.bytes[0] ^= 1;
        other = help_shot(&restarted, KP_PROBE_ICMP, hosts[family], 4711, NULL);
        p = help_icmp_reply(&wire, &other);
        assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_COOKIE);
    }
}

static void truncations_are_refused_unless_the_proof_is_whole(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct packet p = help_icmp_reply(&wire, &shot);
        for (size_t len = p.len; len-- > 0;) {
            p.len = len;
            enum kp_discard want = KP_DISCARD_MALFORMED;
            if (family == 1 && len >= 8)
                want = len >= 24 ? KP_DISCARD_NONE : KP_DISCARD_COOKIE;
            assert_int_equal(judge(&p, &shot, &shot.dst), want);
        }
    }
}

static void own_requests_and_other_messages_are_not_replies(void **state)
{
    (void)state;
    struct kp_wire wire = help_wire();
    for (size_t family = 0; family < 2; family++) {
        struct kp_shot shot = shot_to(hosts[family]);
        struct packet p = help_icmp_reply(&wire, &shot);
        for (unsigned type = 0; type < 256; type++) {
            bool v4 = family == 0;
            bool error = v4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
            if (error || type == (v4 ? KP_ICMP4_ECHO_REPLY : KP_ICMP6_ECHO_REPLY))
                continue;
            p.bytes[icmp_at(hosts[family])] = (uint8_t)type;
            help_fix_checksum(&p);
            assert_int_equal(judge(&p, &shot, &shot.dst), KP_DISCARD_COOKIE);
        }
    }
}

static void causes_follow_the_rfcs(void **state)
{
    (void)state;
    static const enum kp_cause v4[] = {
        KP_CAUSE_NET,     KP_CAUSE_HOST,       KP_CAUSE_PROTOCOL,   KP_CAUSE_PORT,
        KP_CAUSE_TOO_BIG, KP_CAUSE_OTHER,      KP_CAUSE_NET,        KP_CAUSE_HOST,
        KP_CAUSE_OTHER,   KP_CAUSE_PROHIBITED, KP_CAUSE_PROHIBITED, KP_CAUSE_NET,
        KP_CAUSE_HOST,    KP_CAUSE_PROHIBITED, KP_CAUSE_PROHIBITED, KP_CAUSE_PROHIBITED,
        KP_CAUSE_OTHER};
    for (uint8_t code = 0; code < sizeof v4 / sizeof v4[0]; code++)
        assert_int_equal(kp_icmp4_cause(3, code), v4[code]);
    static const enum kp_cause v6[] = {
        KP_CAUSE_NET,  KP_CAUSE_PROHIBITED, KP_CAUSE_OTHER,      KP_CAUSE_HOST,
        KP_CAUSE_PORT, KP_CAUSE_PROHIBITED, KP_CAUSE_PROHIBITED, KP_CAUSE_OTHER};
    for (uint8_t code = 0; code < sizeof v6 / sizeof v6[0]; code++)
        assert_int_equal(kp_icmp6_cause(1, code), v6[code]);
    assert_int_equal(kp_icmp4_cause(11, 0), KP_CAUSE_TTL);
    assert_int_equal(kp_icmp4_cause(11, 1), KP_CAUSE_OTHER);
    assert_int_equal(kp_icmp4_cause(12, 0), KP_CAUSE_OTHER);
    assert_int_equal(kp_icmp6_cause(2, 0), KP_CAUSE_TOO_BIG);
    assert_int_equal(kp_icmp6_cause(3, 0), KP_CAUSE_TTL);
    assert_int_equal(kp_icmp6_cause(3, 1), KP_CAUSE_OTHER);
    assert_int_equal(kp_icmp6_cause(4, 1), KP_CAUSE_PROTOCOL);
    assert_int_equal(kp_icmp6_cause(4, 0), KP_CAUSE_OTHER);
    for (unsigned type = 0; type < 256; type++) {
        bool error4 = type == 3 || type == 11 || type == 12;
        assert_int_equal(kp_icmp4_cause((uint8_t)type, 255) != KP_CAUSE_NONE, error4);
        assert_int_equal(kp_icmp6_cause((uint8_t)type, 255) != KP_CAUSE_NONE,
                         type >= 1 && type <= 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_the_flow_whatever_the_size),
        cmocka_unit_test(extreme_checksums_can_be_reached),
        cmocka_unit_test(layout_is_as_documented),
        cmocka_unit_test(contact_fills_the_payload),
        cmocka_unit_test(building_needs_room_and_a_payload),
        cmocka_unit_test(the_reply_is_accepted),
        cmocka_unit_test(every_flipped_bit_of_the_header_and_proof_is_refused),
        cmocka_unit_test(another_source_is_refused),
        cmocka_unit_test(another_probe_of_ours_is_refused),
        cmocka_unit_test(truncations_are_refused_unless_the_proof_is_whole),
        cmocka_unit_test(own_requests_and_other_messages_are_not_replies),
        cmocka_unit_test(causes_follow_the_rfcs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
