/* The fake core's views: two paths, as many targets as wanted, one anchor. */
#include "tests/unit/control_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void kp_core_status(const struct kp_core *core, struct kp_status_view *out)
{
    *out = (struct kp_status_view){
        .verdict = core->blank ? KP_V_UNKNOWN : KP_V_CLEAR,
        .summary = "Everything answers.",
        .vantage = core->blank ? KP_UNKNOWN : KP_UP,
        .anchors_up = core->blank ? 0 : 1,
        .anchors_total = 1,
        .targets = {[KP_UP] = 1, [KP_DOWN] = 1},
        .targets_total = 2,
        .probes_per_second = core->blank ? -1 : 0.5,
    };
}

void kp_core_stats(const struct kp_core *core, struct kp_stats_view *out)
{
    (void)core;
    *out = (struct kp_stats_view){.items = 3, .scheduler_lag = 0.001, .slots = 64};
    out->sent[KP_PROBE_DNS] = 7;
    out->results[KP_PROBE_DNS][KP_REFUSED] = 2;
    out->discarded[KP_PROBE_TCP_SYN][KP_DISCARD_COOKIE] = 5;
}

uint32_t kp_core_path_count(const struct kp_core *core)
{
    (void)core;
    return 2;
}

void kp_core_path(const struct kp_core *core, uint32_t index, struct kp_path_view *out)
{
    static const char *const names[] = {"china-unicom", "transtelecom"};
    static const char *const titles[] = {"China Unicom", "TransTeleCom"};
    *out = (struct kp_path_view){.name = names[index], .title = titles[index]};
    out->answered_ratio = out->rtt_p50 = out->rtt_p95 = -1;
    for (size_t i = 0; i < KP_SPARK_CELLS; i++)
        out->spark[i] = -1;
    out->targets[KP_UP] = core->path_targets;
    if (core->blank)
        return;
    out->state = KP_UP;
    out->since = FAKE_NOW;
    out->answered_ratio = 0.995;
    out->rtt_p50 = 0.2951;
    out->rtt_p95 = 0.311;
    out->spark[KP_SPARK_CELLS - 1] = 1;
    (void)kp_addr_parse("103.35.255.254", &out->last_hop);
}

uint32_t kp_core_target_count(const struct kp_core *core)
{
    return core->targets;
}

uint32_t kp_core_anchor_count(const struct kp_core *core)
{
    (void)core;
    return 1;
}

static const char *target_name(const struct kp_core *core, uint32_t index)
{
    struct kp_core *writable = (struct kp_core *)(uintptr_t)core;
    if (index == 0)
        return "kcna";
    if (index == 1)
        return "ns1";
    snprintf(writable->name, sizeof writable->name, "t%u", (unsigned)index);
    return writable->name;
}

void kp_core_target(const struct kp_core *core, uint32_t index, struct kp_target_view *out)
{
    *out = (struct kp_target_view){.is_anchor = index == core->targets, .probe_count = 1};
    out->name = out->is_anchor ? "neutral-1" : target_name(core, index);
    out->title = out->name;
    if (core->blank)
        return;
    (void)kp_addr_parse(out->is_anchor ? "9.9.9.9" : "175.45.176.71", &out->address);
    out->state = index == 1 ? KP_DOWN : KP_UP;
    out->since = FAKE_NOW;
    if (out->is_anchor)
        return;
    out->host = "kcna.kp";
    out->group = index == 1 ? "dns" : "news";
    out->path = "china-unicom";
    out->path_source = "config";
    if (strcmp(core->muted, out->name) == 0)
        out->muted_until = core->muted_until;
}

void kp_core_probe(const struct kp_core *core, uint32_t target, uint32_t probe,
                   struct kp_probe_view *out)
{
    (void)probe;
    *out = (struct kp_probe_view){.name = target == 1 ? "soa" : "web",
                                  .type = target == 1 ? KP_PROBE_DNS : KP_PROBE_TCP_SYN,
                                  .rtt = -1,
                                  .baseline_ratio = -1,
                                  .baseline_rtt = -1};
    if (core->blank)
        return;
    out->has_result = true;
    out->result = KP_ANSWERED;
    out->rtt = 0.2951;
    out->reply_ttl = 44;
    out->at = FAKE_NOW;
    out->dns =
        (struct kp_dns_answer){.given = true, .aa = true, .has_serial = true, .serial = 2024};
    out->sent = 10;
    out->answered = 9;
    out->late = 1;
    out->recent_count = 2;
    out->recent_rtt[0] = 0.3;
    out->recent_rtt[1] = -1;
    if (target != core->targets)
        return;
    out->result = KP_UNREACHABLE;
    out->cause = KP_CAUSE_HOST;
    (void)kp_addr_parse("198.51.100.1", &out->sender);
}

const struct kp_counts *kp_core_counts(const struct kp_core *core, uint32_t target,
                                       uint32_t probe)
{
    static struct kp_counts counts;
    (void)probe;
    counts = (struct kp_counts){0};
    if (target == 1)
        counts.rcodes[5] = 2;
    if (target == 0 && !core->blank) {
        counts.results[KP_ANSWERED] = 9;
        kp_counts_answer(&counts, 0.2951, FAKE_NOW);
    }
    return &counts;
}

uint32_t kp_core_mute_count(const struct kp_core *core)
{
    return core->muted[0] ? 1 : 0;
}

void kp_core_mute_at(const struct kp_core *core, uint32_t index, struct kp_mute_view *out)
{
    (void)index;
    *out = (struct kp_mute_view){.name = core->muted,
                                 .reason = "maintenance",
                                 .until = core->muted_until,
                                 .is_path = strcmp(core->muted, "kcna") != 0};
}

static bool known(const char *name)
{
    return strcmp(name, "kcna") == 0 || strcmp(name, "china-unicom") == 0;
}

enum kp_err kp_core_mute(struct kp_core *core, const char *name, struct kp_wall until,
                         const char *reason)
{
    (void)reason;
    if (!known(name))
        return KP_ERR_NOTFOUND;
    snprintf(core->muted, sizeof core->muted, "%s", name);
    core->muted_until = until;
    return KP_OK;
}

enum kp_err kp_core_unmute(struct kp_core *core, const char *name)
{
    if (strcmp(core->muted, name) != 0)
        return KP_ERR_NOTFOUND;
    core->muted[0] = '\0';
    return KP_OK;
}

enum kp_err kp_core_probe_now(struct kp_core *core, const char *target)
{
    if (!known(target))
        return KP_ERR_NOTFOUND;
    if (core->refuse_probe)
        return KP_ERR_DENIED;
    snprintf(core->probed, sizeof core->probed, "%s", target);
    return KP_OK;
}
