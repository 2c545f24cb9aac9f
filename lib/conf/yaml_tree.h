/* YAML text to a tree of nodes that know their place.  Built from libyaml's
 * events, because its document API loses what is needed here: duplicate keys,
 * depth, and where each thing stands.
 *
 * Refused, each with its place: anchors, aliases, tags, keys that are no plain
 * text, duplicate keys, control characters, more than one document, bytes that
 * are no UTF-8, more than KP_YAML_MAX_LEVELS levels or KP_YAML_MAX_BYTES. */
#ifndef KP_CONF_YAML_TREE_H
#define KP_CONF_YAML_TREE_H

#include "lib/conf/arena.h"
#include "lib/conf/diag.h"

#define KP_YAML_MAX_LEVELS 8 /* mappings and lists inside each other */
#define KP_YAML_MAX_BYTES ((size_t)1 << 20)

enum kp_yaml_kind {
    KP_YAML_TEXT,
    KP_YAML_LIST,
    KP_YAML_MAP,
    KP_YAML_BROKEN, /* reported already; say no more about it */
};

struct kp_yaml_node {
    enum kp_yaml_kind kind;
    bool plain;       /* text without quotes */
    bool duplicate;   /* its key stands earlier in the same mapping */
    bool reported;    /* free for the reader of the tree: its value was found bad */
    const char *text; /* of KP_YAML_TEXT: no NUL, no control characters */
    const char *key;  /* in a mapping; NULL where the key is broken (reported already) */
    struct kp_pos pos;
    struct kp_pos key_pos;
    const struct kp_source *src;
    struct kp_yaml_node *child; /* first entry of a list or mapping, in order */
    struct kp_yaml_node *last;  /* last entry */
    struct kp_yaml_node *next;  /* next entry of the same list or mapping */
    size_t count;               /* entries */
};

/* Reads src, which must outlive the tree.  Nodes belong to the arena.  Returns
 * the root; an empty text is an empty mapping at 1:1.  NULL where the text is
 * no YAML (the error is in diags, with any found before it) or memory ran out
 * (diags->nomem).  Every other error is in diags and the tree is whole. */
struct kp_yaml_node *kp_yaml_tree(struct kp_arena *arena, const struct kp_source *src,
                                  struct kp_diags *diags);

/* The first entry with this key; NULL where map is none or has no such key. */
struct kp_yaml_node *kp_yaml_get(const struct kp_yaml_node *map, const char *key);

#endif
