#include "lib/telling/learned_json.h"

#include "lib/core/view.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/json_obj.h"

#include <stdlib.h>

/* Numbers must read back as the very same. */
#define EXACT (JSON_COMPACT | JSON_REAL_PRECISION(17))

struct writer {
    const struct kp_core *core;
    const struct kp_learned *l;
};

static json_t *wall(struct kp_wall t)
{
    return t.ns == 0 ? json_integer(0) : json_real((double)(t.ns / KP_NS_PER_US) / 1e6);
}

static json_t *mono(const struct writer *w, struct kp_mono t)
{
    return kp_mono_set(t) ? wall((struct kp_wall){t.ns + w->l->wall_minus_mono.ns})
                          : json_integer(0);
}

static void put_mono(const struct writer *w, struct kp_obj *o, const char *key,
                     struct kp_mono t)
{
    kp_obj_json(o, key, mono(w, t));
}

static void put_name(const struct writer *w, struct kp_obj *o, const char *key, uint32_t name)
{
    kp_obj_text(o, key, kp_core_record_name(w->core, name));
}

static json_t *detect(const struct writer *w, const struct kp_detect *d)
{
    return json_pack("[f,f,o,o,o]", d->score, d->in_burst, mono(w, d->last), mono(w, d->onset),
                     mono(w, d->suspected));
}

static json_t *group(const struct writer *w, const struct kp_group *g)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "state", kp_state_name((enum kp_state)g->state));
    put_mono(w, &o, "since", g->since);
    kp_obj_json(&o, "outage", detect(w, &g->outage));
    kp_obj_json(&o, "certain", detect(w, &g->certain));
    kp_obj_json(&o, "brownout", detect(w, &g->brownout));
    kp_obj_json(&o, "sluggish", detect(w, &g->sluggish));
    if (g->run.answers > 0) {
        put_mono(w, &o, "run_first", g->run.first);
        put_name(w, &o, "run_source", g->run.source);
        kp_obj_json(
            &o, "run",
            json_pack("[i,i,b]", (int)g->run.answers, (int)g->run.losses, (int)g->run.several));
    }
    return kp_obj_end(&o);
}

static json_t *item(const struct writer *w, uint32_t i)
{
    const struct kp_learned_item *item = &w->l->items[i];
    const struct kp_baseline *b = &item->baseline;
    struct kp_obj o = kp_obj_begin();
    put_name(w, &o, item->anchor ? "anchor" : "target", item->target);
    put_name(w, &o, "probe", item->probe);
    if (item->edge_of != KP_NO_NAME) {
        put_name(w, &o, "edge", item->edge_of);
        kp_obj_count(&o, "ttl", item->ttl);
    }
    if (item->has_last)
        kp_obj_json(&o, "last",
                    json_pack("[s,f,o]", kp_result_name((enum kp_result)item->last_result),
                              (double)item->last_rtt, mono(w, item->last_sent)));
    kp_obj_json(&o, "baseline",
                json_pack("[f,f,f,i,i,b]", (double)b->loss, (double)b->rtt, (double)b->rtt_var,
                          (int)b->seen, (int)b->lost, (int)b->learned));
    kp_obj_json(&o, "alone", detect(w, &item->alone));
    kp_obj_json(&o, "odds", json_real(item->odds));
    kp_obj_json(&o, "group", group(w, &item->group));
    kp_obj_count(&o, "sent", item->sent);
    kp_obj_count(&o, "answered", item->answered);
    kp_obj_count(&o, "late", item->late);
    return kp_obj_end(&o);
}

static json_t *target(const struct writer *w, uint32_t i)
{
    const struct kp_learned_target *t = &w->l->targets[i];
    struct kp_obj o = kp_obj_begin();
    put_name(w, &o, t->anchor ? "anchor" : "target", t->name);
    put_name(w, &o, "path", t->path);
    kp_obj_bool(&o, "path_seen", t->path_seen);
    kp_obj_addr(&o, "address", &t->address);
    kp_obj_bool(&o, "mismatch", t->mismatch);
    kp_obj_bool(&o, "suspected", t->suspected);
    kp_obj_text(&o, "told", kp_state_name((enum kp_state)t->told));
    put_mono(w, &o, "mismatch_since", t->mismatch_since);
    put_mono(w, &o, "changed", t->changed);
    put_mono(w, &o, "last_answer", t->last_answer);
    put_mono(w, &o, "meddled", t->meddled);
    kp_obj_json(&o, "loss", json_pack("[f,o]", t->loss, mono(w, t->loss_at)));
    kp_obj_json(&o, "group", group(w, &t->group));
    return kp_obj_end(&o);
}

static json_t *path(const struct writer *w, uint32_t i)
{
    const struct kp_learned_path *p = &w->l->paths[i];
    struct kp_obj o = kp_obj_begin();
    put_name(w, &o, "path", p->name);
    kp_obj_bool(&o, "suspected", p->suspected);
    kp_obj_text(&o, "told", kp_state_name((enum kp_state)p->told));
    kp_obj_addr(&o, "last_hop", &p->last_hop);
    put_mono(w, &o, "changed", p->changed);
    put_mono(w, &o, "last_answer", p->last_answer);
    kp_obj_json(&o, "group", group(w, &p->group));
    return kp_obj_end(&o);
}

