/* The fake core's incidents, suspicions and traces. */
#include "tests/unit/control_fake.h"

#include <stdio.h>
#include <string.h>

static struct kp_wall ago(int64_t seconds)
{
    return (struct kp_wall){FAKE_NOW.ns - seconds * KP_NS_PER_S};
}

static void add_name(struct kp_names *names, const char *name)
{
    snprintf(names->name[names->count++], sizeof names->name[0], "%s", name);
}

struct kp_incident fake_incident(uint32_t id, enum kp_verdict class, enum kp_phase phase)
{
    struct kp_incident i = {
        .id = id,
        .uuid = {0x01, 0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0x7e, 0xf6, 0x87, 0, 0, 0, 0, 0, 0xab},
        .what = {.class = class, .began = ago(600), .where = "china-unicom", .fact_count = 1},
        .phase = phase,
        .confidence = KP_HIGH,
        .confirmed = ago(540),
        .history = {{ago(540), KP_V_UNKNOWN}, {ago(500), class}},
        .history_count = 2,
    };
    i.uuid[15] = (uint8_t)id;
    add_name(&i.what.targets, "kcna");
    add_name(&i.what.paths, "china-unicom");
    i.what.facts[0] = (struct kp_fact){.rule = "lead",
                                       .text = "likelier than the next best one",
                                       .excludes = "host-outage",
                                       .value = 12.5,
                                       .threshold = 4.605};
    if (phase == KP_RECOVERING)
        i.answering = ago(60);
    if (phase != KP_CLOSED)
        return i;
    i.ended = ago(400);
    i.closed_at = ago(100);
    return i;
}

const struct kp_incidents *kp_core_incidents(const struct kp_core *core)
{
    return &core->incidents;
}

uint32_t kp_incidents_count(const struct kp_incidents *table)
{
    return table->count;
}

const struct kp_incident *kp_incidents_at(const struct kp_incidents *table, uint32_t index)
{
    return table->list[index];
}

uint32_t kp_core_suspicion_count(const struct kp_core *core)
{
    return core->suspicions;
}

void kp_core_suspicion_at(const struct kp_core *core, uint32_t index,
                          struct kp_suspicion_view *out)
{
    (void)core;
    (void)index;
    *out = (struct kp_suspicion_view){.what = "path",
                                      .where = "transtelecom",
                                      .since = ago(10),
                                      .score = 7.5,
                                      .threshold = 20};
}

bool kp_core_tracing(const struct kp_core *core, uint32_t target)
{
    return core->tracing && target == 0;
}

bool kp_core_trace(const struct kp_core *core, uint32_t target, bool before,
                   struct kp_trace_view *out)
{
    if (target != 0 || core->traces < (before ? 2U : 1U))
        return false;
    *out = (struct kp_trace_view){
        .at = ago(before ? 700 : 100), .reached = !before, .path = "china-unicom", .count = 3};
    for (uint8_t i = 0; i < 3; i++)
        out->hops[i] = (struct kp_hop_view){.ttl = (uint8_t)(9 + i), .rtt = 0.2 + 0.01 * i};
    (void)kp_addr_parse("103.35.255.254", &out->hops[0].address);
    out->hops[0].path = "china-unicom";
    if (before)
        return true;
    (void)kp_addr_parse("175.45.176.71", &out->hops[2].address);
    out->hops[2].target = true;
    return true;
}

enum kp_err kp_core_trace_now(struct kp_core *core, const char *target)
{
    if (strcmp(target, "kcna") != 0)
        return KP_ERR_NOTFOUND;
    if (core->refuse_probe)
        return KP_ERR_DENIED;
    snprintf(core->traced, sizeof core->traced, "%s", target);
    return KP_OK;
}
