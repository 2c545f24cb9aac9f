#include "lib/base/nearest.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char *nearest(const char *wanted)
{
    static const char *const known[] = {"icmp", "tcp-syn", "dns", "china-unicom",
                                        "transtelecom"};
    struct kp_nearest n = kp_nearest_begin(wanted);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        kp_nearest_offer(&n, known[i]);
    return n.best != NULL ? n.best : "nothing";
}

static void edits_are_counted(void **state)
{
    (void)state;
    assert_int_equal(kp_nearest_distance("", ""), 0);
    assert_int_equal(kp_nearest_distance("", "abc"), 3);
    assert_int_equal(kp_nearest_distance("abc", ""), 3);
    assert_int_equal(kp_nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(kp_nearest_distance("interval", "intreval"), 1); /* a swap */
    assert_int_equal(kp_nearest_distance("DNS", "dns"), 0);
    assert_int_equal(kp_nearest_distance("ca", "abc"), 3); /* optimal string alignment */
}

static void long_texts_are_far_apart(void **state)
{
    (void)state;
    char text[65];
    memset(text, 'a', sizeof text);
    text[63] = '\0';
    assert_int_equal(kp_nearest_distance(text, text), 0);
    assert_int_equal(kp_nearest_distance(text, ""), 63);
    text[63] = 'a';
    text[64] = '\0';
    assert_int_equal(kp_nearest_distance(text, "a"), SIZE_MAX);
    assert_int_equal(kp_nearest_distance("a", text), SIZE_MAX);
    assert_string_equal(nearest(text), "nothing");
}

static void near_names_are_offered_and_far_ones_not(void **state)
{
    (void)state;
    assert_string_equal(nearest("icpm"), "icmp");
    assert_string_equal(nearest("tcp_syn"), "tcp-syn");
    assert_string_equal(nearest("tcp"), "tcp-syn"); /* a beginning */
    assert_string_equal(nearest("china-unicmo"), "china-unicom");
    assert_string_equal(nearest("DNS"), "dns");
    assert_string_equal(nearest("intelsat"), "nothing");
    assert_string_equal(nearest(""), "nothing");
    assert_string_equal(nearest("xyz"), "nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(long_texts_are_far_apart),
        cmocka_unit_test(near_names_are_offered_and_far_ones_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
