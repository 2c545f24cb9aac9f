/* The one funnel: every outcome of a probe, good or bad, ends here. */
#include "lib/core/inner.h"

#include <math.h>
#include <string.h>

/* How long an answered probe is remembered, to recognise duplicates. */
#define DUPLICATE_STAY KP_NS_PER_S

void kp_funnel_second(struct kp_core *core)
{
    int64_t second = core->now.ns / KP_NS_PER_S;
    int64_t from = core->finished_second + 1;
    if (second - from >= KP_RATE_SECONDS)
        from = second - KP_RATE_SECONDS + 1;
    for (int64_t s = from; s <= second; s++) {
        core->finished[s % KP_RATE_SECONDS] = 0;
        core->lag[s % KP_RATE_SECONDS] = 0;
    }
    core->finished_second = second;
}

static void note_last(struct kp_item *item, const struct kp_outcome *o)
{
    item->has_last = true;
    item->last_result = (uint8_t)o->result;
    item->last_cause = (uint8_t)o->cause;
    item->last_errnum = o->errnum;
    item->last_rtt = (float)o->rtt;
    item->last_ttl = o->ttl;
    item->last_sent = o->sent;
    if (o->dns != NULL)
        item->dns = *o->dns;
}

static void note_recent(struct kp_item *item, uint32_t serial, double rtt)
{
    item->recent[item->recent_total % KP_RECENT] = (struct kp_recent){serial, (float)rtt};
    item->recent_total++;
}

/* Whether silence of this probe says nothing, because we may have missed it. */
static bool blind(const struct kp_core *core, const struct kp_item *item, struct kp_mono sent)
{
    struct kp_mono deadline = kp_mono_add(sent, item->timing.timeout);
    return kp_mono_set(core->gap_to) && !kp_mono_before(core->gap_to, sent) &&
           !kp_mono_before(deadline, core->gap_from);
}

static void weigh(struct kp_core *core, struct kp_item *item, const struct kp_outcome *o)
{
    if (o->rtt < 0 && blind(core, item, o->sent))
        return;
    double interval = kp_dur_seconds(item->timing.interval);
    uint32_t path = core->world->targets[item->target].path;
    if (path != KP_NONE)
        kp_window_add(&core->world->paths[path].window, o->sent, o->rtt);
    kp_judge_result(core, item, o->sent, o->rtt);
    kp_baseline_feed(&item->baseline, o->rtt, interval, kp_judge_suspect(core, item));
}

/* What the last visible hop of a path says is about the path alone. */
static void weigh_edge(struct kp_core *core, struct kp_item *edge, const struct kp_outcome *o)
{
    if (o->rtt < 0 && blind(core, edge, o->sent))
        return;
    kp_judge_edge(core, edge, o->sent, o->rtt);
    kp_baseline_feed(&edge->baseline, o->rtt, kp_dur_seconds(edge->timing.interval),
                     core->vantage == KP_DOWN || kp_group_suspect(&edge->group));
}

static void record(struct kp_core *core, const struct kp_item *item, const struct kp_outcome *o,
                   bool late)
{
    const struct kp_target *target = &core->world->targets[item->target];
    bool edge = item->edge_of != KP_NONE;
    struct kp_record *r = kp_record_new(core, edge             ? KP_RECORD_EDGE
                                              : target->anchor ? KP_RECORD_ANCHOR
                                                               : KP_RECORD_PROBE);
    r->at = kp_tell_wall(core, o->sent);
    r->rtt_us = o->rtt < 0 ? -1 : (int32_t)lround(o->rtt * 1e6);
    r->result = (uint8_t)o->result;
    r->cause = (uint8_t)o->cause;
    r->ttl = o->ttl;
    r->late = late;
    if (o->result == KP_LOCAL_ERROR)
        r->errnum = o->errnum;
    if (edge) {
        r->name = core->world->paths[item->edge_of].name;
        if (o->rtt >= 0)
            r->address = item->sender;
        return;
    }
    r->name = target->name;
    r->probe = item->name;
    r->path = kp_record_path(core, target);
}

static void count(const struct kp_core *core, struct kp_item *item, const struct kp_outcome *o)
{
    item->counts.results[o->result]++;
    /* A connection that was refused has no response code. */
    if (o->dns != NULL && (o->result == KP_ANSWERED || o->dns->rcode != 0))
        item->counts.rcodes[o->dns->rcode % KP_RCODES]++;
    if (o->rtt >= 0)
        kp_counts_answer(&item->counts, o->rtt, kp_tell_wall(core, core->now));
}

void kp_funnel_result(struct kp_core *core, struct kp_item *item, const struct kp_outcome *o)
{
    record(core, item, o, false);
    note_last(item, o);
    note_recent(item, o->serial, o->rtt);
    count(core, item, o);
    core->stats.results[item->probe->type][o->result]++;
    core->finished[core->finished_second % KP_RATE_SECONDS]++;
    if (o->rtt >= 0) {
        item->answered++;
        item->answered_last = true;
    }
    if (o->result == KP_LOCAL_ERROR)
        kp_judge_sends(core, true);
    else if (item->edge_of != KP_NONE)
        weigh_edge(core, item, o);
    else
        weigh(core, item, o);
    if (item->edge_of == KP_NONE)
        kp_tell_result(core, item, o->sent, false);
}

