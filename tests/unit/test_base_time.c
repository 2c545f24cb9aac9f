#include "lib/base/time.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void assert_wall(const char *text, int64_t ns)
{
    struct kp_wall t = {-1};
    if (kp_wall_parse(text, &t) != KP_OK)
        fail_msg("'%s' refused", text);
    assert_int_equal(t.ns, ns);
}

static void known_times_parse(void **state)
{
    (void)state;
    assert_wall("1970-01-01T00:00:00Z", 0);
    assert_wall("1970-01-01t00:00:00z", 0);
    assert_wall("1970-01-01 00:00:01.5Z", KP_NS_PER_S * 3 / 2);
    assert_wall("2025-12-06T00:00:00.123456Z", INT64_C(1764979200123456000));
    assert_wall("2000-02-29T00:00:00Z", INT64_C(951782400) * KP_NS_PER_S);
    assert_wall("2024-02-29T23:59:59.999999999Z", INT64_C(1709251199999999999));
    assert_wall("2100-03-01T00:00:00Z", INT64_C(4107542400) * KP_NS_PER_S);
    assert_wall("1970-01-01T00:00:00.000000001Z", 1);
}

static void offsets_shift_to_utc(void **state)
{
    (void)state;
    assert_wall("1970-01-01T09:00:00+09:00", 0);
    assert_wall("1970-01-01T08:30:00+08:30", 0); /* Pyongyang, 2015 to 2018 */
    assert_wall("1969-12-31T23:00:00-01:00", 0);
    assert_wall("1970-01-02T00:00:00+23:59", 60 * KP_NS_PER_S);
    assert_wall("2024-03-01T00:30:00+01:00", INT64_C(1709249400) * KP_NS_PER_S);
    assert_wall("1970-01-01T00:00:00-00:00", 0);
}

static void leap_seconds_are_the_next_second(void **state)
{
    (void)state;
    struct kp_wall t;
    assert_wall("2016-12-31T23:59:60Z", INT64_C(1483228800) * KP_NS_PER_S);
    assert_wall("2017-01-01T05:29:60+05:30", INT64_C(1483228800) * KP_NS_PER_S);
    assert_int_equal(kp_wall_parse("2016-12-31T12:30:60Z", &t), KP_ERR_MALFORMED);
    assert_int_equal(kp_wall_parse("2016-12-31T23:59:61Z", &t), KP_ERR_MALFORMED);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2025",
        "2025-12-06",
        "2025-12-06T00:00:00",
        "2025-12-06T00:00Z",
        "2025-12-06T00:00:00Zx",
        " 2025-12-06T00:00:00Z",
        "2025-12-06T00:00:00.Z",
        "2025-12-06T00:00:00.1234567890Z",
        "2025-13-06T00:00:00Z",
        "2025-00-06T00:00:00Z",
        "2025-12-00T00:00:00Z",
        "2025-12-32T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2025-12-06T24:00:00Z",
        "2025-12-06T00:60:00Z",
        "2025-12-06T00:00:00+0900",
        "2025-12-06T00:00:00+24:00",
        "2025-12-06T00:00:00+09:60",
        "25-12-06T00:00:00Z",
        "2025/12/06T00:00:00Z",
        "-025-12-06T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kp_wall t = {42};
        if (kp_wall_parse(bad[i], &t) == KP_OK)
            fail_msg("'%s' taken", bad[i]);
        assert_int_equal(t.ns, 42);
    }
}

static void times_beyond_the_clock_are_out_of_range(void **state)
{
    (void)state;
    struct kp_wall t;
    assert_int_equal(kp_wall_parse("9999-12-31T23:59:59Z", &t), KP_ERR_RANGE);
    assert_int_equal(kp_wall_parse("2263-01-01T00:00:00Z", &t), KP_ERR_RANGE);
    assert_int_equal(kp_wall_parse("2262-01-01T00:00:00Z", &t), KP_OK);
    assert_int_equal(kp_wall_parse("1970-01-01T00:00:00+01:00", &t), KP_ERR_RANGE);
}

/* Every day from 1970 to 2262, against the C library. */
static void formatting_agrees_with_gmtime_and_parses_back(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 106600; day++) {
        int64_t second = day * 86400 + day * 7919 % 86400;
        struct kp_wall t = {second * KP_NS_PER_S + day % 1000000 * KP_NS_PER_US};
        time_t libc = (time_t)second;
        struct tm tm;
        assert_non_null(gmtime_r(&libc, &tm));
        char want[64];
        size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(want + n, sizeof want - n, ".%06dZ", (int)(day % 1000000));
        char got[KP_RFC3339_SIZE];
        kp_wall_format(t, got);
        assert_string_equal(got, want);
        struct kp_wall back = {0};
        assert_int_equal(kp_wall_parse(got, &back), KP_OK);
        assert_int_equal(back.ns, t.ns);
    }
}

