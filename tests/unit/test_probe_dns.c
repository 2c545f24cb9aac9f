#include "tests/unit/unit.h"
#include "tests/unit/wire_help.h"

#include <stdlib.h>
#include <string.h>

enum {
    QR = 0x8000,
    AA = 0x0400,
    TC = 0x0200,
    RA = 0x0080,
    QUESTION_END = 12 + 9 + 4, /* 4kcna2kp0, type, class */
};

static struct kp_wire wire;
static struct kp_dns_query *query;
static struct kp_shot shot;

static int begin(void **state)
{
    (void)state;
    wire = help_wire();
    if (kp_dns_query_new("kcna.kp", 6, false, &query) != KP_OK)
        return -1;
    shot = help_shot(&wire, KP_PROBE_DNS, "198.18.176.15", 4711, query);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kp_dns_query_free(query);
    return 0;
}

static enum kp_discard judge(const struct packet *p, struct kp_reply *reply)
{
    return help_judge(&wire, KP_PROBE_DNS, &shot.dst, p, &shot, reply);
}

static struct packet answer(uint16_t flags)
{
    return help_dns_reply(&wire, &shot, flags);
}

/* Appends bytes, and counts a record in the section at header offset `count`. */
static void append(struct packet *p, size_t count, const void *bytes, size_t len)
{
    assert_true(p->len + len <= sizeof p->bytes);
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
    if (count != 0)
        p->bytes[count + 1]++;
}

enum { ANSWERS = 6, AUTHORITY = 8, ADDITIONAL = 10 };

/* kp. SOA, TTL 3600, serial 2023022801, its names compressed. */
static const uint8_t soa[] = {0xc0, 12, 0,   6,   0,    1,  0,    0,    0x0e, 0x10, 0, 27, 0xc0,
                              12,   2,  'n', 's', 0xc0, 12, 0x78, 0x94, 0xc8, 0x11, 0, 0,  0,
                              1,    0,  0,   0,   2,    0,  0,    0,    3,    0,    0, 0,  4};
_Static_assert(sizeof soa == 12 + 27, "record length");

/* kp. A 198.18.0.1, TTL 60 */
static const uint8_t a_record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 1};

static void queries_are_encoded_once(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *wire;
        size_t len;
    } good[] = {{"kp", "\2kp", 4},
                {"kp.", "\2kp", 4},
                {".", "", 1},
                {"rodong.rep.kp", "\6rodong\3rep\2kp", 15},
                {"xn--p1ai", "\10xn--p1ai", 10},
                {"_dmarc.kp", "\6_dmarc\2kp", 11}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct kp_dns_query *q = NULL;
        assert_int_equal(kp_dns_query_new(good[i].name, 28, i % 2 != 0, &q), KP_OK);
        struct kp_shot s = {.seq = 0xabcd, .query = q};
        uint8_t bytes[300];
        struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
        assert_int_equal(kp_probe_dns.build(&wire, &s, NULL, &w), KP_OK);
        assert_int_equal(sizeof bytes - w.left, 12 + good[i].len + 4);
        const uint8_t header[12] = {0xab, 0xcd, i % 2 != 0, 0, 0, 1};
        assert_memory_equal(bytes, header, 12);
        assert_memory_equal(bytes + 12, good[i].wire, good[i].len);
        assert_memory_equal(bytes + 12 + good[i].len, "\0\34\0\1", 4);
        kp_dns_query_free(q);
    }
    kp_dns_query_free(NULL);
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    char label64[70];
    memset(label64, 'a', sizeof label64);
    memcpy(label64 + 64, ".kp", 4);
    char name256[300];
    for (size_t i = 0; i < sizeof name256; i++)
        name256[i] = i % 50 == 49 ? '.' : 'a';
    name256[260] = '\0';
    const char *const bad[] = {"",     "..",    ".kp",      "a..kp", "a b",  "a\tb",
                               "kp\n", "a\\.b", "\xff\xfe", label64, name256};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kp_dns_query *q = NULL;
        if (kp_dns_query_new(bad[i], 1, false, &q) != KP_ERR_MALFORMED)
            fail_msg("'%s' taken", bad[i]);
        assert_null(q);
    }
}

