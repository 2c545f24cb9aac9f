/* Lines of evidence, read: written by us or by strangers. */
#include "lib/telling/record_json.h"

#include "lib/telling/json_obj.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Years 1970 to about 2100, as whole microseconds in a double. */
#define LATEST 4102444800.0

struct reader {
    struct kp_record_read *out;
    struct kp_record *r;
    char *why; /* "": fine so far */
};

static void bad(struct reader *rd, const char *key, const char *what)
{
    if (rd->why[0] == '\0')
        snprintf(rd->why, KP_RECORD_WHY_SIZE, "'%.40s' %s", key, what);
}

static const json_t *member(const struct reader *rd, const char *key)
{
    const json_t *value = json_object_get(rd->out->json, key);
    return json_is_null(value) ? NULL : value;
}

static bool read_number(struct reader *rd, const json_t *value, const char *key, double least,
                        double most, double *out)
{
    if (value == NULL)
        return false;
    *out = json_number_value(value);
    if (!json_is_number(value) || !(*out >= least && *out <= most)) {
        bad(rd, key, "is no number of seconds that can be");
        return false;
    }
    return true;
}

static bool read_time(struct reader *rd, const char *key, struct kp_wall *out)
{
    double seconds = 0;
    if (!read_number(rd, member(rd, key), key, 0, LATEST, &seconds))
        return false;
    out->ns = llround(seconds * 1e6) * KP_NS_PER_US;
    return true;
}

/* A text; where it must be there and is not, that is an error. */
static const char *read_text(struct reader *rd, const char *key, bool required)
{
    const json_t *value = member(rd, key);
    if (value == NULL ? required : !json_is_string(value))
        bad(rd, key, value == NULL ? "is missing" : "is no text");
    return json_string_value(value);
}

static void read_addr(struct reader *rd, const json_t *value, const char *key,
                      struct kp_addr *out)
{
    const char *text = json_string_value(value);
    if (value != NULL && !json_is_null(value) &&
        (text == NULL || kp_addr_parse(text, out) != KP_OK))
        bad(rd, key, "is no address");
}

static int32_t rtt_of(struct reader *rd, const json_t *value)
{
    double rtt = 0;
    if (json_is_null(value) || !read_number(rd, value, "rtt", 0, 2000, &rtt))
        return -1;
    return (int32_t)lround(rtt * 1e6);
}

static unsigned small_number(struct reader *rd, const char *key)
{
    const json_t *value = member(rd, key);
    json_int_t n = json_integer_value(value);
    if (value != NULL && (!json_is_integer(value) || n < 0 || n > UINT8_MAX))
        bad(rd, key, "is no number from 0 to 255");
    return (unsigned)n & UINT8_MAX;
}

static bool flag(const struct reader *rd, const char *key)
{
    const json_t *value = member(rd, key);
    return json_is_true(value);
}

static void read_result(struct reader *rd)
{
    enum kp_result result = KP_RESULT_COUNT;
    enum kp_cause cause = KP_CAUSE_OTHER;
    const char *text = read_text(rd, "result", true);
    if (text != NULL && !kp_result_parse(text, &result))
        bad(rd, "result", "is none of answered, refused, timeout, unreachable, local-error");
    const char *why = json_string_value(member(rd, "cause"));
    if (result == KP_UNREACHABLE && (why == NULL || !kp_cause_parse(why, &cause)))
        cause = KP_CAUSE_OTHER;
    rd->r->result = (uint8_t)result;
    rd->r->cause = (uint8_t)(result == KP_UNREACHABLE ? cause : KP_CAUSE_NONE);
    rd->r->ttl = (uint8_t)small_number(rd, "ttl");
    rd->r->late = flag(rd, "late");
    int32_t rtt = rtt_of(rd, member(rd, "rtt"));
    if (result == KP_ANSWERED || result == KP_REFUSED)
        rd->r->rtt_us = rtt >= 0 ? rtt : 0;
    if (result == KP_LOCAL_ERROR)
        rd->r->errnum = (int)json_integer_value(member(rd, "errno"));
}

static void read_probe(struct reader *rd)
{
    bool anchor = rd->r->kind == KP_RECORD_ANCHOR;
    rd->out->name = read_text(rd, anchor ? "anchor" : "target", true);
    rd->out->probe = read_text(rd, "probe", true);
    rd->out->path = read_text(rd, "path", false);
    read_result(rd);
}

static void read_edge(struct reader *rd)
{
    rd->out->name = read_text(rd, "path", true);
    read_result(rd);
    if (rd->r->result != KP_LOCAL_ERROR)
        read_addr(rd, member(rd, "hop"), "hop", &rd->r->address);
    const json_t *hop = json_object_get(rd->out->json, "hop");
    rd->r->flag = json_is_null(hop);
}

static void read_hop(struct reader *rd, const json_t *value)
{
    struct kp_record *hop = &rd->out->list[1 + rd->r->count];
    json_int_t ttl = json_integer_value(json_object_get(value, "ttl"));
    if (!json_is_object(value) || ttl < 1 || ttl > KP_RECORD_HOPS) {
        bad(rd, "hops", "holds one without a ttl from 1 to 64");
        return;
    }
    *hop = (struct kp_record){.kind = KP_RECORD_HOP, .ttl = (uint8_t)ttl};
    hop->rtt_us = rtt_of(rd, json_object_get(value, "rtt"));
    read_addr(rd, json_object_get(value, "address"), "address", &hop->address);
    if (rd->r->count > 0 && hop[-1].ttl >= hop->ttl)
        bad(rd, "hops", "are not in the order of their ttl");
    if (hop->address.family != KP_AF_NONE)
        rd->r->count++;
}

