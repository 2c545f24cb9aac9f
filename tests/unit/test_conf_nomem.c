/* Loading and printing with the nth allocation failing, for every n: a clean
 * refusal that says so, never a crash and never a configuration that differs. */
#include "lib/conf/conf_print.h"
#include "tests/unit/conf_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends every allocation of the code under test here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

static long countdown = -1; /* allocations left before the one that fails; negative: none */

static bool fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails() ? NULL : __real_strndup(text, len);
}

/* Loads with allocation n failing; whether all allocations had been used up. */
static bool load_with_failure(const char *text, long n, bool valid)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    countdown = n;
    struct kp_conf *conf = kp_conf_load_text("t.yaml", text, strlen(text), &diags);
    bool done = countdown >= 0;
    countdown = -1;
    if (done)
        assert_int_equal(conf != NULL, valid);
    else
        assert_true(conf == NULL && diags.nomem);
    kp_conf_free(conf);
    kp_diags_fini(&diags);
    return done;
}

static void a_good_configuration_is_refused_cleanly(void **state)
{
    (void)state;
    size_t len = 0;
    long n = 0;
    char *text = conf_slurp(KP_SOURCE_DIR "/tests/conf/good/every-key.yaml", &len);
    while (!load_with_failure(text, n, true))
        n++;
    free(text);
    assert_true(n > 3);
}

static void a_bad_configuration_is_refused_cleanly(void **state)
{
    (void)state;
    size_t len = 0;
    long n = 0;
    char *text = conf_slurp(KP_SOURCE_DIR "/tests/conf/errors/many.yaml", &len);
    while (!load_with_failure(text, n, false))
        n++;
    free(text);
    assert_true(n > 30);
}

static void printing_fails_cleanly(void **state)
{
    (void)state;
    struct kp_conf *conf = conf_good(CONF_HEAD CONF_TARGETS);
    char *text = NULL;
    for (long n = 0; text == NULL; n++) {
        countdown = n;
        text = kp_conf_print(conf);
        countdown = -1;
        assert_true(n < 50);
    }
    free(text);
    kp_conf_free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_configuration_is_refused_cleanly),
        cmocka_unit_test(a_bad_configuration_is_refused_cleanly),
        cmocka_unit_test(printing_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
