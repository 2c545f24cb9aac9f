#include "lib/conf/conf_print.h"
#include "lib/conf/conf_value.h"
#include "lib/host/conf_files.h"
#include "tests/unit/conf_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHIPPED KP_SOURCE_DIR "/conf/kpwatchd.yaml"

static struct kp_conf *load_file(const char *path)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_file(path, &diags);
    char *errors = kp_diags_text(&diags);
    if (conf == NULL)
        fail_msg("%s", errors);
    free(errors);
    kp_diags_fini(&diags);
    return conf;
}

static void assert_round_trip(const char *path)
{
    struct kp_conf *first = load_file(path);
    char *yaml = kp_conf_print(first);
    char *json = kp_conf_print_json(first);
    struct kp_conf *second = conf_good(yaml);
    struct kp_conf *third = conf_good(json);
    char *again = kp_conf_print(second);
    char *from_json = kp_conf_print(third);
    char names[2][17];
    assert_string_equal(yaml, again);
    assert_string_equal(yaml, from_json);
    assert_null(strchr(json, '\n'));
    assert_null(strstr(yaml, " \n"));
    assert_memory_equal(&first->defaults, &second->defaults, sizeof first->defaults);
    assert_memory_equal(&first->total_rate, &second->total_rate, sizeof(double));
    assert_memory_equal(&first->false_alarms_per_year, &second->false_alarms_per_year,
                        sizeof(double));
    assert_true(kp_conf_fingerprint(first, names[0]) && kp_conf_fingerprint(third, names[1]));
    assert_string_equal(names[0], names[1]);
    free(yaml);
    free(json);
    free(again);
    free(from_json);
    kp_conf_free(first);
    kp_conf_free(second);
    kp_conf_free(third);
}

static void what_is_printed_reads_the_same(void **state)
{
    (void)state;
    assert_round_trip(SHIPPED);
    assert_round_trip(KP_SOURCE_DIR "/tests/conf/good/every-key.yaml");
    assert_round_trip(KP_SOURCE_DIR "/tests/conf/good/smallest.yaml");
    assert_round_trip(KP_SOURCE_DIR "/tests/conf/good/contract.yaml");
}

/* Any rate, share or count survives being printed, to the last bit. */
static void values_survive_printing(void **state)
{
    (void)state;
    srand(7);
    for (int i = 0; i < 100000; i++) {
        char text[KP_VALUE_SIZE];
        char printed[KP_VALUE_SIZE];
        double a = 0;
        double b = 0;
        int whole = rand() % (i % 2 == 0 ? 100 : 1000000);
        snprintf(text, sizeof text, "%d.%0*d/%c", whole, 1 + rand() % 6, rand() % 10,
                 rand() % 2 == 0 ? 's' : 'm');
        assert_int_equal(kp_value_rate(text, &a), KP_OK);
        kp_value_rate_format(a, printed);
        assert_int_equal(kp_value_rate(printed, &b), KP_OK);
        assert_memory_equal(&a, &b, sizeof a);
        snprintf(text, sizeof text, "%d.%0*d%%", whole % 101, 1 + rand() % 6, rand() % 10);
        assert_int_equal(kp_value_share(text, &a), KP_OK);
        kp_value_share_format(a, printed);
        assert_int_equal(kp_value_share(printed, &b), KP_OK);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static double packets_a_second(const struct kp_conf *c)
{
    double sum = 0;
    const struct kp_conf_target *lists[] = {c->targets, c->anchors};
    size_t counts[] = {c->target_count, c->anchor_count};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < counts[k]; i++) {
            const struct kp_conf_target *t = &lists[k][i];
            for (size_t p = 0; t->enabled && p < t->probe_count; p++)
                sum +=
                    1 / kp_dur_seconds(kp_conf_timing(c, t, &c->probes[t->probes[p]]).interval);
            if (t->enabled && k == 0)
                sum += c->trace_max_hops / kp_dur_seconds(c->trace_interval);
        }
    return sum;
}

static void the_shipped_configuration_is_a_good_neighbour(void **state)
{
    (void)state;
    struct kp_conf *c = load_file(SHIPPED);
    assert_int_equal(c->target_count, 21);
    assert_int_equal(c->anchor_count, 3);
    assert_int_equal(c->path_count, 3);
    assert_false(c->paths[2].enabled);
    assert_false(c->targets[20].enabled);
    double rate = packets_a_second(c);
    assert_true(rate > 1 && rate < 3);
    for (size_t i = 0; i < c->target_count; i++)
        for (size_t p = 0; p < c->targets[i].probe_count; p++) {
            const struct kp_conf_probe *probe = &c->probes[c->targets[i].probes[p]];
            assert_true(probe->port != 22 && probe->port != 23);
        }
    kp_conf_free(c);
}

/* A file cut anywhere is refused or read, never a crash. */
static void every_beginning_of_the_shipped_file_is_survived(void **state)
{
    (void)state;
    size_t len = 0;
    unsigned good = 0;
    char *text = conf_slurp(SHIPPED, &len);
    for (size_t cut = 0; cut <= len; cut++) {
        char *exact = malloc(cut + 1);
        struct kp_diags diags;
        kp_diags_init(&diags);
        assert_non_null(exact);
        memcpy(exact, text, cut);
        struct kp_conf *conf = kp_conf_load_text("cut.yaml", exact, cut, &diags);
        good += conf != NULL;
        assert_true((conf == NULL) == kp_diags_any(&diags));
        kp_conf_free(conf);
        kp_diags_fini(&diags);
        free(exact);
    }
    free(text);
    /* The text form cannot include, so that even the whole file is refused. */
    assert_int_equal(good, 0);
}

/* One byte changed anywhere: the same. */
static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    static const char changes[] = "{}[]:,-&*!|>'\"%@`#?\t\n\r\0\xff 0z";
    size_t len = 0;
    char *text = conf_slurp(KP_SOURCE_DIR "/tests/conf/good/every-key.yaml", &len);
    for (size_t i = 0; i < len; i++) {
        char was = text[i];
        struct kp_diags diags;
        kp_diags_init(&diags);
        text[i] = changes[i % (sizeof changes - 1)];
        struct kp_conf *conf = kp_conf_load_text("flip.yaml", text, len, &diags);
        assert_true((conf == NULL) == kp_diags_any(&diags));
        kp_conf_free(conf);
        kp_diags_fini(&diags);
        text[i] = was;
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_reads_the_same),
        cmocka_unit_test(values_survive_printing),
        cmocka_unit_test(the_shipped_configuration_is_a_good_neighbour),
        cmocka_unit_test(every_beginning_of_the_shipped_file_is_survived),
        cmocka_unit_test(every_changed_byte_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
