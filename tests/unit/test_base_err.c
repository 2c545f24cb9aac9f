#include "lib/base/err.h"
#include "tests/unit/unit.h"

#include <string.h>

static const enum kp_err all[] = {
    KP_OK,        KP_ERR_NOMEM,  KP_ERR_SHORT,    KP_ERR_MALFORMED,
    KP_ERR_RANGE, KP_ERR_DENIED, KP_ERR_NOTFOUND, KP_ERR_BUSY};
enum { COUNT = sizeof all / sizeof all[0] };

static void every_error_has_its_own_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(strlen(kp_err_name(all[i])) > 1);
        assert_string_not_equal(kp_err_name(all[i]), "unknown error");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(kp_err_name(all[i]), kp_err_name(all[j]));
    }
}

static void values_outside_the_list_are_named_safely(void **state)
{
    (void)state;
    assert_string_equal(kp_err_name((enum kp_err)COUNT), "unknown error");
    assert_string_equal(kp_err_name((enum kp_err) - 1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_words),
        cmocka_unit_test(values_outside_the_list_are_named_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
