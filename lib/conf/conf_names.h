/* Names and where they are defined: for references and for second uses. */
#ifndef KP_CONF_CONF_NAMES_H
#define KP_CONF_CONF_NAMES_H

#include "lib/conf/yaml_tree.h"

struct kp_name {
    const char *text;            /* not owned */
    const char *what;            /* "target", "path", ...; static */
    const struct kp_source *src; /* where it stands */
    struct kp_pos pos;
    size_t index;  /* among things of its kind */
    bool reported; /* the text was found wrong already; it still counts as known */
};

struct kp_names {
    struct kp_name *list; /* sorted by text, then by place, after kp_names_sort */
    size_t count;
    size_t capacity;
};

/* Room for `capacity` names from the arena; false where memory ran out. */
bool kp_names_init(struct kp_names *names, struct kp_arena *arena, size_t capacity);

/* Adds the keys of a mapping, or the values of `name:` in a list of mappings;
 * index is the entry's ordinal.  NULL and other kinds of nodes add nothing. */
void kp_names_add_keys(struct kp_names *names, const struct kp_yaml_node *map,
                       const char *what);
void kp_names_add_items(struct kp_names *names, const struct kp_yaml_node *list,
                        const char *what);

void kp_names_sort(struct kp_names *names);

/* The first definition; NULL where there is none.  Needs kp_names_sort. */
const struct kp_name *kp_names_find(const struct kp_names *names, const char *text);

/* Reports every definition of a name but the first.  Needs kp_names_sort. */
void kp_names_report_repeated(const struct kp_names *names, struct kp_diags *diags);

#endif
