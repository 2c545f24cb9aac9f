#include "lib/telling/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct to {
    const struct kp_core *core;
    const struct kp_metrics_daemon *daemon;
    struct kp_text *out;
    const char *name; /* of the family */
    uint32_t index;   /* of the path or target */
};

/* --- lines --- */

static void put_value(struct to *to, double v)
{
    if (isnan(v))
        kp_text_add(to->out, " NaN\n");
    else
        kp_text_printf(to->out, " %.15g\n", v);
}

static void put_quoted(struct kp_text *out, const char *label, const char *value)
{
    kp_text_add(out, label);
    kp_text_add(out, "=\"");
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"')
            kp_text_addn(out, "\\", 1);
        kp_text_addn(out, *c == '\n' ? " " : c, 1);
    }
    kp_text_add(out, "\"");
}

/* name{a="…",b="…"}; a NULL label ends them. */
static void put_name(struct to *to, const char *suffix, const char *labels[][2])
{
    kp_text_add(to->out, to->name);
    kp_text_add(to->out, suffix);
    for (size_t i = 0; labels && labels[i][0]; i++) {
        kp_text_add(to->out, i == 0 ? "{" : ",");
        put_quoted(to->out, labels[i][0], labels[i][1] ? labels[i][1] : "");
    }
    kp_text_add(to->out, labels ? "}" : "");
}

static void put(struct to *to, double v)
{
    put_name(to, "", NULL);
    put_value(to, v);
}

static void put1(struct to *to, const char *label, const char *value, double v)
{
    const char *labels[][2] = {{label, value}, {NULL, NULL}};
    put_name(to, "", labels);
    put_value(to, v);
}

static void put2(struct to *to, const char *label, const char *value, const char *label2,
                 const char *value2, double v)
{
    const char *labels[][2] = {{label, value}, {label2, value2}, {NULL, NULL}};
    put_name(to, "", labels);
    put_value(to, v);
}

static double known(double v)
{
    return v < 0 ? NAN : v;
}

static double seconds_of(struct kp_wall t)
{
    return t.ns == 0 ? NAN : (double)(t.ns / KP_NS_PER_US) / 1e6;
}

/* Up or not; unknown: NaN. */
static double up(enum kp_state state)
{
    if (state == KP_UNKNOWN)
        return NAN;
    return state == KP_DOWN ? 0 : 1;
}

/* --- of each way a host is asked; anchors too --- */

struct asked {
    const char *target;
    struct kp_probe_view view;
    const struct kp_counts *counts;
};

static void put_asked(struct to *to, const struct asked *a, double v)
{
    put2(to, "target", a->target, "probe", a->view.name, v);
}

static void probes_sent(struct to *to, const struct asked *a)
{
    put_asked(to, a, (double)a->view.sent);
}

static void probes_late(struct to *to, const struct asked *a)
{
    put_asked(to, a, (double)a->view.late);
}

static void last_success(struct to *to, const struct asked *a)
{
    put_asked(to, a, seconds_of(a->counts->last_success));
}

static void probe_results(struct to *to, const struct asked *a)
{
    for (int r = 0; r < KP_RESULT_COUNT; r++) {
        const char *labels[][2] = {{"target", a->target},
                                   {"probe", a->view.name},
                                   {"result", kp_result_name((enum kp_result)r)},
                                   {NULL, NULL}};
        put_name(to, "", labels);
        put_value(to, (double)a->counts->results[r]);
    }
}

static void put_bucket(struct to *to, const struct asked *a, const char *le, uint64_t n)
{
    const char *labels[][2] = {
        {"target", a->target}, {"probe", a->view.name}, {"le", le}, {NULL, NULL}};
    put_name(to, "_bucket", labels);
    put_value(to, (double)n);
}

