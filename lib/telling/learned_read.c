/* The learned state, read back. */
#include "lib/core/feed.h"
#include "lib/telling/learned_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct reader {
    struct kp_core *core;
    struct kp_learned *l;
};

static double number(const json_t *value)
{
    return json_number_value(value);
}

static uint32_t count_of(const json_t *value)
{
    json_int_t n = json_integer_value(value);
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static struct kp_wall wall(const json_t *value)
{
    double t = number(value);
    return (struct kp_wall){t > 0 && t < 1e10 ? llround(t * 1e6) * KP_NS_PER_US : 0};
}

/* The state has wall times for monotonic ones: wall_minus_mono is 0. */
static struct kp_mono mono(const json_t *value)
{
    return (struct kp_mono){wall(value).ns};
}

static struct kp_mono mono_at(const json_t *object, const char *key)
{
    return mono(json_object_get(object, key));
}

static bool flag_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_true(value);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static uint32_t name_at(const struct reader *r, const json_t *object, const char *key)
{
    const char *text = text_at(object, key);
    return *text != '\0' ? kp_core_name_number(r->core, text) : KP_NO_NAME;
}

static uint8_t state_at(const json_t *object, const char *key)
{
    enum kp_state state = KP_UNKNOWN;
    (void)kp_state_parse(text_at(object, key), &state);
    return (uint8_t)state;
}

static struct kp_addr addr_at(const json_t *object, const char *key)
{
    struct kp_addr a = {0};
    if (kp_addr_parse(text_at(object, key), &a) != KP_OK)
        a = (struct kp_addr){0};
    return a;
}

static struct kp_detect detect_at(const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);
    return (struct kp_detect){.score = number(json_array_get(list, 0)),
                              .in_burst = number(json_array_get(list, 1)),
                              .last = mono(json_array_get(list, 2)),
                              .onset = mono(json_array_get(list, 3)),
                              .suspected = mono(json_array_get(list, 4))};
}

static struct kp_group group_at(const struct reader *r, const json_t *object, const char *key)
{
    const json_t *g = json_object_get(object, key);
    const json_t *run = json_object_get(g, "run");
    const json_t *several = json_array_get(run, 2);
    return (struct kp_group){
        .outage = detect_at(g, "outage"),
        .certain = detect_at(g, "certain"),
        .brownout = detect_at(g, "brownout"),
        .sluggish = detect_at(g, "sluggish"),
        .state = state_at(g, "state"),
        .since = mono_at(g, "since"),
        .run = {.first = mono_at(g, "run_first"),
                .answers = count_of(json_array_get(run, 0)),
                .losses = count_of(json_array_get(run, 1)),
                .source = name_at(r, g, "run_source"),
                .several = json_is_true(several)},
    };
}

static struct kp_baseline baseline_of(const json_t *list)
{
    const json_t *learned = json_array_get(list, 5);
    struct kp_baseline b;
    kp_baseline_init(&b);
    if (json_array_size(list) != 6)
        return b;
    return (struct kp_baseline){(float)number(json_array_get(list, 0)),
                                (float)number(json_array_get(list, 1)),
                                (float)number(json_array_get(list, 2)),
                                (uint16_t)count_of(json_array_get(list, 3)),
                                (uint16_t)count_of(json_array_get(list, 4)),
                                json_is_true(learned)};
}

static void read_item(const struct reader *r, const json_t *json, uint32_t i)
{
    const json_t *last = json_object_get(json, "last");
    const char *text = json_string_value(json_array_get(last, 0));
    enum kp_result result = KP_TIMEOUT;
    bool anchor = json_object_get(json, "anchor") != NULL;
    r->l->items[i] = (struct kp_learned_item){
        .target = name_at(r, json, anchor ? "anchor" : "target"),
        .probe = name_at(r, json, "probe"),
        .edge_of = name_at(r, json, "edge"),
        .ttl = (uint8_t)count_of(json_object_get(json, "ttl")),
        .anchor = anchor,
        .has_last = text != NULL && kp_result_parse(text, &result),
        .last_rtt = (float)number(json_array_get(last, 1)),
        .last_sent = mono(json_array_get(last, 2)),
        .baseline = baseline_of(json_object_get(json, "baseline")),
        .group = group_at(r, json, "group"),
        .alone = detect_at(json, "alone"),
        .odds = number(json_object_get(json, "odds")),
        .sent = count_of(json_object_get(json, "sent")),
        .answered = count_of(json_object_get(json, "answered")),
        .late = count_of(json_object_get(json, "late")),
    };
    r->l->items[i].last_result = (uint8_t)result;
}

