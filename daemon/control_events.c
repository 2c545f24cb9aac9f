/* The recent past (ListEvents) and what happens from now on (Subscribe), both
 * from the hub's memory. */
#include "daemon/control_call.h"
#include "lib/telling/json_obj.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PULL_BELOW                                                                             \
    ((size_t)64 << 10) /* a subscriber that is behind is fed while less is unread */

_Static_assert(KP_ACTION_COUNT < 64, "kinds are a bit each");
#define ALL_KINDS ((UINT64_C(1) << KP_ACTION_COUNT) - 1)

static bool of_kinds(uint64_t kinds, enum kp_action action)
{
    return kinds >> action & 1;
}

/* The bits of parameter "kinds"; false: one is unknown. */
static bool read_kinds(const struct kpd_call *call, uint64_t *kinds)
{
    const json_t *list = json_object_get(call->params, "kinds");
    *kinds = json_array_size(list) > 0 ? 0 : ALL_KINDS;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *kind = json_string_value(json_array_get(list, i));
        if (!kp_event_kind_known(kind))
            return false;
        for (int a = 0; a < KP_ACTION_COUNT; a++)
            if (kp_event_is_kind((enum kp_action)a, kind))
                *kinds |= UINT64_C(1) << a;
    }
    return true;
}

static uint64_t newest(const struct kpd_control *control)
{
    struct kpd_hub_stats stats;
    kpd_hub_stats(control->args.hub, &stats);
    return stats.last;
}

static uint64_t oldest(const struct kpd_control *control)
{
    struct kpd_hub_stats stats;
    kpd_hub_stats(control->args.hub, &stats);
    return stats.oldest;
}

/* --- ListEvents --- */

static bool list_end(struct kpd_conn *conn)
{
    const char *boot = kpd_hub_boot(conn->control->args.hub);
    kp_text_printf(&conn->out, "],\"cursor\":\"%s:%llu\",\"complete\":%s}}", boot,
                   (unsigned long long)conn->events.last,
                   conn->events.complete ? "true" : "false");
    kp_text_addn(&conn->out, "", 1);
    return false;
}

static bool next_event(struct kpd_conn *conn)
{
    struct kpd_events *e = &conn->events;
    if (!e->begun)
        kp_text_printf(&conn->out, "{\"schema\":%d,\"events\":[", KP_REPORT_SCHEMA);
    e->begun = true;
    while (e->next <= e->last) {
        const struct kpd_hub_entry *entry = kpd_hub_get(conn->control->args.hub, e->next++);
        if (!entry || !entry->json) {
            e->complete = false; /* forgotten while the reader was slow */
            continue;
        }
        if (!of_kinds(e->kinds, entry->action) || entry->at.ns < e->since.ns)
            continue;
        kp_text_add(&conn->out, e->any ? "," : "");
        kp_text_addn(&conn->out, entry->json, entry->len);
        e->any = true;
        return true;
    }
    return list_end(conn);
}

void kpd_call_list_events(struct kpd_call *call)
{
    struct kpd_events *e = &call->conn->events;
    const char *since = kpd_call_text(call, "since");
    *e = (struct kpd_events){.next = oldest(call->control), .last = newest(call->control)};
    if (since && kp_wall_parse(since, &e->since) != KP_OK) {
        kpd_call_invalid(call, "since");
        return;
    }
    if (!read_kinds(call, &e->kinds)) {
        kpd_call_invalid(call, "kinds");
        return;
    }
    /* Complete where nothing was ever forgotten, or only what is older. */
    const struct kpd_hub_entry *first = kpd_hub_get(call->control->args.hub, e->next);
    e->complete = e->next <= 1 || (first && first->at.ns < e->since.ns);
    kpd_call_pieces(call, next_event);
}

/* --- Subscribe --- */

