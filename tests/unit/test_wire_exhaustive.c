/* Every header a packet can claim, at every length it can have, in buffers of exactly
 * that size: what is accepted is the packet that holds the whole proof, and nothing else. */
#include "tests/unit/unit.h"
#include "tests/unit/wire_help.h"

#include <stdlib.h>
#include <string.h>

enum { IP4 = 20, IP6 = 40, ICMP = 8, PROOF_END = ICMP + 16, BYTES = 256, WORDS = 16 };

static const char *const hosts[] = {"198.18.176.71", "2001:2:0:176::71"};
static const char *const routers[] = {"198.18.1.9", "2001:2:0:1::9"};

static struct kp_wire wire;
static struct kp_dns_query *query;

static int begin(void **state)
{
    (void)state;
    wire = help_wire();
    return kp_dns_query_new("rodong.rep.kp", 6, false, &query) == KP_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    kp_dns_query_free(query);
    return 0;
}

/* A packet that arrived, and the probe it is held against. */
struct arrival {
    enum kp_probe_type socket;
    struct kp_addr from;
    struct kp_shot shot;
    struct packet p;
};

static bool accepted_as(const struct arrival *a, struct kp_reply *reply)
{
    return help_judge(&wire, a->socket, &a->from, &a->p, &a->shot, reply) == KP_DISCARD_NONE;
}

static bool accepted(const struct arrival *a)
{
    struct kp_reply reply;
    return accepted_as(a, &reply);
}

/* Arrivals of raw IPv4 sockets claim their own length and have a right checksum, unless
 * something else is wrong. */
static void seal(struct arrival *a)
{
    if (a->from.family != KP_IPV4 || a->p.len < IP4)
        return;
    a->p.bytes[2] = (uint8_t)(a->p.len >> 8);
    a->p.bytes[3] = (uint8_t)a->p.len;
    help_fix_checksum(&a->p);
}

static struct arrival reply_to(enum kp_probe_type type, const char *host)
{
    struct arrival a = {.socket = type, .shot = help_shot(&wire, type, host, 4711, query)};
    a.from = a.shot.dst;
    if (type == KP_PROBE_ICMP)
        a.p = help_icmp_reply(&wire, &a.shot);
    else if (type == KP_PROBE_TCP_SYN)
        a.p = help_tcp_reply(&a.shot, 0x12);
    else
        a.p = help_dns_reply(&wire, &a.shot, 0x8400);
    return a;
}

static struct arrival error_about(enum kp_probe_type type, int family)
{
    struct arrival a = {.socket = KP_PROBE_ICMP,
                        .from = help_addr(routers[family]),
                        .shot = help_shot(&wire, type, hosts[family], 4711, query)};
    a.p = help_error(&wire, type, &a.shot, routers[family], family == 0 ? 11 : 3, 0, 64);
    return a;
}

/* --- the header of the packet itself --- */

/* Every first byte, total length and real length of an IPv4 packet. */
static void ip4_headers_are_believed_only_where_they_are_right(void **state)
{
    (void)state;
    for (int type = KP_PROBE_ICMP; type <= KP_PROBE_TCP_SYN; type++) {
        struct arrival whole = reply_to((enum kp_probe_type)type, hosts[0]);
        for (size_t len = 0; len <= whole.p.len; len++)
            for (unsigned first = 0; first < BYTES; first++)
                for (unsigned total = 0; total <= whole.p.len + 1; total++) {
                    struct arrival a = whole;
                    a.p.len = len;
                    a.p.bytes[0] = (uint8_t)first;
                    a.p.bytes[2] = 0;
                    a.p.bytes[3] = (uint8_t)total;
                    bool same = first == 0x45 && total == whole.p.len && len == whole.p.len;
                    assert_int_equal(accepted(&a), same);
                }
    }
}

/* Every header length, length and protocol, the checksum of what is then read right. */
static void ip4_protocols(enum kp_probe_type type, uint8_t right)
{
    struct arrival whole = reply_to(type, hosts[0]);
    size_t least = IP4 + (type == KP_PROBE_ICMP ? PROOF_END : whole.p.len - IP4);
    for (size_t len = 0; len <= whole.p.len; len++)
        for (unsigned words = 0; words < WORDS; words++)
            for (unsigned protocol = 0; protocol < BYTES; protocol++) {
                struct arrival a = whole;
                a.p.len = len;
                a.p.bytes[0] = (uint8_t)(0x40 | words);
                a.p.bytes[9] = (uint8_t)protocol;
                seal(&a);
                bool good = words == 5 && protocol == right && len >= least;
                assert_int_equal(accepted(&a), good);
            }
}

