/* The control server against rude clients, over real sockets. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int setup(void **state)
{
    struct rig *rig = rig_new();
    *state = rig;
    return 0;
}

static int setup_open(void **state)
{
    struct rig *rig = rig_new();
    rig_open(rig);
    assert_non_null(rig->control);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

/* Sends text (with its NUL) and expects this error, then the end. */
static void expect_refused(struct rig *rig, const char *bytes, size_t len, const char *error)
{
    struct client c;
    client_open(&c, rig);
    client_send(&c, bytes, len);
    json_t *reply = client_read(&c);
    assert_non_null(reply);
    if (!is_error(reply, error))
        fail_msg("%s", json_dumps(reply, 0));
    json_decref(reply);
    assert_null(client_read(&c));
    client_close(&c);
}

static void expect_bad(struct rig *rig, const char *text)
{
    expect_refused(rig, text, strlen(text) + 1, "BadRequest");
}

static void good_client_is_served(struct rig *rig)
{
    struct client c;
    client_open(&c, rig);
    json_t *reply = client_call(&c, "GetStatus", NULL);
    assert_string_equal(text_at(reply, "parameters.verdict"), "clear");
    json_decref(reply);
    client_close(&c);
}

static void test_socket_has_mode_and_goes(void **state)
{
    struct rig *rig = *state;
    struct stat st;
    assert_int_equal(stat(rig->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(st.st_gid, getegid());
    assert_non_null(strstr(rig->why, "no-such-group"));
    kpd_control_close(rig->control);
    rig->control = NULL;
    assert_int_equal(stat(rig->path, &st), -1);
}

static void test_directory_is_made(void **state)
{
    struct rig *rig = *state;
    struct stat st;
    rmdir(rig->dir);
    rig_open(rig);
    assert_non_null(rig->control);
    assert_int_equal(stat(rig->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0750);
}

static void test_foreign_socket_stays_at_the_end(void **state)
{
    struct rig *rig = *state;
    struct stat st;
    assert_int_equal(unlink(rig->path), 0);
    int fd = open(rig->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    kpd_control_close(rig->control);
    rig->control = NULL;
    assert_int_equal(stat(rig->path, &st), 0);
}

/* A socket in the file system; its listener, or -1 where it was closed again. */
static int leave_socket(const char *path, bool alive)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    strcpy(addr.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    if (alive)
        return fd;
    close(fd);
    return -1;
}

static void test_stale_socket_is_replaced(void **state)
{
    struct rig *rig = *state;
    leave_socket(rig->path, false);
    rig_open(rig);
    assert_non_null(rig->control);
    good_client_is_served(rig);
}

static void test_live_socket_is_an_error(void **state)
{
    struct rig *rig = *state;
    int fd = leave_socket(rig->path, true);
    rig_open(rig);
    assert_null(rig->control);
    assert_non_null(strstr(rig->why, "listening"));
    struct stat st;
    assert_int_equal(stat(rig->path, &st), 0);
    close(fd);
}

static void test_a_file_is_never_removed(void **state)
{
    struct rig *rig = *state;
    int fd = open(rig->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    rig_open(rig);
    assert_null(rig->control);
    assert_non_null(strstr(rig->why, "not a socket"));
    struct stat st;
    assert_int_equal(stat(rig->path, &st), 0);
}

static void test_open_directory_keeps_its_stale_socket(void **state)
{
    struct rig *rig = *state;
    leave_socket(rig->path, false);
    assert_int_equal(chmod(rig->dir, 0777), 0);
    rig_open(rig);
    assert_null(rig->control);
    assert_non_null(strstr(rig->why, "others can write"));
}

static void test_too_long_path(void **state)
{
    struct rig *rig = *state;
    char long_path[300];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    struct kpd_control_args args = {.loop = rig->loop, .hub = rig->hub, .path = long_path};
    assert_null(kpd_control_open(&args, rig->why));
    assert_non_null(strstr(rig->why, "longer"));
}

static void test_malformed(void **state)
{
    struct rig *rig = *state;
    expect_bad(rig, "");
    expect_bad(rig, "{");
    expect_bad(rig, "nonsense");
    expect_bad(rig, "[1,2]");
    expect_bad(rig, "{}");
    expect_bad(rig, "{\"method\":7}");
    expect_bad(rig, "{\"method\":\"org.kpwatchd.Monitor.GetStatus\",\"parameters\":[]}");
    expect_bad(rig, "{\"method\":\"a.b\",\"method\":\"a.b\"}");
    expect_bad(rig, "{\"method\":\"a.b\",\"parameters\":{\"x\":1,\"x\":1}}");
    expect_bad(rig, "{\"method\":\"a.\xff\xfe\"}");
    expect_bad(rig, "{\"method\":\"a.\\u0000b\"}");
    good_client_is_served(rig);
}

static void test_depth(void **state)
{
    struct rig *rig = *state;
    char text[512] =
        "{\"method\":\"org.kpwatchd.Monitor.GetStatus\",\"x\":\"[[[[[[[[[[[[[[[[[[\\\"\","
        "\"y\":";
    size_t head = strlen(text);
    /* The object is one level, so 15 more are allowed. */
    strcat(text, "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}");
    struct client c;
    client_open(&c, rig);
    assert_true(client_send(&c, text, strlen(text) + 1));
    json_t *reply = client_read(&c);
    assert_non_null(json_object_get(reply, "parameters"));
    assert_null(json_object_get(reply, "error"));
    json_decref(reply);
    client_close(&c);
    strcpy(text + head, "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}");
    expect_bad(rig, text);
}

static void test_request_of_ten_megabytes(void **state)
{
    struct rig *rig = *state;
    size_t len = (size_t)10 << 20;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    expect_refused(rig, text, len, "BadRequest");
    free(text);
    good_client_is_served(rig);
}

static void test_longest_request(void **state)
{
    struct rig *rig = *state;
    static const char head[] = "{\"method\":\"org.kpwatchd.Monitor.GetStatus\"";
    size_t len = rig->limits.request + 2;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, head, strlen(head));
    text[len - 3] = '}';
    text[len - 2] = '\0';
    struct client c;
    client_open(&c, rig);
    assert_true(client_send(&c, text, len - 1));
    json_t *reply = client_read(&c);
    assert_string_equal(text_at(reply, "parameters.verdict"), "clear");
    json_decref(reply);
    client_close(&c);
    text[len - 3] = ' ';
    text[len - 2] = '}';
    text[len - 1] = '\0';
    expect_refused(rig, text, len, "BadRequest");
    free(text);
}

static void test_half_lines_wait_and_end(void **state)
{
    struct rig *rig = *state;
    rig->limits.stall = kp_dur_ms(200);
    rig_open(rig);
    struct client idle, half;
    client_open(&idle, rig);
    client_open(&half, rig);
    assert_true(client_send(&half, "{\"meth", 6));
    json_t *reply = client_read(&half);
    assert_true(is_error(reply, "BadRequest"));
    json_decref(reply);
    assert_null(client_read(&half));
    client_close(&half);
    /* Idle between requests is fine. */
    reply = client_call(&idle, "GetStatus", NULL);
    assert_non_null(reply);
    json_decref(reply);
    client_close(&idle);
}

static void test_request_in_pieces(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.ListPaths\"}";
    struct client c;
    client_open(&c, rig);
    for (size_t i = 0; i < sizeof text; i++)
        assert_true(client_send(&c, text + i, 1));
    json_t *reply = client_read(&c);
    assert_int_equal(json_array_size(at(reply, "parameters.paths")), 2);
    json_decref(reply);
    client_close(&c);
}

static void test_pipelined_in_order(void **state)
{
    struct rig *rig = *state;
    struct client c;
    char text[200 * 128];
    size_t len = 0;
    client_open(&c, rig);
    for (int i = 0; i < 200; i++)
        len += 1 + (size_t)snprintf(text + len, sizeof text - len,
                                    "{\"method\":\"org.kpwatchd.Monitor.X%d\"}", i);
    assert_true(client_send(&c, text, len));
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "X%d", i);
        json_t *reply = client_read(&c);
        assert_true(is_error(reply, "MethodNotFound"));
        assert_string_equal(text_at(reply, "parameters.method"), name);
        json_decref(reply);
    }
    client_close(&c);
}

static void test_half_closed_peer_is_answered(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.ListPaths\"}";
    struct client c;
    client_open(&c, rig);
    assert_true(client_send(&c, text, sizeof text));
    shutdown(c.fd, SHUT_WR);
    json_t *reply = client_read(&c);
    assert_non_null(reply);
    json_decref(reply);
    assert_null(client_read(&c));
    client_close(&c);
}

static void test_the_33rd_client(void **state)
{
    struct rig *rig = *state;
    struct client c[33];
    for (int i = 0; i < 32; i++) {
        client_open(&c[i], rig);
        json_t *reply = client_call(&c[i], "ListMutes", NULL);
        assert_non_null(reply);
        json_decref(reply);
    }
    client_open(&c[32], rig);
    json_t *reply = client_read(&c[32]);
    assert_true(is_error(reply, "TooManyClients"));
    assert_int_equal(int_at(reply, "parameters.limit"), 32);
    json_decref(reply);
    assert_null(client_read(&c[32]));
    client_close(&c[32]);
    client_close(&c[0]);
    rig_turn(rig);
    good_client_is_served(rig);
    for (int i = 1; i < 32; i++)
        client_close(&c[i]);
}

/* Readers that fill every place and behave do not keep out who may change things. */
static void test_readers_cannot_keep_root_out(void **state)
{
    struct rig *rig = *state;
    struct client readers[3], late;
    rig->limits.clients = 3;
    rig_open(rig);
    rig_uid = 12345;
    for (int i = 0; i < 3; i++) {
        client_open(&readers[i], rig);
        json_decref(client_call(&readers[i], "GetStatus", NULL));
    }
    client_open(&late, rig);
    json_t *reply = client_read(&late);
    assert_true(is_error(reply, "TooManyClients"));
    json_decref(reply);
    client_close(&late);
    rig_uid = 0;
    good_client_is_served(rig);
    reply = client_read(&readers[0]); /* the oldest gave way, and knows why */
    assert_true(is_error(reply, "TooManyClients"));
    json_decref(reply);
    for (int i = 0; i < 3; i++)
        client_close(&readers[i]);
}

static void test_silent_newcomers_give_way(void **state)
{
    struct rig *rig = *state;
    rig->limits.clients = 4;
    rig->limits.newcomer = (struct kp_dur){-1};
    rig_open(rig);
    struct client rude[100];
    for (int i = 0; i < 100; i++) {
        client_open(&rude[i], rig);
        client_send(&rude[i], "{", 1);
        rig_turn(rig);
    }
    good_client_is_served(rig);
    for (int i = 0; i < 100; i++)
        client_close(&rude[i]);
}

static void test_large_reply_streams(void **state)
{
    struct rig *rig = *state;
    struct client c;
    rig->core.targets = 10000;
    client_open(&c, rig);
    json_t *reply = client_call(&c, "ListTargets", NULL);
    assert_int_equal(json_array_size(at(reply, "parameters.targets")), 10000);
    assert_string_equal(text_at(reply, "parameters.targets.9999.name"), "t9999");
    json_decref(reply);
    /* While one reply waits for its reader, the next request waits too, and the
     * server holds little of either. */
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.ListTargets\"}";
    for (int i = 0; i < 3; i++)
        assert_true(client_send(&c, text, sizeof text));
    rig_turn(rig);
    struct client other;
    client_open(&other, rig);
    reply = client_call(&other, "GetStats", NULL);
    assert_true(int_at(reply, "parameters.control.unread_bytes") > 0);
    assert_true(int_at(reply, "parameters.control.unread_bytes") < 128 << 10);
    json_decref(reply);
    client_close(&other);
    for (int i = 0; i < 3; i++) {
        reply = client_read(&c);
        assert_int_equal(json_array_size(at(reply, "parameters.targets")), 10000);
        json_decref(reply);
    }
    client_close(&c);
}

static void test_reader_without_progress_is_closed(void **state)
{
    struct rig *rig = *state;
    rig->limits.stall = kp_dur_ms(100);
    rig->core.targets = 10000;
    rig_open(rig);
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.ListTargets\"}";
    struct client c, other;
    client_open(&c, rig);
    client_open(&other, rig);
    assert_true(client_send(&c, text, sizeof text));
    wait_for_slow(&other);
    client_close(&c);
    client_close(&other);
}

static void test_reload_ends_lists_in_flight(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "{\"method\":\"org.kpwatchd.Monitor.ListTargets\"}";
    struct client c;
    rig->core.targets = 10000;
    client_open(&c, rig);
    assert_true(client_send(&c, text, sizeof text));
    rig_turn(rig);
    kpd_control_reconfigured(rig->control);
    assert_null(client_read(&c));
    client_close(&c);
    good_client_is_served(rig);
}

static void test_no_descriptors_left(void **state)
{
    struct rig *rig = *state;
    struct client c;
    struct rlimit before, none;
    client_open(&c, rig);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)c.fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rig_turn(rig);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    json_t *reply = client_call(&c, "ListMutes", NULL);
    assert_non_null(reply);
    json_decref(reply);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_socket_has_mode_and_goes, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_directory_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_socket_stays_at_the_end, setup_open,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stale_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_live_socket_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_is_never_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_directory_keeps_its_stale_socket, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_too_long_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_request_of_ten_megabytes, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_longest_request, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_half_lines_wait_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_in_pieces, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined_in_order, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_half_closed_peer_is_answered, setup_open,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_33rd_client, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_silent_newcomers_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_cannot_keep_root_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_reply_streams, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_reader_without_progress_is_closed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload_ends_lists_in_flight, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptors_left, setup_open, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