static void read_trace(struct reader *rd)
{
    const json_t *hops = member(rd, "hops");
    rd->out->name = read_text(rd, "target", true);
    rd->out->path = read_text(rd, "path", false);
    if (hops != NULL && (!json_is_array(hops) || json_array_size(hops) > KP_RECORD_HOPS)) {
        bad(rd, "hops", "is no list of at most 64");
        return;
    }
    for (size_t i = 0; i < json_array_size(hops) && rd->why[0] == '\0'; i++)
        read_hop(rd, json_array_get(hops, i));
    unsigned reached = small_number(rd, "reached_ttl");
    const struct kp_record *last = &rd->out->list[rd->r->count];
    if (reached == 0)
        reached = rd->r->count > 0 ? last->ttl + 1U : 1;
    if (flag(rd, "reached"))
        rd->r->reached = (uint8_t)reached;
}

static void read_gap(struct reader *rd)
{
    if (!read_time(rd, "from", &rd->r->from))
        bad(rd, "from", "is missing");
    rd->out->name = read_text(rd, "reason", false);
}

static void read_reload(struct reader *rd)
{
    rd->out->config = member(rd, "config");
}

static void read_request(struct reader *rd)
{
    rd->out->name = read_text(rd, "target", true);
}

static void read_address(struct reader *rd)
{
    rd->out->name = read_text(rd, "target", true);
    read_addr(rd, member(rd, "address"), "address", &rd->r->address);
    const json_t *allowed = member(rd, "allowed");
    rd->r->flag = json_is_false(allowed);
}

static void read_mute(struct reader *rd)
{
    rd->out->name = read_text(rd, "name", true);
    rd->r->flag = read_time(rd, "until", &rd->r->from);
}

static void read_clock(struct reader *rd)
{
    double step = 0;
    if (!read_number(rd, member(rd, "step"), "step", -LATEST, LATEST, &step))
        bad(rd, "step", "is missing");
    rd->r->step.ns = llround(step * 1e6) * KP_NS_PER_US;
}

/* What was decided then is decided anew. */
static void read_nothing(struct reader *rd)
{
    (void)rd;
}

static void (*const read_kind[KP_RECORD_COUNT])(struct reader *) = {
    [KP_RECORD_PROBE] = read_probe,
    [KP_RECORD_EDGE] = read_edge,
    [KP_RECORD_ANCHOR] = read_probe,
    [KP_RECORD_TRACE] = read_trace,
    [KP_RECORD_HOP] = NULL, /* only ever inside a trace */
    [KP_RECORD_GAP] = read_gap,
    [KP_RECORD_RELOAD] = read_reload,
    [KP_RECORD_REQUEST] = read_request,
    [KP_RECORD_INCIDENT] = read_nothing,
    [KP_RECORD_SENDS] = read_nothing,
    [KP_RECORD_ADDRESS] = read_address,
    [KP_RECORD_MUTE] = read_mute,
    [KP_RECORD_CLOCK] = read_clock,
};

static void read_header(struct reader *rd)
{
    const json_t *schema = json_object_get(rd->out->json, "schema");
    rd->out->what = KP_RECORD_HEADER;
    rd->out->config = member(rd, "config");
    rd->out->learned = member(rd, "learned");
    if (json_integer_value(schema) != 1)
        bad(rd, "schema", "is not 1: written by another version");
    if (rd->out->config != NULL && !json_is_object(rd->out->config))
        bad(rd, "config", "is no object");
    if (rd->out->learned != NULL && !json_is_object(rd->out->learned))
        bad(rd, "learned", "is no object");
}

static void read_line(struct reader *rd)
{
    enum kp_record_kind kind = KP_RECORD_COUNT;
    const char *text = read_text(rd, "kind", true);
    if (text != NULL && strcmp(text, "header") == 0) {
        read_header(rd);
        return;
    }
    rd->out->what = KP_RECORD_UNKNOWN;
    if (text == NULL || !kp_record_kind_parse(text, &kind) || read_kind[kind] == NULL)
        return;
    rd->out->what = KP_RECORD_LINE;
    *rd->r = (struct kp_record){.kind = (uint8_t)kind, .rtt_us = -1};
    if (!read_time(rd, "t", &rd->r->at))
        bad(rd, "t", "is missing");
    rd->out->has_done = read_time(rd, "done", &rd->r->done);
    if (rd->out->has_done && rd->r->done.ns < rd->r->at.ns - KP_NS_PER_S)
        bad(rd, "done", "is before t");
    read_kind[kind](rd);
}

enum kp_err kp_record_parse(const char *line, size_t len, struct kp_record_read *out,
                            char why[KP_RECORD_WHY_SIZE])
{
    json_error_t error;
    *out =
        (struct kp_record_read){.json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error)};
    why[0] = '\0';
    if (out->json == NULL && json_error_code(&error) == json_error_out_of_memory)
        return KP_ERR_NOMEM;
    if (out->json == NULL)
        snprintf(why, KP_RECORD_WHY_SIZE, "no JSON: %.90s", error.text);
    else if (!json_is_object(out->json))
        snprintf(why, KP_RECORD_WHY_SIZE, "no JSON object");
    else
        read_line(&(struct reader){out, &out->list[0], why});
    if (why[0] == '\0')
        return KP_OK;
    kp_record_read_fini(out);
    return KP_ERR_MALFORMED;
}

void kp_record_read_fini(struct kp_record_read *read)
{
    json_decref(read->json);
    read->json = NULL;
}
