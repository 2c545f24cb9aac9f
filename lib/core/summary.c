/* The verdict so far and one sentence that says what is seen. */
#include "lib/core/inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;
    t->at += used;
    t->left -= used;
}

/* Writes the titles of the paths in this state, joined, but for those named in except
 * (NULL: none); returns their count. */
static uint32_t add_paths(const struct kp_core *core, struct text *t, enum kp_state state,
                          const struct kp_names *except)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->world->path_count; i++) {
        const struct kp_path *path = &core->world->paths[i];
        if (kp_judge_path_state(core, path) != state || kp_mute_path(core, path) ||
            (except != NULL && kp_names_has(except, path->conf->name)))
            continue;
        add(t, "%s%s", count++ > 0 ? " and " : "", path->conf->title);
    }
    return count;
}

/* The paths that answer, if any. */
static void add_others(const struct kp_core *core, struct text *t,
                       const struct kp_names *except)
{
    char others[128] = "";
    uint32_t count = add_paths(core, &(struct text){others, sizeof others}, KP_UP, except);
    if (count > 0)
        add(t, "; %s %s on", others, count > 1 ? "carry" : "carries");
}

static void add_since(const struct kp_core *core, struct text *t)
{
    struct kp_mono first = {0};
    for (uint32_t i = 0; i < core->world->path_count; i++) {
        const struct kp_path *path = &core->world->paths[i];
        if (kp_judge_path_state(core, path) == KP_DOWN &&
            (!kp_mono_set(first) || kp_mono_before(path->group.since, first)))
            first = path->group.since;
    }
    char since[KP_RFC3339_SIZE];
    kp_wall_format(kp_tell_wall(core, first), since);
    add(t, " since %.19sZ", since);
}

static bool paths_down(const struct kp_core *core, struct text *t)
{
    if (add_paths(core, t, KP_DOWN, NULL) == 0)
        return false;
    add(t, ": silent");
    add_since(core, t);
    add_others(core, t, NULL);
    add(t, ".");
    return true;
}

static uint32_t unmuted_in(const struct kp_core *core, enum kp_state state, struct text *names)
{
    uint32_t count = 0;
    struct kp_mono since;
    for (uint32_t i = 0; i < core->world->target_count; i++) {
        const struct kp_target *target = &core->world->targets[i];
        if (kp_judge_target_state(core, target, &since) != state ||
            kp_mute_target(core, target))
            continue;
        if (count < 3)
            add(names, "%s%s", count > 0 ? ", " : "", target->conf->name);
        count++;
    }
    return count;
}

static bool targets_in(const struct kp_core *core, struct text *t, enum kp_state state)
{
    char names[160] = "";
    uint32_t count = unmuted_in(core, state, &(struct text){names, sizeof names});
    if (count == 0)
        return false;
    add(t, "%u target%s %s: %s%s.", count, count > 1 ? "s" : "", kp_state_name(state), names,
        count > 3 ? ", ..." : "");
    return true;
}

static uint32_t learning(const struct kp_core *core)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->world->item_count; i++)
        count += !core->world->items[i].baseline.learned &&
                 core->world->targets[core->world->items[i].target].address != NULL;
    return count;
}

/* What the gravest incident says, for somebody who reads only this line. */
static void say_incident(const struct kp_core *core, const struct kp_incident *i,
                         struct text *t)
{
    char since[KP_RFC3339_SIZE];
    uint32_t count = 0;
    const char *where = i->what.where;
    kp_wall_format(i->what.began, since);
    memcpy(since + 19, "Z", 2); /* whole seconds read better */
    switch (i->what.class) {
    case KP_V_VANTAGE_FAULT:
        add(t, "our own connection is broken since %s; nothing beyond it can be judged", since);
        break;
    case KP_V_TRANSIT_OUTAGE:
        add(t,
            "all paths are silent before the border since %s, our anchors answer: "
            "check from another vantage",
            since);
        break;
    case KP_V_COUNTRY_OUTAGE:
        add(t, "all paths are silent at or beyond the border since %s", since);
        break;
    case KP_V_PATH_OUTAGE:
        count = add_paths(core, t, KP_DOWN, NULL);
        if (count == 0)
            add(t, "%s", where);
        add(t, " %s silent since %s", count > 1 ? "are" : "is", since);
        add_others(core, t, &i->what.paths);
        break;
    case KP_V_DNS_OUTAGE:
        add(t, "the name servers do not answer since %s, their hosts do", since);
        break;
    case KP_V_DEGRADED:
        add(t, "%s: loss or delay far above normal since %s", where, since);
        break;
    case KP_V_POSSIBLE_BAN:
        add(t, "%s is silent since %s, soon after a change of ours: perhaps only to us", where,
            since);
        break;
    case KP_V_UNKNOWN:
        add(t, "%s: silent since %s, and not clear yet why", where, since);
        break;
    default:
        add(t, "%s is silent since %s; its neighbours answer", where, since);
        break;
    }
    add(t, i->phase == KP_RECOVERING ? "; answering again." : ".");
}

enum kp_verdict kp_summary(const struct kp_core *core, const struct kp_status_view *view,
                           char *out, size_t size)
{
    struct text t = {out, size};
    uint32_t young = learning(core);
    const struct kp_incident *gravest = kp_incidents_gravest(core->incidents);
    if (gravest != NULL) {
        say_incident(core, gravest, &t);
        return gravest->what.class;
    }
    if (view->vantage == KP_DOWN) {
        add(&t, "our own connection is broken; nothing beyond it can be judged.");
        return KP_V_UNKNOWN;
    }
    if (young > 0 && view->targets[KP_UP] + view->targets[KP_DEGRADED] == 0) {
        add(&t, "still learning what is normal: %u of %u probes need more answers.", young,
            core->world->item_count);
        return KP_V_UNKNOWN;
    }
    if (paths_down(core, &t) || targets_in(core, &t, KP_DOWN) ||
        targets_in(core, &t, KP_DEGRADED))
        return KP_V_CLEAR;
    uint32_t suspect = kp_core_suspicion_count(core);
    add(&t, "%u of %u targets %s", view->targets[KP_UP], view->targets_total,
        suspect > 0 ? "are up" : "answer as usual");
    if (suspect > 0)
        add(&t, "; something may be silent, looking closer");
    if (young > 0)
        add(&t, "; %u of %u probes are still learning what is normal", young,
            core->world->item_count);
    add(&t, ".");
    return young > 0 ? KP_V_UNKNOWN : KP_V_CLEAR;
}
