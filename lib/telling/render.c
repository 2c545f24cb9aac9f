#include "lib/telling/render.h"

#include "lib/telling/json_obj.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2 /* spaces between columns */

struct kept {
    char *text; /* safe */
    size_t width;
    enum kp_role role;
};

struct layout {
    size_t width;
    bool shown;
};

struct kp_render {
    struct kp_render_style style;
    const struct kp_column *columns;
    size_t column_count;
    struct kept *cells; /* tables: all rows so far, one after the other */
    size_t cell_count, cell_room;
    struct layout *layout; /* tables: one per column */
    struct kp_text text;   /* csv, jsonl: the output so far */
    bool nomem;
};

static bool is_table(const struct kp_render *r)
{
    return r->style.kind == KP_RENDER_TABLE || r->style.kind == KP_RENDER_WIDE;
}

/* --- csv and jsonl: each row is written at once --- */

static void csv_field(struct kp_text *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")] && text[0] != ' ') {
        kp_text_add_safe(out, text);
        return;
    }
    struct kp_text safe = {0};
    for (const char *line = text;;) {
        size_t n = strcspn(line, "\n");
        char *copy = strndup(line, n);
        if (!copy) {
            out->nomem = true;
            break;
        }
        kp_text_add_safe(&safe, copy);
        free(copy);
        if (!line[n])
            break;
        kp_text_add(&safe, "\n");
        line += n + 1;
    }
    kp_text_add(out, "\"");
    for (size_t i = 0; i < safe.len; i++)
        kp_text_addn(out, safe.data[i] == '"' ? "\"\"" : safe.data + i,
                     safe.data[i] == '"' ? 2 : 1);
    kp_text_add(out, "\"");
    out->nomem |= safe.nomem;
    kp_text_fini(&safe);
}

static void csv_value(struct kp_text *out, const struct kp_cell *cell)
{
    const json_t *value = cell->value;
    if (!value || json_is_string(value)) {
        const char *text = value ? json_string_value(value) : cell->text;
        csv_field(out, text ? text : "");
        return;
    }
    if (json_is_null(value))
        return;
    char *dump = kp_json_dump(value, KP_JSON_FLAGS);
    if (dump)
        csv_field(out, dump);
    else
        out->nomem = true;
    free(dump);
}

static void csv_heading(struct kp_render *r)
{
    for (size_t i = 0; i < r->column_count; i++) {
        kp_text_add(&r->text, i ? "," : "");
        csv_field(&r->text, r->columns[i].key);
    }
    kp_text_add(&r->text, "\r\n");
}

static void csv_row(struct kp_render *r, const struct kp_cell *cells)
{
    for (size_t i = 0; i < r->column_count; i++) {
        kp_text_add(&r->text, i ? "," : "");
        csv_value(&r->text, &cells[i]);
    }
    kp_text_add(&r->text, "\r\n");
}

/* What jsonl shows for a cell without a value; text that is not UTF-8 is made so. */
static json_t *cell_json(const struct kp_cell *cell)
{
    if (cell->value)
        return json_deep_copy(cell->value);
    if (!cell->text)
        return json_null();
    json_t *text = json_string(cell->text);
    if (text)
        return text;
    struct kp_text safe = {0};
    kp_text_add_safe(&safe, cell->text);
    text = kp_text_str(&safe) ? json_string(kp_text_str(&safe)) : NULL;
    kp_text_fini(&safe);
    return text;
}

static void jsonl_row(struct kp_render *r, const struct kp_cell *cells)
{
    json_t *row = json_object();
    bool bad = !row;
    for (size_t i = 0; i < r->column_count && !bad; i++)
        bad = json_object_set_new(row, r->columns[i].key, cell_json(&cells[i])) != 0;
    char *dump = bad ? NULL : kp_json_dump(row, KP_JSON_FLAGS);
    if (dump) {
        kp_text_add(&r->text, dump);
        kp_text_add(&r->text, "\n");
    } else {
        r->nomem = true;
    }
    free(dump);
    json_decref(row);
}

