/* Tree to configuration, driven by the field tables: every key, kind, bound
 * and reference is checked here; what needs more than one value is conf_check's. */
#ifndef KP_CONF_CONF_READ_H
#define KP_CONF_CONF_READ_H

#include "lib/base/nearest.h"
#include "lib/conf/conf.h"
#include "lib/conf/conf_fields.h"
#include "lib/conf/conf_names.h"
#include "lib/conf/yaml_tree.h"

struct kp_conf_reader {
    struct kp_arena *arena; /* of the configuration */
    struct kp_diags *diags;
    struct kp_names probes;
    struct kp_names paths;
    bool probes_known; /* else references to them are not judged */
    bool paths_known;
    bool incomplete; /* a file is missing */
};

/* Entries one list or mapping by name may hold. */
#define KP_CONF_MAX_ENTRIES 200000

/* References one list may hold. */
#define KP_CONF_MAX_REFS 64

/* Looking for near words costs time: after so many errors nobody reads on. */
#define KP_CONF_MAX_HINTS 100
#define KP_CONF_MAX_CANDIDATES 1000

/* Fills conf (whose arena is set) from root, defaults included.  Entry i of a
 * section becomes element i of its array, whatever is wrong with it.
 * `incomplete`: a file is missing, so missing keys and unknown references are
 * not reported.  Nodes found bad are marked `reported`. */
void kp_conf_read(struct kp_conf *conf, struct kp_yaml_node *root, bool incomplete,
                  struct kp_diags *diags);

/* One value of a scalar kind, or one element of a list kind, into dest. */
void kp_conf_read_scalar(struct kp_conf_reader *r, const struct kp_field *field,
                         struct kp_yaml_node *node, void *dest);

/* ", did you mean 'X'?" to end an error with; empty where nothing is near. */
struct kp_conf_hint {
    char text[96];
};
struct kp_conf_hint kp_conf_hint(const struct kp_nearest *near);

/* Marks the node as bad and reports why. */
#define KP_CONF_BAD(r, node, ...)                                                              \
    ((node)->reported = true, kp_diag_add((r)->diags, (node)->src, (node)->pos, __VA_ARGS__))

#endif
