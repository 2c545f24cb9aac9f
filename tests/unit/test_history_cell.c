#include "daemon/sinks/history_cell.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_counts_add_up(void **state)
{
    struct kpd_cell a = {.sent = 3, .answered = 2, .seconds = {[KP_UP] = 20}};
    struct kpd_cell b = {.sent = 5, .answered = 5, .seconds = {[KP_UP] = 5, [KP_DOWN] = 7}};
    (void)state;
    assert_false(kpd_cell_empty(&a));
    assert_true(kpd_cell_empty(&(struct kpd_cell){0}));
    kpd_cell_add(&a, &b);
    assert_int_equal(a.sent, 8);
    assert_int_equal(a.answered, 7);
    assert_int_equal(a.seconds[KP_UP], 25);
    assert_int_equal(a.seconds[KP_DOWN], 7);
}

static void expect_near(double value, double wanted)
{
    if (fabs(value - wanted) > wanted * 0.026)
        fail_msg("%.9f is not within 2.6 %% of %.9f", value, wanted);
}

static void test_percentiles(void **state)
{
    struct kpd_cell cell = {0}, sum = {0};
    (void)state;
    assert_true(kpd_cell_percentile(&cell, 0.5) < 0);
    for (int ms = 1; ms <= 100; ms++) {
        struct kpd_cell one = {0};
        kpd_cell_rtt(&cell, 200000 + ms * 1000);
        kpd_cell_rtt(&one, 200000 + ms * 1000);
        kpd_cell_add(&sum, &one);
    }
    kpd_cell_rtt(&cell, -1); /* no answer has no time */
    expect_near(kpd_cell_percentile(&cell, 0.5), 0.250);
    expect_near(kpd_cell_percentile(&cell, 0.95), 0.295);
    assert_memory_equal(&sum, &cell, sizeof cell);
}

/* Whatever comes, the number of bins is bounded, none is lost and most are right. */
static void test_many_bins(void **state)
{
    struct kpd_cell cell = {0};
    uint32_t total = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        kpd_cell_rtt(&cell, 300000);
    for (int32_t us = 1; us < 100000000 && us > 0; us += us / 20 + 1)
        kpd_cell_rtt(&cell, us), total++;
    kpd_cell_rtt(&cell, INT32_MAX);
    for (uint32_t i = 0; i < cell.bin_count; i++) {
        total -= cell.bins[i].count;
        assert_true(i == 0 || cell.bins[i].index > cell.bins[i - 1].index);
    }
    assert_true(cell.bin_count <= KPD_CELL_BINS);
    assert_int_equal((int)total, -1001);
    expect_near(kpd_cell_percentile(&cell, 0.5), 0.300);
}

static void test_bytes(void **state)
{
    struct kpd_cell cell = {.sent = 60, .answered = 59, .seconds = {[KP_UP] = 900}}, back;
    struct kp_text bytes = {0};
    (void)state;
    for (int i = 0; i < 59; i++)
        kpd_cell_rtt(&cell, 290000 + i * 300);
    kpd_cell_write(&cell, &bytes);
    assert_true(bytes.len < 20);
    struct kp_rd in = kp_rd_init(bytes.data, bytes.len);
    kpd_cell_read(&in, &back);
    assert_false(in.bad);
    assert_int_equal(in.left, 0);
    assert_memory_equal(&back, &cell, sizeof cell);
    for (size_t len = 0; len < bytes.len; len++) { /* cut short anywhere, it is nothing */
        char *cut = malloc(len + 1);
        memcpy(cut, bytes.data, len);
        in = kp_rd_init(cut, len);
        kpd_cell_read(&in, &back);
        assert_true(in.bad);
        assert_true(kpd_cell_empty(&back));
        free(cut);
    }
    kp_text_fini(&bytes);
}

static void test_numbers(void **state)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct kp_text bytes = {0};
        kpd_cell_write_number(&bytes, numbers[i]);
        struct kp_rd in = kp_rd_init(bytes.data, bytes.len);
        assert_true(kpd_cell_read_number(&in) == numbers[i]);
        assert_int_equal(in.left, 0);
        kp_text_fini(&bytes);
    }
    struct kp_rd endless = kp_rd_init("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
    kpd_cell_read_number(&endless);
    assert_true(endless.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_add_up), cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_many_bins),     cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