/* --- tables: rows are kept until their widths are known --- */

static bool keep_room(struct kp_render *r)
{
    if (r->cell_room - r->cell_count >= r->column_count)
        return true;
    size_t room = (r->cell_room + r->column_count) * 2;
    struct kept *cells = reallocarray(r->cells, room, sizeof *cells);
    if (!cells)
        return false;
    r->cells = cells;
    r->cell_room = room;
    return true;
}

static bool keep_cell(struct kp_render *r, const char *text, enum kp_role role)
{
    struct kp_text safe = {0};
    kp_text_add_safe(&safe, text);
    if (safe.nomem) {
        kp_text_fini(&safe);
        return false;
    }
    /* kp_text_addn made a NUL-terminated string even of "". */
    r->cells[r->cell_count++] = (struct kept){safe.data, kp_text_width(safe.data), role};
    return true;
}

static void keep_row(struct kp_render *r, const struct kp_cell *cells)
{
    if (r->nomem || !keep_room(r)) {
        r->nomem = true;
        return;
    }
    for (size_t i = 0; i < r->column_count && !r->nomem; i++)
        r->nomem = !keep_cell(r, cells[i].text ? cells[i].text : "-", cells[i].role);
}

static void keep_heading(struct kp_render *r)
{
    if (!keep_room(r)) {
        r->nomem = true;
        return;
    }
    for (size_t i = 0; i < r->column_count && !r->nomem; i++)
        r->nomem = !keep_cell(r, r->columns[i].title, KP_ROLE_TITLE);
}

static void measure(struct kp_render *r)
{
    for (size_t i = 0; i < r->column_count; i++)
        r->layout[i].shown = r->style.kind == KP_RENDER_WIDE || !r->columns[i].wide_only;
    for (size_t i = 0; i < r->cell_count; i++) {
        struct layout *l = &r->layout[i % r->column_count];
        if (r->cells[i].width > l->width)
            l->width = r->cells[i].width;
    }
}

static size_t total_width(const struct kp_render *r)
{
    size_t total = 0;
    for (size_t i = 0; i < r->column_count; i++)
        if (r->layout[i].shown)
            total += r->layout[i].width + (total ? GAP : 0);
    return total;
}

/* Of the columns still shown, the one that matters least: the highest priority
 * number, of equals the last one.  Columns of priority 0 count only where they
 * can still be cut.  -1: nothing can be done. */
static int least_column(const struct kp_render *r)
{
    int least = -1;
    for (size_t i = 0; i < r->column_count; i++) {
        const struct kp_column *c = &r->columns[i];
        bool cuttable = c->min_width > 0 && r->layout[i].width > c->min_width;
        if (!r->layout[i].shown || (c->priority == 0 && !cuttable))
            continue;
        if (least < 0 || c->priority >= r->columns[least].priority)
            least = (int)i;
    }
    return least;
}

/* Makes the table fit: the least column is cut where that is enough, or where it
 * must stay; otherwise it goes. */
static void squeeze(struct kp_render *r)
{
    size_t total;
    while ((total = total_width(r)) > r->style.width) {
        int least = least_column(r);
        if (least < 0)
            return;
        struct layout *l = &r->layout[least];
        const struct kp_column *c = &r->columns[least];
        size_t over = total - r->style.width;
        size_t slack = c->min_width && l->width > c->min_width ? l->width - c->min_width : 0;
        if (slack >= over)
            l->width -= over;
        else if (c->priority == 0)
            l->width -= slack;
        else
            l->shown = false;
    }
}

