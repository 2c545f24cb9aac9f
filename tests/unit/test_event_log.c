/* Events as the journal wants them. */
#include "tests/unit/unit.h"

#include "lib/telling/event_json.h"
#include "lib/telling/event_log.h"
#include "lib/telling/json_obj.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kp_event_source source = {"fra1", "DE", "1.2.3", "b7"};

static struct kp_text journal_of(const struct kp_event *e)
{
    struct kp_text out = {0};
    json_t *envelope = kp_event_json(e, &source, 7);
    char *json = json_dumps(envelope, KP_JSON_FLAGS);
    kp_event_journal(e, envelope, json, &out);
    assert_false(out.nomem);
    free(json);
    json_decref(envelope);
    return out;
}

/* The number of fields of this name and value, read as journald reads them. */
static unsigned count_field(const struct kp_text *t, const char *name, const char *value)
{
    unsigned found = 0;
    for (size_t at = 0; at < t->len;) {
        const char *line = t->data + at;
        size_t n = strcspn(line, "=\n"), len;
        const char *data = line + n + 1;
        if (line[n] == '=') {
            len = strcspn(data, "\n");
        } else {
            uint64_t size = 0;
            for (unsigned i = 0; i < 8; i++)
                size |= (uint64_t)(unsigned char)data[i] << (8 * i);
            data += 8;
            len = (size_t)size;
        }
        assert_true(n > 0 && n <= 64);
        for (size_t i = 0; i < n; i++)
            assert_true(isupper((unsigned char)line[i]) || line[i] == '_');
        assert_true(data + len < t->data + t->len);
        assert_int_equal(data[len], '\n');
        at = (size_t)(data + len + 1 - t->data);
        found += strlen(name) == n && strncmp(line, name, n) == 0 &&
                 (!value || (len == strlen(value) && memcmp(data, value, len) == 0));
    }
    return found;
}

static void test_fields(void **state)
{
    (void)state;
    static struct kp_incident incident = {
        .id = 3, .phase = KP_CONFIRMED, .confidence = KP_HIGH, .history_count = 1};
    incident.what.class = KP_V_PATH_OUTAGE;
    incident.what.began.ns = INT64_C(1764979190000000000);
    kp_names_add(&incident.what.targets, "kcna");
    kp_names_add(&incident.what.targets, "rodong");
    struct kp_event e = {.action = KP_EV_INCIDENT_OPENED,
                         .level = KP_LOG_ERROR,
                         .at = {INT64_C(1764979200123456000)},
                         .message = "one\nMESSAGE=two",
                         .path = "china-unicom",
                         .rtt = -1,
                         .incident = &incident};
    struct kp_text t = journal_of(&e);
    assert_int_equal(count_field(&t, "MESSAGE", "one\nMESSAGE=two"), 1);
    assert_int_equal(count_field(&t, "MESSAGE", NULL), 1);
    assert_int_equal(count_field(&t, "PRIORITY", "3"), 1);
    assert_int_equal(count_field(&t, "MESSAGE_ID", kp_event_message_id(e.action)), 1);
    assert_int_equal(count_field(&t, "SYSLOG_IDENTIFIER", "kpwatchd"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_EVENT_ACTION", "incident.opened"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_EVENT_ID", "fra1-b7-7"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_OBSERVER_GEO_COUNTRY_ISO_CODE", "DE"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_PATH", "china-unicom"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_INCIDENT_CLASS", "path-outage"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_INCIDENT_ID", "3"), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_INCIDENT_TARGETS", NULL), 2);
    assert_int_equal(count_field(&t, "KPWATCHD_INCIDENT_ENDED", NULL), 0);
    assert_int_equal(count_field(&t, "KPWATCHD_JSON", NULL), 1);
    assert_int_equal(count_field(&t, "KPWATCHD_TARGET", NULL), 0);
    kp_text_fini(&t);
}

static void test_every_action(void **state)
{
    (void)state;
    for (int a = 0; a < KP_ACTION_COUNT; a++) {
        struct kp_event e = {.action = (enum kp_action)a,
                             .level = KP_LOG_DEBUG,
                             .message = "m",
                             .target = "kcna",
                             .rtt = -1};
        struct kp_text t = journal_of(&e);
        assert_int_equal(count_field(&t, "PRIORITY", "7"), 1);
        assert_int_equal(count_field(&t, "KPWATCHD_TARGET", "kcna"), 1);
        kp_text_fini(&t);
        const char *id = kp_event_message_id(e.action);
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(id, kp_event_message_id((enum kp_action)b));
    }
}

/* The catalog explains each message id, under the action's name, and no other. */
static void test_catalog(void **state)
{
    (void)state;
    char text[32768], line[128];
    FILE *file = fopen(KP_SOURCE_DIR "/conf/kpwatchd.catalog", "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    unsigned entries = 0;
    for (const char *at = strstr(text, "\n-- "); at; at = strstr(at + 1, "\n-- "))
        entries++;
    assert_int_equal(entries, KP_ACTION_COUNT);
    for (int a = 0; a < KP_ACTION_COUNT; a++) {
        snprintf(line, sizeof line,
                 "\n-- %s\nSubject: ", kp_event_message_id((enum kp_action)a));
        const char *entry = strstr(text, line);
        snprintf(line, sizeof line, "(%s)\n", kp_action_name((enum kp_action)a));
        if (!entry)
            fail_msg("%s is not in the catalog", line);
        const char *next = strstr(entry + 4, "\n-- "), *named = strstr(entry, line);
        if (!named || (next && named > next))
            fail_msg("the entry of %s does not name it", line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_every_action),
        cmocka_unit_test(test_catalog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