static void probe_rtt(struct to *to, const struct asked *a)
{
    const char *labels[][2] = {{"target", a->target}, {"probe", a->view.name}, {NULL, NULL}};
    struct kp_text le = {0};
    uint64_t sum = 0;
    for (int i = 0; i < KP_RTT_BUCKETS; i++) {
        sum += a->counts->rtt[i];
        kp_text_clear(&le);
        kp_text_printf(&le, "%g", kp_rtt_bounds[i]);
        put_bucket(to, a, kp_text_str(&le) ? kp_text_str(&le) : "", sum);
    }
    to->out->nomem |= le.nomem;
    kp_text_fini(&le);
    sum += a->counts->rtt[KP_RTT_BUCKETS];
    put_bucket(to, a, "+Inf", sum);
    put_name(to, "_sum", labels);
    put_value(to, a->counts->rtt_sum);
    put_name(to, "_count", labels);
    put_value(to, (double)sum);
}

/* --- of each target --- */

static void target_info(struct to *to, const struct kp_target_view *t)
{
    char address[KP_ADDR_SIZE] = "";
    if (t->address.family != KP_AF_NONE)
        kp_addr_format(&t->address, address);
    const char *labels[][2] = {{"target", t->name},
                               {"address", address},
                               {"path", t->path},
                               {"group", t->group},
                               {NULL, NULL}};
    put_name(to, "", labels);
    put_value(to, 1);
}

static void target_state(struct to *to, const struct kp_target_view *t)
{
    for (int s = 0; s < KP_STATE_COUNT; s++)
        put2(to, "target", t->name, "state", kp_state_name((enum kp_state)s),
             t->state == (enum kp_state)s);
}

static void path_changes(struct to *to, const struct kp_target_view *t)
{
    put1(to, "target", t->name, (double)t->path_changes);
}

/* The codes one meets always, the others (RFC 6895) once they came. */
static void dns_responses(struct to *to, const struct kp_target_view *t)
{
    static const char *const names[KP_RCODES] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                 "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                 "NXRRSET", "NOTAUTH", "NOTZONE",  "DSOTYPENI",
                                                 "12",      "13",      "14",       "15"};
    uint64_t count[KP_RCODES] = {0};
    bool any = false;
    for (uint32_t i = 0; i < t->probe_count; i++) {
        struct kp_probe_view v;
        kp_core_probe(to->core, to->index, i, &v);
        any |= v.type == KP_PROBE_DNS;
        for (int c = 0; c < KP_RCODES; c++)
            count[c] += kp_core_counts(to->core, to->index, i)->rcodes[c];
    }
    for (int c = 0; any && c < KP_RCODES; c++)
        if (c <= 5 || count[c] > 0)
            put2(to, "target", t->name, "rcode", names[c], (double)count[c]);
}

/* --- of each path --- */

static void path_state(struct to *to, const struct kp_path_view *p)
{
    for (int s = 0; s < KP_STATE_COUNT; s++)
        put2(to, "path", p->name, "state", kp_state_name((enum kp_state)s),
             p->state == (enum kp_state)s);
}

static void path_targets(struct to *to, const struct kp_path_view *p)
{
    for (int s = 0; s < KP_STATE_COUNT; s++)
        put2(to, "path", p->name, "state", kp_state_name((enum kp_state)s), p->targets[s]);
}

static void path_loss(struct to *to, const struct kp_path_view *p)
{
    put1(to, "path", p->name, p->answered_ratio < 0 ? NAN : 1 - p->answered_ratio);
}

static void path_edge(struct to *to, const struct kp_path_view *p)
{
    put1(to, "path", p->name, up(p->edge_state));
}

/* --- of the whole --- */

static void build_info(struct to *to)
{
    put1(to, "version", to->daemon->version, 1);
}

static void discarded(struct to *to)
{
    struct kp_stats_view v;
    kp_core_stats(to->core, &v);
    for (int t = 0; t < KP_PROBE_COUNT; t++)
        for (int d = KP_DISCARD_NONE + 1; d < KP_DISCARD_COUNT; d++)
            put2(to, "type", kp_probe_type_name((enum kp_probe_type)t), "reason",
                 kp_discard_name((enum kp_discard)d), (double)v.discarded[t][d]);
}

