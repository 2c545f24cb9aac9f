#include "lib/telling/event_json.h"

#include "lib/base/text.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/json_obj.h"

#include <string.h>

#define ECS_VERSION "8.11.0"

enum outcome { OUT_UNKNOWN, OUT_SUCCESS, OUT_FAILURE };

static enum outcome by_result(const struct kp_event *e);
static enum outcome by_state(const struct kp_event *e);
static enum outcome by_success(const struct kp_event *e);
static enum outcome by_phase(const struct kp_event *e);
static enum outcome good(const struct kp_event *e);
static enum outcome bad(const struct kp_event *e);
static enum outcome open_question(const struct kp_event *e);

static void put_probe(struct kp_obj *kp, const struct kp_event *e);
static void put_state(struct kp_obj *kp, const struct kp_event *e);
static void put_dns(struct kp_obj *kp, const struct kp_event *e);
static void put_config(struct kp_obj *kp, const struct kp_event *e);
static void put_health(struct kp_obj *kp, const struct kp_event *e);
static void put_vantage(struct kp_obj *kp, const struct kp_event *e);
static void put_incident(struct kp_obj *kp, const struct kp_event *e);
static void put_nothing(struct kp_obj *kp, const struct kp_event *e);

/* What ECS wants to know of each action: values it allows, and of event.type
 * those it expects with the category. */
static const struct action {
    const char *kind, *category, *type;
    enum outcome (*outcome)(const struct kp_event *e);
    void (*put)(struct kp_obj *kp, const struct kp_event *e); /* own members of "kp" */
} actions[KP_ACTION_COUNT] = {
    [KP_EV_PROBE_RESULT] = {"event", "network", "info", by_result, put_probe},
    [KP_EV_SUSPICION_RAISED] = {"event", "network", "info", open_question, put_state},
    [KP_EV_SUSPICION_CLEARED] = {"event", "network", "info", good, put_state},
    [KP_EV_TARGET_STATE] = {"event", "host", "change", by_state, put_state},
    [KP_EV_PATH_STATE] = {"event", "network", "info", by_state, put_state},
    [KP_EV_PATH_MOVE] = {"event", "network", "info", open_question, put_nothing},
    [KP_EV_DNS_MISMATCH] = {"alert", "network", "info", bad, put_dns},
    [KP_EV_INCIDENT_OPENED] = {"alert", "network", "start", bad, put_incident},
    [KP_EV_INCIDENT_UPDATED] = {"alert", "network", "info", by_phase, put_incident},
    [KP_EV_INCIDENT_CLOSED] = {"alert", "network", "end", good, put_incident},
    [KP_EV_CONFIG_RELOAD] = {"event", "configuration", "change", by_success, put_config},
    [KP_EV_DAEMON_START] = {"event", "process", "start", by_success, put_health},
    [KP_EV_DAEMON_STOP] = {"event", "process", "end", by_success, put_health},
    [KP_EV_DAEMON_HEALTH] = {"event", "process", "change", by_success, put_health},
    [KP_EV_VANTAGE_HEALTH] = {"event", "host", "change", by_state, put_vantage},
};

static enum outcome by_result(const struct kp_event *e)
{
    switch (e->result) {
    case KP_ANSWERED:
    case KP_REFUSED:
        return OUT_SUCCESS;
    case KP_TIMEOUT:
    case KP_UNREACHABLE:
        return OUT_FAILURE;
    default: /* our own error says nothing about them */
        return OUT_UNKNOWN;
    }
}

static enum outcome by_state(const struct kp_event *e)
{
    if (e->to == KP_UP)
        return OUT_SUCCESS;
    return e->to == KP_UNKNOWN ? OUT_UNKNOWN : OUT_FAILURE;
}

static enum outcome by_success(const struct kp_event *e)
{
    return e->success ? OUT_SUCCESS : OUT_FAILURE;
}

