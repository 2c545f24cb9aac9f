/* Tables, csv and jsonl. */
#include "tests/unit/unit.h"

#include "lib/base/nearest.h"
#include "lib/telling/render.h"

#include <stdlib.h>
#include <string.h>

static const struct kp_column columns[] = {
    {.title = "NAME", .key = "name"},
    {.title = "TITLE", .key = "title", .priority = 3, .min_width = 6},
    {.title = "RTT", .key = "rtt_seconds", .align = KP_RIGHT, .priority = 2},
    {.title = "SINCE", .key = "since", .priority = 1},
    {.title = "NOTE", .key = "note", .priority = 4, .wide_only = true},
    {.title = "SPARK", .key = "spark", .priority = 5},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static char *render(const struct kp_render_style *style)
{
    struct kp_text out = {0};
    json_t *rtt = json_real(0.2951);
    json_t *nothing = json_null();
    const struct kp_cell rows[][COLUMNS] = {
        {{"china-unicom", KP_ROLE_PLAIN, NULL},
         {"China Unicom (via Cenbong)", KP_ROLE_DIM, NULL},
         {"295 ms", KP_ROLE_PLAIN, rtt},
         {"2025-12-06T00:00:00Z", KP_ROLE_PLAIN, NULL},
         {"a, \"b\"", KP_ROLE_PLAIN, NULL},
         {"\xe2\x96\x81\xe2\x96\x88\xc3\x97", KP_ROLE_PLAIN, NULL}},
        {{"ttk", KP_ROLE_BAD, NULL},
         {"\xe6\x9c\x9d\xe9\xae\xae", KP_ROLE_PLAIN, NULL},
         {NULL, KP_ROLE_DIM, nothing},
         {NULL, KP_ROLE_PLAIN, NULL},
         {"two\nlines", KP_ROLE_PLAIN, NULL},
         {"x", KP_ROLE_PLAIN, NULL}},
    };
    struct kp_render *r = kp_render_new(style, columns, COLUMNS);
    assert_non_null(r);
    kp_render_row(r, rows[0]);
    kp_render_row(r, rows[1]);
    kp_render_end(r, &out);
    assert_false(out.nomem);
    json_decref(rtt);
    json_decref(nothing);
    return out.data;
}

static void expect(const struct kp_render_style *style, const char *want)
{
    char *got = render(style);
    assert_string_equal(got, want);
    free(got);
}

static void test_table_whole(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_TABLE};
    expect(&style,
           "NAME          TITLE                          RTT  SINCE                 SPARK\n"
           "china-unicom  China Unicom (via Cenbong)  295 ms  2025-12-06T00:00:00Z  "
           "\xe2\x96\x81\xe2\x96\x88\xc3\x97\n"
           "ttk           \xe6\x9c\x9d\xe9\xae\xae                             -  -"
           "                     x\n");
    style.width = 120;
    char *whole = render(&style);
    style.width = 0;
    expect(&style, whole);
    free(whole);
}

static void expect_width(size_t width)
{
    struct kp_render_style style = {.kind = KP_RENDER_TABLE, .width = width};
    char *got = render(&style);
    for (char *line = strtok(got, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(kp_text_width(line) <= width);
    free(got);
}

static void test_table_fits(void **state)
{
    (void)state;
    for (size_t width = 12; width < 130; width++)
        expect_width(width);
}

static void test_table_at_68(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_TABLE, .width = 68};
    /* The sparkline goes first, then the title is cut. */
    expect(&style, "NAME          TITLE                        RTT  SINCE\n"
                   "china-unicom  China Unicom (via Cenbo\xe2\x80\xa6  295 ms  2025-12-06"
                   "T00:00:00Z\n"
                   "ttk           \xe6\x9c\x9d\xe9\xae\xae                           -  -\n");
}

static void test_table_at_46(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_TABLE, .width = 46, .ascii = true};
    expect(&style, "NAME             RTT  SINCE\n"
                   "china-unicom  295 ms  2025-12-06T00:00:00Z\n"
                   "ttk                -  -\n");
}

static void test_priority_zero_is_cut(void **state)
{
    (void)state;
    static const struct kp_column one[] = {{.title = "T", .key = "t", .min_width = 4}};
    struct kp_render_style style = {.kind = KP_RENDER_TABLE, .width = 5, .no_heading = true};
    struct kp_text out = {0};
    struct kp_render *r = kp_render_new(&style, one, 1);
    kp_render_row(r, &(struct kp_cell){.text = "abcdefgh"});
    kp_render_end(r, &out);
    assert_string_equal(kp_text_str(&out), "abcd\xe2\x80\xa6\n");
    kp_text_fini(&out);
}

static void test_wide_shows_all(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_WIDE, .width = 20};
    char *got = render(&style);
    assert_non_null(strstr(got, "NOTE"));
    assert_non_null(strstr(got, "China Unicom (via Cenbong)"));
    assert_non_null(strstr(got, "two\\nlines"));
    free(got);
}

