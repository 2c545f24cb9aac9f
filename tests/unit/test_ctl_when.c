#include "ctl/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1764979200) /* 2025-12-06T00:00:00Z */

static const struct kp_wall now = {NOW * KP_NS_PER_S};

static struct kp_wall at(double seconds)
{
    return (struct kp_wall){now.ns + (int64_t)(seconds * 1e9)};
}

static void reads_ages_and_times(void **state)
{
    struct kp_wall t = {0};
    (void)state;
    assert_true(kpc_when_parse("90s", now, &t));
    assert_int_equal(t.ns, (NOW - 90) * KP_NS_PER_S);
    assert_true(kpc_when_parse("1d12h", now, &t));
    assert_int_equal(t.ns, (NOW - 129600) * KP_NS_PER_S);
    assert_true(kpc_when_parse("2025-12-06T01:00:00+01:00", now, &t));
    assert_int_equal(t.ns, now.ns);
    assert_false(kpc_when_parse("yesterday", now, &t));
    assert_false(kpc_when_parse("90", now, &t));
    assert_false(kpc_when_parse("-2h", now, &t));
    assert_false(kpc_when_parse("2025-12-06", now, &t));
}

static void lengths(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{0, "0s"},        {59, "59s"},      {60, "1m"},        {3599, "59m"},
                 {3600, "1h00m"},  {11100, "3h05m"}, {86399, "23h59m"}, {86400, "1d0h"},
                 {188400, "2d4h"}, {-5, "0s"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[KPC_WHEN_SIZE];
        kpc_when_length(kp_dur_s(cases[i].seconds), text);
        assert_string_equal(text, cases[i].text);
    }
}

static void ages(void **state)
{
    char text[KPC_WHEN_SIZE];
    (void)state;
    kpc_when_ago(at(-0.5), now, text);
    assert_string_equal(text, "now");
    kpc_when_ago(at(-200), now, text);
    assert_string_equal(text, "3m ago");
    kpc_when_ago(at(7199.9), now, text);
    assert_string_equal(text, "in 2h00m");
}

static void stamps(void **state)
{
    char text[KPC_WHEN_SIZE];
    (void)state;
    kpc_when_stamp(now, false, text);
    assert_string_equal(text, "2025-12-06 00:00:00Z");
    kpc_when_clock(at(-60), now, false, text);
    assert_string_equal(text, "23:59:00Z");
    kpc_when_clock(at(-90000), now, false, text);
    assert_string_equal(text, "2025-12-04 23:00:00Z");
    setenv("TZ", "XYZ-9", 1);
    tzset();
    kpc_when_stamp(now, true, text);
    assert_string_equal(text, "2025-12-06 09:00:00 +0900");
    kpc_when_stamp(now, false, text);
    assert_string_equal(text, "2025-12-06 00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ages_and_times),
        cmocka_unit_test(lengths),
        cmocka_unit_test(ages),
        cmocka_unit_test(stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
