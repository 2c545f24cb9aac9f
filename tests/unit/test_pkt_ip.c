#include "lib/wire/pkt_ip.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static const struct kp_addr router = {KP_IPV4, {198, 18, 1, 1}};
static const struct kp_addr us = {KP_IPV4, {198, 18, 0, 1}};

/* A golden IPv4 packet: header (with options if ihl > 5) and payload. */
static uint8_t *golden4(unsigned ihl, size_t payload, uint8_t protocol, size_t *len)
{
    *len = (size_t)ihl * 4 + payload;
    uint8_t *bytes = calloc(1, *len);
    assert_non_null(bytes);
    struct kp_wr w = kp_wr_init(bytes, *len);
    kp_wr_u8(&w, (uint8_t)(0x40 | ihl));
    kp_wr_u8(&w, 0);
    kp_wr_u16(&w, (uint16_t)*len);
    kp_wr_u32(&w, 0x12344000);
    kp_wr_u8(&w, 44);
    kp_wr_u8(&w, protocol);
    kp_wr_u16(&w, 0);
    kp_wr_bytes(&w, router.bytes, 4);
    kp_wr_bytes(&w, us.bytes, 4);
    return bytes;
}

static void a_packet_is_taken_apart(void **state)
{
    (void)state;
    for (unsigned ihl = 5; ihl <= 15; ihl++) {
        size_t len = 0;
        uint8_t *bytes = golden4(ihl, 30, KP_IP_TCP, &len);
        struct kp_ip ip;
        assert_int_equal(kp_ip4_parse(bytes, len, &ip), KP_OK);
        assert_true(kp_addr_equal(&ip.src, &router));
        assert_true(kp_addr_equal(&ip.dst, &us));
        assert_int_equal(ip.protocol, KP_IP_TCP);
        assert_int_equal(ip.ttl, 44);
        assert_ptr_equal(ip.body, bytes + (size_t)ihl * 4);
        assert_int_equal(ip.len, 30);
        free(bytes);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (unsigned ihl = 5; ihl <= 15; ihl += 5) {
        size_t whole = 0;
        uint8_t *bytes = golden4(ihl, 30, KP_IP_TCP, &whole);
        for (size_t len = 0; len < whole; len++) {
            uint8_t *exact = malloc(len > 0 ? len : 1);
            assert_non_null(exact);
            memcpy(exact, bytes, len);
            struct kp_ip ip;
            assert_int_equal(kp_ip4_parse(exact, len, &ip), KP_ERR_SHORT);
            free(exact);
        }
        free(bytes);
    }
}

/* Every version, header length and total length a packet can claim. */
static void impossible_lengths_are_refused(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = golden4(5, 40, KP_IP_ICMP4, &len);
    for (unsigned first = 0; first < 256; first++)
        for (unsigned total = 0; total < 80; total++) {
            bytes[0] = (uint8_t)first;
            bytes[3] = (uint8_t)total;
            size_t header = (first & 15U) * 4;
            bool good = first >> 4 == 4 && header >= 20 && total >= header && total <= len;
            struct kp_ip ip;
            assert_int_equal(kp_ip4_parse(bytes, len, &ip) == KP_OK, good);
            if (good) {
                assert_ptr_equal(ip.body, bytes + header);
                assert_int_equal(ip.len, total - header);
            }
        }
    free(bytes);
}

static void fragments_are_refused(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = golden4(5, 40, KP_IP_ICMP4, &len);
    for (unsigned bits = 0; bits <= 0xffff; bits++) {
        bytes[6] = (uint8_t)(bits >> 8);
        bytes[7] = (uint8_t)bits;
        struct kp_ip ip;
        enum kp_err want = (bits & 0x3fff) == 0 ? KP_OK : KP_ERR_MALFORMED;
        assert_int_equal(kp_ip4_parse(bytes, len, &ip), want);
        assert_int_equal(kp_ip_quote_parse(KP_IPV4, bytes, len, &ip), want);
    }
    free(bytes);
}

static void quotes_need_eight_transport_bytes(void **state)
{
    (void)state;
    size_t whole = 0;
    uint8_t *bytes = golden4(6, 40, KP_IP_UDP, &whole);
    for (size_t len = 0; len <= whole; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, len);
        struct kp_ip ip;
        enum kp_err err = kp_ip_quote_parse(KP_IPV4, exact, len, &ip);
        assert_int_equal(err, len >= 24 + 8 ? KP_OK : KP_ERR_SHORT);
        if (err == KP_OK) {
            assert_ptr_equal(ip.body, exact + 24);
            assert_int_equal(ip.len, len - 24);
            assert_int_equal(ip.protocol, KP_IP_UDP);
            assert_true(kp_addr_equal(&ip.dst, &us));
        }
        free(exact);
    }
    free(bytes);
}

