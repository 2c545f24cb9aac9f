#include "lib/host/conf_files.h"
#include "tests/unit/conf_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64]; /* holds glob characters, which must mean themselves */

static void path_of(char out[256], const char *name)
{
    snprintf(out, 256, "%s/%s", dir, name);
}

static void put_file(const char *name, const char *text, size_t len)
{
    char path[256];
    path_of(path, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static int make_dir(void **state)
{
    (void)state;
    char path[256];
    snprintf(dir, sizeof dir, "/tmp/kp-conf-[x]*-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    path_of(path, "conf.d");
    return mkdir(path, 0700);
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"main.yaml",        "big.yaml",        "fifo",
                                        "conf.d/10-a.yaml", "conf.d/9-b.yaml", "conf.d"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(path, names[i]);
        (void)remove(path);
    }
    return rmdir(dir);
}

/* The one error that loading a path gives, as text; the caller frees. */
static char *error_of(const char *path)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    assert_null(kp_conf_load_file(path, &diags));
    assert_int_equal(diags.count, 1);
    char *text = kp_diags_text(&diags);
    kp_diags_fini(&diags);
    assert_non_null(text);
    return text;
}

static void assert_error(const char *path, const char *part)
{
    char expected[512];
    char *text = error_of(path);
    snprintf(expected, sizeof expected, "%s:1:1: error: %s", path, part);
    if (strncmp(text, expected, strlen(expected)) != 0)
        fail_msg("'%s' instead of '%s'", text, expected);
    free(text);
}

static void unreadable_files_are_refused_at_once(void **state)
{
    (void)state;
    char path[256];
    path_of(path, "none.yaml");
    assert_error(path, "cannot be read: No such file");
    assert_error(dir, "cannot be read: is a directory");
    assert_error("/dev/zero", "cannot be read: is not a regular file");
    assert_error("/dev/null", "cannot be read: is not a regular file");
    path_of(path, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_error(path, "cannot be read: is not a regular file");
}

static void huge_files_are_refused(void **state)
{
    (void)state;
    char path[256];
    size_t len = (size_t)3 << 20;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '#', len);
    put_file("big.yaml", text, len);
    free(text);
    path_of(path, "big.yaml");
    assert_error(path, "larger than 1 MiB");
}

static void included_files_are_found_beside_the_main_one(void **state)
{
    (void)state;
    static const char main_text[] = CONF_HEAD CONF_TARGETS "include: ['conf.d/*.yaml']\n";
    static const char a[] = "targets: [{name: a, address: 198.18.0.2, probes: [ping]}]\n";
    static const char b[] = "targets: [{name: b, address: 198.18.0.3, probes: [ping]}]\n";
    char path[256];
    struct kp_diags diags;
    kp_diags_init(&diags);
    put_file("main.yaml", main_text, strlen(main_text));
    put_file("conf.d/10-a.yaml", a, strlen(a));
    put_file("conf.d/9-b.yaml", b, strlen(b));
    path_of(path, "main.yaml");
    struct kp_conf *conf = kp_conf_load_file(path, &diags);
    assert_non_null(conf);
    assert_int_equal(conf->target_count, 3);
    assert_string_equal(conf->targets[1].name, "a");
    assert_string_equal(conf->targets[2].name, "b");
    kp_conf_free(conf);
    kp_diags_fini(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreadable_files_are_refused_at_once),
        cmocka_unit_test(huge_files_are_refused),
        cmocka_unit_test(included_files_are_found_beside_the_main_one),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
