#include "lib/base/addr.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct kp_addr addr(const char *text)
{
    struct kp_addr a = {0};
    if (kp_addr_parse(text, &a) != KP_OK)
        fail_msg("'%s' refused", text);
    return a;
}

static struct kp_prefix prefix(const char *text)
{
    struct kp_prefix p = {0};
    if (kp_prefix_parse(text, &p) != KP_OK)
        fail_msg("'%s' refused", text);
    return p;
}

static void addresses_have_one_text(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"198.18.0.1", "198.18.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:0002:0000:0000:0000:0000:0000:000A", "2001:2::a"},
        {"2001:DB8::1", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 4.2.2 */
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* 4.2.3 */
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct kp_addr a = addr(pairs[i][0]);
        char text[KP_ADDR_SIZE];
        kp_addr_format(&a, text);
        assert_string_equal(text, pairs[i][1]);
        struct kp_addr back = addr(text);
        assert_true(kp_addr_equal(&a, &back));
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "1",          "1.2.3",
        "1.2.3.4.5",  "1.2.3.256",  "01.2.3.4",
        " 1.2.3.4",   "1.2.3.4 ",   "1.2.3.-4",
        "0x7f.0.0.1", "1.2.3.4/32", "fe80::1%eth0",
        ":::",        "1::2::3",    "1:2:3:4:5:6:7:8:9",
        "12345::",    "g::",        "localhost",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kp_addr a = {.family = 99};
        if (kp_addr_parse(bad[i], &a) != KP_ERR_MALFORMED)
            fail_msg("'%s' taken", bad[i]);
        assert_int_equal(a.family, 99);
    }
    struct kp_addr a;
    assert_int_equal(kp_addr_parse("::ffff:198.18.0.1", &a), KP_ERR_RANGE);
    assert_int_equal(kp_addr_parse("::ffff:c612:1", &a), KP_ERR_RANGE);
}

static void no_address_is_a_dash(void **state)
{
    (void)state;
    struct kp_addr none = {0};
    char text[KP_ADDR_SIZE];
    kp_addr_format(&none, text);
    assert_string_equal(text, "-");
    assert_int_equal(kp_addr_len(&none), 0);
    struct kp_addr four = addr("0.0.0.0");
    struct kp_addr six = addr("::");
    assert_int_equal(kp_addr_len(&four), 4);
    assert_int_equal(kp_addr_len(&six), 16);
    assert_false(kp_addr_equal(&four, &six));
    assert_false(kp_addr_equal(&four, &none));
}

