/* What the results say about items, targets, paths and our own vantage. */
#include "lib/core/inner.h"

#include <math.h>

/* Bounds of an item's log-odds (DETECTION, stage 2). */
#define KP_ODDS_LEAST (-4.0)
#define KP_ODDS_MOST 10.0
/* Our own sends have failed this often and this long: it is us. */
#define FAILED_SENDS 3
#define FAILED_SPAN (5 * KP_NS_PER_S)
/* One lost answer of an anchor is no silence. */
#define ANCHOR_LOSSES 2
/* A path has recovered only after answers from two targets over this time. */
#define PATH_RUN_SPAN (10 * KP_NS_PER_S)
/* What the hosts around one lose counts over about this time, and at most so much. */
#define LOSS_SPAN_S 120.0
#define LOSS_MOST 0.9

static struct kp_path *path_of(const struct kp_core *core, const struct kp_target *target)
{
    return target->path != KP_NONE ? &core->world->paths[target->path] : NULL;
}

static void later(struct kp_mono *t, struct kp_mono than)
{
    if (kp_mono_before(*t, than))
        *t = than;
}

/* An outage may be put on others only where something was answered after it was
 * suspected (an earlier stray loss proves nothing): else it could as well be us. */
static bool may_blame(const struct kp_core *core, const struct kp_detect *d)
{
    struct kp_mono onset = d->score >= KP_DETECT_SUSPECT ? d->suspected : d->onset;
    if (core->vantage == KP_DOWN)
        return false;
    return core->anchors.state == KP_UNKNOWN ||
           !kp_mono_before(core->last_anchor_answer, onset) ||
           !kp_mono_before(core->last_target_answer, onset);
}

static void absolve_all(struct kp_core *core)
{
    struct kp_world *world = core->world;
    for (uint32_t i = 0; i < world->item_count; i++) {
        kp_group_absolve(&world->items[i].group);
        world->items[i].odds = KP_ODDS_LEAST;
    }
    for (uint32_t i = 0; i < world->target_count + world->anchor_count; i++)
        kp_group_absolve(&world->targets[i].group);
    for (uint32_t i = 0; i < world->path_count; i++)
        kp_group_absolve(&world->paths[i].group);
    kp_group_absolve(&core->anchors);
    kp_group_absolve(&core->country);
    kp_group_absolve(&core->dns);
}

static void set_vantage(struct kp_core *core, enum kp_state state)
{
    enum kp_state from = (enum kp_state)core->vantage;
    if (from == state)
        return;
    core->vantage = (uint8_t)state;
    core->vantage_since = core->now;
    kp_correlate_by(core, KP_LOOK_CHANGE);
    if (from == KP_DOWN)
        absolve_all(core);
    kp_tell_vantage(core, from);
}

void kp_judge_sends(struct kp_core *core, bool failed)
{
    if (!failed) {
        if (core->failing_count > 0)
            (void)kp_record_new(core, KP_RECORD_SENDS);
        core->failing_count = 0;
        return;
    }
    if (core->failing_count++ == 0)
        core->failing_since = core->now;
    if (core->failing_count >= FAILED_SENDS &&
        kp_mono_sub(core->now, core->failing_since).ns >= FAILED_SPAN)
        set_vantage(core, KP_DOWN);
}

/* Anchors silent and nobody else answering either is our own fault; any answer
 * to a probe sent since ends it. */
static void judge_vantage(struct kp_core *core, bool answered, struct kp_mono sent)
{
    if (answered && !kp_mono_before(sent, core->vantage_since))
        set_vantage(core, KP_UP);
    if (core->vantage == KP_DOWN || core->anchors.state == KP_UNKNOWN)
        return;
    if (core->anchors.outage.score >= core->world->vantage_threshold &&
        kp_mono_before(core->last_target_answer, core->anchors.outage.suspected) &&
        kp_mono_before(core->last_anchor_answer, core->anchors.outage.suspected))
        set_vantage(core, KP_DOWN);
}

static void judge_item(struct kp_core *core, struct kp_item *item)
{
    struct kp_group_rule rule = {.threshold = item->threshold};
    struct kp_target *target = &core->world->targets[item->target];
    bool down = item->group.state == KP_DOWN;
    kp_group_judge(&item->group, &rule, core->now, may_blame(core, &item->group.outage));
    if (!down || item->group.state == KP_DOWN)
        return;
    /* What its target and path lost with it is made up for, and a host whose dead
     * port answers again is whole only since then. */
    struct kp_path *path = path_of(core, target);
    kp_group_make_up(&target->group);
    if (path != NULL)
        kp_group_make_up(&path->group);
    if (target->group.state == KP_UP)
        later(&target->group.since, item->group.since);
}

