/* The evidence lines of a finding: which fact supports it, and what it excludes. */
#include "lib/core/inner.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* An explanation leads from here on: ln 100. */
#define LEAD 4.605

void kp_facts_add(struct kp_finding *f, const char *rule, const char *excludes, double value,
                  double threshold, const char *format, ...)
{
    if (f->fact_count == KP_INCIDENT_FACTS)
        return;
    struct kp_fact *fact = &f->facts[f->fact_count++];
    va_list args;
    va_start(args, format);
    vsnprintf(fact->text, sizeof fact->text, format, args);
    va_end(args);
    snprintf(fact->rule, sizeof fact->rule, "%s", rule);
    snprintf(fact->excludes, sizeof fact->excludes, "%s", excludes);
    fact->value = value;
    fact->threshold = threshold;
}

static void anchors(const struct kp_tally *t, struct kp_finding *f)
{
    uint32_t alive = t->all - t->silent;
    if (t->all == 0)
        kp_facts_add(f, "anchors", "", 0, 0, "no anchor votes: our own connection is unproven");
    else if (alive > 0)
        kp_facts_add(f, "anchors", "vantage-fault", alive, 1,
                     "%u of %u anchor probes are answered: our own connection works", alive,
                     t->all);
}

static void edges(const struct kp_explanation *e, struct kp_finding *f)
{
    uint32_t alive = e->edges.all - e->edges.silent;
    if (e->edges.all == 0)
        kp_facts_add(f, "edges", "", 0, 0,
                     "no last visible hop answers probes: before or behind the border is open");
    else if (alive > 0)
        kp_facts_add(f, "edges", "transit-outage", alive, 1,
                     "%u of %u last visible hops before the border answer: what is silent "
                     "lies at or beyond the border",
                     alive, e->edges.all);
    else
        kp_facts_add(f, "edges", f->class == KP_V_TRANSIT_OUTAGE ? "country-outage" : "", 0, 1,
                     "the last visible hops before the border are silent as well");
}

static void kinds(const struct kp_explanation *e, struct kp_finding *f)
{
    uint32_t alive = e->syn.all - e->syn.silent;
    if (f->class == KP_V_DNS_OUTAGE)
        kp_facts_add(f, "dns", "host-outage", e->dns.silent, e->dns.all,
                     "%u of %u DNS probes are silent, while %u of %u SYN probes are answered",
                     e->dns.silent, e->dns.all, alive, e->syn.all);
    else if (e->syn.silent > 0)
        kp_facts_add(f, "syn", "dns-outage", e->syn.silent, 1,
                     "%u of %u SYN probes are silent too: it is not DNS alone", e->syn.silent,
                     e->syn.all);
}

static void others(const struct kp_core *core, const struct kp_explanation *e,
                   struct kp_finding *f)
{
    for (uint32_t i = 0; i < core->world->path_count; i++) {
        const struct kp_path *path = &core->world->paths[i];
        bool inside = false;
        for (size_t k = 0; k < e->path_count; k++)
            inside |= e->paths[k] == i;
        if (inside || path->target_count == 0 || path->group.state == KP_DOWN ||
            path->group.state == KP_UNKNOWN)
            continue;
        double ratio = kp_window_ratio(&path->window, core->now);
        kp_facts_add(f, "other-paths", "country-outage", ratio, 0.5,
                     "%s carries on: %.0f %% of what it was asked in the last ten minutes was "
                     "answered",
                     path->conf->title, 100 * fmax(ratio, 0));
    }
}

void kp_facts_explain(const struct kp_core *core, const struct kp_explanation *e,
                      struct kp_finding *f)
{
    if (f->class != KP_V_DNS_OUTAGE && e->targets.silent > 1)
        kp_facts_add(f, "targets", "host-outage", e->targets.silent, e->targets.all,
                     "%u of %u watched targets are silent: too many for one host",
                     e->targets.silent, e->targets.all);
    anchors(&e->anchors, f);
    edges(e, f);
    if (f->class == KP_V_PATH_OUTAGE)
        others(core, e, f);
    kinds(e, f);
    kp_facts_add(f, "lead", "", e->lead, LEAD, "this explanation is %s than the next best one",
                 e->lead >= LEAD ? "over a hundred times likelier" : "not clearly likelier");
}
