#include "tests/sim/polite.h"

#include <math.h>
#include <stdlib.h>

static bool overflows(struct tally *b, double rate, double burst, double t)
{
    b->sent++;
    b->level = fmax(0, b->level - (t - b->at) * rate) + 1;
    b->at = t;
    return b->level > burst + 1e-6;
}

static struct tally *tally_of(struct polite *p, const struct kp_addr *dst)
{
    for (size_t i = 0; i < p->count; i++)
        if (kp_addr_equal(&p->each[i].addr, dst))
            return &p->each[i];
    struct tally *grown = reallocarray(p->each, p->count + 1, sizeof *grown);
    if (grown == NULL)
        abort();
    p->each = grown;
    p->each[p->count] = (struct tally){.addr = *dst};
    return &p->each[p->count++];
}

const char *polite_send(struct polite *p, const struct kp_conf *conf, const struct kp_addr *dst,
                        double t)
{
    bool total = overflows(&p->total, conf->total_rate, conf->burst, t);
    bool one = overflows(tally_of(p, dst), conf->per_address_rate, conf->burst, t);
    if (!kp_conf_allows(conf, dst))
        return "outside the allow list";
    if (total)
        return "more than total-rate and burst allow";
    return one ? "more than per-address-rate and burst allow" : NULL;
}

uint64_t polite_sent(const struct polite *p, const struct kp_addr *dst)
{
    for (size_t i = 0; i < p->count; i++)
        if (kp_addr_equal(&p->each[i].addr, dst))
            return p->each[i].sent;
    return 0;
}

void polite_fini(struct polite *p)
{
    free(p->each);
    *p = (struct polite){0};
}