static void the_longest_name_fits(void **state)
{
    (void)state;
    char name[254];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 64 == 63 ? '.' : 'a';
    name[253] = '\0';
    struct kp_dns_query *q = NULL;
    assert_int_equal(kp_dns_query_new(name, 6, false, &q), KP_OK);
    struct kp_shot s = help_shot(&wire, KP_PROBE_DNS, "198.18.0.9", 1, q);
    uint8_t bytes[271];
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_dns.build(&wire, &s, NULL, &w), KP_OK);
    assert_int_equal(w.left, 0);
    struct packet p = help_dns_reply(&wire, &s, QR);
    struct kp_reply reply;
    assert_int_equal(help_judge(&wire, KP_PROBE_DNS, &s.dst, &p, &s, &reply), KP_DISCARD_NONE);
    kp_dns_query_free(q);
}

static void the_tag_is_the_letter_case(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct kp_shot s = shot;
    s.tag = 0x2d; /* KcNA.kP, first letter lowest */
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_dns.build(&wire, &s, NULL, &w), KP_OK);
    assert_memory_equal(bytes + 12, "\4KcNA\2kP", 9);
    s.tag = 0;
    w = kp_wr_init(bytes, sizeof bytes);
    assert_int_equal(kp_probe_dns.build(&wire, &s, NULL, &w), KP_OK);
    assert_memory_equal(bytes + 12, "\4kcna\2kp", 9);
}

static void building_needs_room_and_a_question(void **state)
{
    (void)state;
    for (size_t room = 0; room < QUESTION_END; room++) {
        uint8_t *exact = malloc(room > 0 ? room : 1);
        assert_non_null(exact);
        struct kp_wr w = kp_wr_init(exact, room);
        assert_int_equal(kp_probe_dns.build(&wire, &shot, NULL, &w), KP_ERR_SHORT);
        free(exact);
    }
    uint8_t bytes[64];
    struct kp_wr w = kp_wr_init(bytes, sizeof bytes);
    struct kp_shot none = shot;
    none.query = NULL;
    assert_int_equal(kp_probe_dns.build(&wire, &none, NULL, &w), KP_ERR_RANGE);
    struct packet p = answer(QR);
    struct kp_reply reply;
    assert_int_equal(help_judge(&wire, KP_PROBE_DNS, &none.dst, &p, &none, &reply),
                     KP_DISCARD_COOKIE);
}

static void an_answer_is_read(void **state)
{
    (void)state;
    struct packet p = answer(QR | AA);
    append(&p, ANSWERS, soa, sizeof soa);
    struct kp_reply reply;
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_int_equal(reply.result, KP_ANSWERED);
    assert_true(reply.dns.aa && !reply.dns.tc);
    assert_true(reply.dns.has_ttl);
    assert_int_equal(reply.dns.ttl, 3600);
    assert_true(reply.dns.has_serial);
    assert_int_equal(reply.dns.serial, 0x7894c811);
}

static void the_serial_may_stand_in_the_authority_section(void **state)
{
    (void)state;
    struct packet p = answer(QR | AA | 3);
    append(&p, AUTHORITY, soa, sizeof soa);
    struct kp_reply reply;
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_int_equal(reply.result, KP_ANSWERED);
    assert_int_equal(reply.dns.rcode, 3);
    assert_false(reply.dns.has_ttl);
    assert_true(reply.dns.has_serial);
    p = answer(QR);
    append(&p, ANSWERS, a_record, sizeof a_record);
    append(&p, AUTHORITY, soa, sizeof soa);
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_int_equal(reply.dns.ttl, 60);
    assert_int_equal(reply.dns.serial, 0x7894c811);
    p = answer(QR); /* additional records are not read */
    append(&p, ADDITIONAL, soa, sizeof soa);
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_false(reply.dns.has_serial);
}

static void every_rcode_says_alive(void **state)
{
    (void)state;
    for (uint16_t rcode = 0; rcode < 16; rcode++) {
        struct packet p = answer((uint16_t)(QR | RA | rcode));
        struct kp_reply reply;
        assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
        bool refused = rcode == 2 || rcode == 5;
        assert_int_equal(reply.result, refused ? KP_REFUSED : KP_ANSWERED);
        assert_int_equal(reply.dns.rcode, rcode);
    }
}

