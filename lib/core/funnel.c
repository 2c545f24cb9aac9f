/* The one funnel: every outcome of a probe, good or bad, ends here. */
#include "lib/core/world.h"

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

static void note_last(struct kp_item *item, const struct kp_slot *slot,
                      const struct kp_outcome *o)
{
    item->has_last = true;
    item->last_result = (uint8_t)o->result;
    item->last_cause = slot->cause;
    item->last_errnum = o->errnum;
    item->last_rtt = (float)o->rtt;
    item->last_ttl = o->ttl;
    item->last_sent = slot->sent;
    if (o->dns != NULL)
        item->dns = *o->dns;
}

static void note_recent(struct kp_item *item, uint32_t serial, double rtt)
{
    item->recent[item->recent_total % KP_RECENT] = (struct kp_recent){serial, (float)rtt};
    item->recent_total++;
}

/* Whether silence of this probe says nothing, because we may have missed it. */
static bool blind(const struct kp_core *core, const struct kp_slot *slot)
{
    return kp_mono_set(core->gap_to) && !kp_mono_before(core->gap_to, slot->sent) &&
           !kp_mono_before(slot->deadline, core->gap_from);
}

static void weigh(struct kp_core *core, struct kp_item *item, const struct kp_slot *slot,
                  double rtt)
{
    if (rtt < 0 && blind(core, slot))
        return;
    double interval = kp_dur_seconds(item->timing.interval);
    uint32_t path = core->world->targets[item->target].path;
    if (path != KP_NONE)
        kp_window_add(&core->world->paths[path].window, slot->sent, rtt);
    kp_judge_result(core, item, slot->sent, rtt);
    kp_baseline_feed(&item->baseline, rtt, interval, kp_judge_suspect(core, item));
}

void kp_funnel_finish(struct kp_core *core, struct kp_slot *slot, const struct kp_outcome *o)
{
    struct kp_item *item = &core->world->items[slot->item];
    note_last(item, slot, o);
    note_recent(item, slot->serial, o->rtt);
    core->stats.results[slot->flow.type][o->result]++;
    core->finished[core->finished_second % KP_RATE_SECONDS]++;
    if (o->rtt >= 0) {
        item->answered++;
        item->answered_last = true;
    }
    if (o->result != KP_LOCAL_ERROR)
        weigh(core, item, slot, o->rtt);
    kp_tell_result(core, item, slot, false);
}

void kp_funnel_late(struct kp_core *core, struct kp_slot *slot, double rtt, uint8_t ttl)
{
    struct kp_item *item = &core->world->items[slot->item];
    uint32_t path = core->world->targets[item->target].path;
    item->late++;
    item->answered++;
    item->answered_last = true;
    core->stats.late[slot->flow.type]++;
    for (size_t i = 0; i < KP_RECENT && i < item->recent_total; i++)
        if (item->recent[i].serial == slot->serial)
            item->recent[i].rtt = (float)rtt;
    if (path != KP_NONE)
        kp_window_revise(&core->world->paths[path].window, slot->sent, rtt);
    kp_judge_result(core, item, slot->sent, rtt);
    if (slot->sent.ns == item->last_sent.ns) {
        item->last_result = KP_ANSWERED;
        item->last_rtt = (float)rtt;
        item->last_ttl = ttl;
    }
    kp_tell_result(core, item, slot, true);
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

static enum kp_discard take_answer(struct kp_core *core, uint32_t index, struct kp_mono at,
                                   const struct kp_reply *reply)
{
    struct kp_slot *slot = &core->inflight.slots[index];
    enum kp_slot_state was = (enum kp_slot_state)slot->state;
    if (was == KP_SLOT_ANSWERED)
        return KP_DISCARD_DUPLICATE;
    /* A stamp from before the send means that a clock was stepped under it. */
    double rtt = kp_dur_seconds(
        kp_mono_sub(kp_mono_before(at, slot->sent) ? core->now : at, slot->sent));
    if (rtt < 0)
        rtt = 0;
    kp_inflight_keep(&core->inflight, index, KP_SLOT_ANSWERED,
                     kp_mono_add(core->now, (struct kp_dur){DUPLICATE_STAY}));
    if (was == KP_SLOT_EXPIRED) {
        kp_funnel_late(core, slot, rtt, reply->ttl);
        return KP_DISCARD_NONE;
    }
    slot->cause = KP_CAUSE_NONE;
    const struct kp_dns_answer *dns = slot->flow.type == KP_PROBE_DNS ? &reply->dns : NULL;
    kp_funnel_finish(core, slot,
                     &(struct kp_outcome){
                         .result = reply->result, .rtt = rtt, .ttl = reply->ttl, .dns = dns});
    return KP_DISCARD_NONE;
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
    take_error(core, &core->inflight.slots[slot], reply.cause, &claim.sender);
    return KP_DISCARD_NONE;
}

void kp_core_receive(struct kp_core *core, const struct kp_rx *rx)
{
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
    s->sent = at;
    if (s->flow.type == KP_PROBE_DNS)
        kp_inflight_set_sport(&core->inflight, slot, sport);
    kp_judge_sends(core, false);
}

void kp_core_send_failed(struct kp_core *core, uint32_t slot, uint32_t serial, int errnum)
{
    struct kp_slot *s = kp_inflight_get(&core->inflight, slot, serial);
    if (s == NULL || s->state != KP_SLOT_OPEN)
        return;
    core->world->items[s->item].sent--; /* it never was */
    core->stats.sent[s->flow.type]--;
    kp_funnel_finish(
        core, s, &(struct kp_outcome){.result = KP_LOCAL_ERROR, .rtt = -1, .errnum = errnum});
    kp_judge_sends(core, true);
    kp_send_release(core, slot);
}
