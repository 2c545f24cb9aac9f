#include "lib/conf/conf_names.h"

#include <stdlib.h>
#include <string.h>

bool kp_names_init(struct kp_names *names, struct kp_arena *arena, size_t capacity)
{
    *names = (struct kp_names){.capacity = capacity};
    names->list = kp_arena_array(arena, capacity, sizeof *names->list);
    return names->list != NULL;
}

static void add(struct kp_names *names, struct kp_name name)
{
    if (names->count < names->capacity)
        names->list[names->count++] = name;
}

void kp_names_add_keys(struct kp_names *names, const struct kp_yaml_node *map, const char *what)
{
    if (map == NULL || map->kind != KP_YAML_MAP)
        return;
    size_t index = 0;
    for (const struct kp_yaml_node *n = map->child; n != NULL; n = n->next, index++)
        if (n->key != NULL)
            add(names, (struct kp_name){n->key, what, n->src, n->key_pos, index, n->duplicate});
}

void kp_names_add_items(struct kp_names *names, const struct kp_yaml_node *list,
                        const char *what)
{
    if (list == NULL || list->kind != KP_YAML_LIST)
        return;
    size_t index = 0;
    for (const struct kp_yaml_node *n = list->child; n != NULL; n = n->next, index++) {
        const struct kp_yaml_node *name = kp_yaml_get(n, "name");
        if (name != NULL && name->kind == KP_YAML_TEXT && name->text[0] != '\0')
            add(names, (struct kp_name){name->text, what, name->src, name->pos, index, false});
    }
}

static int compare_places(const struct kp_name *a, const struct kp_name *b)
{
    if (a->src->order != b->src->order)
        return a->src->order < b->src->order ? -1 : 1;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line ? -1 : 1;
    return a->pos.col < b->pos.col ? -1 : a->pos.col > b->pos.col;
}

static int compare(const void *a, const void *b)
{
    const struct kp_name *x = a;
    const struct kp_name *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : compare_places(x, y);
}

void kp_names_sort(struct kp_names *names)
{
    if (names->count > 1)
        qsort(names->list, names->count, sizeof *names->list, compare);
}

const struct kp_name *kp_names_find(const struct kp_names *names, const char *text)
{
    size_t low = 0;
    size_t high = names->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(names->list[mid].text, text) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < names->count && strcmp(names->list[low].text, text) == 0)
        return &names->list[low];
    return NULL;
}

void kp_names_report_repeated(const struct kp_names *names, struct kp_diags *diags)
{
    for (size_t i = 1, first = 0; i < names->count; i++) {
        const struct kp_name *name = &names->list[i];
        const struct kp_name *other = &names->list[first];
        if (strcmp(name->text, other->text) != 0) {
            first = i;
            continue;
        }
        if (!name->reported)
            kp_diag_add(
                diags, name->src, name->pos, "the name '%s' is already that of the %s in %s:%u",
                kp_clip(name->text).text, other->what, other->src->name, other->pos.line);
    }
}
