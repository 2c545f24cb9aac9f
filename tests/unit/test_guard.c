#include "tests/unit/unit.h"

#include "lib/probing/guard.h"

static bool allowed(const char *prefixes[], size_t count, const char *anchor, const char *text)
{
    struct kp_prefix list[4];
    struct kp_addr anchor_addr;
    struct kp_addr addr;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kp_prefix_parse(prefixes[i], &list[i]), KP_OK);
    assert_int_equal(kp_addr_parse(anchor, &anchor_addr), KP_OK);
    assert_int_equal(kp_addr_parse(text, &addr), KP_OK);
    struct kp_guard guard = {list, count, &anchor_addr, 1};
    return kp_guard_allows(&guard, &addr);
}

static void only_what_is_listed(void **state)
{
    (void)state;
    const char *list[] = {"198.18.176.0/22", "2001:2:0:176::/64"};
    assert_true(allowed(list, 2, "198.19.0.1", "198.18.176.71"));
    assert_true(allowed(list, 2, "198.19.0.1", "198.18.179.255"));
    assert_false(allowed(list, 2, "198.19.0.1", "198.18.180.0"));
    assert_true(allowed(list, 2, "198.19.0.1", "2001:2:0:176::71"));
    assert_false(allowed(list, 2, "198.19.0.1", "2001:2:0:177::71"));
    assert_true(allowed(list, 2, "198.19.0.1", "198.19.0.1"));
    assert_false(allowed(list, 2, "198.19.0.1", "198.19.0.2"));
}

static void a_wide_prefix_does_not_open_special_ranges(void **state)
{
    (void)state;
    const char *all[] = {"0.0.0.0/0", "::/0"};
    const char *special[] = {"127.0.0.1", "224.0.0.1", "169.254.1.1", "255.255.255.255",
                             "0.0.0.0",   "::1",       "fe80::1",     "ff02::1"};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        assert_false(allowed(all, 2, "198.19.0.1", special[i]));
    const char *loopback[] = {"127.0.0.0/8", "0.0.0.0/0"};
    assert_true(allowed(loopback, 2, "198.19.0.1", "127.0.0.1"));
    assert_false(allowed(loopback, 2, "198.19.0.1", "224.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_listed),
        cmocka_unit_test(a_wide_prefix_does_not_open_special_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