static void send_errors(struct to *to)
{
    /* Those a send meets always, the others once they came. */
    static const char usual[][16] = {"ENETUNREACH", "EHOSTUNREACH", "EACCES", "EPERM",
                                     "EINVAL",      "EMSGSIZE",     "ENOBUFS"};
    struct kp_stats_view v;
    kp_core_stats(to->core, &v);
    for (int t = 0; t < KP_PROBE_COUNT; t++)
        for (int e = 1; e < KP_ERRNOS; e++) {
            const char *name = strerrorname_np(e);
            bool shown = v.send_errors[t][e] > 0;
            for (size_t i = 0; name && !shown && i < sizeof usual / sizeof *usual; i++)
                shown = strcmp(name, usual[i]) == 0;
            if (shown && name)
                put2(to, "type", kp_probe_type_name((enum kp_probe_type)t), "errno", name,
                     (double)v.send_errors[t][e]);
        }
}

static void socket_drops(struct to *to)
{
    for (int t = 0; t < KP_PROBE_COUNT; t++)
        put1(to, "type", kp_probe_type_name((enum kp_probe_type)t),
             (double)to->daemon->socket_drops[t]);
}

static void scheduler_lag(struct to *to)
{
    struct kp_stats_view v;
    kp_core_stats(to->core, &v);
    put(to, known(v.scheduler_lag));
}

static void incidents_opened(struct to *to)
{
    for (int c = KP_V_CLEAR + 1; c < KP_VERDICT_COUNT; c++)
        put1(to, "class", kp_verdict_name((enum kp_verdict)c),
             (double)to->daemon->incidents_opened[c]);
}

static void incidents_open(struct to *to)
{
    uint32_t open[KP_VERDICT_COUNT] = {0};
    const struct kp_incidents *all = kp_core_incidents(to->core);
    for (uint32_t i = 0; i < kp_incidents_count(all); i++) {
        const struct kp_incident *incident = kp_incidents_at(all, i);
        open[incident->what.class] += incident->phase != KP_CLOSED;
    }
    for (int c = KP_V_CLEAR + 1; c < KP_VERDICT_COUNT; c++)
        put1(to, "class", kp_verdict_name((enum kp_verdict)c), open[c]);
}

static void vantage_healthy(struct to *to)
{
    struct kp_status_view v;
    kp_core_status(to->core, &v);
    put(to, up(v.vantage));
}

static void events_dropped(struct to *to)
{
    for (size_t i = 0; i < to->daemon->dropped_count; i++)
        put1(to, "sink", to->daemon->dropped[i].sink, (double)to->daemon->dropped[i].events);
}

static void control_clients(struct to *to)
{
    put(to, (double)to->daemon->control_clients);
}

static void reload_ok(struct to *to)
{
    put(to, to->daemon->reload_ok);
}

static void process_cpu(struct to *to)
{
    put(to, known(to->daemon->cpu_seconds));
}

static void process_resident(struct to *to)
{
    put(to, (double)to->daemon->resident_bytes);
}

static void process_virtual(struct to *to)
{
    put(to, (double)to->daemon->virtual_bytes);
}

static void process_open_fds(struct to *to)
{
    put(to, (double)to->daemon->open_fds);
}

static void process_max_fds(struct to *to)
{
    put(to, (double)to->daemon->max_fds);
}

static void process_start(struct to *to)
{
    put(to, seconds_of(to->daemon->started));
}

/* --- the families --- */

