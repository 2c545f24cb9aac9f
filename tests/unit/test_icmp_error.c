/* ICMP errors that quote a probe of each kind. */
#include "tests/unit/unit.h"
#include "tests/unit/wire_help.h"

#include <stdlib.h>
#include <string.h>

static const char *const hosts[] = {"198.18.176.71", "2001:2:0:176::71"};
static const char *const routers[] = {"198.18.1.9", "2001:2:0:1::9"};
static const uint8_t ttl_exceeded[] = {11, 3};

struct quoted {
    struct kp_wire wire;
    struct kp_dns_query *query;
    struct kp_shot shot;
    struct kp_addr router;
    struct packet p;
    enum kp_probe_type type;
    size_t family; /* index into hosts */
};

/* A time-exceeded error that quotes `quoted` bytes of a probe of this type. */
static struct quoted quote(enum kp_probe_type type, size_t family, size_t bytes)
{
    struct quoted q = {.wire = help_wire(), .type = type, .family = family};
    assert_int_equal(kp_dns_query_new("kp", 6, false, &q.query), KP_OK);
    q.shot = help_shot(&q.wire, type, hosts[family], 99, q.query);
    q.router = help_addr(routers[family]);
    q.p = help_error(&q.wire, type, &q.shot, routers[family], ttl_exceeded[family], 0, bytes);
    return q;
}

static void done(struct quoted *q)
{
    kp_dns_query_free(q->query);
}

static enum kp_discard judge(const struct quoted *q)
{
    struct kp_reply reply;
    return help_judge(&q->wire, KP_PROBE_ICMP, &q->router, &q->p, &q->shot, &reply);
}

/* Where the quoted transport header starts. */
static size_t transport_at(size_t family)
{
    return family == 0 ? 20 + 8 + 20 : 8 + 40;
}

/* What DNS needs more than ports is its id, two bytes further. */
static void short_and_long_quotes_are_accepted(void **state)
{
    (void)state;
    static const size_t lengths[] = {8, 9, 10, 15, 20, 23, 24, 28, 64, 1000};
    for (int type = 0; type < (int)KP_PROBE_COUNT; type++)
        for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
            struct quoted q = quote((enum kp_probe_type)type, i % 2, lengths[i / 2]);
            bool enough = type != KP_PROBE_DNS || lengths[i / 2] >= 10;
            struct kp_reply reply;
            assert_int_equal(
                help_judge(&q.wire, KP_PROBE_ICMP, &q.router, &q.p, &q.shot, &reply),
                enough ? KP_DISCARD_NONE : KP_DISCARD_COOKIE);
            assert_int_equal(reply.result, enough ? KP_UNREACHABLE : 0);
            assert_int_equal(reply.cause, enough ? KP_CAUSE_TTL : KP_CAUSE_NONE);
            assert_int_equal(reply.ttl, enough ? 44 : 0);
            done(&q);
        }
}

static void the_claim_names_probe_and_sender(void **state)
{
    (void)state;
    for (int type = 0; type < (int)KP_PROBE_COUNT; type++)
        for (size_t family = 0; family < 2; family++) {
            struct quoted q = quote((enum kp_probe_type)type, family, 10);
            struct kp_rx rx = {.src = q.router, .bytes = q.p.bytes, .len = q.p.len, .ttl = 44};
            struct kp_claim claim;
            assert_int_equal(kp_probe_icmp.match(&q.wire, &rx, &claim), KP_DISCARD_NONE);
            assert_int_equal(claim.type, type);
            assert_true(claim.is_error);
            assert_true(kp_addr_equal(&claim.dst, &q.shot.dst));
            assert_true(kp_addr_equal(&claim.sender, &q.router));
            assert_int_equal(claim.dport, q.shot.dport);
            assert_int_equal(claim.sport, q.shot.sport);
            assert_int_equal(claim.seq, q.shot.seq);
            assert_int_equal(claim.checksum, q.shot.checksum);
            assert_false(claim.has_tag);
            done(&q);
        }
}

/* The first quoted bytes hold the whole proof every router must give. */
static void every_flipped_bit_of_the_quoted_header_is_refused(void **state)
{
    (void)state;
    for (int type = 0; type < (int)KP_PROBE_COUNT; type++)
        for (size_t i = 0; i < 2 * 64; i++) {
            size_t bit = i / 2;
            if (type == KP_PROBE_DNS && bit >= 32)
                break; /* length and checksum of UDP */
            struct quoted q = quote((enum kp_probe_type)type, i % 2, 10);
            q.p.bytes[transport_at(q.family) + bit / 8] ^= (uint8_t)(1U << bit % 8);
            help_fix_checksum(&q.p);
            assert_int_equal(judge(&q), KP_DISCARD_COOKIE);
            done(&q);
        }
}

static void a_quoted_payload_must_match_too(void **state)
{
    (void)state;
    for (size_t family = 0; family < 2; family++)
        for (size_t at = 8; at < 24; at++) {
            struct quoted q = quote(KP_PROBE_ICMP, family, 1000);
            q.p.bytes[transport_at(family) + at] ^= 1;
            help_fix_checksum(&q.p);
            assert_int_equal(judge(&q), KP_DISCARD_COOKIE);
            done(&q);
        }
    for (size_t at = 8; at < 8 + 12 + 4 + 4; at++) {
        struct quoted q = quote(KP_PROBE_DNS, at % 2, 1000);
        q.p.bytes[transport_at(q.family) + at] ^= 0x20;
        help_fix_checksum(&q.p);
        assert_int_equal(judge(&q), KP_DISCARD_COOKIE);
        done(&q);
    }
}