static void judge_target(struct kp_core *core, struct kp_target *target)
{
    struct kp_group_rule rule = {.threshold = target->threshold, .losing = target->loss};
    struct kp_group *group = &target->group;
    kp_group_judge(group, &rule, core->now, may_blame(core, &group->outage));
    const struct kp_path *path = path_of(core, target);
    /* Silent ever since its path went down: the path's proof is enough. */
    if (group->state != KP_DOWN && path != NULL && path->group.state == KP_DOWN &&
        group->outage.score > 0 && kp_mono_before(target->last_answer, path->group.since))
        kp_group_blame(group);
    kp_tell_target(core, target);
}

/* What ailed the path is over, and with it what its targets lost by that. */
static void make_up(struct kp_core *core, struct kp_target *target)
{
    kp_group_make_up(&target->group);
    for (uint32_t i = 0; i < target->item_count; i++)
        kp_group_make_up(&core->world->items[target->first_item + i].group);
}

static bool several_targets(const struct kp_path *path)
{
    return path->target_count > 1;
}

static void judge_path(struct kp_core *core, struct kp_path *path)
{
    struct kp_group_rule rule = {.threshold = path->threshold,
                                 .losing = path->loss_sum / fmax(path->target_count, 1),
                                 .several = several_targets(path),
                                 .span = {PATH_RUN_SPAN}};
    enum kp_state was = (enum kp_state)path->group.state;
    kp_group_judge(&path->group, &rule, core->now, may_blame(core, &path->group.outage));
    kp_tell_path(core, path);
    bool fell = path->group.state == KP_DOWN && was != KP_DOWN;
    bool cleared = path->group.state == KP_UP && (was == KP_DEGRADED || was == KP_DOWN);
    for (uint32_t i = 0; i < core->world->target_count && (fell || cleared); i++) {
        struct kp_target *target = &core->world->targets[i];
        if (path_of(core, target) != path || target->group.state == KP_UNKNOWN)
            continue;
        if (cleared)
            make_up(core, target);
        judge_target(core, target);
    }
}

/* An item's log-odds for stage 2, against bursts of its own: what the others on its
 * path say is weighed there.  Any answer takes all of it back. */
static void feed_odds(struct kp_item *item, const struct kp_group_sample *s)
{
    const struct kp_detect_model *model = &kp_detect_confirm;
    double q = kp_detect_loss(&item->alone, model, s->p0, s->sent);
    kp_detect_feed(&item->alone, model, s->p0, s->sent, s->lost, KP_ODDS_MOST);
    item->odds = kp_explain_log_odds(item->odds, s->lost, model->p_after, q);
}

void kp_judge_edge_anew(struct kp_item *edge)
{
    edge->group = (struct kp_group){0};
    edge->alone = (struct kp_detect){0};
    edge->odds = 0;
}

/* The hop must be one of the path's, else the flow goes elsewhere by now and says
 * nothing about this path. */
void kp_judge_edge(struct kp_core *core, struct kp_item *edge, struct kp_mono sent, double rtt)
{
    struct kp_path *path = &core->world->paths[edge->edge_of];
    struct kp_group_rule rule = {.threshold = edge->threshold};
    if (rtt >= 0 && !kp_path_has(&core->world->rules[edge->edge_of], &edge->sender)) {
        kp_tracing_ask(core, edge->target, 1, UINT8_MAX);
        return;
    }
    if (rtt >= 0)
        path->last_hop = edge->sender;
    if (!kp_baseline_votes(&edge->baseline) || (core->vantage == KP_DOWN && rtt < 0))
        return;
    double p0 = kp_baseline_loss(&edge->baseline);
    struct kp_group_sample s = {.sent = sent, .lost = rtt < 0, .base = p0, .p0 = p0};
    feed_odds(edge, &s);
    kp_group_feed(&edge->group, &rule, &s);
    kp_group_judge(&edge->group, &rule, core->now, may_blame(core, &edge->group.outage));
    if (core->alert)
        kp_correlate_by(core, KP_LOOK_RESULT);
}

/* Silence is ours only while nobody at all answers: what somebody answered later,
 * or has answered meanwhile, is the anchor's own loss. */
static void feed_anchors(struct kp_core *core, const struct kp_group_sample *s)
{
    struct kp_group_rule rule = {.threshold = core->world->vantage_threshold};
    bool excused = s->lost && (!kp_mono_before(core->last_anchor_answer, s->sent) ||
                               !kp_mono_before(core->last_target_answer, s->sent));
    if (!excused)
        kp_group_feed(&core->anchors, &rule, s);
    /* Only its score counts; the vantage has a state of its own. */
    core->anchors.state = KP_UP;
}

