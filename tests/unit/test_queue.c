/* The bounded queue of the sinks: what is kept where room is short. */
#include "tests/unit/unit.h"

#include "daemon/sinks/queue.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t push(struct kpd_queue *q, const char *text, bool expendable)
{
    return kpd_queue_push(q, text, strlen(text), expendable);
}

static void takes(struct kpd_queue *q, const char *text)
{
    struct kpd_queued *entry = kpd_queue_take(q);
    assert_non_null(entry);
    assert_int_equal(entry->len, strlen(text));
    assert_memory_equal(entry->bytes, text, entry->len);
    free(entry);
}

static void test_keeps_order(void **state)
{
    (void)state;
    struct kpd_queue q;
    kpd_queue_init(&q, 0, 0);
    assert_null(kpd_queue_take(&q));
    assert_int_equal(push(&q, "a", false) + push(&q, "bb", true) + push(&q, "", false), 0);
    assert_int_equal(q.count, 3);
    assert_int_equal(q.bytes, 3);
    assert_int_equal(q.expendable, 1);
    takes(&q, "a");
    takes(&q, "bb");
    takes(&q, "");
    assert_int_equal(q.count + q.bytes + q.expendable, 0);
    assert_null(kpd_queue_take(&q));
    kpd_queue_fini(&q);
}

static void test_samples_go_first(void **state)
{
    (void)state;
    struct kpd_queue q;
    kpd_queue_init(&q, 3, 100);
    push(&q, "state1", false);
    push(&q, "sample1", true);
    push(&q, "sample2", true);
    assert_int_equal(push(&q, "state2", false), 1); /* for sample1 */
    assert_int_equal(push(&q, "sample3", true), 1); /* for sample2 */
    assert_int_equal(push(&q, "state3", false), 1);
    assert_int_equal(push(&q, "sample4", true), 1); /* for none: itself */
    assert_int_equal(push(&q, "state4", false), 1); /* the oldest */
    takes(&q, "state2");
    takes(&q, "state3");
    takes(&q, "state4");
    kpd_queue_fini(&q);
}

static void test_bounded_in_bytes(void **state)
{
    (void)state;
    struct kpd_queue q;
    kpd_queue_init(&q, 100, 10);
    assert_int_equal(push(&q, "12345678901", false), 1);
    assert_int_equal(push(&q, "1234", false), 0);
    assert_int_equal(push(&q, "5678", false), 0);
    assert_int_equal(push(&q, "1234567890", false), 2);
    assert_int_equal(q.count, 1);
    assert_int_equal(q.bytes, 10);
    assert_int_equal(push(&q, "x", true), 1);
    kpd_queue_fini(&q);
    assert_int_equal(q.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order),
        cmocka_unit_test(test_samples_go_first),
        cmocka_unit_test(test_bounded_in_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
