#include "lib/judging/finding.h"

#include <string.h>

bool kp_names_has(const struct kp_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count && i < KP_INCIDENT_NAMES; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

void kp_names_add(struct kp_names *names, const char *name)
{
    if (kp_names_has(names, name))
        return;
    if (names->count < KP_INCIDENT_NAMES) {
        char *to = names->name[names->count];
        size_t len = strnlen(name, sizeof names->name[0] - 1);
        memcpy(to, name, len);
        to[len] = '\0';
    }
    names->count++;
}

/* Lists that were cut short are joined as far as is known. */
void kp_names_join(struct kp_names *to, const struct kp_names *from)
{
    uint32_t most = to->count > from->count ? to->count : from->count;
    for (uint32_t i = 0; i < from->count && i < KP_INCIDENT_NAMES; i++)
        if (to->count < KP_INCIDENT_NAMES)
            kp_names_add(to, from->name[i]);
    if (to->count < most)
        to->count = most;
}

static bool shares(const struct kp_names *a, const struct kp_names *b)
{
    for (uint32_t i = 0; i < a->count && i < KP_INCIDENT_NAMES; i++)
        if (kp_names_has(b, a->name[i]))
            return true;
    return false;
}

/* Whether all of a, known in full and not empty, is in b. */
bool kp_names_within(const struct kp_names *a, const struct kp_names *b)
{
    if (a->count == 0 || a->count > KP_INCIDENT_NAMES)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!kp_names_has(b, a->name[i]))
            return false;
    return true;
}

int kp_finding_width(const struct kp_finding *f)
{
    static const int widths[KP_VERDICT_COUNT] = {
        [KP_V_SERVICE_OUTAGE] = 1, [KP_V_POSSIBLE_BAN] = 2,  [KP_V_HOST_OUTAGE] = 2,
        [KP_V_DNS_OUTAGE] = 3,     [KP_V_PATH_OUTAGE] = 4,   [KP_V_COUNTRY_OUTAGE] = 5,
        [KP_V_TRANSIT_OUTAGE] = 5, [KP_V_VANTAGE_FAULT] = 6,
    };
    if (f->class == KP_V_DEGRADED)
        return kp_finding_by_path(f) ? 1 : 0;
    return widths[f->class];
}

bool kp_finding_everything(const struct kp_finding *f)
{
    return kp_finding_width(f) >= 5;
}

/* Targets do not tell: it is about paths, or there are too many. */
bool kp_finding_by_path(const struct kp_finding *f)
{
    bool of_path = f->class == KP_V_PATH_OUTAGE ||
                   (f->class == KP_V_DEGRADED && strcmp(f->where, f->targets.name[0]) != 0);
    return of_path || f->targets.count == 0 || f->targets.count > KP_INCIDENT_NAMES;
}

bool kp_finding_overlap(const struct kp_finding *a, const struct kp_finding *b)
{
    if (kp_finding_everything(a) || kp_finding_everything(b) ||
        shares(&a->targets, &b->targets))
        return true;
    return (kp_finding_by_path(a) || kp_finding_by_path(b)) && shares(&a->paths, &b->paths);
}

/* Whether b is a part of a. */
bool kp_finding_covers(const struct kp_finding *a, const struct kp_finding *b)
{
    if (kp_finding_everything(a))
        return true;
    if (!kp_finding_everything(b)) {
        if (a->class == KP_V_SERVICE_OUTAGE && b->class == KP_V_SERVICE_OUTAGE)
            return strcmp(a->where, b->where) == 0;
        if (a->class == KP_V_DNS_OUTAGE && b->class == KP_V_DNS_OUTAGE)
            return true;
        if (kp_finding_by_path(a) && kp_names_within(&b->paths, &a->paths))
            return true;
    }
    return kp_names_within(&b->targets, &a->targets);
}

/* Two findings of one width about one thing. */
bool kp_finding_alike(const struct kp_finding *a, const struct kp_finding *b)
{
    if (kp_finding_width(a) != kp_finding_width(b) ||
        (a->class == KP_V_DEGRADED) != (b->class == KP_V_DEGRADED))
        return false;
    if (a->class == KP_V_SERVICE_OUTAGE)
        return strcmp(a->where, b->where) == 0;
    return a->class == KP_V_DNS_OUTAGE || kp_finding_overlap(a, b);
}
