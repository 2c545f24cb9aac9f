#include "lib/telling/record_json.h"

#include "lib/core/view.h"
#include "lib/telling/incident_json.h"

#include <inttypes.h>
#include <stdlib.h>

/* The line being written.  Names hold letters, digits, '.', '_' and '-' only, so
 * nothing needs quoting. */
struct line {
    const struct kp_core *core;
    uint64_t number;
    const struct kp_record *r;
    struct kp_text *out;
};

static void put_us(struct kp_text *out, int64_t us)
{
    int64_t whole = us / 1000000;
    int64_t part = us % 1000000;
    kp_text_printf(out, "%s%" PRId64 ".%06" PRId64, us < 0 ? "-" : "",
                   whole < 0 ? -whole : whole, part < 0 ? -part : part);
}

void kp_record_time(struct kp_text *out, struct kp_wall t)
{
    put_us(out, t.ns / KP_NS_PER_US);
}

static void put_time(const struct line *l, const char *key, struct kp_wall t)
{
    kp_text_printf(l->out, ",\"%s\":", key);
    kp_record_time(l->out, t);
}

static void put_text(const struct line *l, const char *key, const char *text)
{
    if (text != NULL)
        kp_text_printf(l->out, ",\"%s\":\"%s\"", key, text);
}

static void put_name(const struct line *l, const char *key, uint32_t name)
{
    put_text(l, key, kp_core_record_name(l->core, name));
}

static void put_addr(const struct line *l, const char *key, const struct kp_addr *a)
{
    char text[KP_ADDR_SIZE];
    kp_addr_format(a, text);
    if (a->family != KP_AF_NONE)
        put_text(l, key, text);
}

static void put_rtt(const struct line *l, int32_t rtt_us)
{
    if (rtt_us < 0)
        return;
    kp_text_add(l->out, ",\"rtt\":");
    put_us(l->out, rtt_us);
}

static void put_result(const struct line *l)
{
    const struct kp_record *r = l->r;
    put_text(l, "result", kp_result_name((enum kp_result)r->result));
    if (r->result == KP_UNREACHABLE)
        put_text(l, "cause", kp_cause_name((enum kp_cause)r->cause));
    if (r->result == KP_LOCAL_ERROR)
        kp_text_printf(l->out, ",\"errno\":%d", r->errnum);
    put_rtt(l, r->rtt_us);
    if (r->ttl != 0)
        kp_text_printf(l->out, ",\"ttl\":%u", r->ttl);
    if (r->late)
        kp_text_add(l->out, ",\"late\":true");
}

static void put_probe(const struct line *l)
{
    put_name(l, l->r->kind == KP_RECORD_ANCHOR ? "anchor" : "target", l->r->name);
    put_name(l, "probe", l->r->probe);
    put_result(l);
    put_name(l, "path", l->r->path);
}

static void put_edge(const struct line *l)
{
    put_name(l, "path", l->r->name);
    put_result(l);
    if (l->r->rtt_us >= 0 && l->r->address.family == KP_AF_NONE)
        kp_text_add(l->out, ",\"hop\":null");
    else if (l->r->rtt_us >= 0)
        put_addr(l, "hop", &l->r->address);
}

static void put_trace(const struct line *l)
{
    put_name(l, "target", l->r->name);
    kp_text_printf(l->out, ",\"reached\":%s", l->r->reached != 0 ? "true" : "false");
    if (l->r->reached != 0)
        kp_text_printf(l->out, ",\"reached_ttl\":%u", l->r->reached);
    kp_text_add(l->out, ",\"hops\":[");
    for (unsigned i = 1; i <= l->r->count; i++) {
        const struct kp_record *hop = kp_core_record(l->core, l->number + i);
        if (hop == NULL)
            break;
        kp_text_printf(l->out, "%s{\"ttl\":%u", i > 1 ? "," : "", hop->ttl);
        put_addr(l, "address", &hop->address);
        put_rtt(l, hop->rtt_us);
        kp_text_add(l->out, "}");
    }
    kp_text_add(l->out, "]");
    put_name(l, "path", l->r->path);
}

