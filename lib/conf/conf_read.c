#include "lib/conf/conf_read.h"

#include "lib/conf/conf_value.h"

#include <string.h>

/* Defaults are read like any other value; they stand in no file. */
static const struct kp_source preset_source = {.name = "default"};

static void read_map(struct kp_conf_reader *r, const struct kp_table *table,
                     struct kp_yaml_node *node, void *base);
static void fill_absent(struct kp_conf_reader *r, const struct kp_field *field, void *base);

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void fill_table(struct kp_conf_reader *r, const struct kp_table *table, void *base)
{
    for (size_t i = 0; i < table->count; i++)
        fill_absent(r, &table->fields[i], base);
}

/* Gives a field that was not written its default; negative is "not given". */
static void fill_absent(struct kp_conf_reader *r, const struct kp_field *field, void *base)
{
    if (field->preset != NULL) {
        struct kp_yaml_node preset = {.kind = KP_YAML_TEXT,
                                      .plain = true,
                                      .text = field->preset,
                                      .src = &preset_source,
                                      .pos = {1, 1}};
        kp_conf_read_scalar(r, field, &preset, at(base, field->at));
    } else if (field->kind == KP_F_DURATION) {
        *(struct kp_dur *)at(base, field->at) = (struct kp_dur){-1};
    } else if (field->kind == KP_F_SHARE) {
        *(double *)at(base, field->at) = -1;
    } else if (field->kind == KP_F_MAP) {
        fill_table(r, field->sub, at(base, field->at));
    }
}

/* Room for one element per entry of the node, and the array into base.  NULL
 * where there are too many (reported) or memory ran out. */
static char *new_array(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *base)
{
    if (node->count > KP_CONF_MAX_ENTRIES) {
        KP_CONF_BAD(r, node, "'%s' has more than %d entries", field->key, KP_CONF_MAX_ENTRIES);
        return NULL;
    }
    char *array = kp_arena_array(r->arena, node->count, field->size);
    if (array == NULL)
        return NULL;
    *(void **)at(base, field->at) = array;
    *(size_t *)at(base, field->count_at) = node->count;
    return array;
}

/* Whether the node is a list; says so where not. */
static bool is_list(struct kp_conf_reader *r, const char *key, struct kp_yaml_node *node)
{
    if (node->kind == KP_YAML_LIST)
        return true;
    if (node->kind != KP_YAML_BROKEN)
        KP_CONF_BAD(r, node, "'%s' must be a list, such as [a, b]", key);
    node->reported = true;
    return false;
}

/* Whether the node is a mapping, of what `table` says or of names. */
static bool is_map(struct kp_conf_reader *r, const char *key, struct kp_yaml_node *node,
                   const struct kp_table *table)
{
    if (node->kind == KP_YAML_MAP)
        return true;
    if (node->kind != KP_YAML_BROKEN)
        KP_CONF_BAD(r, node, "'%s' must be a mapping, such as {%s: %s}", key,
                    table != NULL ? table->fields[0].key : "name",
                    table != NULL ? "..." : "{...}");
    node->reported = true;
    return false;
}

static void refuse_repeated(struct kp_conf_reader *r, struct kp_yaml_node *list)
{
    if (list->count > KP_CONF_MAX_REFS) {
        KP_CONF_BAD(r, list, "more than %d entries", KP_CONF_MAX_REFS);
        return;
    }
    for (struct kp_yaml_node *n = list->child; n != NULL; n = n->next)
        for (const struct kp_yaml_node *m = list->child; m != n; m = m->next)
            if (!n->reported && n->kind == KP_YAML_TEXT && m->kind == KP_YAML_TEXT &&
                strcmp(n->text, m->text) == 0)
                KP_CONF_BAD(r, n, "'%s' is given twice", kp_clip(n->text).text);
}

static void read_list(struct kp_conf_reader *r, const struct kp_field *field,
                      struct kp_yaml_node *node, void *base)
{
    if (!is_list(r, field->key, node))
        return;
    char *array = new_array(r, field, node, base);
    if (array == NULL)
        return;
    for (struct kp_yaml_node *n = node->child; n != NULL; n = n->next, array += field->size)
        kp_conf_read_scalar(r, field, n, array);
    bool refs = field->kind == KP_F_PROBE_REFS || field->kind == KP_F_PATH_REFS;
    if (refs)
        refuse_repeated(r, node);
    if (node->count == 0 && field->required)
        KP_CONF_BAD(r, node, "'%s' is empty", field->key);
}

static void read_items(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *base)
{
    if (!is_list(r, field->key, node))
        return;
    char *array = new_array(r, field, node, base);
    if (array == NULL)
        return;
    for (struct kp_yaml_node *n = node->child; n != NULL; n = n->next, array += field->size)
        if (is_map(r, field->sub->name, n, field->sub))
            read_map(r, field->sub, n, array);
    if (node->count == 0 && field->required)
        KP_CONF_BAD(r, node, "'%s' is empty", field->key);
}

/* The first member of every object of a mapping by name is that name. */
static void read_named(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *base)
{
    if (!is_map(r, field->key, node, NULL))
        return;
    char *array = new_array(r, field, node, base);
    if (array == NULL)
        return;
    for (struct kp_yaml_node *n = node->child; n != NULL; n = n->next, array += field->size) {
        if (n->key == NULL)
            continue;
        if (!kp_value_is_name(n->key))
            kp_diag_add(r->diags, n->src, n->key_pos,
                        "'%s' is no name: 1 to 64 letters, digits, '.', '_' or '-', the first "
                        "a letter or digit",
                        kp_clip(n->key).text);
        *(const char **)(void *)array = kp_arena_text(r->arena, n->key, strlen(n->key));
        if (is_map(r, n->key, n, field->sub))
            read_map(r, field->sub, n, array);
    }
}