static const struct family {
    const char *name, *type, *help;
    void (*whole)(struct to *to);
    void (*path)(struct to *to, const struct kp_path_view *p);
    void (*target)(struct to *to, const struct kp_target_view *t);
    void (*asked)(struct to *to, const struct asked *a);
} families[] = {
#define K "kpwatchd_"
    {K "build_info", "gauge", "Version of the daemon.", .whole = build_info},
    {K "probes_sent_total", "counter", "Probes that left.", .asked = probes_sent},
    {K "probe_results_total", "counter", "Finished probes by result.", .asked = probe_results},
    {K "probe_rtt_seconds", "histogram", "Round-trip times of all answers, late ones too.",
     .asked = probe_rtt},
    {K "probe_last_success_timestamp_seconds", "gauge", "When the last answer came.",
     .asked = last_success},
    {K "probe_late_replies_total", "counter", "Answers that came after their time-out.",
     .asked = probes_late},
    {K "replies_discarded_total", "counter", "Packets not taken as a reply, by why.",
     .whole = discarded},
    {K "target_info", "gauge", "What a target is.", .target = target_info},
    {K "target_state", "gauge", "1 for the state a target is in.", .target = target_state},
    {K "path_state", "gauge", "1 for the state a path is in.", .path = path_state},
    {K "path_targets", "gauge", "Targets of a path by their state.", .path = path_targets},
    {K "path_loss_ratio", "gauge", "Share of probes without answer, last 10 minutes.",
     .path = path_loss},
    {K "path_edge_up", "gauge", "Whether the last visible hop answers.", .path = path_edge},
    {K "path_changes_total", "counter", "Times a target was seen on another path.",
     .target = path_changes},
    {K "incidents_opened_total", "counter", "Incidents by the class they opened with.",
     .whole = incidents_opened},
    {K "incidents_open", "gauge", "Incidents that are open, recovering ones too.",
     .whole = incidents_open},
    {K "vantage_healthy", "gauge", "Whether our own connection works.",
     .whole = vantage_healthy},
    {K "dns_responses_total", "counter", "Answers of name servers by response code.",
     .target = dns_responses},
    {K "scheduler_lag_seconds", "gauge", "Worst delay of a probe, last minute.",
     .whole = scheduler_lag},
    {K "send_errors_total", "counter", "Sends that failed here, by error.",
     .whole = send_errors},
    {K "socket_drops_total", "counter", "Packets our own sockets had no room for.",
     .whole = socket_drops},
    {K "events_dropped_total", "counter", "Events that did not reach a reader.",
     .whole = events_dropped},
    {K "control_clients", "gauge", "Connections to the control socket.",
     .whole = control_clients},
    {K "config_last_reload_successful", "gauge", "Whether the last reload was accepted.",
     .whole = reload_ok},
    {"process_cpu_seconds_total", "counter", "User and system time.", .whole = process_cpu},
    {"process_resident_memory_bytes", "gauge", "Resident memory.", .whole = process_resident},
    {"process_virtual_memory_bytes", "gauge", "Virtual memory.", .whole = process_virtual},
    {"process_open_fds", "gauge", "Open file descriptors.", .whole = process_open_fds},
    {"process_max_fds", "gauge", "Most file descriptors allowed.", .whole = process_max_fds},
    {"process_start_time_seconds", "gauge", "When the daemon started.", .whole = process_start},
#undef K
};

static void put_target(struct to *to, const struct family *f, uint32_t index)
{
    struct kp_target_view t;
    kp_core_target(to->core, index, &t);
    if (f->target)
        f->target(to, &t);
    for (uint32_t i = 0; f->asked && i < t.probe_count; i++) {
        struct asked a = {.target = t.name, .counts = kp_core_counts(to->core, index, i)};
        kp_core_probe(to->core, index, i, &a.view);
        f->asked(to, &a);
    }
}

static uint32_t parts(const struct kp_core *core, const struct family *f)
{
    if (f->path)
        return kp_core_path_count(core);
    return f->whole ? 1
                    : kp_core_target_count(core) + (f->asked ? kp_core_anchor_count(core) : 0);
}

static void put_part(struct to *to, const struct family *f, uint32_t index)
{
    struct kp_path_view p;
    if (f->path) {
        kp_core_path(to->core, index, &p);
        f->path(to, &p);
    } else if (f->whole) {
        f->whole(to);
    } else {
        put_target(to, f, index);
    }
}

bool kp_metrics_next(const struct kp_core *core, const struct kp_metrics_daemon *daemon,
                     struct kp_metrics *it, struct kp_text *out)
{
    const size_t count = sizeof families / sizeof *families;
    if (it->family >= count)
        return false;
    const struct family *f = &families[it->family];
    struct to to = {core, daemon, out, f->name, it->index};
    if (!it->begun)
        kp_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
    it->begun = true;
    if (it->index < parts(core, f)) {
        put_part(&to, f, it->index++);
        return true;
    }
    *it = (struct kp_metrics){.family = it->family + 1};
    return it->family < count;
}
