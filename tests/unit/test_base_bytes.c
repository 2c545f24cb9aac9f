#include "lib/base/bytes.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static void reads_are_network_order(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct kp_rd r = kp_rd_init(data, sizeof data);
    assert_int_equal(kp_rd_u8(&r), 0x01);
    assert_int_equal(kp_rd_u16(&r), 0x0203);
    assert_int_equal(kp_rd_u32(&r), 0x04050607);
    assert_int_equal(kp_rd_u64(&r), UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(r.left, 0);
    assert_false(r.bad);
}

/* In an exactly sized heap buffer, so that ASan sees one byte too many. */
static void a_failed_read_yields_zeros_from_then_on(void **state)
{
    (void)state;
    for (size_t len = 0; len < 8; len++) {
        uint8_t *data = malloc(len > 0 ? len : 1);
        assert_non_null(data);
        memset(data, 0xff, len);
        struct kp_rd r = kp_rd_init(data, len);
        assert_int_equal(kp_rd_u64(&r), 0);
        assert_true(r.bad);
        assert_int_equal(kp_rd_u8(&r), 0);
        assert_int_equal(kp_rd_u16(&r), 0);
        assert_int_equal(kp_rd_u32(&r), 0);
        assert_null(kp_rd_bytes(&r, 0));
        assert_int_equal(r.left, len);
        free(data);
    }
}

static void byte_runs_stay_inside(void **state)
{
    (void)state;
    static const uint8_t data[4] = {1, 2, 3, 4};
    struct kp_rd r = kp_rd_init(data, sizeof data);
    assert_ptr_equal(kp_rd_bytes(&r, 3), data);
    assert_ptr_equal(kp_rd_bytes(&r, 0), data + 3);
    assert_null(kp_rd_bytes(&r, SIZE_MAX));
    assert_true(r.bad);
    struct kp_rd empty = kp_rd_init(NULL, 0);
    (void)kp_rd_bytes(&empty, 0);
    assert_false(empty.bad);
    assert_int_equal(kp_rd_u8(&empty), 0);
    assert_true(empty.bad);
}

static void writes_come_back(void **state)
{
    (void)state;
    uint8_t data[20];
    struct kp_wr w = kp_wr_init(data, sizeof data);
    kp_wr_u8(&w, 0x01);
    kp_wr_u16(&w, 0x0203);
    kp_wr_u32(&w, 0x04050607);
    kp_wr_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
    kp_wr_bytes(&w, "ab", 2);
    kp_wr_fill(&w, 0xee, 3);
    assert_false(w.bad);
    assert_int_equal(w.left, 0);
    static const uint8_t want[20] = {1,  2,  3,  4,  5,  6,   7,   8,    9,    10,
                                     11, 12, 13, 14, 15, 'a', 'b', 0xee, 0xee, 0xee};
    assert_memory_equal(data, want, sizeof want);
}

static void a_write_without_room_changes_nothing(void **state)
{
    (void)state;
    for (size_t len = 0; len < 8; len++) {
        uint8_t *data = malloc(len > 0 ? len : 1);
        assert_non_null(data);
        memset(data, 0x55, len);
        struct kp_wr w = kp_wr_init(data, len);
        kp_wr_u64(&w, 1);
        assert_true(w.bad);
        kp_wr_u8(&w, 1);
        kp_wr_u16(&w, 1);
        kp_wr_bytes(&w, "x", 1);
        kp_wr_fill(&w, 0, SIZE_MAX);
        assert_int_equal(w.left, len);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(data[i], 0x55);
        free(data);
    }
    struct kp_wr none = kp_wr_init(NULL, 0);
    kp_wr_bytes(&none, NULL, 0);
    kp_wr_fill(&none, 0, 0);
    assert_false(none.bad);
}

/* RFC 1071 section 3's example: sum ddf2. */
static void checksum_of_the_rfc_example(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(kp_csum_finish(kp_csum_add(0, data, sizeof data)), 0xffff ^ 0xddf2);
    assert_int_equal(kp_csum_finish(kp_csum_add(0, data, 0)), 0xffff);
    static const uint8_t odd[] = {0x12, 0x34, 0x56};
    assert_int_equal(kp_csum_finish(kp_csum_add(0, odd, 3)), 0xffff ^ (0x1234 + 0x5600));
}

static uint16_t slow_checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
        if (sum > 0xffff)
            sum -= 0xffff;
    }
    return (uint16_t)~sum;
}

static void checksum_equals_the_slow_way_for_any_size_and_split(void **state)
{
    (void)state;
    uint8_t data[257];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 167 + 255);
    for (size_t len = 0; len <= sizeof data; len++) {
        uint16_t want = slow_checksum(data, len);
        assert_int_equal(kp_csum_finish(kp_csum_add(0, data, len)), want);
        size_t half = len / 4 * 2;
        uint32_t sum = kp_csum_add(0, data, half);
        assert_int_equal(kp_csum_finish(kp_csum_add(sum, data + half, len - half)), want);
    }
}

static void checksum_carries_do_not_get_lost(void **state)
{
    (void)state;
    size_t len = (size_t)1 << 18;
    uint8_t *data = malloc(len);
    assert_non_null(data);
    memset(data, 0xff, len);
    assert_int_equal(kp_csum_finish(kp_csum_add(0xffffffffU, data, len)), 0);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_network_order),
        cmocka_unit_test(a_failed_read_yields_zeros_from_then_on),
        cmocka_unit_test(byte_runs_stay_inside),
        cmocka_unit_test(writes_come_back),
        cmocka_unit_test(a_write_without_room_changes_nothing),
        cmocka_unit_test(checksum_of_the_rfc_example),
        cmocka_unit_test(checksum_equals_the_slow_way_for_any_size_and_split),
        cmocka_unit_test(checksum_carries_do_not_get_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
