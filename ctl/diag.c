#include "ctl/diag.h"

#include "lib/base/text.h"
#include "lib/base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void place(struct kp_text *out, const json_t *diag)
{
    json_int_t line = json_integer_value(json_object_get(diag, "line"));
    json_int_t column = json_integer_value(json_object_get(diag, "column"));
    const char *file = text_of(diag, "file");
    if (file == NULL)
        return;
    kp_text_add_safe(out, file);
    if (line > 0)
        kp_text_printf(out, ":%lld:%lld", (long long)line, (long long)column);
    kp_text_add(out, ": ");
}

/* The source line and a caret under the column, where the line is that long.
 * Columns are characters; a tab is kept so that the caret stays below. */
static void source_line(struct kp_text *out, const json_t *diag)
{
    const char *source = text_of(diag, "source");
    json_int_t column = json_integer_value(json_object_get(diag, "source_column"));
    if (source == NULL || column < 1)
        return;
    struct kp_text pad = {0};
    const char *p = source;
    kp_text_add(out, "  ");
    for (json_int_t i = 1; *p != '\0' && i < column; i++) {
        bool tab = *p == '\t';
        uint32_t c = 0;
        p += kp_utf8_next(p, strlen(p), &c);
        kp_text_pad(&pad, tab ? '\t' : ' ', tab ? 1 : kp_utf8_width(c));
    }
    for (const char *q = source; *q != '\0'; q++) {
        size_t run = strcspn(q, "\t");
        char *part = strndup(q, run);
        kp_text_add_safe(out, part != NULL ? part : "");
        free(part);
        q += run;
        if (*q == '\0')
            break;
        kp_text_add(out, "\t");
    }
    kp_text_printf(out, "\n  %s^\n", kp_text_str(&pad) != NULL ? kp_text_str(&pad) : "");
    kp_text_fini(&pad);
}

void kpc_diag_print(FILE *to, const json_t *list)
{
    size_t i = 0;
    json_t *diag = NULL;
    json_array_foreach(list, i, diag)
    {
        struct kp_text out = {0};
        const char *severity = text_of(diag, "severity");
        const char *text = text_of(diag, "text");
        place(&out, diag);
        kp_text_add_safe(&out, severity != NULL ? severity : "error");
        kp_text_add(&out, ": ");
        kp_text_add_safe(&out, text != NULL ? text : "?");
        kp_text_add(&out, "\n");
        source_line(&out, diag);
        fputs(kp_text_str(&out) != NULL ? kp_text_str(&out) : "out of memory\n", to);
        kp_text_fini(&out);
    }
}
