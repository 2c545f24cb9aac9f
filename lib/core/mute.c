/* Muted targets and paths: probed and recorded, but they raise nothing. */
#include "lib/core/inner.h"

#include <stdlib.h>
#include <string.h>

static struct kp_mute *find(const struct kp_core *core, const char *name)
{
    for (uint32_t i = 0; i < core->mute_count; i++)
        if (strcmp(core->mutes[i].name, name) == 0)
            return &core->mutes[i];
    return NULL;
}

struct kp_wall kp_mute_until(const struct kp_core *core, const char *name)
{
    const struct kp_mute *mute = find(core, name);
    if (mute == NULL || mute->until.ns <= core->now.ns + core->wall_minus_mono.ns)
        return (struct kp_wall){0};
    return mute->until;
}

bool kp_mute_path(const struct kp_core *core, const struct kp_path *path)
{
    return core->mute_count > 0 && kp_mute_until(core, path->conf->name).ns != 0;
}

bool kp_mute_target(const struct kp_core *core, const struct kp_target *target)
{
    if (core->mute_count == 0)
        return false;
    return kp_mute_until(core, target->conf->name).ns != 0 ||
           (target->path != KP_NONE && kp_mute_path(core, &core->world->paths[target->path]));
}

static bool known(const struct kp_core *core, const char *name)
{
    const struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->path_count; i++)
        if (strcmp(world->paths[i].conf->name, name) == 0)
            return true;
    for (uint32_t i = 0; i < world->target_count + world->anchor_count; i++)
        if (strcmp(world->targets[i].conf->name, name) == 0)
            return true;
    return false;
}

static void drop(struct kp_core *core, struct kp_mute *mute)
{
    free(mute->name);
    free(mute->reason);
    *mute = core->mutes[--core->mute_count];
}

enum kp_err kp_core_mute(struct kp_core *core, const char *name, struct kp_wall until,
                         const char *reason)
{
    if (!known(core, name))
        return KP_ERR_NOTFOUND;
    struct kp_mute new = {strdup(name), strdup(reason), until};
    struct kp_mute *list = reallocarray(core->mutes, core->mute_count + 1, sizeof *core->mutes);
    if (list != NULL)
        core->mutes = list;
    if (new.name == NULL || new.reason == NULL || list == NULL) {
        free(new.name);
        free(new.reason);
        return KP_ERR_NOMEM;
    }
    struct kp_mute *old = find(core, name);
    if (old != NULL)
        drop(core, old);
    core->mutes[core->mute_count++] = new;
    struct kp_record *r = kp_record_new(core, KP_RECORD_MUTE);
    r->name = kp_record_intern(core, name);
    r->flag = true;
    r->from = until;
    return KP_OK;
}

enum kp_err kp_core_unmute(struct kp_core *core, const char *name)
{
    struct kp_mute *mute = find(core, name);
    if (mute == NULL)
        return KP_ERR_NOTFOUND;
    drop(core, mute);
    kp_record_new(core, KP_RECORD_MUTE)->name = kp_record_intern(core, name);
    return KP_OK;
}

/* The index-th mute still in force; NULL: none. */
static const struct kp_mute *in_force(const struct kp_core *core, uint32_t index)
{
    for (uint32_t i = 0; i < core->mute_count; i++)
        if (kp_mute_until(core, core->mutes[i].name).ns != 0 && index-- == 0)
            return &core->mutes[i];
    return NULL;
}

uint32_t kp_core_mute_count(const struct kp_core *core)
{
    uint32_t count = 0;
    while (in_force(core, count) != NULL)
        count++;
    return count;
}

void kp_core_mute_at(const struct kp_core *core, uint32_t index, struct kp_mute_view *out)
{
    *out = (struct kp_mute_view){0};
    const struct kp_mute *mute = in_force(core, index);
    if (mute == NULL)
        return;
    *out =
        (struct kp_mute_view){.name = mute->name, .reason = mute->reason, .until = mute->until};
    for (uint32_t i = 0; i < core->world->path_count; i++)
        out->is_path |= strcmp(core->world->paths[i].conf->name, mute->name) == 0;
}

void kp_mute_fini(struct kp_core *core)
{
    while (core->mute_count > 0)
        drop(core, &core->mutes[0]);
    free(core->mutes);
}
