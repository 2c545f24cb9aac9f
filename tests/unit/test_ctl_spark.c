#include "ctl/spark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void shows_share(const char *json, size_t cells, bool ascii, const char *expected)
{
    json_t *list = json_loads(json, JSON_DECODE_ANY, NULL);
    struct kpc_spark spark = kpc_spark_share(list, cells, ascii);
    assert_string_equal(spark.text, expected);
    json_decref(list);
}

static void shows_rtt(const char *json, size_t cells, bool ascii, const char *expected)
{
    json_t *list = json_loads(json, JSON_DECODE_ANY, NULL);
    struct kpc_spark spark = kpc_spark_rtt(list, cells, ascii);
    assert_string_equal(spark.text, expected);
    json_decref(list);
}

static void shares(void **state)
{
    (void)state;
    shows_share("[null, 0, 0.01, 0.3, 0.5, 0.7, 0.99, 1]", 8, false, "·×▁▃▄▅▇█");
    shows_share("[null, 0, 0.01, 0.3, 0.5, 0.7, 0.99, 1]", 8, true, ".x_-~=*#");
    shows_share("[1.5, -1, \"x\"]", 8, false, "█×·");
    shows_share("[]", 8, false, "");
    shows_share("null", 8, false, "");
    shows_share("[1]", 0, false, "");
}

static void shares_are_merged(void **state)
{
    (void)state;
    shows_share("[1, 1, 0, 0, null, 1]", 3, false, "█×█");
    shows_share("[null, null, 0, 1]", 2, false, "·▄");
    /* Where the cells do not divide, the oldest one is the short one. */
    shows_share("[0, 1, 1, 1, 1]", 3, false, "×██");
    shows_share("[1, 1, 1, 1, 1, 1, 1]", 4, false, "████");
}

static void round_trips(void **state)
{
    (void)state;
    shows_rtt("[0.29, 0.3, 0.29, null]", 8, false, "▁▁▁×");
    shows_rtt("[0.1, 0.2, null]", 8, true, "_#x");
    shows_rtt("[0.1, 0.151, 0.2]", 8, false, "▁▅█");
    shows_rtt("[9, 0.1, 0.1]", 2, false, "▁▁"); /* the latest two */
    shows_rtt("[null]", 8, false, "×");
    shows_rtt("[0, 0]", 8, false, "▁▁");
    shows_rtt("7", 8, false, "");
}

static void never_too_long(void **state)
{
    json_t *list = json_array();
    (void)state;
    for (int i = 0; i < 1000; i++)
        json_array_append_new(list, json_real(1));
    struct kpc_spark spark = kpc_spark_share(list, SIZE_MAX, false);
    assert_true(sizeof spark.text > 3 * (size_t)KPC_SPARK_CELLS);
    assert_int_equal(strlen(spark.text) % 3, 0);
    assert_true(strlen(spark.text) <= 3 * (size_t)KPC_SPARK_CELLS);
    spark = kpc_spark_rtt(list, 1000, false);
    assert_int_equal(strlen(spark.text), 3 * KPC_SPARK_CELLS);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares),
        cmocka_unit_test(shares_are_merged),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(never_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
