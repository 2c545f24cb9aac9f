/* doctor: the usual troubles of a new installation, and what to do about each. */
#include "ctl/call.h"
#include "ctl/show.h"
#include "ctl/when.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"
#define LEAST_PORTS 1024      /* for the SYN probes, outside of that range */
#define ENOUGH 20             /* probes of a kind, before their silence says anything */
#define TRACED_BY (15 * 60.0) /* seconds; each target is traced every 10 minutes */
#define PROTOCOL_ICMP 1

struct doctor {
    struct kpc_ctx *ctx;
    json_t *checks;
    struct kpc_reply status, stats, targets; /* empty where the daemon did not answer */
    bool reached, ill;
    double uptime;
};

enum finding { OK, ILL, TOO_EARLY };

__attribute__((format(printf, 5, 6))) static void found(struct doctor *d, const char *name,
                                                        enum finding finding,
                                                        const char *advice, const char *format,
                                                        ...)
{
    char text[320];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    d->ill |= finding == ILL;
    json_t *ok = finding == TOO_EARLY ? json_null() : json_boolean(finding == OK);
    json_array_append_new(d->checks,
                          json_pack("{s:s,s:o,s:s,s:s?}", "name", name, "ok", ok, "text", text,
                                    "advice", finding == ILL ? advice : NULL));
}

/* --- without the daemon --- */

static void look_at_clock(struct doctor *d)
{
    struct timex clock = {.modes = 0};
    bool known = adjtimex(&clock) != -1;
    bool synchronised = known && (clock.status & STA_UNSYNC) == 0;
    found(d, "clock", synchronised ? OK : ILL,
          "timedatectl set-ntp true, or install chrony: other machines' logs are to be "
          "compared with these times",
          synchronised ? "the clock is synchronised" : "the clock is not synchronised");
}

static void look_at_ports(struct doctor *d)
{
    unsigned low = 0;
    unsigned high = 0;
    FILE *f = fopen(PORT_RANGE_FILE, "re");
    bool read = f != NULL && fscanf(f, "%u %u", &low, &high) == 2;
    if (f != NULL)
        fclose(f);
    bool room = !read || high + LEAST_PORTS <= 65535 || low > 2 * LEAST_PORTS;
    found(d, "ports", room ? OK : ILL,
          "sysctl net.ipv4.ip_local_port_range=\"32768 60999\" leaves room; then restart "
          "kpwatchd",
          room ? "there is room for the source ports of SYN probes"
               : "net.ipv4.ip_local_port_range (%u to %u) leaves no room for the source ports "
                 "of SYN probes",
          low, high);
}

static void look_at_rights(struct doctor *d)
{
    int fd = d->reached ? -1 : socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, PROTOCOL_ICMP);
    int why = errno;
    if (fd >= 0)
        close(fd);
    bool may = d->reached || fd >= 0;
    found(d, "rights", may ? OK : ILL,
          "start kpwatchd by its unit, or as root; a container needs CAP_NET_RAW",
          may ? "raw sockets can be opened" : "no raw socket can be opened here: %s",
          strerror(why));
}

/* --- the daemon --- */

static void look_at_daemon(struct doctor *d)
{
    enum kpc_conn_err err = KPC_CONN_OK;
    d->reached = kpc_call_quiet(d->ctx, "GetStatus", NULL, &d->status, &err) &&
                 kpc_call_quiet(d->ctx, "GetStats", NULL, &d->stats, &err) &&
                 kpc_call_quiet(d->ctx, "ListTargets", NULL, &d->targets, &err);
    d->uptime = kpc_get_number(d->stats.parameters, "uptime_seconds");
    const char *socket = d->ctx->socket;
    if (d->reached) {
        char length[KPC_WHEN_SIZE];
        kpc_when_length(kp_dur_from_seconds(isfinite(d->uptime) ? d->uptime : 0), length);
        found(d, "daemon", OK, NULL, "kpwatchd runs, since %s", length);
    } else if (err == KPC_CONN_DENIED) {
        found(d, "daemon", ILL, "be root, or join the group: usermod -aG kpwatchd USER",
              "you may not open %.200s", socket);
    } else if (err == KPC_CONN_ABSENT || err == KPC_CONN_REFUSED) {
        found(d, "daemon", ILL,
              "systemctl start kpwatchd; where that fails: systemctl status kpwatchd",
              "kpwatchd does not run: nobody answers at %.200s", socket);
    } else {
        found(d, "daemon", ILL, "look at its journal: journalctl -u kpwatchd",
              "kpwatchd does not answer as it should at %.200s", socket);
    }
}

