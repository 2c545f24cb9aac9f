/* Findings: lists of names that may be cut short, and what is a part of what. */
#include "lib/judging/finding.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* A finding about space-separated targets, on space-separated paths. */
static struct kp_finding about(enum kp_verdict class, const char *where, const char *targets,
                               const char *paths)
{
    struct kp_finding f = {.class = class};
    const char *lists[] = {targets, paths};
    struct kp_names *names[] = {&f.targets, &f.paths};
    snprintf(f.where, sizeof f.where, "%s", where);
    for (size_t n = 0; n < 2; n++) {
        char word[16];
        int used = 0;
        for (const char *at = lists[n]; sscanf(at, " %15s%n", word, &used) == 1; at += used)
            kp_names_add(names[n], word);
    }
    return f;
}

static struct kp_names many(uint32_t first, uint32_t count)
{
    struct kp_names names = {0};
    for (uint32_t n = first; n < first + count; n++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", n);
        kp_names_add(&names, name);
    }
    return names;
}

static void names_are_counted_beyond_what_is_kept(void **state)
{
    (void)state;
    struct kp_names names = many(0, KP_INCIDENT_NAMES + 3);
    assert_int_equal(names.count, KP_INCIDENT_NAMES + 3);
    assert_true(kp_names_has(&names, "n63"));
    assert_false(kp_names_has(&names, "n64"));
    kp_names_add(&names, "n5");
    assert_int_equal(names.count, KP_INCIDENT_NAMES + 3);
}

static void long_names_are_cut(void **state)
{
    (void)state;
    struct kp_names names = {0};
    char name[80];
    memset(name, 'a', sizeof name);
    name[79] = '\0';
    kp_names_add(&names, name);
    assert_int_equal(strlen(names.name[0]), 64);
}

static void joining_never_makes_a_list_shorter(void **state)
{
    (void)state;
    struct kp_names few = many(0, 2), more = many(1, 3);
    kp_names_join(&few, &more);
    assert_int_equal(few.count, 4);
    struct kp_names cut = many(0, KP_INCIDENT_NAMES + 10);
    kp_names_join(&few, &cut);
    assert_int_equal(few.count, KP_INCIDENT_NAMES + 10);
    struct kp_names full = many(100, KP_INCIDENT_NAMES);
    kp_names_join(&full, &cut);
    assert_int_equal(full.count, KP_INCIDENT_NAMES + 10);
    kp_names_join(&full, &more);
    assert_int_equal(full.count, KP_INCIDENT_NAMES + 10);
}

static void a_part_must_be_known_in_full(void **state)
{
    (void)state;
    struct kp_names none = {0}, two = many(0, 2), three = many(0, 3);
    struct kp_names cut = many(0, KP_INCIDENT_NAMES + 1);
    assert_true(kp_names_within(&two, &three));
    assert_false(kp_names_within(&three, &two));
    assert_false(kp_names_within(&none, &three));
    assert_false(kp_names_within(&cut, &cut));
}

static void widths_order_what_can_be_a_part(void **state)
{
    (void)state;
    static const enum kp_verdict narrow_first[] = {KP_V_SERVICE_OUTAGE, KP_V_HOST_OUTAGE,
                                                   KP_V_DNS_OUTAGE,     KP_V_PATH_OUTAGE,
                                                   KP_V_COUNTRY_OUTAGE, KP_V_VANTAGE_FAULT};
    for (size_t n = 1; n < sizeof narrow_first / sizeof narrow_first[0]; n++) {
        struct kp_finding a = about(narrow_first[n - 1], "x", "x", "p");
        struct kp_finding b = about(narrow_first[n], "x", "x", "p");
        assert_true(kp_finding_width(&a) < kp_finding_width(&b));
    }
    struct kp_finding target = about(KP_V_DEGRADED, "a", "a", "p");
    struct kp_finding path = about(KP_V_DEGRADED, "p", "a b", "p");
    assert_int_equal(kp_finding_width(&target), 0);
    assert_int_equal(kp_finding_width(&path), 1);
}