/* "BOOT:SEQ".  *restarted: of another run of the daemon. */
static bool read_cursor(const struct kpd_control *control, const char *text, uint64_t *seq,
                        bool *restarted)
{
    const char *colon = strrchr(text, ':');
    const char *boot = kpd_hub_boot(control->args.hub);
    if (!colon || colon == text || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    errno = 0;
    char *end;
    unsigned long long n = strtoull(colon + 1, &end, 10);
    if (errno != 0 || end == colon + 1)
        return false;
    size_t len = (size_t)(colon - text);
    *restarted = strlen(boot) != len || memcmp(boot, text, len) != 0;
    *seq = *restarted ? 0 : n;
    return *seq <= newest(control);
}

/* A message with the status and all that a reader needs to go on from it. */
static void put_snapshot(struct kpd_conn *conn, uint64_t seq, uint64_t lost, bool restarted)
{
    struct kp_report_daemon daemon;
    struct kp_text *out = &conn->out;
    kpd_control_describe(conn->control, &daemon);
    json_t *status = kp_report_status(conn->control->args.core, &daemon);
    char *text = kp_json_dump(status, KP_JSON_FLAGS);
    kp_text_printf(out, "{\"parameters\":{\"cursor\":\"%s:%llu\"",
                   kpd_hub_boot(conn->control->args.hub), (unsigned long long)seq);
    if (lost > 0)
        kp_text_printf(out, ",\"lost\":%llu", (unsigned long long)lost);
    if (restarted)
        kp_text_add(out, ",\"restarted\":true");
    kp_text_add(out, ",\"status\":");
    kp_text_add(out, text ? text : "null");
    kp_text_add(out, "},\"continues\":true");
    kp_text_addn(out, "}", 2);
    out->nomem |= text == NULL;
    free(text);
    json_decref(status);
}

static void put_event(struct kpd_conn *conn, const struct kpd_hub_entry *entry)
{
    struct kp_text *out = &conn->out;
    kp_text_printf(out, "{\"parameters\":{\"cursor\":\"%s:%llu\",\"seq\":%llu,\"event\":",
                   kpd_hub_boot(conn->control->args.hub), (unsigned long long)entry->seq,
                   (unsigned long long)entry->seq);
    kp_text_addn(out, entry->json, entry->len);
    kp_text_add(out, "},\"continues\":true");
    kp_text_addn(out, "}", 2);
}

void kpd_call_subscribe(struct kpd_call *call)
{
    struct kpd_control *control = call->control;
    const char *cursor = kpd_call_text(call, "cursor");
    uint64_t seq = newest(control), kinds;
    bool restarted = false;
    if (!read_kinds(call, &kinds)) {
        kpd_call_invalid(call, "kinds");
        return;
    }
    if (cursor && !read_cursor(control, cursor, &seq, &restarted)) {
        kpd_call_invalid(call, "cursor");
        return;
    }
    struct kpd_sub *sub = call->oneway ? NULL : calloc(1, sizeof *sub);
    if (!sub) {
        kpd_call_reply(call, NULL);
        return;
    }
    uint64_t first = oldest(control);
    uint64_t lost = first > seq + 1 ? first - seq - 1 : 0;
    seq += lost;
    *sub = (struct kpd_sub){kinds, seq + 1, seq < newest(control), 0, 0};
    call->conn->sub = sub;
    control->stats.lost += lost;
    kpd_hub_note_dropped(control->args.hub, KPD_READER_CONTROL, lost);
    put_snapshot(call->conn, seq, lost, restarted);
}

static void lose(struct kpd_conn *conn, uint64_t events, size_t bytes)
{
    conn->sub->lost += events;
    conn->sub->lost_bytes += bytes;
    conn->control->stats.lost += events;
    kpd_hub_note_dropped(conn->control->args.hub, KPD_READER_CONTROL, events);
}

void kpd_sub_event(struct kpd_conn *conn, const struct kpd_hub_entry *entry)
{
    const struct kpd_control_limits *limits = &conn->control->limits;
    struct kpd_sub *sub = conn->sub;
    size_t unread = kpd_conn_unread(conn);
    if (sub->behind)
        return; /* it is still taking earlier ones; this one waits in the hub */
    sub->next = entry->seq + 1;
    if (!of_kinds(sub->kinds, entry->action))
        return;
    bool full = unread > 0 && unread + entry->len > limits->soft;
    if (sub->lost > 0 || full || !entry->json)
        lose(conn, 1, entry->len);
    else
        put_event(conn, entry);
    if (unread + sub->lost_bytes > limits->hard)
        kpd_conn_too_slow(conn);
    if (conn->out.nomem)
        conn->dead = true;
    kpd_conn_update(conn);
}

/* Events the hub still holds, while the reader takes them. */
static void catch_up(struct kpd_conn *conn)
{
    struct kpd_sub *sub = conn->sub;
    uint64_t last = newest(conn->control), first = oldest(conn->control);
    if (sub->next < first) {
        lose(conn, first - sub->next, 0);
        sub->next = first;
        return; /* said before anything newer */
    }
    while (sub->next <= last && kpd_conn_unread(conn) < PULL_BELOW) {
        const struct kpd_hub_entry *entry = kpd_hub_get(conn->control->args.hub, sub->next++);
        if (!entry->json) {
            lose(conn, 1, 0);
            break;
        }
        if (of_kinds(sub->kinds, entry->action))
            put_event(conn, entry);
    }
    sub->behind = sub->next <= last;
}

bool kpd_sub_pull(struct kpd_conn *conn)
{
    struct kpd_sub *sub = conn->sub;
    size_t before = conn->out.len;
    if (sub->behind && kpd_conn_unread(conn) < PULL_BELOW)
        catch_up(conn);
    if (sub->lost > 0 && kpd_conn_unread(conn) <= conn->control->limits.soft / 2) {
        put_snapshot(conn, sub->next - 1, sub->lost, false);
        sub->lost = 0;
        sub->lost_bytes = 0;
    }
    return conn->out.len > before;
}