static void truncated_answers_count(void **state)
{
    (void)state;
    struct packet p = answer(QR | TC | AA);
    struct kp_reply reply;
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_int_equal(reply.result, KP_ANSWERED);
    assert_true(reply.dns.tc);
}

static void every_flipped_bit_of_id_and_question_is_refused(void **state)
{
    (void)state;
    struct kp_reply reply;
    for (size_t bit = 0; bit < (size_t)QUESTION_END * 8; bit++) {
        if (bit / 8 >= 2 && bit / 8 < 12)
            continue; /* flags and counts: below */
        struct packet p = answer(QR);
        p.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(judge(&p, &reply), KP_DISCARD_COOKIE);
    }
}

static void queries_other_opcodes_and_counts_are_refused(void **state)
{
    (void)state;
    struct kp_reply reply;
    struct packet p = answer(0);
    assert_int_equal(judge(&p, &reply), KP_DISCARD_COOKIE);
    for (uint16_t opcode = 1; opcode < 16; opcode++) {
        p = answer((uint16_t)(QR | opcode << 11));
        assert_int_equal(judge(&p, &reply), KP_DISCARD_COOKIE);
    }
    for (unsigned count = 0; count < 65536; count += 255) {
        p = answer(QR);
        p.bytes[4] = (uint8_t)(count >> 8);
        p.bytes[5] = (uint8_t)count;
        assert_int_equal(judge(&p, &reply), KP_DISCARD_COOKIE);
    }
}

static void another_server_or_port_is_refused(void **state)
{
    (void)state;
    struct packet p = answer(QR);
    struct kp_rx rx = {.type = KP_PROBE_DNS,
                       .src = shot.dst,
                       .rport = 53,
                       .lport = shot.sport,
                       .bytes = p.bytes,
                       .len = p.len};
    struct kp_claim claim;
    struct kp_reply reply;
    assert_int_equal(kp_probe_dns.match(&wire, &rx, &claim), KP_DISCARD_NONE);
    assert_int_equal(kp_probe_dns.classify(&wire, &shot, &claim, &reply), KP_DISCARD_NONE);
    assert_int_equal(claim.seq, shot.seq);
    rx.rport = 54;
    assert_int_equal(kp_probe_dns.match(&wire, &rx, &claim), KP_DISCARD_NONE);
    assert_int_equal(kp_probe_dns.classify(&wire, &shot, &claim, &reply), KP_DISCARD_SOURCE);
    rx.rport = 53;
    rx.src.bytes[3] ^= 1;
    assert_int_equal(kp_probe_dns.match(&wire, &rx, &claim), KP_DISCARD_NONE);
    assert_int_equal(kp_probe_dns.classify(&wire, &shot, &claim, &reply), KP_DISCARD_SOURCE);
    rx.src.bytes[3] ^= 1;
    rx.lport ^= 1;
    assert_int_equal(kp_probe_dns.match(&wire, &rx, &claim), KP_DISCARD_NONE);
    assert_int_equal(kp_probe_dns.classify(&wire, &shot, &claim, &reply), KP_DISCARD_COOKIE);
}

static void truncations_keep_what_is_proven(void **state)
{
    (void)state;
    struct packet p = answer(QR | AA);
    append(&p, ANSWERS, a_record, sizeof a_record);
    for (size_t len = p.len; len-- > 0;) {
        struct kp_reply reply;
        p.len = len;
        bool proven = len >= QUESTION_END;
        assert_int_equal(judge(&p, &reply), proven ? KP_DISCARD_NONE : KP_DISCARD_MALFORMED);
        assert_false(reply.dns.has_ttl);
        assert_int_equal(reply.dns.aa, proven);
    }
}