static void read_field(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *base)
{
    switch (field->kind) {
    case KP_F_INCLUDE: /* done before reading */
        break;
    case KP_F_MAP:
        if (is_map(r, field->key, node, field->sub))
            read_map(r, field->sub, node, at(base, field->at));
        break;
    case KP_F_ITEMS:
        read_items(r, field, node, base);
        break;
    case KP_F_NAMED:
        read_named(r, field, node, base);
        break;
    case KP_F_ADDRESSES:
    case KP_F_PREFIXES:
    case KP_F_NUMBERS:
    case KP_F_PROBE_REFS:
    case KP_F_PATH_REFS:
        read_list(r, field, node, base);
        break;
    default:
        kp_conf_read_scalar(r, field, node, at(base, field->at));
        break;
    }
}

static void unknown_key(struct kp_conf_reader *r, const struct kp_table *table,
                        const struct kp_yaml_node *node)
{
    struct kp_nearest near = kp_nearest_begin(node->key);
    for (size_t i = 0; i < table->count && r->diags->count < KP_CONF_MAX_HINTS; i++)
        kp_nearest_offer(&near, table->fields[i].key);
    kp_diag_add(r->diags, node->src, node->key_pos, "unknown key '%s' in %s%s",
                kp_clip(node->key).text, table->name, kp_conf_hint(&near).text);
}

static void missing_key(struct kp_conf_reader *r, const struct kp_table *table,
                        const struct kp_field *field, const struct kp_yaml_node *node)
{
    if (field->sub != NULL && field->sub->fields[0].required && field->kind == KP_F_MAP)
        kp_diag_add(r->diags, node->src, node->pos, "missing key '%s' in %s (with '%s' in it)",
                    field->key, table->name, field->sub->fields[0].key);
    else
        kp_diag_add(r->diags, node->src, node->pos, "missing key '%s' in %s", field->key,
                    table->name);
}

static void read_map(struct kp_conf_reader *r, const struct kp_table *table,
                     struct kp_yaml_node *node, void *base)
{
    void *scratch = NULL;
    for (struct kp_yaml_node *n = node->child; n != NULL; n = n->next) {
        if (n->key == NULL)
            continue;
        const struct kp_field *field = kp_field_find(table, n->key);
        if (field == NULL) {
            unknown_key(r, table, n);
            continue;
        }
        /* The first use counts; the value of a repeated key is only checked. */
        if (n->duplicate && scratch == NULL)
            scratch = kp_arena_alloc(r->arena, table->size);
        if (!n->duplicate || scratch != NULL)
            read_field(r, field, n, n->duplicate ? scratch : base);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct kp_field *field = &table->fields[i];
        if (kp_yaml_get(node, field->key) != NULL)
            continue;
        fill_absent(r, field, base);
        if (field->required && !(r->incomplete && table == &kp_table_root))
            missing_key(r, table, field, node);
    }
}

static void index_names(struct kp_conf_reader *r, const struct kp_yaml_node *root)
{
    const struct kp_yaml_node *probes = kp_yaml_get(root, "probes");
    const struct kp_yaml_node *paths = kp_yaml_get(root, "paths");
    bool room = kp_names_init(&r->probes, r->arena, probes != NULL ? probes->count : 0) &&
                kp_names_init(&r->paths, r->arena, paths != NULL ? paths->count : 0);
    if (!room)
        return;
    kp_names_add_keys(&r->probes, probes, "probe");
    kp_names_add_keys(&r->paths, paths, "path");
    kp_names_sort(&r->probes);
    kp_names_sort(&r->paths);
    r->probes_known = !r->incomplete && probes != NULL && probes->kind == KP_YAML_MAP;
    r->paths_known = !r->incomplete && (paths == NULL || paths->kind == KP_YAML_MAP);
}

/* Defaults that depend on another value of the same thing. */
static void derive(struct kp_conf *conf)
{
    for (size_t i = 0; i < conf->target_count; i++)
        if (conf->targets[i].title == NULL)
            conf->targets[i].title = conf->targets[i].name;
    for (size_t i = 0; i < conf->anchor_count; i++)
        if (conf->anchors[i].title == NULL)
            conf->anchors[i].title = conf->anchors[i].name;
    for (size_t i = 0; i < conf->path_count; i++)
        if (conf->paths[i].title == NULL)
            conf->paths[i].title = conf->paths[i].name;
}

/* Takes back the defaults of what a probe of this type does not have. */
static void strip_foreign(struct kp_conf *conf)
{
    for (size_t i = 0; i < conf->probe_count; i++) {
        struct kp_conf_probe *p = &conf->probes[i];
        if (p->type == KP_PROBE_ICMP)
            p->port = 0;
        else
            p->size = 0;
        if (p->type != KP_PROBE_DNS)
            p->qtype = 0;
    }
}

void kp_conf_read(struct kp_conf *conf, struct kp_yaml_node *root, bool incomplete,
                  struct kp_diags *diags)
{
    struct kp_conf_reader r = {.arena = conf->arena, .diags = diags, .incomplete = incomplete};
    index_names(&r, root);
    if (is_map(&r, "configuration", root, &kp_table_root))
        read_map(&r, &kp_table_root, root, conf);
    derive(conf);
    strip_foreign(conf);
}
