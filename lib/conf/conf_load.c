#include "lib/conf/conf_load.h"

#include "lib/conf/conf_check.h"
#include "lib/conf/conf_merge.h"
#include "lib/conf/conf_read.h"

#include <string.h>

/* An empty configuration in an arena of its own. */
static struct kp_conf *new_conf(const char *file)
{
    struct kp_arena *arena = kp_arena_new();
    if (arena == NULL)
        return NULL;
    struct kp_conf *conf = kp_arena_alloc(arena, sizeof *conf);
    char *name = kp_arena_text(arena, file, strlen(file));
    if (conf == NULL || name == NULL) {
        kp_arena_free(arena);
        return NULL;
    }
    conf->arena = arena;
    conf->file = name;
    return conf;
}

/* Makes a configuration of a tree; NULL where anything is wrong with it. */
static struct kp_conf *from_tree(const char *file, struct kp_yaml_node *root,
                                 const struct kp_conf_merge *m)
{
    struct kp_conf *conf = new_conf(file);
    if (conf == NULL) {
        m->diags->nomem = true;
        return NULL;
    }
    kp_conf_read(conf, root, m->incomplete, m->diags);
    if (!kp_arena_nomem(conf->arena))
        kp_conf_check(conf, root, m->incomplete, m->arena, m->diags);
    if (kp_arena_nomem(conf->arena) || kp_arena_nomem(m->arena))
        m->diags->nomem = true;
    if (!kp_diags_any(m->diags))
        return conf;
    kp_conf_free(conf);
    return NULL;
}

/* `text` NULL: from the file called `name`. */
static struct kp_conf *load(const char *name, const struct kp_conf_source *files,
                            const char *text, size_t len, struct kp_diags *diags)
{
    struct kp_conf_merge m = {.arena = kp_arena_new(), .files = files, .diags = diags};
    struct kp_conf *conf = NULL;
    if (m.arena == NULL) {
        diags->nomem = true;
        return NULL;
    }
    struct kp_yaml_node *root =
        text == NULL ? kp_conf_merge_files(&m, name) : kp_conf_merge_text(&m, name, text, len);
    if (root != NULL)
        conf = from_tree(name, root, &m);
    kp_arena_free(m.arena);
    kp_diags_sort(diags);
    return conf;
}

struct kp_conf *kp_conf_load(const char *path, const struct kp_conf_source *source,
                             struct kp_diags *diags)
{
    return load(path, source, NULL, 0, diags);
}

struct kp_conf *kp_conf_load_text(const char *name, const char *text, size_t len,
                                  struct kp_diags *diags)
{
    return load(name, NULL, text, len, diags);
}