static void read_target(const struct reader *r, const json_t *json, uint32_t i)
{
    bool anchor = json_object_get(json, "anchor") != NULL;
    const json_t *loss = json_object_get(json, "loss");
    r->l->targets[i] = (struct kp_learned_target){
        .name = name_at(r, json, anchor ? "anchor" : "target"),
        .path = name_at(r, json, "path"),
        .anchor = anchor,
        .path_seen = flag_at(json, "path_seen"),
        .suspected = flag_at(json, "suspected"),
        .mismatch = flag_at(json, "mismatch"),
        .told = state_at(json, "told"),
        .address = addr_at(json, "address"),
        .mismatch_since = mono_at(json, "mismatch_since"),
        .changed = mono_at(json, "changed"),
        .last_answer = mono_at(json, "last_answer"),
        .meddled = mono_at(json, "meddled"),
        .loss = number(json_array_get(loss, 0)),
        .loss_at = mono(json_array_get(loss, 1)),
        .group = group_at(r, json, "group"),
    };
}

static void read_path(const struct reader *r, const json_t *json, uint32_t i)
{
    r->l->paths[i] = (struct kp_learned_path){
        name_at(r, json, "path"),   flag_at(json, "suspected"), state_at(json, "told"),
        addr_at(json, "last_hop"),  mono_at(json, "changed"),   mono_at(json, "last_answer"),
        group_at(r, json, "group"),
    };
}

static void read_names(const json_t *list, const json_t *total, struct kp_names *names)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name != NULL)
            kp_names_add(names, name);
    }
    if (count_of(total) > names->count)
        names->count = count_of(total);
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void read_facts(const json_t *list, struct kp_finding *what)
{
    for (size_t i = 0; i < json_array_size(list) && i < KP_INCIDENT_FACTS; i++) {
        const json_t *json = json_array_get(list, i);
        struct kp_fact *fact = &what->facts[what->fact_count++];
        copy_text(fact->rule, sizeof fact->rule, text_at(json, "rule"));
        copy_text(fact->text, sizeof fact->text, text_at(json, "text"));
        copy_text(fact->excludes, sizeof fact->excludes, text_at(json, "excludes"));
        fact->value = number(json_object_get(json, "value"));
        fact->threshold = number(json_object_get(json, "threshold"));
    }
}

static void read_uuid(const char *text, uint8_t uuid[16])
{
    unsigned n = 0;
    for (; *text != '\0' && n < 32; text++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, *text);
        if (digit == NULL)
            continue;
        uuid[n / 2] = (uint8_t)(uuid[n / 2] << 4 | (uint8_t)(digit - digits));
        n++;
    }
}

static void read_history(const json_t *json, struct kp_incident *n)
{
    const json_t *classes = json_object_get(json, "class_history");
    const json_t *times = json_object_get(json, "changed_at");
    for (size_t i = 0; i < json_array_size(times) && i < KP_INCIDENT_HISTORY; i++) {
        struct kp_class_change *change = &n->history[n->history_count++];
        change->at = wall(json_array_get(times, i));
        change->class = KP_V_UNKNOWN;
        (void)kp_verdict_parse(text_at(json_array_get(classes, i), "class"), &change->class);
    }
}

static void read_incident(const struct reader *r, const json_t *json, uint32_t i)
{
    struct kp_incident *n = &r->l->incidents[i];
    const json_t *times = json_object_get(json, "times");
    struct kp_wall *const into[] = {&n->what.began, &n->confirmed, &n->ended,     &n->closed_at,
                                    &n->fell,       &n->grew,      &n->answering, &n->broken};
    *n = (struct kp_incident){.id = count_of(json_object_get(json, "id")),
                              .what = {.class = KP_V_UNKNOWN,
                                       .leads = flag_at(json, "leads"),
                                       .certain = flag_at(json, "certain"),
                                       .unsure = flag_at(json, "unsure")},
                              .merged_into = count_of(json_object_get(json, "merged_into"))};
    for (size_t k = 0; k < sizeof into / sizeof into[0]; k++)
        *into[k] = wall(json_array_get(times, k));
    (void)kp_verdict_parse(text_at(json, "class"), &n->what.class);
    (void)kp_phase_parse(text_at(json, "phase"), &n->phase);
    (void)kp_confidence_parse(text_at(json, "confidence"), &n->confidence);
    copy_text(n->what.where, sizeof n->what.where, text_at(json, "where"));
    read_uuid(text_at(json, "uuid"), n->uuid);
    read_names(json_object_get(json, "targets"), json_object_get(json, "targets_total"),
               &n->what.targets);
    read_names(json_object_get(json, "paths"), json_object_get(json, "paths_total"),
               &n->what.paths);
    read_facts(json_object_get(json, "evidence"), &n->what);
    read_history(json, n);
}

