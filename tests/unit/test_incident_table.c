/* The incident table beside its looks: what a restart puts back into it. */
#include "lib/judging/incident.h"
#include "tests/unit/unit.h"

static struct kp_incidents *table;

static int begin(void **state)
{
    (void)state;
    table = kp_incidents_new(kp_dur_s(300));
    return table != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    kp_incidents_free(table);
    return 0;
}

static enum kp_err restore(uint32_t id, enum kp_verdict class, enum kp_phase phase)
{
    struct kp_incident i = {.id = id, .phase = phase, .uuid = {[15] = (uint8_t)id}};
    i.what.class = class;
    return kp_incidents_restore(table, &i);
}

static void incidents_come_back_in_any_order(void **state)
{
    (void)state;
    static const uint32_t ids[] = {7, 3, 9, 1};
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(restore(ids[n], KP_V_HOST_OUTAGE, KP_CLOSED), KP_OK);
    assert_int_equal(kp_incidents_count(table), 4);
    for (uint32_t n = 1; n < 4; n++)
        assert_true(kp_incidents_at(table, n - 1)->id < kp_incidents_at(table, n)->id);
    assert_int_equal(kp_incidents_state(table).last_id, 9);
}

static void an_id_is_taken_once(void **state)
{
    (void)state;
    assert_int_equal(restore(0, KP_V_HOST_OUTAGE, KP_CLOSED), KP_ERR_RANGE);
    assert_int_equal(restore(4, KP_V_HOST_OUTAGE, KP_CLOSED), KP_OK);
    assert_int_equal(restore(4, KP_V_PATH_OUTAGE, KP_CONFIRMED), KP_ERR_RANGE);
    assert_int_equal(kp_incidents_at(table, 0)->what.class, KP_V_HOST_OUTAGE);
}

static void a_full_table_takes_no_more(void **state)
{
    (void)state;
    uint32_t id = 1;
    while (restore(id, KP_V_HOST_OUTAGE, KP_CLOSED) == KP_OK)
        id++;
    assert_int_equal(restore(id, KP_V_HOST_OUTAGE, KP_CLOSED), KP_ERR_BUSY);
    assert_int_equal(kp_incidents_count(table), 512);
    assert_int_equal(id, 513);
}

static void they_are_found_by_number_and_uuid(void **state)
{
    (void)state;
    static const uint8_t there[16] = {[15] = 2}, elsewhere[16] = {[15] = 3};
    assert_int_equal(restore(1, KP_V_HOST_OUTAGE, KP_CLOSED), KP_OK);
    assert_int_equal(restore(2, KP_V_HOST_OUTAGE, KP_CLOSED), KP_OK);
    assert_int_equal(kp_incidents_by_id(table, 2)->id, 2);
    assert_null(kp_incidents_by_id(table, 3));
    assert_int_equal(kp_incidents_by_uuid(table, there)->id, 2);
    assert_null(kp_incidents_by_uuid(table, elsewhere));
}

/* Of equal ones the oldest; closed ones do not count. */
static void the_gravest_is_the_widest_open_one(void **state)
{
    (void)state;
    assert_null(kp_incidents_gravest(table));
    assert_int_equal(restore(1, KP_V_COUNTRY_OUTAGE, KP_CLOSED), KP_OK);
    assert_null(kp_incidents_gravest(table));
    assert_int_equal(restore(2, KP_V_HOST_OUTAGE, KP_CONFIRMED), KP_OK);
    assert_int_equal(restore(3, KP_V_PATH_OUTAGE, KP_RECOVERING), KP_OK);
    assert_int_equal(restore(4, KP_V_PATH_OUTAGE, KP_CONFIRMED), KP_OK);
    assert_int_equal(kp_incidents_gravest(table)->id, 3);
    assert_int_equal(kp_incidents_open_count(table), 3);
}

/* Numbers go on behind all that were ever given, and never go back. */
static void its_state_goes_on(void **state)
{
    (void)state;
    struct kp_incidents_state s = {.last_id = 40, .suspended = true, .resumed = {17}};
    kp_incidents_set_state(table, &s);
    struct kp_incidents_state now = kp_incidents_state(table);
    assert_int_equal(now.last_id, 40);
    assert_true(now.suspended);
    assert_int_equal(now.resumed.ns, 17);
    s.last_id = 5;
    kp_incidents_set_state(table, &s);
    assert_int_equal(kp_incidents_state(table).last_id, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(incidents_come_back_in_any_order, begin, end),
        cmocka_unit_test_setup_teardown(an_id_is_taken_once, begin, end),
        cmocka_unit_test_setup_teardown(a_full_table_takes_no_more, begin, end),
        cmocka_unit_test_setup_teardown(they_are_found_by_number_and_uuid, begin, end),
        cmocka_unit_test_setup_teardown(the_gravest_is_the_widest_open_one, begin, end),
        cmocka_unit_test_setup_teardown(its_state_goes_on, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