static void look_at_configuration(struct doctor *d)
{
    struct kpc_reply reply = {0};
    enum kpc_conn_err err = KPC_CONN_OK;
    const char *advice = "kpwatchctl check-config shows all of them; then: kpwatchctl reload";
    if (!kpc_call_quiet(d->ctx, "CheckConfig", NULL, &reply, &err))
        found(d, "configuration", TOO_EARLY, NULL, "the daemon did not check it");
    else if (json_is_true(kpc_get(reply.parameters, "valid")))
        found(d, "configuration", OK, NULL, "the configuration file has no errors");
    else
        found(d, "configuration", ILL, advice,
              "the configuration file has %zu errors; an older one is in force",
              json_array_size(kpc_get(reply.parameters, "diagnostics")));
    kpc_reply_fini(&reply);
}

static void look_at_anchors(struct doctor *d)
{
    long long up = kpc_get_count(d->status.parameters, "vantage.anchors_up");
    long long total = kpc_get_count(d->status.parameters, "vantage.anchors_total");
    const char *advice = "an anchor must normally answer from here: look at the own "
                         "connection, or choose others (anchors: in the configuration)";
    bool known = !json_is_null(kpc_get(d->status.parameters, "vantage.healthy"));
    if (total == 0)
        found(d, "anchors", ILL, advice,
              "there are no anchors: an outage of our own looks like one of the country");
    else if (!known)
        found(d, "anchors", TOO_EARLY, NULL, "too little seen of the anchors yet");
    else
        found(d, "anchors", up == total ? OK : ILL, advice, "%lld of %lld anchors answer", up,
              total);
}

static const json_t *counters(const struct doctor *d, const char *type)
{
    size_t index = 0;
    json_t *row = NULL;
    json_array_foreach(kpc_get(d->stats.parameters, "probes"), index, row)
    {
        if (strcmp(kpc_show_text(row, "type"), type) == 0)
            return row;
    }
    return NULL;
}

static long long heard(const json_t *kind)
{
    return kpc_get_count(kind, "results.answered") + kpc_get_count(kind, "results.refused");
}

/* A firewall of this machine that drops what leaves makes the send itself fail. */
static void look_at_sends(struct doctor *d)
{
    size_t index = 0;
    json_t *kind = NULL;
    long long worst = 0;
    const char *type = "";
    json_array_foreach(kpc_get(d->stats.parameters, "probes"), index, kind)
    {
        long long refused = kpc_get_count(kind, "send_errors.EPERM") +
                            kpc_get_count(kind, "send_errors.EACCES");
        if (refused <= worst)
            continue;
        worst = refused;
        type = kpc_show_text(kind, "type");
    }
    found(d, "sending", worst > 0 ? ILL : OK,
          "let its packets out: ICMP echo, TCP SYN and DNS (nft list ruleset, iptables -S)",
          worst > 0 ? "a firewall here dropped %lld %s probes on their way out"
                    : "no probe was dropped on its way out",
          worst, type);
}

static void look_at_answers(struct doctor *d)
{
    const json_t *icmp = counters(d, "icmp");
    const json_t *syn = counters(d, "tcp-syn");
    const json_t *dns = counters(d, "dns");
    if (heard(icmp) + heard(syn) + heard(dns) == 0)
        found(d, "answers", d->uptime < 60 ? TOO_EARLY : ILL,
              "nothing comes in: look at the own connection, then at the firewall",
              "no probe was answered yet");
    else if (heard(syn) == 0 && kpc_get_count(syn, "results.timeout") >= ENOUGH)
        found(d, "answers", ILL,
              "let TCP SYN out, and SYN ACK and RST in, for the ports above the local range",
              "no SYN probe was ever answered, though others are: a firewall drops the SYNs "
              "or the answers");
    else if (heard(icmp) == 0 && kpc_get_count(icmp, "results.timeout") >= ENOUGH)
        found(d, "answers", ILL,
              "let ICMP in: echo reply, time exceeded, destination unreachable (for IPv6 as "
              "well)",
              "no echo was ever answered, though other probes are: a firewall drops ICMP, and "
              "traces need it too");
    else
        found(d, "answers", OK, NULL, "every kind of probe that was sent enough is answered");
}

