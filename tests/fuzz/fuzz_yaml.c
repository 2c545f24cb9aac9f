/* Configurations through the real loader.  The text up to the first form feed is the main
 * file; what follows each form feed is a file that it may include.  Traps where a
 * configuration is refused without a word, or means something else once printed. */
#include "lib/conf/conf_load.h"
#include "lib/conf/conf_print.h"
#include "tests/fuzz/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 4 };

struct input {
    const char *text[FILES];
    size_t len[FILES];
    size_t count;
};

static struct input split(const char *text, size_t size)
{
    struct input in = {0};
    for (bool more = true; more && in.count < FILES; in.count++) {
        const char *end = memchr(text, '\f', size);
        more = end != NULL;
        in.text[in.count] = text;
        in.len[in.count] = more ? (size_t)(end - text) : size;
        size -= in.len[in.count] + more;
        text += in.len[in.count] + more;
    }
    return in;
}

/* Files are called by their number. */
static enum kp_err read_file(void *ctx, const char *path, size_t limit, char **data,
                             size_t *len, char why[KP_CONF_WHY_SIZE])
{
    const struct input *in = ctx;
    size_t n = strtoul(path, NULL, 10);
    if (n >= in->count || in->len[n] > limit) {
        snprintf(why, KP_CONF_WHY_SIZE, "no such file");
        return KP_ERR_NOTFOUND;
    }
    *data = malloc(in->len[n] + 1);
    if (*data == NULL)
        return KP_ERR_NOMEM;
    memcpy(*data, in->text[n], in->len[n]);
    *len = in->len[n];
    return KP_OK;
}

/* The pattern itself, or all for one with an asterisk. */
static enum kp_err expand(void *ctx, const char *base, const char *pattern, char ***paths,
                          size_t *count)
{
    const struct input *in = ctx;
    (void)base;
    bool all = strchr(pattern, '*') != NULL;
    *count = all ? in->count - 1 : 1;
    *paths = calloc(*count + 1, sizeof **paths);
    for (size_t i = 0; *paths != NULL && i < *count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i + 1);
        (*paths)[i] = strdup(all ? number : pattern);
        if ((*paths)[i] == NULL)
            abort();
    }
    return *paths != NULL ? KP_OK : KP_ERR_NOMEM;
}

/* Printed and read again it is the same. */
static void need_same(const struct kp_conf *conf, char *printed)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    char before[17], after[17];
    if (printed == NULL)
        abort();
    struct kp_conf *again = kp_conf_load_text("printed", printed, strlen(printed), &diags);
    if (again == NULL || !kp_conf_fingerprint(conf, before) ||
        !kp_conf_fingerprint(again, after) || strcmp(before, after) != 0)
        abort();
    kp_conf_free(again);
    kp_diags_fini(&diags);
    free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = split((const char *)data, size);
    const struct kp_conf_source source = {&in, read_file, expand};
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load("0", &source, &diags);
    if (conf == NULL) {
        char *text = kp_diags_text(&diags);
        if (!kp_diags_any(&diags) || text == NULL || text[0] == '\0')
            abort();
        free(text);
    } else {
        need_same(conf, kp_conf_print(conf));
        need_same(conf, kp_conf_print_json(conf));
    }
    kp_conf_free(conf);
    kp_diags_fini(&diags);
    return 0;
}
