#include "tests/unit/conf_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct kp_conf *conf_good(const char *text)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_text("good.yaml", text, strlen(text), &diags);
    char *errors = kp_diags_text(&diags);
    if (conf == NULL)
        fail_msg("%s", errors);
    free(errors);
    kp_diags_fini(&diags);
    return conf;
}

char *conf_slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("cannot open %s", path);
    char *data = malloc((size_t)4 << 20);
    assert_non_null(data);
    *len = fread(data, 1, ((size_t)4 << 20) - 1, f);
    data[*len] = '\0';
    fclose(f);
    return data;
}