/* A group of the whole country: all of it, or its name servers. */
static void feed_wide(struct kp_core *core, struct kp_group *group, double threshold, bool one,
                      const struct kp_group_sample *s)
{
    struct kp_group_rule rule = {
        .threshold = threshold, .one = one, .several = true, .span = {PATH_RUN_SPAN}};
    if (!s->known || group->state == KP_DOWN)
        kp_group_feed(group, &rule, s);
    kp_group_judge(group, &rule, core->now, may_blame(core, &group->outage));
}

/* Counts a result into what its target, and so its path, loses lately. */
static void note_loss(struct kp_target *target, struct kp_path *path,
                      const struct kp_group_sample *s)
{
    if (!kp_mono_before(target->loss_at, s->sent))
        return;
    double dt = kp_dur_seconds(kp_mono_sub(s->sent, target->loss_at));
    double before = target->loss;
    target->loss += (1 - exp(-dt / LOSS_SPAN_S)) * ((s->lost ? 1 : 0) - target->loss);
    target->loss_at = s->sent;
    if (path != NULL)
        path->loss_sum += target->loss - before;
}

/* The share that the other targets on its path lose lately. */
static double others_lose(const struct kp_target *target, const struct kp_path *path)
{
    if (path == NULL || path->target_count < 2)
        return 0;
    return fmax(path->loss_sum - target->loss, 0) / (path->target_count - 1);
}

/* What a result says of one item or host: its path may be losing, in a burst or for
 * long, which the others around it tell. */
static struct kp_group_sample of_one(const struct kp_core *core, const struct kp_target *target,
                                     const struct kp_group_sample *s)
{
    const struct kp_path *path = path_of(core, target);
    const struct kp_group *around = target->anchor ? &core->anchors
                                    : path != NULL ? &path->group
                                                   : NULL;
    struct kp_group_sample one = *s;
    one.p0 = fmin(fmax(s->base, others_lose(target, path)), LOSS_MOST);
    if (around != NULL)
        one.p0 = kp_detect_loss(&around->outage, &kp_detect_confirm, one.p0, s->sent);
    return one;
}

static void feed_narrow(struct kp_item *item, struct kp_target *target, bool one,
                        struct kp_group_sample s)
{
    struct kp_group_rule rule = {.threshold = item->threshold, .one = one};
    kp_group_feed(&item->group, &rule, &s);
    s.known = s.lost && item->group.state == KP_DOWN;
    rule.threshold = target->threshold;
    kp_group_feed(&target->group, &rule, &s);
}

static void feed(struct kp_core *core, struct kp_item *item, const struct kp_group_sample *s)
{
    struct kp_target *target = &core->world->targets[item->target];
    struct kp_path *path = path_of(core, target);
    struct kp_group_sample one = of_one(core, target, s);
    note_loss(target, path, s);
    feed_odds(item, s);
    feed_narrow(item, target, target->anchor || path != NULL, one);
    if (target->anchor) {
        feed_anchors(core, s);
        return;
    }
    /* What is known to be down says nothing new about anything wider that is not. */
    bool old_news = s->lost && (item->group.state == KP_DOWN || target->group.state == KP_DOWN);
    struct kp_group_sample wide = *s;
    wide.known = one.known = old_news && (path == NULL || path->group.state != KP_DOWN);
    if (path != NULL && !wide.known)
        kp_group_feed(&path->group, &(struct kp_group_rule){.threshold = path->threshold}, s);
    if (kp_mute_target(core, target))
        return; /* no verdict on anything wider either */
    feed_wide(core, &core->country, core->world->country_threshold, false, &wide);
    if (item->probe->type == KP_PROBE_DNS)
        feed_wide(core, &core->dns, core->world->dns_threshold, path != NULL, &one);
}

static void note_answer(struct kp_core *core, struct kp_target *target, struct kp_mono sent)
{
    struct kp_path *path = path_of(core, target);
    later(&target->last_answer, sent);
    if (path != NULL)
        later(&path->last_answer, sent);
    later(target->anchor ? &core->last_anchor_answer : &core->last_target_answer, sent);
}

/* Only while something is amiss is there anything to correlate. */
static void raise_alert(struct kp_core *core, const struct kp_item *item)
{
    const struct kp_target *target = &core->world->targets[item->target];
    const struct kp_path *path = path_of(core, target);
    bool amiss =
        core->alert || core->vantage == KP_DOWN || kp_group_suspect(&item->group) ||
        kp_group_suspect(&target->group) || kp_group_suspect(&core->country) ||
        kp_group_suspect(&core->dns) || target->group.state == KP_DEGRADED ||
        (path != NULL && (kp_group_suspect(&path->group) || path->group.state == KP_DEGRADED));
    if (amiss)
        kp_correlate_by(core, KP_LOOK_RESULT);
}

