#include "lib/conf/yaml_tree.h"

#include "lib/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* How much deeper than allowed nesting is still skipped to find further errors. */
#define SKIP_LEVELS 64

struct frame {
    struct kp_yaml_node *node;
    const char *key; /* mapping: the key read last, while its value is awaited */
    struct kp_pos key_pos;
    bool has_key;
};

struct builder {
    struct kp_arena *arena;
    const struct kp_source *src;
    struct kp_diags *diags;
    yaml_parser_t parser;
    struct frame stack[KP_YAML_MAX_LEVELS + 1]; /* the lowest is a list of the root alone */
    size_t depth;
    size_t skipping; /* levels below the deepest allowed one */
    struct kp_yaml_node top;
    struct kp_yaml_node *root;
    size_t documents;
    bool stop;

    /* Where character `chars` of the text is; it only ever moves forward. */
    size_t chars;
    size_t byte;
    struct kp_pos pos;
};

/* libyaml counts some characters as line breaks that editors do not, so line
 * and column come from the character index of its mark. */
static struct kp_pos place(struct builder *b, yaml_mark_t mark)
{
    if (mark.index < b->chars) {
        b->chars = 0;
        b->byte = 0;
        b->pos = (struct kp_pos){1, 1};
    }
    while (b->chars < mark.index && b->byte < b->src->len) {
        uint32_t code = 0;
        char c = b->src->text[b->byte];
        b->byte += kp_utf8_next(b->src->text + b->byte, b->src->len - b->byte, &code);
        b->chars++;
        bool crlf = c == '\r' && b->byte < b->src->len && b->src->text[b->byte] == '\n';
        if ((c == '\n' || c == '\r') && !crlf)
            b->pos = (struct kp_pos){b->pos.line + 1, 1};
        else
            b->pos.col++;
    }
    return b->pos;
}

static struct kp_yaml_node *new_node(struct builder *b, enum kp_yaml_kind kind,
                                     struct kp_pos pos)
{
    struct kp_yaml_node *node = kp_arena_alloc(b->arena, sizeof *node);
    if (node == NULL) {
        b->stop = true;
        return NULL;
    }
    node->kind = kind;
    node->pos = pos;
    node->src = b->src;
    return node;
}

static struct frame *top(struct builder *b)
{
    return &b->stack[b->depth];
}

/* Whether the next node is the key of a mapping entry. */
static bool awaits_key(struct builder *b)
{
    const struct frame *f = top(b);
    return f->node->kind == KP_YAML_MAP && !f->has_key;
}

static void take_key(struct frame *f, const char *key, struct kp_pos pos)
{
    f->key = key;
    f->key_pos = pos;
    f->has_key = true;
}

static void attach(struct builder *b, struct kp_yaml_node *node)
{
    struct frame *f = top(b);
    if (f->node->kind == KP_YAML_MAP) {
        node->key = f->key;
        node->key_pos = f->key_pos;
        f->has_key = false;
    }
    if (f->node->last != NULL)
        f->node->last->next = node;
    else
        f->node->child = node;
    f->node->last = node;
    f->node->count++;
}

static void refuse_decoration(struct builder *b, struct kp_pos pos, const void *anchor,
                              const void *tag)
{
    if (anchor != NULL)
        kp_diag_add(b->diags, b->src, pos, "anchors (&name) are not allowed");
    if (tag != NULL)
        kp_diag_add(b->diags, b->src, pos, "tags (!name) are not allowed");
}

/* Whether the text holds no control character; says so where it does. */
static bool clean_text(struct builder *b, struct kp_pos pos, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        i += kp_utf8_next(text + i, len - i, &code);
        if (!kp_utf8_unsafe(code))
            continue;
        if (code == '\n')
            kp_diag_add(b->diags, b->src, pos, "a line break inside a text is not allowed");
        else
            kp_diag_add(b->diags, b->src, pos, "control character U+%04X is not allowed", code);
        return false;
    }
    return true;
}