static void ip4_protocols_and_lengths(void **state)
{
    (void)state;
    ip4_protocols(KP_PROBE_ICMP, KP_IP_ICMP4);
    ip4_protocols(KP_PROBE_TCP_SYN, KP_IP_TCP);
}

/* --- ICMP --- */

/* Every type and code at every length.  Of a reply at least the proof must be there. */
static void icmp_types(int family)
{
    struct arrival whole = reply_to(KP_PROBE_ICMP, hosts[family]);
    size_t header = family == 0 ? IP4 : 0;
    unsigned echo_reply = family == 0 ? 0 : 129;
    for (size_t len = 0; len <= header + PROOF_END + 2; len++)
        for (unsigned type = 0; type < BYTES; type++)
            for (unsigned code = 0; code < BYTES; code += code < 20 ? 1 : 47) {
                struct arrival a = whole;
                a.p.len = len;
                a.p.bytes[header] = (uint8_t)type;
                a.p.bytes[header + 1] = (uint8_t)code;
                seal(&a);
                bool good = type == echo_reply && code == 0 && len >= header + PROOF_END;
                assert_int_equal(accepted(&a), good);
            }
}

static void icmp_types_and_lengths(void **state)
{
    (void)state;
    icmp_types(0);
    icmp_types(1);
}

/* --- quotes --- */

/* How much of the quoted transport packet must be there: ids and checksum, ports and
 * sequence, ports and id. */
static size_t quoted_least(enum kp_probe_type type)
{
    return type == KP_PROBE_DNS ? 10 : 8;
}

/* Every header length of the quote, protocol and length of the whole. */
static void quotes_in_ip4(enum kp_probe_type type, uint8_t right)
{
    struct arrival whole = error_about(type, 0);
    size_t quote = IP4 + ICMP;
    for (size_t len = 0; len <= whole.p.len; len++)
        for (unsigned words = 0; words < WORDS; words++)
            for (unsigned protocol = 0; protocol < BYTES; protocol++) {
                struct arrival a = whole;
                a.p.len = len;
                a.p.bytes[quote] = (uint8_t)(0x40 | words);
                a.p.bytes[quote + 9] = (uint8_t)protocol;
                seal(&a);
                bool good = words == 5 && protocol == right && len >= quote + IP4 &&
                            len - quote - IP4 >= quoted_least(type);
                assert_int_equal(accepted(&a), good);
            }
}

static void quotes_in_ip6(enum kp_probe_type type, uint8_t right)
{
    struct arrival whole = error_about(type, 1);
    for (size_t len = 0; len <= whole.p.len; len++)
        for (unsigned first = 0; first < BYTES; first += 16)
            for (unsigned protocol = 0; protocol < BYTES; protocol++) {
                struct arrival a = whole;
                a.p.len = len;
                a.p.bytes[ICMP] = (uint8_t)first;
                a.p.bytes[ICMP + 6] = (uint8_t)protocol;
                bool good = first == 0x60 && protocol == right && len >= ICMP + IP6 &&
                            len - ICMP - IP6 >= quoted_least(type);
                assert_int_equal(accepted(&a), good);
            }
}

static void quotes_of_every_shape(void **state)
{
    (void)state;
    quotes_in_ip4(KP_PROBE_ICMP, KP_IP_ICMP4);
    quotes_in_ip4(KP_PROBE_TCP_SYN, KP_IP_TCP);
    quotes_in_ip4(KP_PROBE_DNS, KP_IP_UDP);
    quotes_in_ip6(KP_PROBE_ICMP, KP_IP_ICMP6);
    quotes_in_ip6(KP_PROBE_TCP_SYN, KP_IP_TCP);
    quotes_in_ip6(KP_PROBE_DNS, KP_IP_UDP);
}

