/* Where events go, when their readers are stuck, gone, full, or moved. */
#include "tests/unit/unit.h"

#include "daemon/clock.h"
#include "daemon/sinks/file.h"
#include "daemon/sinks/journal.h"
#include "daemon/sinks/syslog.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], path[80];
static struct kpd_loop *loop;
static struct kpd_hub *hub;
static enum kp_level level;
static unsigned health_bad, health_good;

static void on_health(const struct kpd_hub_entry *entry, const struct kp_event *event,
                      void *ctx)
{
    (void)ctx;
    if (entry->action == KP_EV_DAEMON_HEALTH)
        *(event->success ? &health_good : &health_bad) += 1;
}

static int set_up(void **state)
{
    (void)state;
    const struct kp_event_source source = {"fra1", "DE", "1.0", "b7"};
    snprintf(dir, sizeof dir, "/tmp/kp-sinks.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x", dir);
    loop = kpd_loop_new();
    hub = kpd_hub_new(&source, 0, 0);
    level = KP_LOG_DEBUG;
    health_bad = health_good = 0;
    assert_true(kpd_hub_sink(hub, on_health, NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    kpd_hub_free(hub);
    kpd_loop_free(loop);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void publish(enum kp_action action, const char *message)
{
    struct kp_event e = {.action = action,
                         .level = KP_LOG_INFO,
                         .at = kpd_clock_wall(),
                         .rtt = -1,
                         .success = true,
                         .target = "kcna"};
    snprintf(e.message, sizeof e.message, "%s", message);
    kpd_hub_publish(hub, &e);
}

static void stop(void *ctx)
{
    kpd_loop_stop(ctx);
}

/* Runs the loop until check holds, for 10 s at most. */
static bool until(bool (*check)(void))
{
    struct kpd_timer *tick = kpd_timer_new(loop, stop, loop);
    struct kp_mono end = kp_mono_add(kpd_clock_mono(), kp_dur_s(10));
    while (!check() && kp_mono_before(kpd_clock_mono(), end)) {
        kpd_timer_set(tick, kp_dur_ms(1));
        kpd_loop_run(loop);
    }
    kpd_timer_free(tick);
    return check();
}

static int reader(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static int listening;
static unsigned got;
static char last[65536];

/* Reads all there is. */
static void read_all(void)
{
    ssize_t n;
    while ((n = recv(listening, last, sizeof last - 1, 0)) > 0) {
        last[n] = '\0';
        got++;
    }
}

static bool got_all(void)
{
    read_all();
    return got >= 3002 && health_good == 1;
}

static uint64_t lost_by(enum kpd_reader reader)
{
    struct kpd_hub_stats stats;
    kpd_hub_stats(hub, &stats);
    return stats.dropped_by[reader];
}

static bool said_broken(void)
{
    return health_bad == 1;
}

/* A journald that is stuck: its socket is there and nobody reads it.  Publishing
 * goes on; when it reads again it gets everything, once and in order. */
static void test_stuck_reader(void **state)
{
    (void)state;
    struct kpd_journal journal;
    got = 0;
    listening = reader();
    assert_true(kpd_journal_open(&journal, loop, hub, path, &level));
    for (int i = 0; i < 3000; i++)
        publish(KP_EV_TARGET_STATE, "state");
    assert_true(until(said_broken));
    assert_true(until(got_all));
    assert_int_equal(got, 3002); /* and that it was stuck, and works again */
    assert_int_equal(lost_by(KPD_READER_JOURNAL), 0);
    assert_non_null(strstr(last, "KPWATCHD_EVENT_SEQUENCE=3002\n"));
    kpd_journal_close(&journal);
    close(listening);
}

static bool said_lost(void)
{
    return health_bad >= 2;
}

static bool got_some(void)
{
    read_all();
    return got > KPD_QUEUE_ENTRIES / 2 && health_good == 1 && strstr(last, "again");
}

/* So much that the queue overflows: samples go first, and what is lost is counted
 * and said. */
static void test_overflow(void **state)
{
    (void)state;
    struct kpd_syslog syslog;
    got = 0;
    listening = reader();
    assert_true(kpd_syslog_open(&syslog, loop, hub, path, &level));
    for (int i = 0; i < KPD_QUEUE_ENTRIES; i++)
        publish(KP_EV_PROBE_RESULT, "sample");
    for (int i = 0; i < 1000; i++)
        publish(KP_EV_INCIDENT_UPDATED, "incident");
    uint64_t lost = lost_by(KPD_READER_SYSLOG);
    assert_true(lost > 0 && lost <= 1000);
    assert_int_equal(syslog.dgram.queue.expendable, syslog.dgram.queue.count - 1000);
    assert_true(until(said_lost));
    assert_true(until(got_some));
    kpd_syslog_close(&syslog);
    close(listening);
}

static bool got_one(void)
{
    read_all();
    return got > 0;
}

/* The reader goes and comes back; what was told meanwhile arrives. */
static void test_reader_gone(void **state)
{
    (void)state;
    struct kpd_syslog syslog;
    got = 0;
    assert_true(kpd_syslog_open(&syslog, loop, hub, path, &level));
    publish(KP_EV_DAEMON_START, "first");
    listening = reader();
    assert_true(until(got_one));
    assert_int_equal(strncmp(last, "<30>", 4), 0);
    assert_non_null(strstr(last, " kpwatchd["));
    const char *cookie = strstr(last, "]: @cee: ");
    assert_non_null(cookie);
    json_t *json = json_loads(cookie + 9, 0, NULL);
    assert_non_null(json);
    json_decref(json);
    close(listening);
    publish(KP_EV_DAEMON_START, "second");
    got = 0;
    listening = reader();
    assert_true(until(got_one));
    assert_non_null(strstr(last, "second"));
    kpd_syslog_close(&syslog);
    close(listening);
}

static void test_level(void **state)
{
    (void)state;
    struct kpd_syslog syslog;
    got = 0;
    listening = reader();
    level = KP_LOG_WARNING;
    assert_true(kpd_syslog_open(&syslog, loop, hub, path, &level));
    publish(KP_EV_DAEMON_START, "too small");
    publish(KP_EV_TARGET_STATE, "never left out");
    read_all();
    assert_int_equal(got, 1);
    level = KP_LOG_INFO;
    publish(KP_EV_DAEMON_START, "large enough");
    read_all();
    assert_int_equal(got, 2);
    kpd_syslog_close(&syslog);
    close(listening);
}

/* --- the file --- */

static unsigned lines, bad_lines;
static const char *wanted;

/* Counts the lines of the file, and those that are no JSON. */
static void count_lines(const char *name)
{
    char line[4096];
    FILE *file = fopen(name, "r");
    lines = bad_lines = 0;
    while (file && fgets(line, sizeof line, file)) {
        json_t *json = json_loads(line, 0, NULL);
        lines++;
        bad_lines += !json || !strchr(line, '\n');
        json_decref(json);
    }
    if (file)
        fclose(file);
}

static unsigned want_lines;

static bool has_lines(void)
{
    count_lines(wanted);
    return lines >= want_lines && bad_lines == 0;
}

static bool file_has(const char *name, unsigned count)
{
    wanted = name;
    want_lines = count;
    return until(has_lines);
}

static void test_file_rotates(void **state)
{
    (void)state;
    char moved[140], other[140];
    struct stat st;
    snprintf(moved, sizeof moved, "%s.1", path);
    snprintf(other, sizeof other, "%s/sub/y", dir);
    struct kpd_file *file = kpd_file_open(loop, hub, path, 0);
    assert_non_null(file);
    publish(KP_EV_DAEMON_START, "one");
    assert_true(file_has(path, 1));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(rename(path, moved), 0);
    assert_true(kpd_file_reopen(file, NULL));
    publish(KP_EV_DAEMON_START, "two");
    assert_true(file_has(path, 1));
    assert_true(file_has(moved, 1));
    assert_true(kpd_file_reopen(file, other));
    publish(KP_EV_DAEMON_START, "three");
    assert_true(file_has(other, 1));
    kpd_file_close(file, true);
}

/* A disk that fills up: no line is there in part, and none is lost. */
static void test_file_full(void **state)
{
    (void)state;
    struct rlimit before, small = {0};
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){10000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    struct kpd_file *file = kpd_file_open(loop, hub, path, 0);
    for (int i = 0; i < 200; i++)
        publish(KP_EV_TARGET_STATE, "state");
    assert_true(until(said_broken));
    count_lines(path);
    assert_true(lines > 0 && lines < 200);
    assert_int_equal(bad_lines, 0);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_true(file_has(path, 202));
    assert_int_equal(lines, 202);
    assert_int_equal(lost_by(KPD_READER_FILE), 0);
    kpd_file_close(file, true);
}

static void test_file_full_for_long(void **state)
{
    (void)state;
    struct kpd_file *file = kpd_file_open(loop, hub, "/dev/full/x", 10);
    for (int i = 0; i < 20; i++)
        publish(KP_EV_TARGET_STATE, "state");
    assert_true(until(said_lost));
    assert_in_range(lost_by(KPD_READER_FILE), 9, 12); /* one may be in the writer's hand */
    kpd_file_close(file, true);
}

/* What a crash cut off does not swallow what comes next. */
static void test_file_cut_line(void **state)
{
    (void)state;
    FILE *cut = fopen(path, "w");
    fputs("{\"cut\":", cut);
    fclose(cut);
    struct kpd_file *file = kpd_file_open(loop, hub, path, 0);
    publish(KP_EV_DAEMON_START, "whole");
    kpd_file_close(file, true);
    count_lines(path);
    assert_int_equal(lines, 2);
    assert_int_equal(bad_lines, 1);
}

/* Not through a symlink, and no FIFO; once that is gone, the file is made. */
static void refused(int made)
{
    assert_int_equal(made, 0);
    health_bad = 0;
    struct kpd_file *file = kpd_file_open(loop, hub, path, 0);
    assert_true(until(said_broken));
    assert_int_equal(unlink(path), 0);
    publish(KP_EV_DAEMON_START, "now");
    assert_true(file_has(path, 2));
    kpd_file_close(file, true);
    unlink(path);
}

static void test_file_kinds(void **state)
{
    (void)state;
    char target[100];
    snprintf(target, sizeof target, "%s/target", dir);
    refused(symlink(target, path));
    assert_int_not_equal(access(target, F_OK), 0);
    refused(mkfifo(path, 0600));
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stuck_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_overflow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_rotates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_full_for_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_cut_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_kinds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
