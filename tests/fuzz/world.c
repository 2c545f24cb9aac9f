#include "tests/fuzz/world.h"

#include "lib/conf/conf_load.h"
#include "lib/telling/learned_json.h"

#include <stdlib.h>
#include <string.h>

static const char config[] =
    "{version: 1, vantage: {name: v}, allow: [198.18.0.0/15], probes: {web: {type: tcp-syn, "
    "port: 80}, ping: {type: icmp}}, paths: {east: {edge: [198.19.0.1], hops: "
    "[198.19.0.0/24]}, west: {}}, anchors: [{name: x, address: 198.18.0.9, probes: [ping]}], "
    "targets: [{name: a, address: 198.18.0.1, probes: [web, ping], paths: [east]}, "
    "{name: b, address: 198.18.0.2, probes: [web]}]}";

/* Large blocks are mapped and unmapped each time under ASan, which would take nearly all
 * of it: those of the core are kept for the next to ask (see CMakeLists.txt).  Nothing of
 * the ring of records is read before it is written, so it is not cleared again. */
enum { LARGE = 1 << 17, HUGE = 1 << 20, KEPT = 4 };
static struct kept {
    void *block;
    size_t size;
    bool used;
} kept[KEPT];

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

/* A kept block of this size, perhaps a new one; NULL: it is too small, or all are used. */
static void *keep(size_t size)
{
    for (int i = 0; size >= LARGE && i < KEPT; i++) {
        struct kept *k = &kept[i];
        if (k->block == NULL)
            *k = (struct kept){.block = __real_calloc(1, size), .size = size};
        if (k->used || k->size != size)
            continue;
        k->used = k->block != NULL;
        return k->block;
    }
    return NULL;
}

void *__wrap_malloc(size_t size)
{
    void *block = keep(size);
    return block != NULL ? block : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block = keep(n * size);
    if (block != NULL && n * size < HUGE)
        memset(block, 0, n * size);
    return block != NULL ? block : __real_calloc(n, size);
}

void __wrap_free(void *p)
{
    for (int i = 0; p != NULL && i < KEPT; i++)
        if (kept[i].block == p) {
            kept[i].used = false;
            return;
        }
    __real_free(p);
}

struct fuzz_world fuzz_world_new(void)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct fuzz_world w = {.conf = kp_conf_load_text("fuzz", config, strlen(config), &diags),
                           .core = kp_core_new_offline()};
    kp_diags_fini(&diags);
    if (w.conf == NULL || w.core == NULL ||
        kp_core_configure(w.core, w.conf, (struct kp_mono){FUZZ_T0 * KP_NS_PER_S}) != KP_OK)
        abort();
    return w;
}

void fuzz_world_free(struct fuzz_world *world)
{
    kp_core_free(world->core);
    kp_conf_free(world->conf);
}

void fuzz_learn(struct kp_core *core, const char *text, size_t len)
{
    json_t *json = json_loadb(text, len, 0, NULL);
    struct kp_learned *learned = json != NULL ? kp_learned_read(core, json) : NULL;
    if (learned != NULL)
        (void)kp_core_restore(core, learned);
    kp_learned_free(learned);
    json_decref(json);
}

bool fuzz_line(const char **text, size_t *left, const char **line, size_t *len)
{
    if (*left == 0)
        return false;
    const char *end = memchr(*text, '\n', *left);
    *line = *text;
    *len = end != NULL ? (size_t)(end - *text) : *left;
    size_t step = *len + (end != NULL);
    *text += step;
    *left -= step;
    return true;
}