static void on_scalar(struct builder *b, const yaml_event_t *ev)
{
    const char *value = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    struct kp_pos pos = place(b, ev->start_mark);
    refuse_decoration(b, pos, ev->data.scalar.anchor, ev->data.scalar.tag);
    bool clean = clean_text(b, pos, value, len);
    char *text = kp_arena_text(b->arena, value, len);
    if (text == NULL) {
        b->stop = true;
        return;
    }
    if (awaits_key(b)) {
        take_key(top(b), clean ? text : NULL, pos);
        return;
    }
    struct kp_yaml_node *node = new_node(b, clean ? KP_YAML_TEXT : KP_YAML_BROKEN, pos);
    if (node == NULL)
        return;
    node->text = text;
    node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    attach(b, node);
}

static void on_alias(struct builder *b, const yaml_event_t *ev)
{
    struct kp_pos pos = place(b, ev->start_mark);
    kp_diag_add(b->diags, b->src, pos, "aliases (*name) are not allowed");
    if (awaits_key(b)) {
        take_key(top(b), NULL, pos);
        return;
    }
    struct kp_yaml_node *node = new_node(b, KP_YAML_BROKEN, pos);
    if (node != NULL)
        attach(b, node);
}

static void too_deep(struct builder *b, struct kp_pos pos)
{
    kp_diag_add(b->diags, b->src, pos, "nested deeper than %d levels", KP_YAML_MAX_LEVELS);
    b->skipping = 1;
    struct frame *f = top(b);
    if (f->node->kind == KP_YAML_MAP && !f->has_key) {
        take_key(f, NULL, pos);
        return;
    }
    struct kp_yaml_node *node = new_node(b, KP_YAML_BROKEN, pos);
    if (node != NULL)
        attach(b, node);
}

static void on_start(struct builder *b, const yaml_event_t *ev, enum kp_yaml_kind kind)
{
    struct kp_pos pos = place(b, ev->start_mark);
    bool list = kind == KP_YAML_LIST;
    refuse_decoration(b, pos,
                      list ? ev->data.sequence_start.anchor : ev->data.mapping_start.anchor,
                      list ? ev->data.sequence_start.tag : ev->data.mapping_start.tag);
    if (b->depth == KP_YAML_MAX_LEVELS) {
        too_deep(b, pos);
        return;
    }
    struct kp_yaml_node *node = new_node(b, kind, pos);
    if (node == NULL)
        return;
    if (awaits_key(b)) {
        kp_diag_add(b->diags, b->src, pos, "a key must be a word, not a list or mapping");
        take_key(top(b), NULL, pos);
    } else {
        attach(b, node);
    }
    b->stack[++b->depth] = (struct frame){.node = node};
}

static int by_key(const void *a, const void *b)
{
    const struct kp_yaml_node *x = *(struct kp_yaml_node *const *)a;
    const struct kp_yaml_node *y = *(struct kp_yaml_node *const *)b;
    int order = strcmp(x->key, y->key);
    if (order != 0)
        return order;
    if (x->key_pos.line != y->key_pos.line)
        return x->key_pos.line < y->key_pos.line ? -1 : 1;
    return x->key_pos.col < y->key_pos.col ? -1 : 1;
}

/* Sorted, so that a mapping with very many keys costs no quadratic time. */
static void find_duplicates(struct builder *b, const struct kp_yaml_node *map)
{
    struct kp_yaml_node **list = kp_arena_array(b->arena, map->count, sizeof(void *));
    size_t count = 0;
    if (list == NULL) {
        b->stop = true;
        return;
    }
    for (struct kp_yaml_node *n = map->child; n != NULL; n = n->next)
        if (n->key != NULL)
            list[count++] = n;
    qsort(list, count, sizeof(void *), by_key);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (strcmp(list[i]->key, list[first]->key) != 0) {
            first = i;
            continue;
        }
        list[i]->duplicate = true;
        kp_diag_add(b->diags, b->src, list[i]->key_pos,
                    "duplicate key '%s', first given in line %u", kp_clip(list[i]->key).text,
                    list[first]->key_pos.line);
    }
}

static void on_end(struct builder *b)
{
    struct frame *f = top(b);
    if (f->node->kind == KP_YAML_MAP && f->node->count > 1)
        find_duplicates(b, f->node);
    b->depth--;
}

static void on_document(struct builder *b, const yaml_event_t *ev)
{
    if (b->documents++ == 0)
        return;
    kp_diag_add(b->diags, b->src, place(b, ev->start_mark),
                "a second document is not allowed: one file, one document");
    b->stop = true;
}