static void another_quoted_destination_is_refused(void **state)
{
    (void)state;
    for (int type = 0; type < (int)KP_PROBE_COUNT; type++)
        for (size_t family = 0; family < 2; family++) {
            struct quoted q = quote((enum kp_probe_type)type, family, 10);
            q.p.bytes[transport_at(family) - 1] ^= 1;
            help_fix_checksum(&q.p);
            assert_int_equal(judge(&q), KP_DISCARD_COOKIE);
            done(&q);
        }
}

static void other_quoted_protocols_are_refused(void **state)
{
    (void)state;
    for (size_t family = 0; family < 2; family++)
        for (unsigned protocol = 0; protocol < 256; protocol++) {
            struct quoted q = quote(KP_PROBE_ICMP, family, 64);
            unsigned ours = family == 0 ? KP_IP_ICMP4 : KP_IP_ICMP6;
            if (protocol != ours) {
                size_t at = family == 0 ? 20 + 8 + 9 : 8 + 6;
                q.p.bytes[at] = (uint8_t)protocol;
                help_fix_checksum(&q.p);
                assert_int_equal(judge(&q), KP_DISCARD_COOKIE);
            }
            done(&q);
        }
}

static void a_quoted_reply_is_no_probe_of_ours(void **state)
{
    (void)state;
    for (size_t family = 0; family < 2; family++) {
        struct quoted q = quote(KP_PROBE_ICMP, family, 64);
        q.p.bytes[transport_at(family)] = family == 0 ? 0 : 129;
        help_fix_checksum(&q.p);
        assert_int_equal(judge(&q), KP_DISCARD_COOKIE);
        done(&q);
    }
}

static void truncations_are_malformed_or_still_proven(void **state)
{
    (void)state;
    for (int type = 0; type < (int)KP_PROBE_COUNT; type++) {
        struct quoted q = quote((enum kp_probe_type)type, 1, 1000);
        for (size_t len = q.p.len; len-- > 0;) {
            q.p.len = len;
            size_t quoted = len < transport_at(1) ? 0 : len - transport_at(1);
            enum kp_discard want = quoted < 8 ? KP_DISCARD_MALFORMED : KP_DISCARD_NONE;
            if (type == KP_PROBE_DNS && (quoted == 8 || quoted == 9))
                want = KP_DISCARD_COOKIE;
            assert_int_equal(judge(&q), want);
        }
        done(&q);
        q = quote((enum kp_probe_type)type, 0, 1000);
        for (size_t len = q.p.len; len-- > 0;) {
            q.p.len = len; /* the outer total length gives it away */
            assert_int_equal(judge(&q), KP_DISCARD_MALFORMED);
        }
        done(&q);
    }
}

/* Inner header lengths that point past the quote, inner fragments. */
static void broken_quotes_are_malformed(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        struct quoted q = quote(KP_PROBE_TCP_SYN, 0, 8);
        q.p.bytes[28] = (uint8_t)first;
        help_fix_checksum(&q.p);
        enum kp_discard want = first == 0x45 ? KP_DISCARD_NONE : KP_DISCARD_MALFORMED;
        assert_int_equal(judge(&q), want);
        done(&q);
    }
    struct quoted q = quote(KP_PROBE_TCP_SYN, 0, 8);
    q.p.bytes[28 + 7] = 1;
    help_fix_checksum(&q.p);
    assert_int_equal(judge(&q), KP_DISCARD_MALFORMED);
    done(&q);
}

/* All IHL x total length x ICMP type, in an exactly sized buffer: only what
 * still is our error, whole, gets through. */
static void no_combination_of_lengths_and_types_slips_through(void **state)
{
    (void)state;
    struct quoted q = quote(KP_PROBE_ICMP, 0, 24);
    uint8_t *exact = malloc(q.p.len);
    assert_non_null(exact);
    memcpy(exact, q.p.bytes, q.p.len);
    struct kp_rx rx = {.src = q.router, .bytes = exact, .len = q.p.len};
    unsigned accepted = 0;
    for (unsigned ihl = 0; ihl < 16; ihl++)
        for (unsigned total = 0; total < q.p.len + 8; total++)
            for (unsigned type = 0; type < 256; type++) {
                exact[0] = (uint8_t)(0x40 | ihl);
                exact[3] = (uint8_t)total;
                exact[20] = (uint8_t)type;
                struct kp_wr w = kp_wr_init(exact + 22, 2);
                kp_wr_u16(&w, 0);
                uint16_t sum = kp_csum_finish(kp_csum_add(0, exact + 20, q.p.len - 20));
                w = kp_wr_init(exact + 22, 2);
                kp_wr_u16(&w, sum);
                struct kp_claim claim;
                struct kp_reply reply;
                if (kp_probe_icmp.match(&q.wire, &rx, &claim) != KP_DISCARD_NONE)
                    continue;
                accepted +=
                    kp_probe_ops(claim.type)->classify(&q.wire, &q.shot, &claim, &reply) ==
                    KP_DISCARD_NONE;
            }
    assert_int_equal(accepted, 3); /* whole, and one of the three error types */
    free(exact);
    done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_and_long_quotes_are_accepted),
        cmocka_unit_test(the_claim_names_probe_and_sender),
        cmocka_unit_test(every_flipped_bit_of_the_quoted_header_is_refused),
        cmocka_unit_test(a_quoted_payload_must_match_too),
        cmocka_unit_test(another_quoted_destination_is_refused),
        cmocka_unit_test(other_quoted_protocols_are_refused),
        cmocka_unit_test(a_quoted_reply_is_no_probe_of_ours),
        cmocka_unit_test(truncations_are_malformed_or_still_proven),
        cmocka_unit_test(broken_quotes_are_malformed),
        cmocka_unit_test(no_combination_of_lengths_and_types_slips_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