static void read_mute(const struct reader *r, const json_t *json, uint32_t i)
{
    r->l->mutes[i] =
        (struct kp_learned_mute){name_at(r, json, "name"), wall(json_object_get(json, "until")),
                                 strdup(text_at(json, "reason"))};
}

static void read_led(const struct reader *r, const json_t *json, struct kp_explanation *e)
{
    const json_t *paths = json_object_get(json, "paths");
    const json_t *tallies = json_object_get(json, "tallies");
    struct kp_tally *const into[] = {&e->anchors, &e->edges, &e->targets,
                                     &e->dns,     &e->syn,   &e->icmp};
    e->class = KP_V_CLEAR;
    (void)kp_verdict_parse(text_at(json, "class"), &e->class);
    for (size_t i = 0; i < json_array_size(paths) && i < KP_EXPLAIN_PATHS; i++) {
        const char *name = json_string_value(json_array_get(paths, i));
        if (name != NULL)
            e->paths[e->path_count++] = kp_core_name_number(r->core, name);
    }
    e->lead = number(json_object_get(json, "lead"));
    e->leads = flag_at(json, "leads");
    e->edge_known = flag_at(json, "edge_known");
    for (size_t i = 0; i < sizeof into / sizeof into[0]; i++) {
        const json_t *pair = json_array_get(tallies, i);
        *into[i] = (struct kp_tally){count_of(json_array_get(pair, 0)),
                                     count_of(json_array_get(pair, 1))};
    }
}

static void read_core(const struct reader *r, const json_t *json, uint32_t unused)
{
    struct kp_learned_core *c = &r->l->core;
    (void)unused;
    r->l->now = mono_at(json, "at");
    *c = (struct kp_learned_core){
        .anchors = group_at(r, json, "anchors"),
        .country = group_at(r, json, "country"),
        .dns = group_at(r, json, "dns"),
        .country_suspected = flag_at(json, "country_suspected"),
        .dns_suspected = flag_at(json, "dns_suspected"),
        .alert = flag_at(json, "alert"),
        .vantage = state_at(json, "vantage"),
        .failing_count = count_of(json_object_get(json, "failing_count")),
        .anchor_losses = count_of(json_object_get(json, "anchor_losses")),
        .vantage_since = mono_at(json, "vantage_since"),
        .last_anchor_answer = mono_at(json, "last_anchor_answer"),
        .last_target_answer = mono_at(json, "last_target_answer"),
        .failing_since = mono_at(json, "failing_since"),
        .gap_from = mono_at(json, "gap_from"),
        .gap_to = mono_at(json, "gap_to"),
        .look_at = mono_at(json, "look_at"),
        .puzzled = mono_at(json, "puzzled"),
        .led_until = mono_at(json, "led_until"),
        .incidents = {.last_id = count_of(json_object_get(json, "last_incident")),
                      .suspended = flag_at(json, "suspended"),
                      .resumed = wall(json_object_get(json, "resumed"))},
    };
    read_led(r, json_object_get(json, "led"), &c->led);
}

static void read_list(const struct reader *r, const json_t *json, const char *key,
                      uint32_t count,
                      void (*read)(const struct reader *, const json_t *, uint32_t))
{
    const json_t *list = json_object_get(json, key);
    for (uint32_t i = 0; i < count; i++)
        read(r, json_array_get(list, i), i);
}

static uint32_t size_at(const json_t *json, const char *key)
{
    return (uint32_t)json_array_size(json_object_get(json, key));
}

struct kp_learned *kp_learned_read(struct kp_core *core, const json_t *json)
{
    const struct kp_learned counts = {
        .item_count = size_at(json, "items"),
        .target_count = size_at(json, "targets"),
        .path_count = size_at(json, "paths"),
        .incident_count = size_at(json, "incidents"),
        .mute_count = size_at(json, "mutes"),
    };
    const struct reader r = {core, kp_learned_new(&counts)};
    if (r.l == NULL)
        return NULL;
    read_list(&r, json, "core", size_at(json, "core") > 0, read_core);
    read_list(&r, json, "targets", counts.target_count, read_target);
    read_list(&r, json, "paths", counts.path_count, read_path);
    read_list(&r, json, "items", counts.item_count, read_item);
    read_list(&r, json, "incidents", counts.incident_count, read_incident);
    read_list(&r, json, "mutes", counts.mute_count, read_mute);
    return r.l;
}