static void what_tells_by_its_paths(void **state)
{
    (void)state;
    struct kp_finding host = about(KP_V_HOST_OUTAGE, "a", "a", "p");
    struct kp_finding path = about(KP_V_PATH_OUTAGE, "p", "a", "p");
    struct kp_finding blank = about(KP_V_HOST_OUTAGE, "a", "", "p");
    struct kp_finding crowd = host;
    crowd.targets = many(0, KP_INCIDENT_NAMES + 1);
    assert_false(kp_finding_by_path(&host));
    assert_true(kp_finding_by_path(&path));
    assert_true(kp_finding_by_path(&blank));
    assert_true(kp_finding_by_path(&crowd));
}

static void overlaps(void **state)
{
    (void)state;
    struct kp_finding country = about(KP_V_COUNTRY_OUTAGE, "kp", "", "");
    struct kp_finding host = about(KP_V_HOST_OUTAGE, "a", "a", "p");
    struct kp_finding other = about(KP_V_HOST_OUTAGE, "b", "b", "p");
    struct kp_finding path = about(KP_V_PATH_OUTAGE, "p", "c d", "p");
    struct kp_finding far = about(KP_V_PATH_OUTAGE, "q", "e f", "q");
    assert_true(kp_finding_overlap(&country, &host));
    assert_true(kp_finding_overlap(&host, &country));
    assert_false(kp_finding_overlap(&host, &other));
    assert_true(kp_finding_overlap(&host, &path));
    assert_true(kp_finding_overlap(&path, &other));
    assert_false(kp_finding_overlap(&host, &far));
    assert_true(kp_finding_overlap(&host, &host));
}

static void parts(void **state)
{
    (void)state;
    struct kp_finding country = about(KP_V_COUNTRY_OUTAGE, "kp", "a b", "p q");
    struct kp_finding path = about(KP_V_PATH_OUTAGE, "p", "c d", "p");
    struct kp_finding host = about(KP_V_HOST_OUTAGE, "a", "a", "p");
    struct kp_finding web = about(KP_V_SERVICE_OUTAGE, "a/web", "a", "p");
    struct kp_finding tls = about(KP_V_SERVICE_OUTAGE, "a/tls", "a", "p");
    struct kp_finding some_ns = about(KP_V_DNS_OUTAGE, "dns", "n1", "p");
    struct kp_finding all_ns = about(KP_V_DNS_OUTAGE, "dns", "n2 n3", "q");
    assert_true(kp_finding_covers(&country, &path));
    assert_true(kp_finding_covers(&path, &host));
    assert_false(kp_finding_covers(&host, &path));
    assert_false(kp_finding_covers(&host, &country));
    assert_false(kp_finding_covers(&web, &tls));
    assert_true(kp_finding_covers(&web, &web));
    assert_true(kp_finding_covers(&host, &web));
    assert_true(kp_finding_covers(&some_ns, &all_ns));
}

static void alike_is_of_one_width_and_thing(void **state)
{
    (void)state;
    struct kp_finding web = about(KP_V_SERVICE_OUTAGE, "a/web", "a", "p");
    struct kp_finding tls = about(KP_V_SERVICE_OUTAGE, "a/tls", "a", "p");
    struct kp_finding slow = about(KP_V_DEGRADED, "p", "a b", "p");
    struct kp_finding host = about(KP_V_HOST_OUTAGE, "a", "a", "p");
    struct kp_finding ban = about(KP_V_POSSIBLE_BAN, "a", "a", "p");
    struct kp_finding other = about(KP_V_HOST_OUTAGE, "b", "b", "p");
    struct kp_finding ns = about(KP_V_DNS_OUTAGE, "dns", "n1", "p");
    struct kp_finding more_ns = about(KP_V_DNS_OUTAGE, "dns", "n2", "q");
    assert_true(kp_finding_alike(&web, &web));
    assert_false(kp_finding_alike(&web, &tls));
    assert_false(kp_finding_alike(&web, &slow)); /* one width, but not one kind */
    assert_false(kp_finding_alike(&web, &host));
    assert_true(kp_finding_alike(&host, &ban));
    assert_false(kp_finding_alike(&host, &other));
    assert_true(kp_finding_alike(&ns, &more_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_counted_beyond_what_is_kept),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(joining_never_makes_a_list_shorter),
        cmocka_unit_test(a_part_must_be_known_in_full),
        cmocka_unit_test(widths_order_what_can_be_a_part),
        cmocka_unit_test(what_tells_by_its_paths),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(parts),
        cmocka_unit_test(alike_is_of_one_width_and_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
