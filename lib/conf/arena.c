#include "lib/conf/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)16384)

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct kp_arena {
    struct block *blocks; /* the first one is being filled */
    bool nomem;
};

struct kp_arena *kp_arena_new(void)
{
    return calloc(1, sizeof(struct kp_arena));
}

void kp_arena_free(struct kp_arena *arena)
{
    if (arena == NULL)
        return;
    for (struct block *b = arena->blocks; b != NULL;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    free(arena);
}

static struct block *add_block(struct kp_arena *arena, size_t size)
{
    struct block *b = calloc(1, sizeof *b + size);
    if (b == NULL)
        return NULL;
    b->size = size;
    b->next = arena->blocks;
    arena->blocks = b;
    return b;
}

void *kp_arena_alloc(struct kp_arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        arena->nomem = true;
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct block *b = arena->blocks;
    if (b == NULL || b->size - b->used < size)
        b = add_block(arena, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    if (b == NULL) {
        arena->nomem = true;
        return NULL;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

void *kp_arena_array(struct kp_arena *arena, size_t count, size_t size)
{
    if (count == 0)
        count = 1;
    if (size > SIZE_MAX / count) {
        arena->nomem = true;
        return NULL;
    }
    return kp_arena_alloc(arena, count * size);
}

char *kp_arena_text(struct kp_arena *arena, const char *text, size_t len)
{
    char *copy = kp_arena_alloc(arena, len + 1);
    if (copy != NULL)
        memcpy(copy, text, len);
    return copy;
}

bool kp_arena_nomem(const struct kp_arena *arena)
{
    return arena->nomem;
}
