/* Memory that is given back all at once. */
#ifndef KP_CONF_ARENA_H
#define KP_CONF_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct kp_arena;

/* NULL where memory ran out. */
struct kp_arena *kp_arena_new(void);
void kp_arena_free(struct kp_arena *arena);

/* `size` zeroed bytes, aligned for any type, valid until kp_arena_free; NULL
 * where memory ran out, which the arena remembers. */
void *kp_arena_alloc(struct kp_arena *arena, size_t size);

/* The same for `count` items of `size` bytes; a count of 0 gives one item. */
void *kp_arena_array(struct kp_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of len bytes. */
char *kp_arena_text(struct kp_arena *arena, const char *text, size_t len);

/* Whether an allocation has failed. */
bool kp_arena_nomem(const struct kp_arena *arena);

#endif