static json_t *incident(const struct writer *w, uint32_t i)
{
    const struct kp_incident *n = &w->l->incidents[i];
    struct kp_obj o = {kp_incident_json(n)};
    json_t *history = json_array();
    for (uint32_t k = 0; k < n->history_count; k++)
        kp_json_append(&history, wall(n->history[k].at));
    kp_obj_json(&o, "leads", json_boolean(n->what.leads));
    kp_obj_bool(&o, "certain", n->what.certain);
    kp_obj_bool(&o, "unsure", n->what.unsure);
    kp_obj_count(&o, "paths_total", n->what.paths.count);
    kp_obj_json(&o, "changed_at", history);
    kp_obj_json(&o, "times",
                json_pack("[o,o,o,o,o,o,o,o]", wall(n->what.began), wall(n->confirmed),
                          wall(n->ended), wall(n->closed_at), wall(n->fell), wall(n->grew),
                          wall(n->answering), wall(n->broken)));
    return kp_obj_end(&o);
}

static json_t *mute(const struct writer *w, uint32_t i)
{
    struct kp_obj o = kp_obj_begin();
    put_name(w, &o, "name", w->l->mutes[i].name);
    kp_obj_json(&o, "until", wall(w->l->mutes[i].until));
    kp_obj_text(&o, "reason", w->l->mutes[i].reason);
    return kp_obj_end(&o);
}

static json_t *tally(const struct kp_tally *t)
{
    return json_pack("[i,i]", (int)t->silent, (int)t->all);
}

static json_t *led(const struct writer *w)
{
    const struct kp_explanation *e = &w->l->core.led;
    struct kp_obj o = kp_obj_begin();
    json_t *paths = json_array();
    for (size_t i = 0; i < e->path_count; i++)
        kp_json_append(&paths, kp_json_text(kp_core_record_name(w->core, e->paths[i])));
    kp_obj_text(&o, "class", kp_verdict_name(e->class));
    kp_obj_json(&o, "paths", paths);
    kp_obj_json(&o, "lead", json_real(e->lead));
    kp_obj_bool(&o, "leads", e->leads);
    kp_obj_bool(&o, "edge_known", e->edge_known);
    kp_obj_json(&o, "tallies",
                json_pack("[o,o,o,o,o,o]", tally(&e->anchors), tally(&e->edges),
                          tally(&e->targets), tally(&e->dns), tally(&e->syn), tally(&e->icmp)));
    return kp_obj_end(&o);
}

static json_t *whole(const struct writer *w, uint32_t unused)
{
    const struct kp_learned_core *c = &w->l->core;
    struct kp_obj o = kp_obj_begin();
    (void)unused;
    put_mono(w, &o, "at", w->l->now);
    kp_obj_json(&o, "anchors", group(w, &c->anchors));
    kp_obj_json(&o, "country", group(w, &c->country));
    kp_obj_json(&o, "dns", group(w, &c->dns));
    kp_obj_bool(&o, "country_suspected", c->country_suspected);
    kp_obj_bool(&o, "dns_suspected", c->dns_suspected);
    kp_obj_bool(&o, "alert", c->alert);
    kp_obj_text(&o, "vantage", kp_state_name((enum kp_state)c->vantage));
    kp_obj_count(&o, "failing_count", c->failing_count);
    kp_obj_count(&o, "anchor_losses", c->anchor_losses);
    put_mono(w, &o, "vantage_since", c->vantage_since);
    put_mono(w, &o, "last_anchor_answer", c->last_anchor_answer);
    put_mono(w, &o, "last_target_answer", c->last_target_answer);
    put_mono(w, &o, "failing_since", c->failing_since);
    put_mono(w, &o, "gap_from", c->gap_from);
    put_mono(w, &o, "gap_to", c->gap_to);
    put_mono(w, &o, "look_at", c->look_at);
    put_mono(w, &o, "puzzled", c->puzzled);
    put_mono(w, &o, "led_until", c->led_until);
    kp_obj_json(&o, "led", led(w));
    kp_obj_count(&o, "last_incident", c->incidents.last_id);
    kp_obj_bool(&o, "suspended", c->incidents.suspended);
    kp_obj_json(&o, "resumed", wall(c->incidents.resumed));
    return kp_obj_end(&o);
}

bool kp_learned_piece(const struct kp_core *core, const struct kp_learned *l, uint32_t number,
                      struct kp_text *out)
{
    const struct writer w = {core, l};
    const struct part {
        const char *key;
        uint32_t count;
        json_t *(*make)(const struct writer *, uint32_t);
    } parts[] = {{"core", 1, whole},
                 {"targets", l->target_count, target},
                 {"paths", l->path_count, path},
                 {"items", l->item_count, item},
                 {"incidents", l->incident_count, incident},
                 {"mutes", l->mute_count, mute}};
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        if (number > parts[p].count) {
            number -= parts[p].count + 1; /* and its end */
            continue;
        }
        if (number == 0)
            kp_text_printf(out, "%s\"%s\":[", p == 0 ? "{" : ",", parts[p].key);
        if (number == parts[p].count) {
            kp_text_add(out, "]");
            return true;
        }
        json_t *json = parts[p].make(&w, number);
        char *text = kp_json_dump(json, EXACT);
        out->nomem |= text == NULL;
        kp_text_printf(out, "%s%s", number > 0 ? "," : "", text != NULL ? text : "");
        free(text);
        json_decref(json);
        return true;
    }
    if (number == 0)
        kp_text_add(out, "}");
    return number == 0;
}