static void put_cell(const struct kp_render *r, struct kp_text *out, const struct kept *cell,
                     size_t column, bool last)
{
    const char *mark = r->style.ascii ? "..." : "\xe2\x80\xa6";
    size_t mark_width = r->style.ascii ? 3 : 1;
    size_t room = r->layout[column].width;
    bool cut = cell->width > room;
    if (cut && room < mark_width)
        mark_width = 0;
    size_t bytes = kp_text_fit(cell->text, cut ? room - mark_width : room);
    struct kp_text shown = {0};
    kp_text_addn(&shown, cell->text, bytes);
    if (cut && mark_width)
        kp_text_add(&shown, mark);
    if (shown.nomem) {
        out->nomem = true;
        return;
    }
    size_t width = kp_text_width(shown.data);
    size_t pad = room > width ? room - width : 0;
    bool right = r->columns[column].align == KP_RIGHT;
    kp_text_pad(out, ' ', right ? pad : 0);
    kp_render_text(out, shown.data, cell->role, r->style.color);
    kp_text_pad(out, ' ', right || last ? 0 : pad);
    kp_text_fini(&shown);
}

static void put_row(const struct kp_render *r, struct kp_text *out, const struct kept *row)
{
    size_t last = r->column_count;
    for (size_t i = 0; i < r->column_count; i++)
        if (r->layout[i].shown)
            last = i;
    bool first = true;
    for (size_t i = 0; i < r->column_count; i++) {
        if (!r->layout[i].shown)
            continue;
        kp_text_pad(out, ' ', first ? 0 : GAP);
        put_cell(r, out, &row[i], i, i == last);
        first = false;
    }
    kp_text_add(out, "\n");
}

static void put_table(struct kp_render *r, struct kp_text *out)
{
    measure(r);
    if (r->style.kind == KP_RENDER_TABLE && r->style.width > 0)
        squeeze(r);
    for (size_t i = 0; i + r->column_count <= r->cell_count; i += r->column_count)
        put_row(r, out, &r->cells[i]);
}

/* --- the interface --- */

static void render_free(struct kp_render *r)
{
    for (size_t i = 0; i < r->cell_count; i++)
        free(r->cells[i].text);
    free(r->cells);
    free(r->layout);
    kp_text_fini(&r->text);
    free(r);
}

struct kp_render *kp_render_new(const struct kp_render_style *style,
                                const struct kp_column *columns, size_t column_count)
{
    struct kp_render *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->style = *style;
    r->columns = columns;
    r->column_count = column_count;
    r->layout = calloc(column_count, sizeof *r->layout);
    if (!r->layout) {
        render_free(r);
        return NULL;
    }
    if (is_table(r) && !style->no_heading)
        keep_heading(r);
    else if (style->kind == KP_RENDER_CSV && !style->no_heading)
        csv_heading(r);
    return r;
}

void kp_render_row(struct kp_render *r, const struct kp_cell *cells)
{
    if (is_table(r))
        keep_row(r, cells);
    else if (r->style.kind == KP_RENDER_CSV)
        csv_row(r, cells);
    else
        jsonl_row(r, cells);
}

void kp_render_end(struct kp_render *r, struct kp_text *out)
{
    if (!r)
        return;
    if (is_table(r) && !r->nomem)
        put_table(r, out);
    else
        kp_text_addn(out, r->text.data, r->text.len);
    out->nomem |= r->nomem || r->text.nomem;
    render_free(r);
}

void kp_render_text(struct kp_text *out, const char *text, enum kp_role role, bool color)
{
    static const char *const sgr[KP_ROLE_COUNT] = {
        [KP_ROLE_PLAIN] = "",        [KP_ROLE_TITLE] = "\x1b[1m", [KP_ROLE_GOOD] = "\x1b[32m",
        [KP_ROLE_WARN] = "\x1b[33m", [KP_ROLE_BAD] = "\x1b[31m",  [KP_ROLE_DIM] = "\x1b[2m",
    };
    bool colored = color && role > KP_ROLE_PLAIN && role < KP_ROLE_COUNT;
    kp_text_add(out, colored ? sgr[role] : "");
    kp_text_add_safe(out, text);
    kp_text_add(out, colored ? "\x1b[0m" : "");
}