/* What follows a proven question: broken records leave their fields unset. */
static void hostile_records_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t len;
        uint8_t bytes[40];
    } hostile[] = {
        {"pointer to itself", 16, {0xc0, 25, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"pointer forwards", 16, {0xc0, 27, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"pointer into the header", 16, {0xc0, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"pointer far outside", 16, {0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"pointer loop over a label",
         18,
         {1, 'a', 0xc0, 25, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"reserved label type 01", 16, {0x40, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"reserved label type 10", 16, {0x80, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}},
        {"half a pointer", 1, {0xc0}},
        {"endless label", 2, {63, 'a'}},
        {"data longer than the message",
         16,
         {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0xff, 0xff, 1, 2, 3, 4}},
        {"nothing", 0, {0}},
        {"zeros", 10, {0}},
    };
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct packet p = answer(QR);
        append(&p, ANSWERS, hostile[i].bytes, hostile[i].len);
        struct kp_reply reply;
        if (judge(&p, &reply) != KP_DISCARD_NONE || reply.result != KP_ANSWERED)
            fail_msg("%s: not answered", hostile[i].what);
        if (reply.dns.has_ttl || reply.dns.has_serial)
            fail_msg("%s: believed", hostile[i].what);
    }
}

static void soa_data_that_lies_gives_no_serial(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof soa - 12; len++) {
        struct packet p = answer(QR);
        uint8_t record[sizeof soa];
        memcpy(record, soa, sizeof soa);
        record[11] = (uint8_t)len; /* the rest is another record's beginning */
        append(&p, ANSWERS, record, 12 + len);
        struct kp_reply reply;
        assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
        assert_true(reply.dns.has_ttl);
        assert_int_equal(reply.dns.has_serial, len >= 11);
    }
    uint8_t chaos[sizeof soa];
    memcpy(chaos, soa, sizeof soa);
    chaos[5] = 3; /* class CH */
    struct packet p = answer(QR);
    append(&p, ANSWERS, chaos, sizeof chaos);
    struct kp_reply reply;
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_false(reply.dns.has_serial);
}

static void ttls_with_the_top_bit_are_zero(void **state)
{
    (void)state;
    struct packet p = answer(QR);
    uint8_t record[sizeof a_record];
    memcpy(record, a_record, sizeof record);
    record[6] = 0x80;
    append(&p, ANSWERS, record, sizeof record);
    struct kp_reply reply;
    assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
    assert_true(reply.dns.has_ttl);
    assert_int_equal(reply.dns.ttl, 0);
}

static void at_most_64_records_and_127_labels_are_read(void **state)
{
    (void)state;
    for (int before = 62; before < 66; before++) {
        struct packet p = answer(QR);
        for (int i = 0; i < before; i++)
            append(&p, ANSWERS, a_record, sizeof a_record);
        append(&p, ANSWERS, soa, sizeof soa);
        struct kp_reply reply;
        assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
        assert_int_equal(reply.dns.has_serial, before < 64);
    }
    for (size_t labels = 126; labels < 130; labels++) {
        struct packet p = answer(QR);
        for (size_t i = 0; i < labels; i++)
            append(&p, 0, "\1a", 2);
        append(&p, 0, "", 1);
        append(&p, ANSWERS, a_record + 2, sizeof a_record - 2);
        struct kp_reply reply;
        assert_int_equal(judge(&p, &reply), KP_DISCARD_NONE);
        assert_int_equal(reply.dns.has_ttl, labels <= 127);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_encoded_once),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(the_tag_is_the_letter_case),
        cmocka_unit_test(building_needs_room_and_a_question),
        cmocka_unit_test(an_answer_is_read),
        cmocka_unit_test(the_serial_may_stand_in_the_authority_section),
        cmocka_unit_test(every_rcode_says_alive),
        cmocka_unit_test(truncated_answers_count),
        cmocka_unit_test(every_flipped_bit_of_id_and_question_is_refused),
        cmocka_unit_test(queries_other_opcodes_and_counts_are_refused),
        cmocka_unit_test(another_server_or_port_is_refused),
        cmocka_unit_test(truncations_keep_what_is_proven),
        cmocka_unit_test(hostile_records_change_nothing),
        cmocka_unit_test(soa_data_that_lies_gives_no_serial),
        cmocka_unit_test(ttls_with_the_top_bit_are_zero),
        cmocka_unit_test(at_most_64_records_and_127_labels_are_read),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