/* RFC 4884 pads a short quote; what follows the packet's own end is not of it. */
static void padding_behind_a_quote_is_not_believed(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = golden4(5, 108, KP_IP_ICMP4, &len);
    bytes[3] = 20 + 24;
    struct kp_ip ip;
    assert_int_equal(kp_ip_quote_parse(KP_IPV4, bytes, len, &ip), KP_OK);
    assert_int_equal(ip.len, 24);
    for (unsigned total = 0; total < 28; total++) { /* shortened by the router */
        bytes[3] = (uint8_t)total;
        assert_int_equal(kp_ip_quote_parse(KP_IPV4, bytes, len, &ip), KP_OK);
        assert_int_equal(ip.len, 8);
    }
    bytes[2] = 0x2c; /* byte-swapped */
    assert_int_equal(kp_ip_quote_parse(KP_IPV4, bytes, len, &ip), KP_OK);
    assert_int_equal(ip.len, 108);
    free(bytes);
}

static void ipv6_quotes(void **state)
{
    (void)state;
    uint8_t bytes[80] = {0x60, 0, 0, 0, 0, 24, KP_IP_TCP, 1, 0x20, 1, [24] = 0x20, [39] = 9};
    for (size_t len = 0; len <= sizeof bytes; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, len);
        struct kp_ip ip;
        enum kp_err err = kp_ip_quote_parse(KP_IPV6, exact, len, &ip);
        assert_int_equal(err, len >= 48 ? KP_OK : KP_ERR_SHORT);
        if (err == KP_OK) {
            assert_int_equal(ip.len, len < 64 ? len - 40 : 24);
            assert_int_equal(ip.claimed, 24);
            assert_int_equal(ip.protocol, KP_IP_TCP);
            assert_int_equal(ip.src.bytes[0], 0x20);
            assert_int_equal(ip.dst.bytes[15], 9);
        }
        free(exact);
    }
    struct kp_ip ip;
    bytes[0] = 0x45;
    assert_int_equal(kp_ip_quote_parse(KP_IPV6, bytes, sizeof bytes, &ip), KP_ERR_MALFORMED);
}

static void opening_checks_source_and_protocol(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = golden4(5, 8, KP_IP_ICMP4, &len);
    struct kp_rx rx = {.src = router, .bytes = bytes, .len = len, .ttl = 7};
    struct kp_ip ip;
    assert_int_equal(kp_ip_open(&rx, KP_IP_ICMP4, &ip), KP_DISCARD_NONE);
    assert_int_equal(ip.ttl, 44); /* the packet's own */
    assert_int_equal(kp_ip_open(&rx, KP_IP_TCP, &ip), KP_DISCARD_COOKIE);
    rx.src = us;
    assert_int_equal(kp_ip_open(&rx, KP_IP_ICMP4, &ip), KP_DISCARD_SOURCE);
    rx.src.family = KP_IPV6;
    assert_int_equal(kp_ip_open(&rx, KP_IP_ICMP6, &ip), KP_DISCARD_NONE);
    assert_ptr_equal(ip.body, bytes);
    assert_int_equal(ip.len, len);
    assert_int_equal(ip.ttl, 7);
    free(bytes);
}

/* Summed by hand. */
static void pseudo_header_is_part_of_the_sum(void **state)
{
    (void)state;
    struct kp_addr a = {KP_IPV4, {10, 0, 0, 1}};
    struct kp_addr b = {KP_IPV4, {10, 0, 0, 2}};
    uint32_t sum = kp_ip_pseudo_sum(&a, &b, KP_IP_TCP, 20);
    /* 0a00 + 0001 + 0a00 + 0002 + 0006 + 0014 */
    assert_int_equal(sum, 0x141d);
    struct kp_addr six = {KP_IPV6, {0x20, 0x01, 0x00, 0x02, [15] = 1}};
    assert_int_equal(kp_ip_pseudo_sum(&six, &six, KP_IP_ICMP6, 0x10008),
                     2 * (0x2001 + 0x0002 + 0x0001) + 0x0001 + 0x0008 + 58);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_taken_apart),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(impossible_lengths_are_refused),
        cmocka_unit_test(fragments_are_refused),
        cmocka_unit_test(quotes_need_eight_transport_bytes),
        cmocka_unit_test(padding_behind_a_quote_is_not_believed),
        cmocka_unit_test(ipv6_quotes),
        cmocka_unit_test(opening_checks_source_and_protocol),
        cmocka_unit_test(pseudo_header_is_part_of_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
