/* Every allocation of the telling floor and of a control call fails once: nothing
 * crashes, nothing leaks (under ASan), and the next try works.  Linked with
 * --wrap for our own allocations; jansson's go through its hooks. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include "lib/telling/render.h"
#include "lib/telling/report_incident.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long fail_at; /* this allocation from now on fails; 0: none */
static long counted;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    return fail_at && ++counted == fail_at;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = fails() ? NULL : __real_malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

static void *json_malloc_or_fail(size_t n)
{
    return __wrap_malloc(n);
}

/* Runs what with its 1st, 2nd, ... allocation failing, until none is left. */
static void fail_each(void (*what)(void *ctx), void *ctx)
{
    for (long n = 1;; n++) {
        fail_at = n;
        counted = 0;
        what(ctx);
        bool reached = counted >= n;
        fail_at = 0;
        if (!reached)
            break;
        assert_true(n < 100000);
    }
}

static void make_reports(void *ctx)
{
    struct kp_core *core = ctx;
    struct kp_report_daemon daemon = {.version = "1", .vantage_name = "x", .now = FAKE_NOW};
    struct kp_report_targets it;
    struct kp_report_filter all = {0};
    struct kp_text text = {0};
    json_t *paths = NULL;
    json_decref(kp_report_status(core, &daemon));
    json_decref(kp_report_stats(core, &daemon));
    json_decref(kp_report_mutes(core));
    if (kp_report_paths(core, NULL, &paths) == KP_OK)
        json_decref(paths);
    json_t *trace = NULL;
    if (kp_report_trace(core, "kcna", &trace) == KP_OK)
        json_decref(trace);
    json_decref(kp_report_explain(core, &daemon, core->incidents.list[0]));
    if (kp_report_targets_begin(core, &all, &it) == KP_OK)
        while (kp_report_targets_next(core, &it, &text))
            ;
    kp_text_fini(&text);
}

static void test_reports(void **state)
{
    (void)state;
    struct kp_incident incident = fake_incident(1, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    struct kp_core core = {.targets = 2,
                           .muted = "kcna",
                           .muted_until = FAKE_NOW,
                           .traces = 2,
                           .suspicions = 1,
                           .path_targets = 2,
                           .incidents = {{&incident}, 1}};
    fail_each(make_reports, &core);
}

static void make_table(void *ctx)
{
    static const struct kp_column columns[] = {{.title = "A", .key = "a", .min_width = 3},
                                               {.title = "B", .key = "b", .priority = 1}};
    const struct kp_cell row[] = {{.text = "long enough, \"so\"\nthat"}, {.text = "\xff"}};
    struct kp_render_style style = {.kind = *(enum kp_render_kind *)ctx, .width = 10};
    struct kp_text out = {0};
    struct kp_render *r = kp_render_new(&style, columns, 2);
    for (int i = 0; r && i < 20; i++)
        kp_render_row(r, row);
    kp_render_end(r, &out);
    kp_text_fini(&out);
}

static void test_tables(void **state)
{
    (void)state;
    for (int kind = 0; kind <= KP_RENDER_JSONL; kind++)
        fail_each(make_table, &kind);
}

static void make_hub(void *ctx)
{
    (void)ctx;
    struct kp_event_source source = {"fra1", "DE", "1", "b"};
    struct kp_event event = {.action = KP_EV_PROBE_RESULT, .message = "bad \xff", .probe = "p"};
    struct kpd_hub *hub = kpd_hub_new(&source, 4, 0);
    for (int i = 0; hub && i < 6; i++)
        kpd_hub_publish(hub, &event);
    if (hub)
        (void)kpd_hub_set_vantage(hub, "ams2", NULL);
    kpd_hub_free(hub);
}

static void test_hub(void **state)
{
    (void)state;
    fail_each(make_hub, NULL);
}

static long armed; /* becomes fail_at once the loop runs: the test's own come before */

static bool answered(void *ctx)
{
    struct client *c = ctx;
    ssize_t n;
    if (armed) {
        counted = 0;
        fail_at = armed;
        armed = 0;
    }
    while ((n = recv(c->fd, c->in, c->room, 0)) > 0)
        c->len += (size_t)n;
    c->eof = n == 0;
    return c->eof || c->len > 0;
}

/* What was said is whole: every message that has its end is JSON. */
static void check_messages(const struct client *c)
{
    const char *end;
    for (const char *at = c->in; (end = memchr(at, 0, c->len - (size_t)(at - c->in)));
         at = end + 1) {
        json_t *json = json_loads(at, 0, NULL);
        if (!json)
            fail_msg("%s", at);
        json_decref(json);
    }
}

/* One request; an answer, or the end of the connection, must come. */
static void ask(struct rig *rig, const char *text, long n)
{
    struct client c;
    client_open(&c, rig);
    c.room = 65536;
    c.in = __real_malloc(c.room);
    assert_true(send(c.fd, text, strlen(text) + 1, MSG_NOSIGNAL) > 0);
    armed = n;
    bool done = rig_until(rig, answered, &c);
    fail_at = 0;
    if (!done)
        fail_msg("no answer to %s without allocation %ld", text, n);
    check_messages(&c);
    client_close(&c);
}

static void test_calls(void **state)
{
    static const char *const requests[] = {
        "{\"method\":\"org.kpwatchd.Monitor.GetStatus\"}",
        "{\"method\":\"org.kpwatchd.Monitor.ListTargets\"}",
        "{\"method\":\"org.kpwatchd.Monitor.ListTargets\",\"parameters\":{\"target\":\"x\"}}",
        "{\"method\":\"org.kpwatchd.Monitor.ListEvents\"}",
        "{\"method\":\"org.kpwatchd.Monitor.ListIncidents\"}",
        "{\"method\":\"org.kpwatchd.Monitor.Explain\",\"parameters\":{\"id\":\"1\"}}",
        "{\"method\":\"org.kpwatchd.Monitor.Explain\",\"parameters\":{\"id\":\"2\"}}",
        ("{\"method\":\"org.kpwatchd.Monitor.GetTrace\","
         "\"parameters\":{\"target\":\"kcna\"}}"),
        "{\"method\":\"org.kpwatchd.Monitor.GetStats\"}",
        "{\"method\":\"org.kpwatchd.Monitor.Reload\"}",
        "{\"method\":\"org.kpwatchd.Monitor.Subscribe\",\"more\":true,"
        "\"parameters\":{\"cursor\":\"boot0:1\"}}",
        "{\"method\":\"org.varlink.service.GetInfo\"}",
        "{\"method\":\"no.such.Thing\"}",
        "nonsense",
    };
    (void)state;
    struct rig *rig = rig_new();
    struct kp_incident incident = fake_incident(1, KP_V_PATH_OUTAGE, KP_CONFIRMED);
    rig->core.incidents = (struct kp_incidents){{&incident}, 1};
    rig->core.traces = 2;
    rig_open(rig);
    assert_non_null(rig->control);
    rig_publish(rig, KP_EV_TARGET_STATE, "one");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        long n = 1;
        do {
            ask(rig, requests[i], n);
        } while (counted >= n++);
    }
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_hub),
        cmocka_unit_test(test_calls),
    };
    json_set_alloc_funcs(json_malloc_or_fail, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
