/* Targets and their probes: the largest of the reports, written as text one
 * target at a time. */
#include "lib/telling/json_obj.h"
#include "lib/telling/report.h"

#include <stdlib.h>
#include <string.h>

static json_t *dns_object(const struct kp_dns_answer *dns)
{
    struct kp_obj o = kp_obj_begin();
    kp_obj_count(&o, "rcode", dns->rcode);
    kp_obj_bool(&o, "aa", dns->aa);
    kp_obj_bool(&o, "tc", dns->tc);
    if (dns->has_ttl)
        kp_obj_count(&o, "ttl_seconds", dns->ttl);
    else
        kp_obj_null(&o, "ttl_seconds");
    if (dns->has_serial)
        kp_obj_count(&o, "serial", dns->serial);
    else
        kp_obj_null(&o, "serial");
    return kp_obj_end(&o);
}

/* What the last finished probe brought. */
static void put_last(struct kp_obj *o, const struct kp_probe_view *v)
{
    static const struct kp_addr nobody;
    bool any = v->has_result;
    bool replied = any && (v->result == KP_ANSWERED || v->result == KP_REFUSED);
    bool blamed = any && v->result == KP_UNREACHABLE;
    bool failed = any && v->result == KP_LOCAL_ERROR && v->errnum != 0;
    kp_obj_text(o, "result", any ? kp_result_name(v->result) : NULL);
    kp_obj_real(o, "rtt_seconds", replied ? v->rtt : -1);
    if (any && v->reply_ttl > 0)
        kp_obj_count(o, "reply_ttl", v->reply_ttl);
    else
        kp_obj_null(o, "reply_ttl");
    kp_obj_time(o, "at", any ? v->at : (struct kp_wall){0});
    kp_obj_text(o, "cause",
                blamed && v->cause != KP_CAUSE_NONE ? kp_cause_name(v->cause) : NULL);
    kp_obj_addr(o, "sender", blamed ? &v->sender : &nobody);
    kp_obj_text(o, "error", failed ? strerrorname_np(v->errnum) : NULL);
    kp_obj_json(o, "dns",
                replied && v->type == KP_PROBE_DNS && v->dns.given ? dns_object(&v->dns)
                                                                   : json_null());
}

static json_t *probe_object(const struct kp_probe_view *v)
{
    uint32_t recent = v->recent_count < KP_RECENT ? v->recent_count : KP_RECENT;
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", v->name);
    kp_obj_text(&o, "type", kp_probe_type_name(v->type));
    kp_obj_text(&o, "state", kp_state_name(v->state));
    put_last(&o, v);
    kp_obj_real(&o, "baseline_ratio", v->baseline_ratio);
    kp_obj_real(&o, "baseline_rtt_seconds", v->baseline_rtt);
    kp_obj_count(&o, "sent", v->sent);
    kp_obj_count(&o, "answered", v->answered);
    kp_obj_count(&o, "late", v->late);
    kp_obj_json(&o, "recent_rtt_seconds", kp_json_reals(v->recent_rtt, recent));
    return kp_obj_end(&o);
}

static json_t *target_object(const struct kp_core *core, uint32_t index,
                             const struct kp_target_view *v)
{
    json_t *probes = json_array();
    for (uint32_t i = 0; i < v->probe_count; i++) {
        struct kp_probe_view probe;
        kp_core_probe(core, index, i, &probe);
        kp_json_append(&probes, probe_object(&probe));
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "name", v->name);
    kp_obj_text(&o, "title", v->title ? v->title : v->name);
    kp_obj_text(&o, "host", v->host);
    kp_obj_addr(&o, "address", &v->address);
    kp_obj_text(&o, "group", v->group);
    kp_obj_text(&o, "path", v->path);
    kp_obj_text(&o, "path_source", v->path_source);
    kp_obj_text(&o, "state", kp_state_name(v->state));
    kp_obj_time(&o, "since", v->since);
    kp_obj_time(&o, "muted_until", v->muted_until);
    kp_obj_bool(&o, "anchor", v->is_anchor);
    kp_obj_json(&o, "probes", probes);
    return kp_obj_end(&o);
}

static void put_target(const struct kp_core *core, uint32_t index,
                       const struct kp_target_view *v, struct kp_text *out)
{
    json_t *json = target_object(core, index, v);
    char *text = kp_json_dump(json, KP_JSON_FLAGS);
    if (text)
        kp_text_add(out, text);
    else
        out->nomem = true;
    free(text);
    json_decref(json);
}

static bool named(const struct kp_target_view *v, const struct kp_report_filter *f)
{
    /* An anchor is no target, but whoever asks for it by name shall see it. */
    if (f->target ? strcmp(f->target, v->name) != 0 : v->is_anchor)
        return false;
    return !f->group || (v->group && strcmp(f->group, v->group) == 0);
}

static bool fits(const struct kp_target_view *v, const struct kp_report_filter *f)
{
    return named(v, f) && (!f->state || strcmp(f->state, kp_state_name(v->state)) == 0);
}

/* Targets and anchors. */
static uint32_t host_count(const struct kp_core *core)
{
    return kp_core_target_count(core) + kp_core_anchor_count(core);
}

enum kp_err kp_report_targets_begin(const struct kp_core *core,
                                    const struct kp_report_filter *filter,
                                    struct kp_report_targets *it)
{
    enum kp_state state;
    if (filter->state && !kp_state_parse(filter->state, &state))
        return KP_ERR_RANGE;
    *it = (struct kp_report_targets){.filter = *filter};
    if (!filter->target && !filter->group)
        return KP_OK;
    uint32_t count = host_count(core);
    for (uint32_t i = 0; i < count; i++) {
        struct kp_target_view v;
        kp_core_target(core, i, &v);
        if (named(&v, filter))
            return KP_OK;
    }
    return KP_ERR_NOTFOUND;
}

bool kp_report_targets_next(const struct kp_core *core, struct kp_report_targets *it,
                            struct kp_text *out)
{
    if (!it->begun)
        kp_text_printf(out, "{\"schema\":%d,\"targets\":[", KP_REPORT_SCHEMA);
    it->begun = true;
    uint32_t count = host_count(core);
    while (it->next < count) {
        struct kp_target_view v;
        uint32_t index = it->next++;
        kp_core_target(core, index, &v);
        if (!fits(&v, &it->filter))
            continue;
        kp_text_add(out, it->any ? "," : "");
        put_target(core, index, &v, out);
        it->any = true;
        return true;
    }
    kp_text_add(out, "]}");
    return false;
}