/* Nobody answered for long, anchors neither, now somebody does: that was us.  What
 * was lost meanwhile is no evidence.  Anchors that were not asked prove nothing. */
static void note_silence(struct kp_core *core, struct kp_mono sent)
{
    struct kp_mono last = core->last_anchor_answer;
    later(&last, core->last_target_answer);
    if (core->anchors.state == KP_UNKNOWN || !kp_mono_set(last) ||
        core->anchor_losses < ANCHOR_LOSSES ||
        kp_mono_sub(sent, last).ns < core->world->hiccup.ns)
        return;
    core->gap_from = last;
    core->gap_to = sent;
    absolve_all(core);
}

void kp_judge_result(struct kp_core *core, struct kp_item *item, struct kp_mono sent,
                     double rtt)
{
    struct kp_target *target = &core->world->targets[item->target];
    bool answered = rtt >= 0;
    double timeout = kp_dur_seconds(item->timing.timeout);
    if (answered) {
        note_silence(core, sent);
        note_answer(core, target, sent);
        kp_group_absolve(&core->anchors);
        core->anchor_losses = 0;
    } else if (target->anchor) {
        core->anchor_losses++;
    }
    bool votes = kp_baseline_votes(&item->baseline);
    double p0 = kp_baseline_loss(&item->baseline);
    if (votes && (core->vantage != KP_DOWN || answered))
        feed(core, item,
             &(struct kp_group_sample){
                 .sent = sent,
                 .lost = !answered,
                 .late = answered && rtt > timeout,
                 .slow = answered && rtt <= timeout && kp_baseline_slow(&item->baseline, rtt),
                 .base = p0,
                 .p0 = p0,
                 .source = item->target,
             });
    judge_vantage(core, answered, sent);
    raise_alert(core, item);
    if (!votes || core->vantage == KP_DOWN)
        return;
    judge_item(core, item);
    struct kp_path *path = path_of(core, target);
    if (path != NULL)
        judge_path(core, path);
    judge_target(core, target);
}

/* Not as healthy as a baseline should be learned from. */
static bool ailing(const struct kp_group *group)
{
    struct kp_mono since;
    return kp_group_suspect(group) || group->state == KP_DEGRADED ||
           kp_group_worse(group, &since) >= KP_DETECT_SUSPECT;
}

bool kp_judge_suspect(const struct kp_core *core, const struct kp_item *item)
{
    const struct kp_target *target = &core->world->targets[item->target];
    const struct kp_path *path = path_of(core, target);
    return core->vantage == KP_DOWN || ailing(&item->group) || ailing(&target->group) ||
           (path != NULL && ailing(&path->group));
}

static enum kp_state shown(const struct kp_core *core, const struct kp_group *group)
{
    return core->vantage == KP_DOWN ? KP_UNKNOWN : (enum kp_state)group->state;
}

enum kp_state kp_judge_item_state(const struct kp_core *core, const struct kp_item *item)
{
    return shown(core, &item->group);
}

enum kp_state kp_judge_path_state(const struct kp_core *core, const struct kp_path *path)
{
    return shown(core, &path->group);
}

/* A dead port of a live host, so one that has answered since.  Of a host that has
 * come back, a port counts as dead only once it has not answered a probe sent
 * since: its turn comes later than the first one's. */
static bool dead_port(const struct kp_target *target, const struct kp_item *item)
{
    /* Silence to ICMP alone is filtering, not an outage. */
    if (item->group.state != KP_DOWN || item->group.run.answers > 0 ||
        item->probe->type == KP_PROBE_ICMP ||
        kp_mono_before(target->last_answer, item->group.since))
        return false;
    if (!kp_mono_before(item->group.since, target->group.since))
        return true;
    return item->last_rtt < 0 && !kp_mono_before(item->last_sent, target->group.since);
}

enum kp_state kp_judge_target_state(const struct kp_core *core, const struct kp_target *target,
                                    struct kp_mono *since)
{
    *since = target->group.since;
    if (target->address == NULL || target->mismatch || core->vantage == KP_DOWN) {
        if (target->mismatch)
            *since = target->mismatch_since;
        else if (core->vantage == KP_DOWN)
            *since = core->vantage_since;
        return KP_UNKNOWN;
    }
    if (target->group.state != KP_UP)
        return shown(core, &target->group);
    /* A live host with a dead port answers worse than it should. */
    for (uint32_t i = 0; i < target->item_count; i++) {
        const struct kp_item *item = &core->world->items[target->first_item + i];
        if (dead_port(target, item)) {
            *since = item->group.since;
            return KP_DEGRADED;
        }
    }
    return shown(core, &target->group);
}
