#include "tests/unit/unit.h"

#include "lib/judging/window.h"

#include <math.h>
#include <stdlib.h>

static struct kp_window *make(void)
{
    struct kp_window *w = malloc(sizeof *w);
    assert_non_null(w);
    kp_window_init(w);
    return w;
}

static struct kp_mono at(int64_t seconds)
{
    return (struct kp_mono){(10000 + seconds) * KP_NS_PER_S};
}

static void empty_is_unknown(void **state)
{
    (void)state;
    struct kp_window *w = make();
    double cells[KP_WINDOW_CELLS];
    assert_true(kp_window_ratio(w, at(0)) < 0);
    assert_true(kp_window_rtt(w, at(0), 0.5) < 0);
    kp_window_cells(w, at(0), cells);
    assert_true(cells[0] < 0 && cells[KP_WINDOW_CELLS - 1] < 0);
    free(w);
}

static void ratio_cells_and_revision(void **state)
{
    (void)state;
    struct kp_window *w = make();
    double cells[KP_WINDOW_CELLS];
    for (int64_t s = 0; s < 20; s++)
        kp_window_add(w, at(s), s < 10 ? 0.1 : -1);
    assert_true(kp_window_ratio(w, at(20)) == 0.5);
    kp_window_cells(w, at(19), cells);
    assert_true(cells[KP_WINDOW_CELLS - 2] == 1);
    assert_true(cells[KP_WINDOW_CELLS - 1] == 0);
    for (int64_t s = 10; s < 15; s++)
        kp_window_revise(w, at(s), 2.0);
    assert_true(kp_window_ratio(w, at(20)) == 0.75);
    kp_window_cells(w, at(19), cells);
    assert_true(cells[KP_WINDOW_CELLS - 1] == 0.5);
    free(w);
}

static void what_is_older_than_ten_minutes_is_gone(void **state)
{
    (void)state;
    struct kp_window *w = make();
    kp_window_add(w, at(0), 0.1);
    assert_true(kp_window_ratio(w, at(590)) == 1);
    assert_true(kp_window_ratio(w, at(601)) < 0);
    assert_true(kp_window_rtt(w, at(601), 0.5) < 0);
    /* A cell is used again by a later time; a still later answer finds it gone. */
    kp_window_add(w, at(600), -1);
    kp_window_revise(w, at(0), 0.1);
    assert_true(kp_window_ratio(w, at(600)) == 0);
    free(w);
}

static void quantiles_are_within_half_a_bin(void **state)
{
    (void)state;
    struct kp_window *w = make();
    for (int i = 1; i <= 1000; i++)
        kp_window_add(w, at(i % 500), i / 1000.0);
    double p50 = kp_window_rtt(w, at(500), 0.5);
    double p95 = kp_window_rtt(w, at(500), 0.95);
    assert_true(fabs(p50 / 0.5 - 1) < 0.03);
    assert_true(fabs(p95 / 0.95 - 1) < 0.03);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_unknown),
        cmocka_unit_test(ratio_cells_and_revision),
        cmocka_unit_test(what_is_older_than_ten_minutes_is_gone),
        cmocka_unit_test(quantiles_are_within_half_a_bin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
