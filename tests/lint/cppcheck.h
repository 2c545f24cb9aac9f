/* For cppcheck alone, which reads no system headers: loops that it would take for calls. */
#define json_array_foreach(array, i, value)                                                    \
    for (i = 0; i < json_array_size(array) && (value = json_array_get(array, i)); i++)
#define json_object_foreach(object, key, value)                                                \
    for (key = json_object_iter_key(json_object_iter(object));                                 \
         key && (value = json_object_get(object, key)); key = json_object_iter_key(object))
#define TAILQ_FOREACH(var, head, link)                                                         \
    for (var = (head)->tqh_first; var; var = var->link.tqe_next)
#define LL_FOREACH_SAFE(head, var, after) for (var = (head), after = 0; var; var = after)
#define DL_FOREACH(head, var) for (var = (head); var; var = var->next)
#define HASH_ITER(hh, head, var, after) for (var = (head), after = 0; var; var = after)
