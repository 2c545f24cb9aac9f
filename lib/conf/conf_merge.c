#include "lib/conf/conf_merge.h"

#include "lib/conf/conf_fields.h"

#include <stdlib.h>
#include <string.h>

static const struct kp_pos top_of_file = {1, 1};

/* Registers a file: a source with a copy of name and text in the arena. */
static struct kp_source *new_source(struct kp_conf_merge *m, const char *name, const char *text,
                                    size_t len)
{
    static const char bom[] = "\xef\xbb\xbf";
    if (len >= strlen(bom) && memcmp(text, bom, strlen(bom)) == 0) {
        text += strlen(bom);
        len -= strlen(bom);
    }
    struct kp_source *src = kp_arena_alloc(m->arena, sizeof *src);
    if (m->sources == NULL)
        m->sources = kp_arena_array(m->arena, KP_CONF_MAX_FILES, sizeof *m->sources);
    if (src == NULL || m->sources == NULL)
        return NULL;
    src->name = kp_arena_text(m->arena, name, strlen(name));
    src->text = kp_arena_text(m->arena, text, len);
    src->len = len;
    src->order = (unsigned)m->source_count;
    if (src->name == NULL || src->text == NULL)
        return NULL;
    m->sources[m->source_count++] = src;
    return src;
}

/* Reads a file; on failure NULL with the reason in why, empty for no memory. */
static struct kp_source *read_file(struct kp_conf_merge *m, const char *path,
                                   char why[KP_CONF_WHY_SIZE])
{
    char *data = NULL;
    size_t len = 0;
    why[0] = '\0';
    enum kp_err err = m->files->read(m->files->ctx, path, KP_CONF_MAX_BYTES, &data, &len, why);
    if (err == KP_ERR_NOMEM)
        m->diags->nomem = true;
    if (err != KP_OK)
        return NULL;
    struct kp_source *src = new_source(m, path, data, len);
    free(data);
    if (src == NULL)
        m->diags->nomem = true;
    return src;
}

static void refuse_include(struct kp_conf_merge *m, const struct kp_yaml_node *root,
                           const char *why)
{
    const struct kp_yaml_node *include = kp_yaml_get(root, "include");
    if (include != NULL)
        kp_diag_add(m->diags, include->src, include->key_pos, "%s", why);
}

/* Moves the entries of `from` behind those of `to`. */
static void join(struct kp_yaml_node *to, struct kp_yaml_node *from)
{
    if (from->child == NULL)
        return;
    if (to->last != NULL)
        to->last->next = from->child;
    else
        to->child = from->child;
    to->last = from->last;
    to->count += from->count;
}

/* Puts one section of an included file into the main tree.  What cannot be
 * joined is added as a repeated key, so that its value is still checked. */
static void add_section(struct kp_conf_merge *m, struct kp_yaml_node *root,
                        struct kp_yaml_node *section)
{
    const struct kp_field *field =
        section->key != NULL ? kp_field_find(&kp_table_root, section->key) : NULL;
    struct kp_yaml_node *first = field != NULL ? kp_yaml_get(root, section->key) : NULL;
    if (first != NULL && kp_field_joins(field) && first->kind == section->kind &&
        first->kind != KP_YAML_TEXT && !section->duplicate) {
        join(first, section);
        return;
    }
    if (first != NULL && field->kind != KP_F_VERSION && !kp_field_joins(field) &&
        !section->duplicate)
        kp_diag_add(m->diags, section->src, section->key_pos, "'%s' is already given in %s:%u",
                    field->key, first->src->name, first->key_pos.line);
    section->next = NULL;
    section->duplicate = section->duplicate || first != NULL;
    struct kp_yaml_node one = {.child = section, .last = section, .count = 1};
    join(root, &one);
}

