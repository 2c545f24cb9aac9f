#include "tests/unit/unit.h"

#include "lib/judging/path.h"

static struct kp_addr edge;
static struct kp_prefix china[2];
static struct kp_prefix russia[1];
static struct kp_prefix not_russia[1];
static struct kp_path_rule rules[2];

static struct kp_addr address(const char *text)
{
    struct kp_addr a = {0};
    if (text != NULL)
        assert_int_equal(kp_addr_parse(text, &a), KP_OK);
    return a;
}

static int set_up(void **state)
{
    (void)state;
    edge = address("198.19.35.254");
    assert_int_equal(kp_prefix_parse("198.19.32.0/22", &china[0]), KP_OK);
    assert_int_equal(kp_prefix_parse("198.19.219.0/24", &china[1]), KP_OK);
    assert_int_equal(kp_prefix_parse("198.19.40.0/22", &russia[0]), KP_OK);
    assert_int_equal(kp_prefix_parse("198.19.42.0/24", &not_russia[0]), KP_OK);
    rules[0] = (struct kp_path_rule){&edge, 1, china, 2, NULL, 0};
    rules[1] = (struct kp_path_rule){NULL, 0, russia, 1, not_russia, 1};
    return 0;
}

static struct kp_path_seen seen(const char *const texts[], uint8_t count)
{
    struct kp_addr hops[16];
    for (uint8_t i = 0; i < count; i++)
        hops[i] = address(texts[i]);
    return kp_path_recognise(rules, 2, hops, count);
}

static void the_deepest_known_hop_decides(void **state)
{
    (void)state;
    const char *way[] = {"198.19.1.1", "198.19.219.2", "198.19.35.254", NULL, NULL};
    assert_int_equal(seen(way, 5).path, 0);
    assert_int_equal(seen(way, 5).edge, 2);
    const char *both[] = {"198.19.219.2", "198.19.40.2", NULL};
    assert_int_equal(seen(both, 3).path, 1);
    assert_int_equal(seen(both, 3).edge, 1);
}

static void excluded_hops_are_nobodys(void **state)
{
    (void)state;
    const char *way[] = {"198.19.1.1", "198.19.42.7"};
    assert_int_equal(seen(way, 2).path, KP_PATH_NONE);
    const char *silent[] = {NULL, NULL};
    assert_int_equal(seen(silent, 2).path, KP_PATH_NONE);
    assert_int_equal(seen(NULL, 0).path, KP_PATH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_deepest_known_hop_decides),
        cmocka_unit_test(excluded_hops_are_nobodys),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
