#include "lib/base/vocab.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Each list's values come back from their names, have a description, and no
 * name beyond the list or twice in it. */
#define CHECK(type, COUNT)                                                                     \
    static void type##_names_round_trip(void **state)                                          \
    {                                                                                          \
        (void)state;                                                                           \
        for (int i = 0; i < (int)COUNT; i++) {                                                 \
            enum kp_##type value = (enum kp_##type)i;                                          \
            enum kp_##type back = COUNT;                                                       \
            assert_true(kp_##type##_parse(kp_##type##_name(value), &back));                    \
            assert_int_equal(back, value);                                                     \
            assert_true(strlen(kp_##type##_doc(value)) > 1);                                   \
        }                                                                                      \
        enum kp_##type kept = (enum kp_##type)0;                                               \
        assert_false(kp_##type##_parse("", &kept));                                            \
        assert_false(kp_##type##_parse("?", &kept));                                           \
        assert_int_equal(kept, 0);                                                             \
        assert_string_equal(kp_##type##_name(COUNT), "?");                                     \
        assert_string_equal(kp_##type##_doc((enum kp_##type) - 1), "?");                       \
    }

CHECK(state, KP_STATE_COUNT)
CHECK(probe_type, KP_PROBE_COUNT)
CHECK(result, KP_RESULT_COUNT)
CHECK(verdict, KP_VERDICT_COUNT)
CHECK(phase, KP_PHASE_COUNT)
CHECK(confidence, KP_CONFIDENCE_COUNT)
CHECK(cause, KP_CAUSE_COUNT)
CHECK(discard, KP_DISCARD_COUNT)
CHECK(action, KP_ACTION_COUNT)
CHECK(level, KP_LEVEL_COUNT)
CHECK(record_kind, KP_RECORD_COUNT)

/* The words CONTRACT.md promises, in its own order where order means something. */
static void words_are_the_contract(void **state)
{
    (void)state;
    static const char *const verdicts[] = {"clear",          "unknown",      "degraded",
                                           "service-outage", "possible-ban", "host-outage",
                                           "dns-outage",     "path-outage",  "country-outage",
                                           "transit-outage", "vantage-fault"};
    assert_int_equal(sizeof verdicts / sizeof verdicts[0], KP_VERDICT_COUNT);
    for (int i = 0; i < (int)KP_VERDICT_COUNT; i++)
        assert_string_equal(kp_verdict_name((enum kp_verdict)i), verdicts[i]);
    static const char *const reasons[] = {
        "none", "bad_checksum", "bad_cookie", "wrong_source", "duplicate", "late", "malformed"};
    assert_int_equal(sizeof reasons / sizeof reasons[0], KP_DISCARD_COUNT);
    for (int i = 0; i < (int)KP_DISCARD_COUNT; i++)
        assert_string_equal(kp_discard_name((enum kp_discard)i), reasons[i]);
    assert_string_equal(kp_probe_type_name(KP_PROBE_TCP_SYN), "tcp-syn");
    assert_string_equal(kp_result_name(KP_LOCAL_ERROR), "local-error");
    assert_string_equal(kp_state_name(KP_DOWN), "down");
    assert_string_equal(kp_phase_name(KP_RECOVERING), "recovering");
    assert_string_equal(kp_confidence_name(KP_MEDIUM), "medium");
    assert_string_equal(kp_action_name(KP_EV_PROBE_RESULT), "probe.result");
}

static void parsing_is_exact(void **state)
{
    (void)state;
    enum kp_probe_type type = KP_PROBE_COUNT;
    assert_false(kp_probe_type_parse("ICMP", &type));
    assert_false(kp_probe_type_parse("icmp ", &type));
    assert_false(kp_probe_type_parse("tcp", &type));
    assert_int_equal(type, KP_PROBE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_names_round_trip),
        cmocka_unit_test(probe_type_names_round_trip),
        cmocka_unit_test(result_names_round_trip),
        cmocka_unit_test(verdict_names_round_trip),
        cmocka_unit_test(phase_names_round_trip),
        cmocka_unit_test(confidence_names_round_trip),
        cmocka_unit_test(cause_names_round_trip),
        cmocka_unit_test(discard_names_round_trip),
        cmocka_unit_test(action_names_round_trip),
        cmocka_unit_test(level_names_round_trip),
        cmocka_unit_test(record_kind_names_round_trip),
        cmocka_unit_test(words_are_the_contract),
        cmocka_unit_test(parsing_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