static void put_gap(const struct line *l)
{
    put_time(l, "from", l->r->from);
    put_name(l, "reason", l->r->name);
}

static void put_reload(const struct line *l)
{
    char *config = kp_core_config(l->core, l->r->probe);
    if (config != NULL)
        kp_text_printf(l->out, ",\"config\":%s", config);
    free(config);
}

static void put_incident(const struct line *l)
{
    const struct kp_record *r = l->r;
    char uuid[KP_UUID_SIZE];
    kp_uuid_format(r->uuid, uuid);
    kp_text_printf(l->out,
                   ",\"incident\":{\"id\":%" PRIu32 ",\"uuid\":\"%s\",\"class\":\"%s\","
                   "\"phase\":\"%s\",\"confidence\":\"%s\"}",
                   r->probe, uuid, kp_verdict_name((enum kp_verdict)r->result),
                   kp_phase_name((enum kp_phase)r->cause),
                   kp_confidence_name((enum kp_confidence)r->count));
}

static void put_address(const struct line *l)
{
    put_name(l, "target", l->r->name);
    if (l->r->address.family == KP_AF_NONE)
        kp_text_add(l->out, ",\"address\":null");
    put_addr(l, "address", &l->r->address);
    kp_text_printf(l->out, ",\"allowed\":%s", l->r->flag ? "false" : "true");
}

static void put_mute(const struct line *l)
{
    put_name(l, "name", l->r->name);
    if (l->r->flag)
        put_time(l, "until", l->r->from);
    else
        kp_text_add(l->out, ",\"until\":null");
}

static void put_request(const struct line *l)
{
    put_name(l, "target", l->r->name);
}

static void put_sends(const struct line *l)
{
    (void)l;
}

static void put_clock(const struct line *l)
{
    kp_text_add(l->out, ",\"step\":");
    put_us(l->out, l->r->step.ns / KP_NS_PER_US);
}

static void (*const put_kind[KP_RECORD_COUNT])(const struct line *) = {
    [KP_RECORD_PROBE] = put_probe,     [KP_RECORD_EDGE] = put_edge,
    [KP_RECORD_ANCHOR] = put_probe,    [KP_RECORD_TRACE] = put_trace,
    [KP_RECORD_GAP] = put_gap,         [KP_RECORD_RELOAD] = put_reload,
    [KP_RECORD_REQUEST] = put_request, [KP_RECORD_INCIDENT] = put_incident,
    [KP_RECORD_SENDS] = put_sends,     [KP_RECORD_ADDRESS] = put_address,
    [KP_RECORD_MUTE] = put_mute,       [KP_RECORD_CLOCK] = put_clock,
};

/* When it was known, if nobody had said. */
static int64_t usual_done(const struct kp_record *r)
{
    bool result =
        r->kind == KP_RECORD_PROBE || r->kind == KP_RECORD_EDGE || r->kind == KP_RECORD_ANCHOR;
    if (!result)
        return r->at.ns;
    return r->rtt_us >= 0 ? r->at.ns + r->rtt_us * KP_NS_PER_US : INT64_MIN;
}

bool kp_record_line(const struct kp_core *core, uint64_t number, struct kp_text *out)
{
    const struct kp_record *r = kp_core_record(core, number);
    if (r == NULL)
        return false;
    if (r->kind == KP_RECORD_HOP)
        return true;
    const struct line l = {core, number, r, out};
    kp_text_add(out, "{\"t\":");
    kp_record_time(out, r->at);
    if (r->done.ns != usual_done(r))
        put_time(&l, "done", r->done);
    put_text(&l, "kind", kp_record_kind_name((enum kp_record_kind)r->kind));
    put_kind[r->kind](&l);
    kp_text_add(out, "}\n");
    return true;
}