static void prefixes_parse_and_format(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"175.45.176.0/22", "175.45.176.0/22"},
        {"198.18.0.0/15", "198.18.0.0/15"},
        {"198.18.0.1", "198.18.0.1"},
        {"198.18.0.1/32", "198.18.0.1"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::/0", "::/0"},
        {"2001:2::/48", "2001:2::/48"},
        {"2001:2::1/128", "2001:2::1"},
        {"fe80::/10", "fe80::/10"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct kp_prefix p = prefix(pairs[i][0]);
        char text[KP_PREFIX_SIZE];
        kp_prefix_format(&p, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void what_is_no_prefix_is_refused(void **state)
{
    (void)state;
    struct kp_prefix p;
    static const char *const bad[] = {
        "",
        "/",
        "/8",
        "1.2.3.4/",
        "1.2.3.4/x",
        "1.2.3.4/-1",
        "1.2.3.4/ 8",
        "1.2.3.4/8 ",
        "1.2.3.4/8/8",
        "1.2.3.4/0008",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (kp_prefix_parse(bad[i], &p) != KP_ERR_MALFORMED)
            fail_msg("'%s' taken", bad[i]);
    static const char *const beyond[] = {"1.2.3.4/33",        "::/129",        "::/999",
                                         "1.2.3.4/24",        "198.18.0.1/31", "2001:2::1/127",
                                         "::ffff:1.2.3.4/128"};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
        if (kp_prefix_parse(beyond[i], &p) != KP_ERR_RANGE)
            fail_msg("'%s' not out of range", beyond[i]);
}

static bool in(const char *p, const char *a)
{
    struct kp_prefix outer = prefix(p);
    struct kp_addr inner = addr(a);
    return kp_prefix_contains(&outer, &inner);
}

static void prefixes_contain_their_edges_only(void **state)
{
    (void)state;
    assert_true(in("175.45.176.0/22", "175.45.176.0"));
    assert_true(in("175.45.176.0/22", "175.45.179.255"));
    assert_false(in("175.45.176.0/22", "175.45.180.0"));
    assert_false(in("175.45.176.0/22", "175.45.175.255"));
    assert_true(in("0.0.0.0/0", "255.255.255.255"));
    assert_false(in("0.0.0.0/0", "::"));
    assert_false(in("::/0", "1.2.3.4"));
    assert_true(in("2001:2::/48", "2001:2:0:ffff:ffff:ffff:ffff:ffff"));
    assert_false(in("2001:2::/48", "2001:2:1::"));
    assert_true(in("198.18.0.1/32", "198.18.0.1"));
    assert_false(in("198.18.0.1/32", "198.18.0.0"));
    assert_true(in("::1/128", "::1"));
}

/* Every length, against bit-by-bit comparison. */
static void containment_holds_for_every_length(void **state)
{
    (void)state;
    struct kp_addr base = addr("a5a5:5a5a:a5a5:5a5a:a5a5:5a5a:a5a5:5a5a");
    for (unsigned len = 0; len <= 128; len++) {
        struct kp_prefix p = {base, (uint8_t)len};
        for (unsigned bit = 0; bit < 128; bit++) {
            struct kp_addr a = base;
            a.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            assert_int_equal(kp_prefix_contains(&p, &a), bit >= len);
        }
    }
}

static void covering_needs_the_shorter_prefix(void **state)
{
    (void)state;
    struct kp_prefix big = prefix("198.18.0.0/15");
    struct kp_prefix small = prefix("198.19.0.0/24");
    struct kp_prefix other = prefix("198.20.0.0/24");
    assert_true(kp_prefix_covers(&big, &small));
    assert_true(kp_prefix_covers(&big, &big));
    assert_false(kp_prefix_covers(&small, &big));
    assert_false(kp_prefix_covers(&big, &other));
    struct kp_addr a = addr("198.19.0.7");
    struct kp_prefix host = kp_prefix_host(&a);
    assert_int_equal(host.len, 32);
    assert_true(kp_prefix_covers(&small, &host));
}

static void special_ranges(void **state)
{
    (void)state;
    static const char *const special[] = {
        "0.0.0.0",     "0.1.2.3",   "127.0.0.1",       "127.255.255.255",
        "169.254.1.1", "224.0.0.1", "239.255.255.255", "255.255.255.255",
        "::",          "::1",       "fe80::1",         "febf::1",
        "ff02::1"};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        struct kp_addr a = addr(special[i]);
        if (!kp_addr_special(&a))
            fail_msg("%s not special", special[i]);
    }
    static const char *const plain[] = {"1.0.0.1",         "9.9.9.9",   "175.45.176.71",
                                        "198.18.0.1",      "10.0.0.1",  "169.253.0.1",
                                        "223.255.255.255", "2001:2::1", "::2",
                                        "fec0::1",         "fc00::1"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct kp_addr a = addr(plain[i]);
        if (kp_addr_special(&a))
            fail_msg("%s special", plain[i]);
    }
    struct kp_prefix part = prefix("127.0.0.0/9");
    struct kp_prefix whole = prefix("0.0.0.0/0");
    assert_true(kp_prefix_special(&part));
    assert_false(kp_prefix_special(&whole));
}

static void private_ranges(void **state)
{
    (void)state;
    static const char *const private[] = {"10.0.0.1",    "172.16.0.1", "172.31.255.255",
                                          "192.168.1.1", "198.18.0.1", "198.19.255.255",
                                          "127.0.0.1",   "::1",        "fc00::1",
                                          "fdff::1",     "2001:2::1"};
    for (size_t i = 0; i < sizeof private / sizeof private[0]; i++) {
        struct kp_addr a = addr(private[i]);
        if (!kp_addr_private(&a))
            fail_msg("%s not private", private[i]);
    }
    static const char *const public[] = {
        "9.9.9.9",    "172.15.255.255", "172.32.0.0",  "192.169.0.1",  "198.17.255.255",
        "198.20.0.0", "175.45.176.71",  "2001:2:1::1", "2001:4860::1", "fe00::1",
        "::2"};
    for (size_t i = 0; i < sizeof public / sizeof public[0]; i++) {
        struct kp_addr a = addr(public[i]);
        if (kp_addr_private(&a))
            fail_msg("%s private", public[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_one_text),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(no_address_is_a_dash),
        cmocka_unit_test(prefixes_parse_and_format),
        cmocka_unit_test(what_is_no_prefix_is_refused),
        cmocka_unit_test(prefixes_contain_their_edges_only),
        cmocka_unit_test(containment_holds_for_every_length),
        cmocka_unit_test(covering_needs_the_shorter_prefix),
        cmocka_unit_test(special_ranges),
        cmocka_unit_test(private_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
