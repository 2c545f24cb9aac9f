/* Every planted error under tests/conf/errors is found at its place, and
 * nothing else is.  X.expect lists "FILE:LINE:COL: part of the text". */
#include "lib/host/conf_files.h"
#include "tests/unit/conf_help.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR_ERRORS KP_SOURCE_DIR "/tests/conf/errors/"

struct expected {
    char file[128];
    unsigned line;
    unsigned col;
    char part[160];
    bool seen;
};

static size_t read_expected(const char *name, struct expected *list, size_t room)
{
    char path[512];
    size_t len = 0;
    size_t count = 0;
    snprintf(path, sizeof path, DIR_ERRORS "%s.expect", name);
    char *text = conf_slurp(path, &len);
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        struct expected *e = &list[count];
        if (line[0] == '\0')
            continue;
        assert_true(count < room);
        memset(e, 0, sizeof *e);
        assert_int_equal(
            sscanf(line, "%127[^:]:%u:%u: %159[^\n]", e->file, &e->line, &e->col, e->part), 4);
        count++;
    }
    free(text);
    return count;
}

static bool take(struct expected *list, size_t count, const struct kp_diag *d)
{
    const char *file = d->file + strlen(DIR_ERRORS);
    for (size_t i = 0; i < count; i++) {
        struct expected *e = &list[i];
        if (!e->seen && strcmp(e->file, file) == 0 && e->line == d->pos.line &&
            e->col == d->pos.col && strstr(d->text, e->part) != NULL) {
            e->seen = true;
            return true;
        }
    }
    return false;
}

/* Compares what was found with what was planted; the number of differences. */
static unsigned check_case(const char *name)
{
    struct expected list[64];
    char path[512];
    unsigned wrong = 0;
    struct kp_diags diags;
    size_t count = read_expected(name, list, 64);
    snprintf(path, sizeof path, DIR_ERRORS "%s.yaml", name);
    kp_diags_init(&diags);
    assert_null(kp_conf_load_file(path, &diags));
    for (size_t i = 0; i < diags.count; i++) {
        if (take(list, count, &diags.list[i]))
            continue;
        print_error("%s: unexpected %u:%u: %s\n", name, diags.list[i].pos.line,
                    diags.list[i].pos.col, diags.list[i].text);
        wrong++;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i].seen)
            continue;
        print_error("%s: missing %s:%u:%u: %s\n", name, list[i].file, list[i].line, list[i].col,
                    list[i].part);
        wrong++;
    }
    char *text = kp_diags_text(&diags);
    assert_non_null(text);
    free(text);
    kp_diags_fini(&diags);
    return wrong;
}

static void every_planted_error_is_found(void **state)
{
    (void)state;
    unsigned cases = 0;
    unsigned wrong = 0;
    DIR *dir = opendir(DIR_ERRORS);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char name[256];
        char *dot = strrchr(strcpy(name, e->d_name), '.');
        if (dot == NULL || strcmp(dot, ".expect") != 0)
            continue;
        *dot = '\0';
        wrong += check_case(name);
        cases++;
    }
    closedir(dir);
    print_message("%u planted cases\n", cases);
    assert_int_equal(wrong, 0);
    assert_true(cases >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_planted_error_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