static void test_color(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_TABLE, .color = true};
    char *got = render(&style);
    assert_non_null(strstr(got, "\x1b[31mttk\x1b[0m"));
    assert_non_null(strstr(got, "\x1b[1mNAME\x1b[0m"));
    free(got);
    style.color = false;
    got = render(&style);
    assert_null(strchr(got, '\x1b'));
    free(got);
}

static void test_csv(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_CSV, .width = 10};
    expect(&style, "name,title,rtt_seconds,since,note,spark\r\n"
                   "china-unicom,China Unicom (via Cenbong),0.2951,2025-12-06T00:00:00Z,"
                   "\"a, \"\"b\"\"\",\xe2\x96\x81\xe2\x96\x88\xc3\x97\r\n"
                   "ttk,\xe6\x9c\x9d\xe9\xae\xae,,,\"two\nlines\",x\r\n");
}

static void test_jsonl(void **state)
{
    (void)state;
    struct kp_render_style style = {.kind = KP_RENDER_JSONL};
    char *got = render(&style);
    char *second = strchr(got, '\n') + 1;
    json_t *json = json_loadb(got, (size_t)(second - got), 0, NULL);
    assert_true(json_is_real(json_object_get(json, "rtt_seconds")));
    assert_string_equal(json_string_value(json_object_get(json, "note")), "a, \"b\"");
    json_decref(json);
    json = json_loads(second, 0, NULL);
    assert_true(json_is_null(json_object_get(json, "rtt_seconds")));
    assert_true(json_is_null(json_object_get(json, "since")));
    assert_string_equal(json_string_value(json_object_get(json, "note")), "two\nlines");
    json_decref(json);
    free(got);
}

static void test_nothing_to_show(void **state)
{
    (void)state;
    static const char *const want[] = {
        [KP_RENDER_TABLE] = "NAME  TITLE  RTT  SINCE  SPARK\n",
        [KP_RENDER_WIDE] = "NAME  TITLE  RTT  SINCE  NOTE  SPARK\n",
        [KP_RENDER_CSV] = "name,title,rtt_seconds,since,note,spark\r\n",
        [KP_RENDER_JSONL] = ""};
    for (int kind = 0; kind <= KP_RENDER_JSONL; kind++) {
        struct kp_render_style style = {.kind = (enum kp_render_kind)kind};
        struct kp_text out = {0};
        kp_render_end(kp_render_new(&style, columns, COLUMNS), &out);
        assert_string_equal(kp_text_str(&out), want[kind]);
        kp_text_fini(&out);
    }
}

static void safe(const char *text, const char *want)
{
    struct kp_text out = {0};
    kp_text_add_safe(&out, text);
    assert_string_equal(kp_text_str(&out), want);
    kp_text_fini(&out);
}

static void test_escapes(void **state)
{
    (void)state;
    safe("plain \xc3\xa4\xe6\x9c\x9d", "plain \xc3\xa4\xe6\x9c\x9d");
    safe("\x1b[2J\x07\x7f", "\\x1b[2J\\x07\\x7f");
    safe("a\tb\r\n", "a\\tb\\r\\n");
    safe("\xff\xfe", "\\xff\\xfe");
    safe("\xc2\x9b", "\\u{9b}");
    safe("\xe2\x80\xae", "\\u{202e}");
    safe("\xc0\x80 \xed\xa0\x80", "\\xc0\\x80 \\xed\\xa0\\x80"); /* overlong, surrogate */
    safe("\xe6\x9c", "\\xe6\\x9c");                              /* cut off */
    safe("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");            /* beyond U+10FFFF */
    safe("", "");
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(kp_text_width("abc"), 3);
    assert_int_equal(kp_text_width("\xc3\xa4"), 1);
    assert_int_equal(kp_text_width("a\xcc\x88"), 1);
    assert_int_equal(kp_text_width("\xe6\x9c\x9d\xe9\xae\xae"), 4);
    assert_int_equal(kp_text_width("\xf0\x9f\x98\x80"), 2);
    assert_int_equal(kp_text_width("\xe2\x96\x88\xc3\x97\xc2\xb7"), 3);
    assert_int_equal(kp_text_fit("\xe6\x9c\x9d\xe9\xae\xae", 3), 3);
    assert_int_equal(kp_text_fit("abc", 0), 0);
    assert_int_equal(kp_text_fit("abc", 9), 3);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_int_equal(kp_nearest_distance("kcna", "kcna"), 0);
    assert_int_equal(kp_nearest_distance("kcna", "kcan"), 1);
    assert_int_equal(kp_nearest_distance("", "abc"), 3);
    assert_int_equal(kp_nearest_distance("abc", ""), 3);
    assert_int_equal(kp_nearest_distance("interval", "intervall"), 1);
    assert_int_equal(kp_nearest_distance("sitting", "kitten"), 3);
    char far[100] = {0};
    memset(far, 'x', 99);
    assert_true(kp_nearest_distance(far, "x") == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_whole),
        cmocka_unit_test(test_table_fits),
        cmocka_unit_test(test_table_at_68),
        cmocka_unit_test(test_table_at_46),
        cmocka_unit_test(test_priority_zero_is_cut),
        cmocka_unit_test(test_wide_shows_all),
        cmocka_unit_test(test_color),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_nothing_to_show),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