/* While answers come back, how it ends is open. */
static enum outcome by_phase(const struct kp_event *e)
{
    return e->incident && e->incident->phase == KP_RECOVERING ? OUT_UNKNOWN : OUT_FAILURE;
}

static enum outcome good(const struct kp_event *e)
{
    (void)e;
    return OUT_SUCCESS;
}

static enum outcome bad(const struct kp_event *e)
{
    (void)e;
    return OUT_FAILURE;
}

static enum outcome open_question(const struct kp_event *e)
{
    (void)e;
    return OUT_UNKNOWN;
}

static void put_probe(struct kp_obj *kp, const struct kp_event *e)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", e->probe);
    kp_obj_text(&o, "type", kp_probe_type_name(e->type));
    kp_obj_text(&o, "result", kp_result_name(e->result));
    kp_obj_real(&o, "rtt_seconds", by_result(e) == OUT_SUCCESS ? e->rtt : -1);
    if (e->ttl > 0)
        kp_obj_count(&o, "reply_ttl", e->ttl);
    else
        kp_obj_null(&o, "reply_ttl");
    kp_obj_text(&o, "cause", e->cause != KP_CAUSE_NONE ? kp_cause_name(e->cause) : NULL);
    kp_obj_addr(&o, "sender", &e->sender);
    kp_obj_time(&o, "sent", e->sent);
    kp_obj_bool(&o, "late", e->late);
    kp_obj_json(kp, "probe", kp_obj_end(&o));
}

static void put_state(struct kp_obj *kp, const struct kp_event *e)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "from", kp_state_name(e->from));
    kp_obj_text(&o, "to", kp_state_name(e->to));
    kp_obj_time(&o, "since", e->since);
    kp_obj_json(kp, "state", kp_obj_end(&o));
}

static json_t *addr_json(const struct kp_addr *a)
{
    char text[KP_ADDR_SIZE];
    kp_addr_format(a, text);
    return json_string(text);
}

static void put_dns(struct kp_obj *kp, const struct kp_event *e)
{
    json_t *found = json_array();
    for (size_t i = 0; i < e->found_count && i < KP_EVENT_ADDRS; i++)
        kp_json_append(&found, addr_json(&e->found[i]));
    struct kp_obj o = kp_obj_begin();
    kp_obj_addr(&o, "expected", &e->expected);
    kp_obj_json(&o, "found", found);
    kp_obj_json(kp, "dns", kp_obj_end(&o));
}

static void put_config(struct kp_obj *kp, const struct kp_event *e)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_bool(&o, "success", e->success);
    kp_obj_text(&o, "detail", e->detail);
    kp_obj_json(kp, "config", kp_obj_end(&o));
}

static void put_ok(struct kp_obj *kp, bool ok, const char *detail)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_bool(&o, "ok", ok);
    kp_obj_text(&o, "detail", detail);
    kp_obj_json(kp, "health", kp_obj_end(&o));
}

static void put_health(struct kp_obj *kp, const struct kp_event *e)
{
    put_ok(kp, e->success, e->detail);
}

static void put_vantage(struct kp_obj *kp, const struct kp_event *e)
{
    put_state(kp, e);
    put_ok(kp, e->to == KP_UP, e->detail);
}

static void put_incident(struct kp_obj *kp, const struct kp_event *e)
{
    if (e->incident)
        kp_obj_json(kp, "incident", kp_incident_json(e->incident));
}

static void put_nothing(struct kp_obj *kp, const struct kp_event *e)
{
    (void)kp;
    (void)e;
}

/* A member that is an object with a name; nothing where there is no name. */
static void put_named(struct kp_obj *kp, const char *key, const char *name)
{
    if (!name)
        return;
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", name);
    kp_obj_json(kp, key, kp_obj_end(&o));
}

