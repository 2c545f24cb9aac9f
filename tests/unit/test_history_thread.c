/* The history's thread: everything is written once, and nothing waits for the disk. */
#include "tests/unit/history_help.h"

#include "daemon/sinks/history_thread.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add_event(struct kpd_hthread *t, unsigned seq)
{
    struct kpd_queue one;
    kpd_queue_init(&one, 0, 0);
    hist_event(&one, seq, seq, "path.state", "\"path\":{\"name\":\"p1\"}");
    struct kpd_note note;
    memcpy(&note, one.head->bytes, sizeof note);
    kpd_hthread_add(t, &note, one.head->bytes + sizeof note, one.head->len - sizeof note);
    kpd_queue_fini(&one);
}

static void wait_for(struct kpd_hthread *t, struct kpd_hthread_state *state)
{
    struct pollfd p = {.fd = kpd_hthread_fd(t), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
    kpd_hthread_state(t, state);
}

static void wait_committed(struct kpd_hthread *t, uint64_t count)
{
    struct kpd_hthread_state state = {0};
    for (int i = 0; state.committed < count && i < 1000; i++)
        wait_for(t, &state);
    assert_int_equal(state.committed, count);
    assert_int_equal(state.errnum, 0);
}

static void test_writes_and_answers(void **state)
{
    (void)state;
    struct kpd_store_args args = hist_args("b1");
    struct kpd_hthread *t = kpd_hthread_new(&args, hist_open("b1"), 0);
    for (unsigned seq = 1; seq <= 1000; seq++) {
        add_event(t, seq);
        if (seq % 7 == 0)
            assert_int_equal(kpd_hthread_commit(t, strdup("{}")), 0);
    }
    assert_int_equal(kpd_hthread_commit(t, NULL), 0);
    wait_committed(t, 1000 + 1000 / 7); /* and where what was learned stands */
    struct kpd_ask *ask = calloc(1, sizeof *ask), *answer = NULL;
    *ask = (struct kpd_ask){.kind = KPD_ASK_HISTORY, .ticket = 7, .until = hist_at(1)};
    kpd_hthread_ask(t, ask);
    struct kpd_hthread_state now;
    while (!(answer = kpd_hthread_answer(t)))
        wait_for(t, &now);
    assert_int_equal(answer->ticket, 7);
    assert_false(answer->failed);
    kpd_ask_free(answer);
    add_event(t, 1001); /* what waits at the end is written */
    kpd_hthread_commit(t, strdup("{\"last\":1}"));
    kpd_hthread_free(t, 20);
    struct kpd_store *store = hist_open("b2");
    assert_int_equal(hist_number(store, "SELECT count(*) FROM events"), 1001);
    hist_expect_text(store, "SELECT state FROM learned ORDER BY at DESC", "{\"last\":1}");
    kpd_store_close(store);
}

/* Where the file cannot be opened all waits, within its bounds; then it is written. */
static void test_waits_for_the_disk(void **state)
{
    struct kpd_hthread_state now = {0};
    uint64_t lost = 0;
    (void)state;
    assert_int_equal(mkdir(hist_path, 0700), 0); /* in the way */
    struct kpd_store_args args = hist_args("b1");
    struct kpd_hthread *t = kpd_hthread_new(&args, NULL, 100);
    while (now.errnum == 0)
        wait_for(t, &now);
    for (unsigned seq = 1; seq <= 250; seq++) {
        add_event(t, seq);
        lost += kpd_hthread_commit(t, NULL);
    }
    assert_in_range(lost, 50, 150); /* up to 100 in the hand, 100 behind it */
    struct kpd_ask *ask = calloc(1, sizeof *ask), *answer;
    kpd_hthread_ask(t, ask);
    while (!(answer = kpd_hthread_answer(t)))
        wait_for(t, &now);
    assert_true(answer->failed);
    kpd_ask_free(answer);
    assert_int_equal(rmdir(hist_path), 0);
    wait_committed(t, 250 - lost);
    kpd_hthread_free(t, 20);
    struct kpd_store *store = hist_open("b2");
    assert_int_equal(hist_number(store, "SELECT count(*) FROM events"), 250 - lost);
    assert_int_equal(hist_number(store, "SELECT max(seq) FROM events"), 250);
    kpd_store_close(store);
}

/* A file that comes into reach later has a gap, and goes on. */
static void test_comes_late(void **state)
{
    struct kpd_hthread_state now = {0};
    char aside[sizeof hist_path + 8];
    (void)state;
    struct kpd_store *before = hist_open("b0");
    assert_int_equal(kpd_store_write(before, NULL, "{\"learned\":{}}", hist_at(-3600)), 0);
    kpd_store_close(before);
    snprintf(aside, sizeof aside, "%s.aside", hist_path);
    assert_int_equal(rename(hist_path, aside), 0);
    assert_int_equal(mkdir(hist_path, 0700), 0); /* in the way */
    struct kpd_store_args args = hist_args("b1");
    args.machine = "m2";
    struct kpd_hthread *t = kpd_hthread_new(&args, NULL, 0);
    while (now.errnum == 0)
        wait_for(t, &now);
    add_event(t, 1);
    kpd_hthread_commit(t, strdup("{}"));
    assert_int_equal(rmdir(hist_path), 0);
    assert_int_equal(rename(aside, hist_path), 0);
    wait_committed(t, 2);
    kpd_hthread_free(t, 20);
    struct kpd_store *store = hist_open("b2");
    hist_expect_text(store, "SELECT group_concat(reason) FROM gaps", "rebooted");
    assert_int_equal(hist_number(store, "SELECT (ended - began) / 1000000 FROM gaps"), 3600);
    assert_int_equal(hist_number(store, "SELECT count(*) FROM events"), 1);
    kpd_store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, hist_set_up, hist_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_writes_and_answers),
        TEST(test_waits_for_the_disk),
        TEST(test_comes_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
