/* The text of all metrics. */
#include "tests/unit/unit.h"

#include "lib/telling/metrics.h"
#include "tests/unit/control_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kp_metrics_daemon facts = {
    .version = "1.\"2\\3\n",
    .dropped = {{"file", 3}, {"journal", 0}},
    .dropped_count = 2,
    .control_clients = 2,
    .reload_ok = true,
    .cpu_seconds = 1.5,
    .started = {INT64_C(1764979200123456000)},
};

static struct kp_text all(const struct kp_core *core)
{
    struct kp_text out = {0};
    struct kp_metrics it = {0};
    unsigned pieces = 0;
    while (kp_metrics_next(core, &facts, &it, &out))
        assert_true(++pieces < 10000);
    assert_false(out.nomem);
    return out;
}

static void has_line(const struct kp_text *t, const char *line)
{
    size_t n = strlen(line);
    const char *at = t->data;
    while ((at = strstr(at, line)) != NULL) {
        if ((at == t->data || at[-1] == '\n') && at[n] == '\n')
            return;
        at += n;
    }
    fail_msg("no line %s in\n%s", line, t->data);
}

static void test_values(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 2};
    struct kp_text t = all(&core);
    has_line(&t, "kpwatchd_build_info{version=\"1.\\\"2\\\\3 \"} 1");
    has_line(&t, "# TYPE kpwatchd_probes_sent_total counter");
    has_line(&t, "kpwatchd_probes_sent_total{target=\"kcna\",probe=\"web\"} 10");
    has_line(&t, "kpwatchd_probes_sent_total{target=\"neutral-1\",probe=\"web\"} 10");
    has_line(
        &t,
        "kpwatchd_probe_results_total{target=\"kcna\",probe=\"web\",result=\"answered\"} 9");
    has_line(&t,
             "kpwatchd_probe_results_total{target=\"ns1\",probe=\"soa\",result=\"timeout\"} 0");
    has_line(&t,
             "kpwatchd_probe_rtt_seconds_bucket{target=\"kcna\",probe=\"web\",le=\"0.275\"} 0");
    has_line(&t,
             "kpwatchd_probe_rtt_seconds_bucket{target=\"kcna\",probe=\"web\",le=\"0.3\"} 1");
    has_line(&t,
             "kpwatchd_probe_rtt_seconds_bucket{target=\"kcna\",probe=\"web\",le=\"+Inf\"} 1");
    has_line(&t, "kpwatchd_probe_rtt_seconds_sum{target=\"kcna\",probe=\"web\"} 0.2951");
    has_line(&t, "kpwatchd_probe_rtt_seconds_count{target=\"kcna\",probe=\"web\"} 1");
    has_line(&t,
             "kpwatchd_probe_last_success_timestamp_seconds{target=\"ns1\",probe=\"soa\"} NaN");
    has_line(&t, "kpwatchd_probe_last_success_timestamp_seconds{target=\"kcna\",probe=\"web\"} "
                 "1764979200.12346");
    has_line(&t, "kpwatchd_target_info{target=\"kcna\",address=\"175.45.176.71\","
                 "path=\"china-unicom\",group=\"news\"} 1");
    has_line(&t, "kpwatchd_target_state{target=\"ns1\",state=\"down\"} 1");
    has_line(&t, "kpwatchd_target_state{target=\"ns1\",state=\"up\"} 0");
    has_line(&t, "kpwatchd_path_state{path=\"transtelecom\",state=\"up\"} 1");
    has_line(&t, "kpwatchd_path_loss_ratio{path=\"china-unicom\"} 0.005");
    has_line(&t, "kpwatchd_path_edge_up{path=\"china-unicom\"} NaN");
    has_line(&t, "kpwatchd_dns_responses_total{target=\"ns1\",rcode=\"REFUSED\"} 2");
    has_line(&t, "kpwatchd_dns_responses_total{target=\"ns1\",rcode=\"NOERROR\"} 0");
    has_line(&t, "kpwatchd_replies_discarded_total{type=\"tcp-syn\",reason=\"bad_cookie\"} 5");
    has_line(&t, "kpwatchd_send_errors_total{type=\"icmp\",errno=\"ENETUNREACH\"} 0");
    has_line(&t, "kpwatchd_events_dropped_total{sink=\"file\"} 3");
    has_line(&t, "kpwatchd_incidents_open{class=\"path-outage\"} 0");
    has_line(&t, "kpwatchd_vantage_healthy 1");
    has_line(&t, "kpwatchd_control_clients 2");
    has_line(&t, "kpwatchd_config_last_reload_successful 1");
    has_line(&t, "process_cpu_seconds_total 1.5");
    assert_null(strstr(t.data, "target_state{target=\"neutral-1\""));
    kp_text_fini(&t);
}

static void test_open_incidents(void **state)
{
    (void)state;
    struct kp_incident open = fake_incident(1, KP_V_PATH_OUTAGE, KP_RECOVERING);
    struct kp_incident closed = fake_incident(2, KP_V_PATH_OUTAGE, KP_CLOSED);
    struct kp_core core = {.targets = 1, .incidents = {.list = {&open, &closed}, .count = 2}};
    struct kp_text t = all(&core);
    has_line(&t, "kpwatchd_incidents_open{class=\"path-outage\"} 1");
    kp_text_fini(&t);
}

/* Each family is told once, in one block, and every series once. */
static void test_blocks(void **state)
{
    (void)state;
    struct kp_core core = {.targets = 40, .blank = true};
    struct kp_text t = all(&core);
    unsigned families = 0;
    for (const char *at = strstr(t.data, "# TYPE "); at; at = strstr(at + 1, "# TYPE ")) {
        char head[128];
        size_t n = strcspn(at + 7, " ");
        snprintf(head, sizeof head, "# TYPE %.*s ", (int)n, at + 7);
        assert_null(strstr(at + 1, head));
        families++;
    }
    assert_int_equal(families, 30);
    has_line(&t, "kpwatchd_vantage_healthy NaN");
    has_line(&t, "kpwatchd_probes_sent_total{target=\"t39\",probe=\"web\"} 0");
    has_line(&t, "kpwatchd_target_info{target=\"t39\",address=\"\",path=\"\",group=\"\"} 1");
    kp_text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_open_incidents),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