static void look_at_ipv6(struct doctor *d)
{
    size_t index = 0;
    size_t sixes = 0;
    size_t dead = 0;
    json_t *target = NULL;
    json_array_foreach(kpc_get(d->targets.parameters, "targets"), index, target)
    {
        const char *address = kpc_get_text(target, "address");
        const json_t *probe = json_array_get(kpc_get(target, "probes"), 0);
        if (address == NULL || strchr(address, ':') == NULL)
            continue;
        sixes++;
        dead += strcmp(kpc_show_text(probe, "result"), "local-error") == 0;
    }
    found(d, "ipv6", dead > 0 ? ILL : OK,
          "give this machine an IPv6 address and route, or set enabled: false on them",
          dead > 0     ? "%zu of %zu targets have IPv6 addresses that cannot be sent to"
          : sixes == 0 ? "no target needs IPv6"
                       : "IPv6 works",
          dead, sixes);
}

static void look_at_paths(struct doctor *d)
{
    size_t index = 0;
    size_t unseen = 0;
    char names[160] = "";
    json_t *path = NULL;
    json_array_foreach(kpc_get(d->status.parameters, "paths"), index, path)
    {
        size_t used = strlen(names);
        if (kpc_get_text(path, "last_hop") != NULL)
            continue;
        snprintf(names + used, sizeof names - used, "%s%s", unseen++ > 0 ? ", " : "",
                 kpc_show_text(path, "name"));
    }
    if (unseen == 0)
        found(d, "paths", OK, NULL, "traces have seen every path");
    else
        found(d, "paths", d->uptime < TRACED_BY ? TOO_EARLY : ILL,
              "its hops: may be out of date, or traces do not get there: compare with "
              "kpwatchctl trace TARGET",
              "no trace has passed the hops of %s%s", names,
              d->uptime < TRACED_BY ? " yet" : "");
}

/* --- what is said --- */

static void show(struct kpc_ctx *ctx, const json_t *checks)
{
    size_t index = 0;
    json_t *check = NULL;
    json_array_foreach(checks, index, check)
    {
        const json_t *ok = kpc_get(check, "ok");
        const char *mark = json_is_null(ok) ? "?" : json_is_true(ok) ? "ok" : "trouble";
        const char *advice = kpc_get_text(check, "advice");
        kp_text_printf(&ctx->out, "%-9s%-15s", mark, kpc_show_text(check, "name"));
        kpc_show_wrap(ctx, &ctx->out, kpc_show_text(check, "text"), 24, 24);
        if (advice == NULL)
            continue;
        kp_text_printf(&ctx->out, "%24s", "");
        kp_text_add(&ctx->out, "-> ");
        kpc_show_wrap(ctx, &ctx->out, advice, 27, 27);
    }
}

static void look(struct doctor *d)
{
    look_at_daemon(d);
    look_at_rights(d);
    look_at_ports(d);
    look_at_clock(d);
    if (!d->reached)
        return;
    look_at_configuration(d);
    look_at_anchors(d);
    look_at_sends(d);
    look_at_answers(d);
    look_at_ipv6(d);
    look_at_paths(d);
}

enum kpc_exit kpc_doctor_exec(struct kpc_ctx *ctx)
{
    struct doctor d = {.ctx = ctx, .checks = json_array()};
    look(&d);
    if (kpc_out_scripts(ctx)) {
        json_t *whole =
            json_pack("{s:i,s:b,s:O}", "schema", 1, "healthy", !d.ill, "checks", d.checks);
        kpc_out_object(ctx, whole);
        json_decref(whole);
    } else {
        show(ctx, d.checks);
    }
    json_decref(d.checks);
    kpc_reply_fini(&d.status);
    kpc_reply_fini(&d.stats);
    kpc_reply_fini(&d.targets);
    return d.ill ? KPC_REFUSED : KPC_DONE;
}
