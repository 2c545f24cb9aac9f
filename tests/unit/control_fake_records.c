/* The fake core's evidence: probe requests of kcna, one a second up to FAKE_NOW. */
#include "tests/unit/control_fake.h"

#include "lib/core/learned.h"

#include <string.h>

static struct kp_learned learned;

struct kp_learned *kp_core_checkpoint(struct kp_core *core, struct kp_wall before)
{
    (void)before;
    if (core->records == 0)
        return NULL;
    learned = (struct kp_learned){.users = learned.users + 1,
                                  .generation = 1,
                                  .now = {FAKE_NOW.ns - (int64_t)core->records * KP_NS_PER_S}};
    return &learned;
}

void kp_learned_free(struct kp_learned *l)
{
    if (l != NULL)
        l->users--;
}

uint32_t fake_exports(void)
{
    return learned.users;
}

uint64_t kp_core_record_last(const struct kp_core *core)
{
    return core->records;
}

const struct kp_record *kp_core_record(const struct kp_core *core, uint64_t number)
{
    static struct kp_record r;
    if (number > core->records || number <= core->records_gone)
        return NULL;
    r = (struct kp_record){.kind = KP_RECORD_REQUEST, .rtt_us = -1};
    r.at.ns = r.done.ns = FAKE_NOW.ns - (int64_t)(core->records - number) * KP_NS_PER_S;
    return &r;
}

const char *kp_core_record_name(const struct kp_core *core, uint32_t name)
{
    (void)core;
    return name == 0 ? "kcna" : NULL;
}

char *kp_core_config(const struct kp_core *core, uint32_t generation)
{
    (void)core;
    return generation == 1 ? strdup("{\"version\":1}") : NULL;
}