static void put_path(struct kp_obj *kp, const struct kp_event *e)
{
    if (e->action != KP_EV_PATH_MOVE) {
        put_named(kp, "path", e->path);
        return;
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", e->path);
    kp_obj_text(&o, "previous", e->path_before);
    kp_obj_json(kp, "path", kp_obj_end(&o));
}

static json_t *kp_object(const struct kp_event *e)
{
    struct kp_obj kp = kp_obj_begin();
    put_named(&kp, "target", e->target);
    put_path(&kp, e);
    if (e->action != KP_EV_PROBE_RESULT)
        put_named(&kp, "probe", e->probe);
    actions[e->action].put(&kp, e);
    return kp_obj_end(&kp);
}

static json_t *one_text(const char *text)
{
    json_t *list = json_array();
    kp_json_append(&list, json_string(text));
    return list;
}

/* "kpwatchd." and the first part of the action. */
static json_t *dataset(const char *action)
{
    struct kp_text text = {0};
    kp_text_add(&text, "kpwatchd.");
    kp_text_addn(&text, action, strcspn(action, "."));
    json_t *json = kp_text_str(&text) ? json_string(text.data) : NULL;
    kp_text_fini(&text);
    return json;
}

static json_t *event_id(const struct kp_event_source *source, uint64_t sequence)
{
    struct kp_text text = {0};
    kp_text_printf(&text, "%s-%s-%llu", source->vantage, source->boot,
                   (unsigned long long)sequence);
    json_t *json = kp_text_str(&text) ? kp_json_text(text.data) : NULL;
    kp_text_fini(&text);
    return json;
}

static json_t *event_object(const struct kp_event *e, const struct kp_event_source *source,
                            uint64_t sequence)
{
    static const char *const outcomes[] = {
        [OUT_UNKNOWN] = "unknown", [OUT_SUCCESS] = "success", [OUT_FAILURE] = "failure"};
    const struct action *a = &actions[e->action];
    const char *name = kp_action_name(e->action);
    struct kp_obj o = kp_obj_begin();
    kp_obj_json(&o, "id", event_id(source, sequence));
    kp_obj_count(&o, "sequence", sequence);
    kp_obj_time(&o, "created", e->at);
    kp_obj_text(&o, "kind", a->kind);
    kp_obj_json(&o, "category", one_text(a->category));
    kp_obj_json(&o, "type", one_text(a->type));
    kp_obj_text(&o, "action", name);
    kp_obj_text(&o, "outcome", outcomes[a->outcome(e)]);
    kp_obj_json(&o, "dataset", dataset(name));
    kp_obj_text(&o, "module", "kpwatchd");
    return kp_obj_end(&o);
}

static json_t *observer_object(const struct kp_event_source *source)
{
    struct kp_obj geo = kp_obj_begin();
    kp_obj_text(&geo, "country_iso_code", source->country);
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", source->vantage);
    kp_obj_text(&o, "type", "sensor");
    kp_obj_text(&o, "product", "kpwatchd");
    kp_obj_text(&o, "version", source->version);
    kp_obj_json(&o, "geo", kp_obj_end(&geo));
    return kp_obj_end(&o);
}

static json_t *wrapped(const char *key, const char *text)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, key, text);
    return kp_obj_end(&o);
}

json_t *kp_event_json(const struct kp_event *event, const struct kp_event_source *source,
                      uint64_t sequence)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_time(&o, "@timestamp", event->at);
    kp_obj_json(&o, "event", event_object(event, source, sequence));
    kp_obj_json(&o, "ecs", wrapped("version", ECS_VERSION));
    kp_obj_json(&o, "log", wrapped("level", kp_level_name(event->level)));
    kp_obj_text(&o, "message", event->message);
    kp_obj_json(&o, "observer", observer_object(source));
    kp_obj_json(&o, "kp", kp_object(event));
    return kp_obj_end(&o);
}

bool kp_event_is_kind(enum kp_action action, const char *kind)
{
    const char *name = kp_action_name(action);
    size_t len = strlen(kind);
    return strncmp(name, kind, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

bool kp_event_kind_known(const char *kind)
{
    for (int a = 0; a < KP_ACTION_COUNT; a++)
        if (kp_event_is_kind((enum kp_action)a, kind))
            return true;
    return false;
}