void kp_funnel_late(struct kp_core *core, struct kp_item *item, const struct kp_outcome *o)
{
    uint32_t path = core->world->targets[item->target].path;
    record(core, item, o, true);
    item->late++;
    kp_counts_answer(&item->counts, o->rtt, kp_tell_wall(core, core->now));
    item->answered++;
    item->answered_last = true;
    core->stats.late[item->probe->type]++;
    for (size_t i = 0; i < KP_RECENT && i < item->recent_total; i++)
        if (item->recent[i].serial == o->serial)
            item->recent[i].rtt = (float)o->rtt;
    if (path != KP_NONE)
        kp_window_revise(&core->world->paths[path].window, o->sent, o->rtt);
    kp_judge_result(core, item, o->sent, o->rtt);
    if (o->sent.ns == item->last_sent.ns) {
        item->last_result = KP_ANSWERED;
        item->last_rtt = (float)o->rtt;
        item->last_ttl = o->ttl;
    }
    kp_tell_result(core, item, o->sent, true);
}

void kp_funnel_finish(struct kp_core *core, const struct kp_slot *slot, struct kp_outcome *o)
{
    struct kp_item *item = &core->world->items[slot->item];
    if (slot->tracing) {
        kp_tracing_result(core, slot, NULL, o->rtt);
        return;
    }
    if (item->out > 0)
        item->out--;
    o->sent = slot->sent;
    o->serial = slot->serial;
    kp_funnel_result(core, item, o);
}

static void finish_late(struct kp_core *core, const struct kp_slot *slot, struct kp_outcome *o)
{
    struct kp_item *item = &core->world->items[slot->item];
    if (slot->tracing || item->edge_of != KP_NONE)
        return; /* the trace went on without it */
    o->sent = slot->sent;
    o->serial = slot->serial;
    kp_funnel_late(core, item, o);
}

static struct kp_shot shot_of(const struct kp_core *core, const struct kp_slot *slot)
{
    return (struct kp_shot){
        .dst = slot->flow.dst,
        .dport = slot->flow.dport,
        .sport = slot->flow.sport,
        .seq = slot->flow.seq,
        .serial = slot->serial,
        .tag = slot->tag,
        .checksum = slot->checksum,
        .size = slot->size,
        .query = core->world->items[slot->item].query,
    };
}

enum kp_err kp_core_build(const struct kp_core *core, const struct kp_send *send,
                          const struct kp_addr *src, struct kp_wr *out)
{
    const struct kp_slot *slot = &core->inflight.slots[send->slot];
    struct kp_shot shot = shot_of(core, slot);
    return kp_probe_ops(send->type)->build(&core->wire, &shot, src, out);
}

/* Finds the probe the claim proves to answer. */
static enum kp_discard prove(struct kp_core *core, const struct kp_claim *claim, uint32_t *slot,
                             struct kp_reply *reply)
{
    const struct kp_flow flow = {claim->dst, (uint8_t)claim->type, claim->dport, claim->sport,
                                 claim->seq};
    enum kp_discard why = KP_DISCARD_COOKIE;
    for (*slot = kp_inflight_find(&core->inflight, &flow, KP_NO_SLOT); *slot != KP_NO_SLOT;
         *slot = kp_inflight_find(&core->inflight, &flow, *slot)) {
        struct kp_shot shot = shot_of(core, &core->inflight.slots[*slot]);
        why = kp_probe_ops(claim->type)->classify(&core->wire, &shot, claim, reply);
        if (why == KP_DISCARD_NONE)
            return KP_DISCARD_NONE;
    }
    return why;
}

/* Seconds since the send, in whole microseconds as all that is judged. */
static double elapsed(const struct kp_core *core, const struct kp_slot *slot, struct kp_mono at)
{
    /* A stamp from before the send means that a clock was stepped under it. */
    struct kp_mono end = kp_mono_before(at, slot->sent) ? core->now : kp_whole_us(at);
    return fmax(kp_dur_seconds(kp_mono_sub(end, slot->sent)), 0);
}

static enum kp_discard take_answer(struct kp_core *core, uint32_t index, struct kp_mono at,
                                   const struct kp_reply *reply)
{
    struct kp_slot *slot = &core->inflight.slots[index];
    enum kp_slot_state was = (enum kp_slot_state)slot->state;
    if (was == KP_SLOT_ANSWERED)
        return KP_DISCARD_DUPLICATE;
    struct kp_outcome o = {.result = reply->result,
                           .rtt = elapsed(core, slot, at),
                           .ttl = reply->ttl,
                           .dns = slot->flow.type == KP_PROBE_DNS ? &reply->dns : NULL};
    kp_inflight_keep(&core->inflight, index, KP_SLOT_ANSWERED,
                     kp_mono_add(core->now, (struct kp_dur){DUPLICATE_STAY}));
    if (was == KP_SLOT_EXPIRED) {
        finish_late(core, slot, &o);
        return KP_DISCARD_NONE;
    }
    /* An edge probe that got through to the target names no hop. */
    if (core->world->items[slot->item].edge_of != KP_NONE)
        core->world->items[slot->item].sender = (struct kp_addr){0};
    kp_funnel_finish(core, slot, &o);
    return KP_DISCARD_NONE;
}