/* Counts collections inside one that is too deep; nothing in them is kept. */
static void skip(struct builder *b, yaml_event_type_t type)
{
    if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
        b->skipping++;
    else if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT)
        b->skipping--;
    if (b->skipping > SKIP_LEVELS)
        b->stop = true;
}

static void on_event(struct builder *b, const yaml_event_t *ev)
{
    if (b->skipping > 0) {
        skip(b, ev->type);
        return;
    }
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        on_document(b, ev);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(b, ev);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(b, ev);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_start(b, ev, KP_YAML_LIST);
        break;
    case YAML_MAPPING_START_EVENT:
        on_start(b, ev, KP_YAML_MAP);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(b);
        break;
    case YAML_STREAM_END_EVENT:
        b->stop = true;
        break;
    default:
        break;
    }
}

/* libyaml may name a byte inside a broken character: where that begins. */
static size_t begin_of_problem(const struct kp_source *src, size_t offset)
{
    uint32_t code = 0;
    for (size_t i = 0; i < src->len && i < offset;) {
        size_t step = kp_utf8_next(src->text + i, src->len - i, &code);
        if (code == KP_UTF8_BAD)
            return i;
        i += step;
    }
    return offset;
}

/* What usually is behind a problem at a character. */
static const char *syntax_hint(const char *problem, char at)
{
    bool unexpected = strstr(problem, "node content") || strstr(problem, "start any token");
    if (at == '\t')
        return " (a tab: indent with spaces)";
    if (unexpected && at != '\0' && strchr(":@`%", at) != NULL)
        return " (what begins with this sign needs quotes)"; /* such as ::1 */
    return "";
}

static void report_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    const char *problem = p->problem != NULL ? p->problem : "no YAML";
    if (p->error == YAML_MEMORY_ERROR) {
        b->diags->nomem = true;
        return;
    }
    if (p->error == YAML_READER_ERROR) {
        kp_diag_add(b->diags, b->src,
                    kp_source_pos(b->src, begin_of_problem(b->src, p->problem_offset)),
                    "not readable as UTF-8 text: %s", problem);
        return;
    }
    char begun[48] = "";
    struct kp_pos pos = place(b, p->problem_mark);
    char at = b->byte < b->src->len ? b->src->text[b->byte] : '\0';
    /* A forgotten quote or bracket shows only where the text ends. */
    if (p->context != NULL && p->context_mark.line < p->problem_mark.line)
        snprintf(begun, sizeof begun, " that begins in line %u",
                 place(b, p->context_mark).line);
    kp_diag_add(b->diags, b->src, pos, "YAML syntax: %s%s%s%s%s", problem,
                p->context != NULL ? " " : "", p->context != NULL ? p->context : "", begun,
                syntax_hint(problem, at));
}

static void build(struct builder *b)
{
    while (!b->stop) {
        yaml_event_t ev;
        if (!yaml_parser_parse(&b->parser, &ev)) {
            report_syntax(b);
            return;
        }
        on_event(b, &ev);
        yaml_event_delete(&ev);
    }
    b->root = b->skipping == 0 ? b->top.child : NULL;
    if (b->documents == 0)
        b->root = new_node(b, KP_YAML_MAP, (struct kp_pos){1, 1});
}

struct kp_yaml_node *kp_yaml_tree(struct kp_arena *arena, const struct kp_source *src,
                                  struct kp_diags *diags)
{
    struct builder b = {.arena = arena, .src = src, .diags = diags, .pos = {1, 1}};
    if (src->len > KP_YAML_MAX_BYTES) {
        kp_diag_add(diags, src, (struct kp_pos){1, 1}, "larger than 1 MiB");
        return NULL;
    }
    if (!yaml_parser_initialize(&b.parser)) {
        diags->nomem = true;
        return NULL;
    }
    b.top = (struct kp_yaml_node){.kind = KP_YAML_LIST, .src = src};
    b.stack[0].node = &b.top;
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)src->text, src->len);
    build(&b);
    yaml_parser_delete(&b.parser);
    if (kp_arena_nomem(arena)) {
        diags->nomem = true;
        return NULL;
    }
    return b.root;
}

struct kp_yaml_node *kp_yaml_get(const struct kp_yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != KP_YAML_MAP)
        return NULL;
    for (struct kp_yaml_node *n = map->child; n != NULL; n = n->next)
        if (n->key != NULL && strcmp(n->key, key) == 0)
            return n;
    return NULL;
}