/* Every total length a quote may claim; it only ever limits what is believed. */
static void quoted_lengths_are_never_trusted(void **state)
{
    (void)state;
    for (int type = 0; type < (int)KP_PROBE_COUNT; type++)
        for (unsigned total = 0; total <= UINT16_MAX; total += total < 256 ? 1 : 4099) {
            struct arrival a = error_about((enum kp_probe_type)type, 0);
            a.p.bytes[IP4 + ICMP + 2] = (uint8_t)(total >> 8);
            a.p.bytes[IP4 + ICMP + 3] = (uint8_t)total;
            help_fix_checksum(&a.p);
            bool good = type != KP_PROBE_DNS || total >= IP4 + 10;
            assert_int_equal(accepted(&a), good);
        }
}

/* --- TCP --- */

/* Every data offset, combination of flags and length. */
static void tcp_headers(int family)
{
    struct arrival whole = reply_to(KP_PROBE_TCP_SYN, hosts[family]);
    size_t header = family == 0 ? IP4 : 0;
    for (size_t len = 0; len <= whole.p.len; len++)
        for (unsigned words = 0; words < WORDS; words++)
            for (unsigned flags = 0; flags < BYTES; flags++) {
                struct arrival a = whole;
                a.p.len = len;
                a.p.bytes[header + 12] = (uint8_t)(words << 4);
                a.p.bytes[header + 13] = (uint8_t)flags;
                seal(&a);
                unsigned said = flags & 0x17; /* FIN, SYN, RST, ACK */
                bool good =
                    words >= 5 && header + words * 4 <= len && (said == 0x12 || said == 0x14);
                assert_int_equal(accepted(&a), good);
            }
}

static void tcp_headers_of_every_shape(void **state)
{
    (void)state;
    tcp_headers(0);
    tcp_headers(1);
}

/* --- DNS --- */

/* Every pair of flag bytes, and every count in the header, at every length. */
static void dns_headers_of_every_shape(void **state)
{
    (void)state;
    struct arrival whole = reply_to(KP_PROBE_DNS, hosts[0]);
    for (size_t len = 0; len < whole.p.len; len++)
        for (size_t at = 2; at < 12; at++)
            for (unsigned byte = 0; byte < BYTES; byte++) {
                struct arrival a = whole;
                a.p.len = len;
                a.p.bytes[at] = (uint8_t)byte;
                assert_false(accepted(&a));
            }
    for (unsigned flags = 0; flags <= UINT16_MAX; flags++) {
        struct arrival a = whole;
        a.p.bytes[2] = (uint8_t)(flags >> 8);
        a.p.bytes[3] = (uint8_t)flags;
        bool reply_to_query = (flags & 0xf800) == 0x8000;
        assert_int_equal(accepted(&a), reply_to_query);
    }
}

/* A reply with an SOA in its authority section, cut anywhere: what holds the question is
 * an answer, but nothing is read of a record that is not all there. */
static void dns_records_cut_anywhere(void **state)
{
    (void)state;
    static const uint8_t soa[] = {0xc0, 0x0c, 0,    6,    0, 1, 0, 0, 1, 0, 0, 24,
                                  0xc0, 0x0c, 0xc0, 0x0c, 0, 0, 0, 1, 0, 0, 0, 2,
                                  0,    0,    0,    3,    0, 0, 0, 4, 0, 0, 0, 5};
    struct arrival whole = reply_to(KP_PROBE_DNS, hosts[0]);
    size_t question_end = whole.p.len;
    whole.p.bytes[9] = 1; /* one authority record */
    memcpy(whole.p.bytes + whole.p.len, soa, sizeof soa);
    whole.p.len += sizeof soa;
    for (size_t len = 0; len <= whole.p.len; len++) {
        struct arrival a = whole;
        struct kp_reply reply;
        a.p.len = len;
        assert_int_equal(accepted_as(&a, &reply), len >= question_end);
        assert_int_equal(reply.dns.has_serial, len == whole.p.len);
        assert_int_equal(reply.dns.serial, len == whole.p.len ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip4_headers_are_believed_only_where_they_are_right),
        cmocka_unit_test(ip4_protocols_and_lengths),
        cmocka_unit_test(icmp_types_and_lengths),
        cmocka_unit_test(quotes_of_every_shape),
        cmocka_unit_test(quoted_lengths_are_never_trusted),
        cmocka_unit_test(tcp_headers_of_every_shape),
        cmocka_unit_test(dns_headers_of_every_shape),
        cmocka_unit_test(dns_records_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