/* A probe meant to die on the way: its error is its answer. */
static bool take_hop(struct kp_core *core, struct kp_slot *slot, struct kp_mono at,
                     const struct kp_addr *sender)
{
    uint32_t index = (uint32_t)(slot - core->inflight.slots);
    struct kp_item *item = &core->world->items[slot->item];
    if (slot->ttl == 0 || slot->state != KP_SLOT_OPEN)
        return false;
    double rtt = elapsed(core, slot, at);
    if (slot->tracing) {
        kp_tracing_result(core, slot, sender, rtt);
    } else {
        item->sender = *sender;
        kp_funnel_finish(core, slot, &(struct kp_outcome){.result = KP_ANSWERED, .rtt = rtt});
    }
    kp_inflight_keep(&core->inflight, index, KP_SLOT_ANSWERED,
                     kp_mono_add(core->now, (struct kp_dur){DUPLICATE_STAY}));
    return true;
}

static void take_error(struct kp_core *core, struct kp_slot *slot, enum kp_cause cause,
                       const struct kp_addr *sender)
{
    /* An error only names a cause; the time-out alone decides (HOSTILE 5). */
    if (slot->state != KP_SLOT_OPEN)
        return;
    slot->cause = (uint8_t)cause;
    core->world->items[slot->item].sender = *sender;
}

static enum kp_discard receive(struct kp_core *core, const struct kp_rx *rx)
{
    struct kp_claim claim;
    struct kp_reply reply;
    uint32_t slot = KP_NO_SLOT;
    enum kp_discard why = kp_probe_ops(rx->type)->match(&core->wire, rx, &claim);
    if (why != KP_DISCARD_NONE)
        return why;
    if (!kp_guard_allows(&core->world->guard, &claim.dst))
        return KP_DISCARD_SOURCE;
    why = prove(core, &claim, &slot, &reply);
    if (why == KP_DISCARD_COOKIE && claim.type == KP_PROBE_ICMP && !claim.is_error &&
        claim.tag == kp_cookie_icmp_tag(&core->wire, &claim.dst, claim.serial))
        return KP_DISCARD_LATE;
    if (why != KP_DISCARD_NONE)
        return why;
    if (!claim.is_error)
        return take_answer(core, slot, rx->at, &reply);
    struct kp_slot *s = &core->inflight.slots[slot];
    if (!take_hop(core, s, rx->at, &claim.sender))
        take_error(core, s, reply.cause, &claim.sender);
    return KP_DISCARD_NONE;
}

void kp_core_receive(struct kp_core *core, const struct kp_rx *rx)
{
    kp_core_advance(core, rx->at);
    enum kp_discard why = receive(core, rx);
    if (why != KP_DISCARD_NONE)
        core->stats.discarded[rx->type][why]++;
}

void kp_core_note_error(struct kp_core *core, uint32_t slot, uint32_t serial,
                        enum kp_cause cause, const struct kp_addr *sender, bool refused)
{
    struct kp_slot *s = kp_inflight_get(&core->inflight, slot, serial);
    if (s == NULL)
        return;
    if (!refused) {
        take_error(core, s, cause, sender);
        return;
    }
    if (s->state == KP_SLOT_OPEN)
        (void)take_answer(core, slot, core->now, &(struct kp_reply){.result = KP_REFUSED});
}

void kp_core_sent(struct kp_core *core, uint32_t slot, uint32_t serial, struct kp_mono at,
                  uint16_t sport)
{
    struct kp_slot *s = kp_inflight_get(&core->inflight, slot, serial);
    if (s == NULL || s->state != KP_SLOT_OPEN)
        return;
    s->sent = kp_whole_us(at);
    if (s->flow.type == KP_PROBE_DNS)
        kp_inflight_set_sport(&core->inflight, slot, sport);
    kp_judge_sends(core, false);
}

void kp_core_send_failed(struct kp_core *core, uint32_t slot, uint32_t serial, int errnum)
{
    struct kp_slot *s = kp_inflight_get(&core->inflight, slot, serial);
    if (s == NULL || s->state != KP_SLOT_OPEN)
        return;
    if (errnum > 0 && errnum < KP_ERRNOS)
        core->stats.send_errors[s->flow.type][errnum]++;
    if (!s->tracing) {
        core->world->items[s->item].sent--; /* it never was */
        core->stats.sent[s->flow.type]--;
    }
    kp_funnel_finish(
        core, s, &(struct kp_outcome){.result = KP_LOCAL_ERROR, .rtt = -1, .errnum = errnum});
    kp_send_release(core, slot);
}
