#include "lib/conf/yaml_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct kp_arena *arena;
    struct kp_diags diags;
    struct kp_source src;
    struct kp_yaml_node *root;
};

static void open_tree(struct fixture *f, const char *text, size_t len)
{
    f->arena = kp_arena_new();
    assert_non_null(f->arena);
    kp_diags_init(&f->diags);
    f->src = (struct kp_source){"t.yaml", text, len, 0};
    f->root = kp_yaml_tree(f->arena, &f->src, &f->diags);
}

static void close_tree(struct fixture *f)
{
    kp_diags_fini(&f->diags);
    kp_arena_free(f->arena);
}

static void assert_pos(struct kp_pos pos, unsigned line, unsigned col)
{
    assert_int_equal(pos.line, line);
    assert_int_equal(pos.col, col);
}

static void nodes_know_their_place(void **state)
{
    (void)state;
    static const char text[] = "# c\n"
                               "a: 1\n"
                               "\"ключ\": {b: 'x', c: [y, \"z\"]}\n"
                               "d:\n"
                               "  - e\n"
                               "  - f: g\n";
    struct fixture f;
    open_tree(&f, text, strlen(text));
    assert_false(kp_diags_any(&f.diags));
    assert_int_equal(f.root->kind, KP_YAML_MAP);
    assert_int_equal(f.root->count, 3);
    assert_pos(f.root->pos, 2, 1);
    const struct kp_yaml_node *key = kp_yaml_get(f.root, "ключ");
    assert_pos(key->key_pos, 3, 1);
    assert_pos(key->pos, 3, 9);
    const struct kp_yaml_node *b = kp_yaml_get(key, "b");
    assert_pos(b->key_pos, 3, 10);
    assert_pos(b->pos, 3, 13);
    assert_false(b->plain);
    const struct kp_yaml_node *list = kp_yaml_get(key, "c");
    assert_int_equal(list->kind, KP_YAML_LIST);
    assert_pos(list->child->next->pos, 3, 25);
    const struct kp_yaml_node *d = kp_yaml_get(f.root, "d");
    assert_pos(d->pos, 5, 3);
    assert_true(d->child->plain);
    assert_string_equal(d->child->text, "e");
    assert_pos(d->child->next->pos, 6, 5);
    close_tree(&f);
}

static void depth_of_eight_is_allowed(void **state)
{
    (void)state;
    static const char text[] = "[[[[[[[[x]]]]]]]]";
    struct fixture f;
    open_tree(&f, text, strlen(text));
    assert_false(kp_diags_any(&f.diags));
    assert_int_equal(f.root->count, 1);
    close_tree(&f);
}

static void endless_nesting_ends_soon(void **state)
{
    (void)state;
    static const char *const openers[] = {"[", "{a: ", "- ", "[{"};
    char *text = malloc(KP_YAML_MAX_BYTES);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof openers / sizeof openers[0]; i++) {
        size_t step = strlen(openers[i]);
        size_t len = 0;
        for (; len + step <= KP_YAML_MAX_BYTES; len += step)
            memcpy(text + len, openers[i], step);
        struct fixture f;
        open_tree(&f, text, len);
        assert_null(f.root);
        assert_true(f.diags.count >= 1);
        close_tree(&f);
    }
    free(text);
}

static void one_mebibyte_is_the_limit(void **state)
{
    (void)state;
    char *text = malloc(KP_YAML_MAX_BYTES + 1);
    assert_non_null(text);
    memset(text, '#', KP_YAML_MAX_BYTES + 1);
    for (size_t over = 0; over < 2; over++) {
        struct fixture f;
        open_tree(&f, text, KP_YAML_MAX_BYTES + over);
        assert_int_equal(f.diags.count, over);
        if (over > 0)
            assert_string_equal(f.diags.list[0].text, "larger than 1 MiB");
        close_tree(&f);
    }
    free(text);
}

/* Quadratic work would take minutes here. */
static void many_keys_cost_no_quadratic_time(void **state)
{
    (void)state;
    char *text = malloc(KP_YAML_MAX_BYTES);
    size_t len = 0;
    assert_non_null(text);
    for (unsigned i = 0; i < 90000; i++)
        len += (size_t)snprintf(text + len, KP_YAML_MAX_BYTES - len, "k%u: 1\n", i);
    struct fixture f;
    open_tree(&f, text, len);
    assert_false(kp_diags_any(&f.diags));
    assert_int_equal(f.root->count, 90000);
    close_tree(&f);
    free(text);
}

static void duplicates_are_marked_in_order(void **state)
{
    (void)state;
    static const char text[] = "b: 1\na: 2\nb: 3\nb: 4\n";
    struct fixture f;
    open_tree(&f, text, strlen(text));
    assert_int_equal(f.diags.count, 2);
    assert_string_equal(kp_yaml_get(f.root, "b")->text, "1");
    assert_false(f.root->child->duplicate);
    assert_true(f.root->child->next->next->duplicate);
    assert_true(f.root->last->duplicate);
    close_tree(&f);
}

static void an_empty_text_is_an_empty_mapping(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only a comment\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fixture f;
        open_tree(&f, texts[i], strlen(texts[i]));
        assert_int_equal(f.root->kind, KP_YAML_MAP);
        assert_int_equal(f.root->count, 0);
        assert_pos(f.root->pos, 1, 1);
        close_tree(&f);
    }
}

/* Random bytes and random pieces of YAML in exactly sized memory. */
static void junk_never_crashes(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",   ": ",   "\n", "  ",  "- ",          "[", "]",
                                         "{",   "}",    ",",  "\"",  "'",           "|", ">",
                                         "&x ", "*x",   "!t", "?",   "#",           "%", "\t",
                                         "\r",  "\xff", "ü",  "---", "\xe2\x80\xa8"};
    srand(1);
    for (int round = 0; round < 20000; round++) {
        char buffer[256];
        size_t len = 0;
        while (len < 40) {
            const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])];
            memcpy(buffer + len, piece, strlen(piece));
            len += strlen(piece);
        }
        char *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, buffer, len);
        struct fixture f;
        open_tree(&f, exact, len);
        char *text = kp_diags_text(&f.diags);
        assert_non_null(text);
        free(text);
        close_tree(&f);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_place),
        cmocka_unit_test(depth_of_eight_is_allowed),
        cmocka_unit_test(endless_nesting_ends_soon),
        cmocka_unit_test(one_mebibyte_is_the_limit),
        cmocka_unit_test(many_keys_cost_no_quadratic_time),
        cmocka_unit_test(duplicates_are_marked_in_order),
        cmocka_unit_test(an_empty_text_is_an_empty_mapping),
        cmocka_unit_test(junk_never_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