static void add_file(struct kp_conf_merge *m, struct kp_yaml_node *root,
                     const struct kp_yaml_node *entry, const char *path)
{
    char why[KP_CONF_WHY_SIZE];
    if (m->source_count == KP_CONF_MAX_FILES) {
        kp_diag_add(m->diags, entry->src, entry->pos, "more than %d files", KP_CONF_MAX_FILES);
        return;
    }
    struct kp_source *src = read_file(m, path, why);
    if (src == NULL) {
        m->incomplete = true;
        kp_diag_add(m->diags, entry->src, entry->pos, "cannot read %s: %s", path, why);
        return;
    }
    struct kp_yaml_node *tree = kp_yaml_tree(m->arena, src, m->diags);
    m->incomplete = m->incomplete || tree == NULL;
    if (tree == NULL)
        return;
    if (tree->kind != KP_YAML_MAP) {
        kp_diag_add(m->diags, src, tree->pos, "the file must be a mapping");
        return;
    }
    refuse_include(m, tree, "only the main file may include");
    for (struct kp_yaml_node *n = tree->child; n != NULL;) {
        struct kp_yaml_node *next = n->next;
        if (n->key == NULL || strcmp(n->key, "include") != 0)
            add_section(m, root, n);
        n = next;
    }
}

static bool is_loaded(const struct kp_conf_merge *m, const char *path)
{
    for (size_t i = 0; i < m->source_count; i++)
        if (strcmp(m->sources[i]->name, path) == 0)
            return true;
    return false;
}

static void include_pattern(struct kp_conf_merge *m, struct kp_yaml_node *root,
                            const struct kp_yaml_node *entry)
{
    char **paths = NULL;
    size_t count = 0;
    if (entry->kind != KP_YAML_TEXT || entry->text[0] == '\0') {
        if (entry->kind != KP_YAML_BROKEN)
            kp_diag_add(m->diags, entry->src, entry->pos,
                        "'include' must be a list of file names or globs");
        return;
    }
    enum kp_err err =
        m->files->expand(m->files->ctx, root->src->name, entry->text, &paths, &count);
    if (err != KP_OK) {
        m->incomplete = true;
        m->diags->nomem = m->diags->nomem || err == KP_ERR_NOMEM;
        kp_diag_add(m->diags, entry->src, entry->pos, "cannot look for '%s': %s",
                    kp_clip(entry->text).text, kp_err_name(err));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_loaded(m, paths[i]))
            add_file(m, root, entry, paths[i]);
        free(paths[i]);
    }
    free(paths);
}

static void include_all(struct kp_conf_merge *m, struct kp_yaml_node *root)
{
    const struct kp_yaml_node *include = kp_yaml_get(root, "include");
    if (include == NULL || include->kind == KP_YAML_BROKEN)
        return;
    if (include->kind != KP_YAML_LIST) {
        kp_diag_add(m->diags, include->src, include->pos,
                    "'include' must be a list, such as [conf.d/*.yaml]");
        return;
    }
    for (const struct kp_yaml_node *n = include->child; n != NULL; n = n->next)
        include_pattern(m, root, n);
}

struct kp_yaml_node *kp_conf_merge_files(struct kp_conf_merge *m, const char *path)
{
    char why[KP_CONF_WHY_SIZE];
    struct kp_source *src = read_file(m, path, why);
    if (src == NULL) {
        const struct kp_source nowhere = {.name = path};
        if (!m->diags->nomem)
            kp_diag_add(m->diags, &nowhere, top_of_file, "cannot be read: %s", why);
        return NULL;
    }
    struct kp_yaml_node *root = kp_yaml_tree(m->arena, src, m->diags);
    if (root != NULL && m->files->expand != NULL)
        include_all(m, root);
    else
        refuse_include(m, root, "nothing can be included here");
    return root;
}

struct kp_yaml_node *kp_conf_merge_text(struct kp_conf_merge *m, const char *name,
                                        const char *text, size_t len)
{
    struct kp_source *src = new_source(m, name, text, len);
    if (src == NULL) {
        m->diags->nomem = true;
        return NULL;
    }
    struct kp_yaml_node *root = kp_yaml_tree(m->arena, src, m->diags);
    refuse_include(m, root, "nothing can be included here");
    return root;
}