static void formatting_cuts_below_a_microsecond(void **state)
{
    (void)state;
    char got[KP_RFC3339_SIZE];
    kp_wall_format((struct kp_wall){999}, got);
    assert_string_equal(got, "1970-01-01T00:00:00.000000Z");
    kp_wall_format((struct kp_wall){INT64_MAX}, got);
    assert_string_equal(got, "2262-04-11T23:47:16.854775Z");
}

static void durations_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0s", 0},
        {"500ms", 500},
        {"1h30m", 5400000},
        {"1d2h3m4s5ms", 93784005},
        {"400d", INT64_C(34560000000)},
        {"10y", INT64_C(315360000000)},
        {"200y", INT64_C(6307200000000)},
        {"0.3s", 300},
        {"1.5h", 5400000},
        {"0.5ms1s", 1000},
        {"30m", 1800000},
        {"30ms", 30},
        {"007s", 7000},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct kp_dur d = {-1};
        if (kp_dur_parse(good[i].text, &d) != KP_OK)
            fail_msg("'%s' refused", good[i].text);
        assert_int_equal(d.ns / KP_NS_PER_MS, good[i].ms);
    }
    struct kp_dur d;
    assert_int_equal(kp_dur_parse("0.3s", &d), KP_OK);
    assert_int_equal(d.ns, 300 * KP_NS_PER_MS); /* not 299,999,999 */
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "5",  "s",   "-1s",  "+1s",  " 1s",  "1s ",
                                      "1 s",  "1.", "1.s", ".5s",  "1x",   "1sec", "1h5",
                                      "1e3s", "1M", "1S",  "1,5s", "0x1s", "inf",  "nans"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kp_dur d = {42};
        if (kp_dur_parse(bad[i], &d) != KP_ERR_MALFORMED)
            fail_msg("'%s' taken", bad[i]);
        assert_int_equal(d.ns, 42);
    }
    struct kp_dur d;
    assert_int_equal(kp_dur_parse("201y", &d), KP_ERR_RANGE);
    char many[600];
    memset(many, '9', sizeof many);
    memcpy(many + sizeof many - 2, "y", 2);
    assert_int_equal(kp_dur_parse(many, &d), KP_ERR_RANGE);
}

static void durations_format_and_come_back(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } known[] = {{0, "0s"},         {1, "1ms"},
                 {1500, "1s500ms"}, {5400000, "1h30m"},
                 {86400000, "1d"},  {34560000000, "400d"},
                 {600000, "10m"},   {93784005, "1d2h3m4s5ms"}};
    char text[KP_DUR_SIZE];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        kp_dur_format(kp_dur_ms(known[i].ms), text);
        assert_string_equal(text, known[i].text);
    }
    kp_dur_format((struct kp_dur){KP_NS_PER_MS - 1}, text);
    assert_string_equal(text, "0s");
    kp_dur_format((struct kp_dur){INT64_MAX}, text);
    assert_string_equal(text, "106751d23h47m16s854ms");
    for (int64_t ms = 1; ms < INT64_C(6307200000000); ms = ms * 7 / 3 + 13) {
        struct kp_dur back = {0};
        kp_dur_format(kp_dur_ms(ms), text);
        assert_int_equal(kp_dur_parse(text, &back), KP_OK);
        assert_int_equal(back.ns, kp_dur_ms(ms).ns);
    }
}

static void seconds_convert_both_ways(void **state)
{
    (void)state;
    assert_int_equal(kp_dur_from_seconds(0.29).ns, 290 * KP_NS_PER_MS);
    assert_int_equal(kp_dur_from_seconds(-0.29).ns, -290 * KP_NS_PER_MS);
    assert_int_equal(kp_dur_from_seconds(1e300).ns, INT64_MAX);
    assert_int_equal(kp_dur_from_seconds(-1e300).ns, INT64_MIN);
    for (int64_t us = 0; us < 10000000; us += 997) {
        struct kp_dur d = {us * KP_NS_PER_US};
        assert_int_equal(kp_dur_from_seconds(kp_dur_seconds(d)).ns, d.ns);
    }
}

static void arithmetic_is_plain(void **state)
{
    (void)state;
    struct kp_mono a = {5};
    struct kp_mono b = kp_mono_add(a, kp_dur_s(2));
    assert_int_equal(kp_mono_sub(b, a).ns, 2 * KP_NS_PER_S);
    assert_true(kp_mono_before(a, b));
    assert_false(kp_mono_before(a, a));
    assert_false(kp_mono_set((struct kp_mono){0}));
    assert_int_equal(kp_wall_add((struct kp_wall){7}, kp_dur_ms(-1)).ns, 7 - KP_NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_parse),
        cmocka_unit_test(offsets_shift_to_utc),
        cmocka_unit_test(leap_seconds_are_the_next_second),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_beyond_the_clock_are_out_of_range),
        cmocka_unit_test(formatting_agrees_with_gmtime_and_parses_back),
        cmocka_unit_test(formatting_cuts_below_a_microsecond),
        cmocka_unit_test(durations_parse),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(durations_format_and_come_back),
        cmocka_unit_test(seconds_convert_both_ways),
        cmocka_unit_test(arithmetic_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
