/* A main file and what it includes, as one tree. */
#ifndef KP_CONF_CONF_MERGE_H
#define KP_CONF_CONF_MERGE_H

#include "lib/conf/conf_load.h"
#include "lib/conf/yaml_tree.h"

struct kp_conf_merge {
    struct kp_arena *arena;             /* of the nodes; the caller's */
    const struct kp_conf_source *files; /* NULL: nothing can be included */
    struct kp_diags *diags;
    const struct kp_source **sources; /* main file first */
    size_t source_count;
    bool incomplete; /* a file could not be read or is no YAML */
};

/* Reads `path` and its includes.  Lists, probes and paths of included files are
 * joined to those of the main file; any other section given twice is reported.
 * NULL where the main file cannot be read or is no YAML, or memory ran out. */
struct kp_yaml_node *kp_conf_merge_files(struct kp_conf_merge *m, const char *path);

/* The same for a text that is already there. */
struct kp_yaml_node *kp_conf_merge_text(struct kp_conf_merge *m, const char *name,
                                        const char *text, size_t len);

#endif
