#include "lib/judging/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All in nats.  A hypothesis is scored against "nothing is wrong": it gains what
 * the silence of its members weighs and pays a price for each deviation.  Taking
 * the larger of "as the hypothesis says" and "a deviation, at its price" instead
 * of the sum of both keeps scores independent of how many healthy items there
 * are. */
#define LOG_ODDS_MIN (-4.0)
#define LOG_ODDS_MAX 10.0
#define LEAD 4.605170185988092 /* ln 100 */
#define STRAY 9.0              /* the most that the silence of one item may weigh */
#define LABEL 2.41             /* a host's path is not the one it is labelled with */
#define SURVIVOR 3.0           /* a host or server answers in an outage of its kind */
#define EDGE 3.0               /* an edge falls silent by itself */
#define WIDE 3.0               /* something wide fails rather than ... */
#define LOCAL 0.5              /* ... one host */
#define APART 4.0              /* each of several hosts that fail at once by chance */
#define FILTERED 2.3           /* ICMP falls silent on a host that answers otherwise */
#define NO_EVIDENCE (-1e9)

/* An item in the order of hosts. */
struct entry {
    uint32_t address, target;
    const struct kp_evidence *evidence;
    double gain; /* of being silent against answering */
    bool dropped;
};

struct path {
    double delta; /* of being a member against being another */
    double edge;  /* log-odds of the edge that answers most */
    uint32_t hosts;
    bool has_edge;
};

/* A best local explanation: a host, or some but not all of its items. */
struct local {
    double score, rival; /* rival: the other one at the same address */
    const struct kp_evidence *evidence;
    enum kp_verdict class;
};

/* Sums over hosts, from which each hypothesis is scored at once. */
struct sums {
    const struct kp_explain_input *in;
    struct path *paths;
    struct entry *entries;
    size_t entry_count;
    struct local local;
    uint32_t hosts, carrying; /* carrying: paths that have hosts */
    double others;            /* the part outside of a failed path, at LABEL each */
    double country, vantage;
    double apart;        /* hosts and services that fail by chance */
    double apart_of_dns; /* the same beside an outage of DNS */
    double edges_silent; /* weight of silent edges */
    double edge, anchor; /* log-odds of the one that answers most */
    bool has_edge, has_anchor;
    double icmp, dns;
    uint32_t icmp_filtered, dns_items, dns_hosts;
    bool has_syn;
};

enum sort { NOTHING, VANTAGE, TRANSIT, COUNTRY, PATH, PATHS, DNS, HOSTS };

struct ranking {
    enum sort sort;
    uint32_t path;
    double best, second;
};

double kp_explain_log_odds(double before, bool lost, double p_after, double q)
{
    if (!lost)
        return LOG_ODDS_MIN;
    return fmin(fmax(before + log(p_after / q), LOG_ODDS_MIN), LOG_ODDS_MAX);
}

/* An answer counts twice: it is the surer sign, and its log-odds end at -4. */
static double gain_of(double log_odds)
{
    return log_odds < 0 ? 2 * log_odds : fmin(log_odds, STRAY);
}

static bool is_target_item(const struct kp_evidence *e)
{
    return e->kind <= KP_EVIDENCE_DNS;
}

static int by_host(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (x->target != y->target)
        return x->target < y->target ? -1 : 1;
    return 0;
}

static void collect(struct sums *s, bool anchors)
{
    const struct kp_explain_input *in = s->in;
    s->entry_count = 0;
    for (size_t i = 0; i < in->count; i++) {
        const struct kp_evidence *e = &in->evidence[i];
        bool wanted = anchors ? e->kind == KP_EVIDENCE_ANCHOR : is_target_item(e);
        if (wanted)
            s->entries[s->entry_count++] = (struct entry){anchors ? 0 : e->address, e->target,
                                                          e, gain_of(e->log_odds), false};
    }
    qsort(s->entries, s->entry_count, sizeof *s->entries, by_host);
}

static void count(struct kp_tally *tally, bool silent)
{
    tally->all++;
    tally->silent += silent;
}

/* Entries are in order of targets within their address. */
static void count_targets(const struct sums *s, struct kp_tally *tally)
{
    for (size_t i = 0; i < s->entry_count;) {
        const struct entry *first = &s->entries[i];
        bool silent = true;
        for (; i < s->entry_count && by_host(first, &s->entries[i]) == 0; i++)
            silent &= s->entries[i].evidence->log_odds > 0;
        count(tally, silent);
    }
}

static void count_items(const struct kp_explain_input *in, struct kp_explanation *out)
{
    struct kp_tally *tallies[] = {
        [KP_EVIDENCE_ICMP] = &out->icmp,
        [KP_EVIDENCE_TCP] = &out->syn,
        [KP_EVIDENCE_DNS] = &out->dns,
        [KP_EVIDENCE_EDGE] = &out->edges,
    };
    for (size_t i = 0; i < in->count; i++)
        if (in->evidence[i].kind != KP_EVIDENCE_ANCHOR)
            count(tallies[in->evidence[i].kind], in->evidence[i].log_odds > 0);
}

static size_t host_end(const struct sums *s, size_t first)
{
    size_t end = first;
    while (end < s->entry_count && s->entries[end].address == s->entries[first].address)
        end++;
    return end;
}

/* Silence of ICMP alone on a host that answers otherwise is filtering. */
static void drop_filtered(struct sums *s, size_t first, size_t end)
{
    bool answers = false;
    for (size_t i = first; i < end; i++)
        answers |= s->entries[i].evidence->kind != KP_EVIDENCE_ICMP &&
                   s->entries[i].evidence->log_odds < 0;
    for (size_t i = first; answers && i < end; i++) {
        struct entry *entry = &s->entries[i];
        if (entry->evidence->kind != KP_EVIDENCE_ICMP || entry->evidence->log_odds <= 0)
            continue;
        entry->dropped = true;
        s->icmp_filtered++;
    }
}

static void offer_local(struct local *best, const struct local *other)
{
    if (best->evidence == NULL || other->score > best->score)
        *best = *other;
}

/* What the items of one host say: all of them silent, or only some. */
struct host {
    double all, some; /* gains */
    uint32_t items;
    uint32_t path;
    const struct kp_evidence *loudest; /* the most surely silent */
};

static void sum_host(const struct sums *s, size_t first, size_t end, bool dns, struct host *h)
{
    double lowest = INFINITY;
    double silent = 0;
    *h = (struct host){.some = NO_EVIDENCE, .path = KP_EXPLAIN_NONE};
    for (size_t i = first; i < end; i++) {
        const struct entry *entry = &s->entries[i];
        if (entry->dropped || (!dns && entry->evidence->kind == KP_EVIDENCE_DNS))
            continue;
        h->items++;
        h->all += entry->gain;
        silent += fmax(entry->gain, 0);
        lowest = fmin(lowest, entry->gain);
        if (h->loudest == NULL || entry->evidence->log_odds > h->loudest->log_odds)
            h->loudest = entry->evidence;
        if (h->path == KP_EXPLAIN_NONE && entry->evidence->path < s->in->path_count)
            h->path = entry->evidence->path;
    }
    if (h->items > 1)
        h->some = silent > 0 ? silent - fmax(lowest, 0) : gain_of(h->loudest->log_odds);
}

static double by_chance(const struct host *h)
{
    return fmax(fmax(h->all, h->some) - APART, 0);
}

static void weigh_local(struct sums *s, const struct host *h)
{
    struct local local = {h->all - LOCAL, h->some - LOCAL, h->loudest, KP_V_HOST_OUTAGE};
    if (h->some > h->all)
        local =
            (struct local){h->some - LOCAL, h->all - LOCAL, h->loudest, KP_V_SERVICE_OUTAGE};
    offer_local(&s->local, &local);
    s->apart += by_chance(h);
}

static void weigh_host(struct sums *s, size_t first, size_t end)
{
    struct host h;
    sum_host(s, first, end, false, &h);
    s->apart_of_dns += by_chance(&h);
    sum_host(s, first, end, true, &h);
    if (h.items == 0)
        return;
    weigh_local(s, &h);
    double other = fmax(h.all - LABEL, 0);
    s->hosts++;
    s->others += other;
    s->country += fmax(h.all, -SURVIVOR);
    s->vantage += h.all < 0 ? 2 * h.all : h.all;
    if (h.path != KP_EXPLAIN_NONE) {
        struct path *path = &s->paths[h.path];
        s->carrying += path->hosts++ == 0;
        path->delta += fmax(h.all, -LABEL) - other;
    }
}

/* DNS and ICMP fail as kinds, whatever the host. */
static void weigh_kinds(struct sums *s, size_t first, size_t end)
{
    bool dns = false;
    for (size_t i = first; i < end; i++) {
        const struct entry *entry = &s->entries[i];
        double member = fmax(entry->gain, -SURVIVOR);
        if (entry->evidence->kind == KP_EVIDENCE_DNS) {
            s->dns += member;
            s->dns_items++;
            dns = true;
        } else if (entry->evidence->kind == KP_EVIDENCE_TCP) {
            s->has_syn = true;
        } else if (entry->evidence->kind == KP_EVIDENCE_ICMP) {
            s->icmp += entry->dropped ? FILTERED : member;
        }
    }
    s->dns_hosts += dns;
}

static void weigh_edge(struct sums *s, const struct kp_evidence *e)
{
    s->edge = s->has_edge ? fmin(s->edge, e->log_odds) : e->log_odds;
    s->has_edge = true;
    if (e->path >= s->in->path_count)
        return;
    struct path *path = &s->paths[e->path];
    path->edge = path->has_edge ? fmin(path->edge, e->log_odds) : e->log_odds;
    path->has_edge = true;
}

static double edge_silent(const struct path *path)
{
    return path->has_edge ? fmin(fmax(path->edge, 0), EDGE) : 0;
}

static void weigh_edges(struct sums *s)
{
    for (size_t i = 0; i < s->in->count; i++) {
        const struct kp_evidence *e = &s->in->evidence[i];
        if (e->kind == KP_EVIDENCE_EDGE) {
            weigh_edge(s, e);
        } else if (e->kind == KP_EVIDENCE_ANCHOR) {
            s->anchor = s->has_anchor ? fmin(s->anchor, e->log_odds) : e->log_odds;
            s->has_anchor = true;
        }
    }
    for (uint32_t p = 0; p < s->in->path_count; p++)
        s->edges_silent += edge_silent(&s->paths[p]);
}

/* A path is named where at least two of its hosts, or a host and the edge, could
 * fail together; the only path there is is the country. */
static bool may_name(const struct sums *s, const struct path *path)
{
    if (path->hosts == 0 || path->hosts == s->hosts)
        return false;
    return path->hosts > 1 || (edge_silent(path) > 0 && path->delta > 0);
}

static bool in_set(const struct sums *s, const struct path *path)
{
    return may_name(s, path) && path->delta > 0;
}

static void offer(struct ranking *r, enum sort sort, uint32_t path, double score)
{
    if (score > r->best) {
        r->second = r->best;
        r->best = score;
        r->sort = sort;
        r->path = path;
    } else {
        r->second = fmax(r->second, score);
    }
}

static void rank_paths(const struct sums *s, struct ranking *r)
{
    double set = s->others - WIDE;
    uint32_t members = 0;
    for (uint32_t p = 0; p < s->in->path_count; p++) {
        const struct path *path = &s->paths[p];
        double own = path->delta + edge_silent(path);
        if (may_name(s, path))
            offer(r, PATH, p, s->others - WIDE + own);
        if (in_set(s, path)) {
            set += own;
            members++;
        }
    }
    if (members > 1 && members < s->carrying)
        offer(r, PATHS, 0, set);
}

/* All hosts silent: the anchors and the edges say where. */
static void rank_wide(const struct sums *s, struct ranking *r)
{
    double all = s->edges_silent - WIDE;
    if (s->hosts > 1)
        offer(r, COUNTRY, 0, s->country + all);
    /* Any one edge that answers, and any one anchor, refutes. */
    double edges = s->has_edge ? gain_of(s->edge) : 0;
    if (s->hosts > 0 && s->has_edge)
        offer(r, TRANSIT, 0, s->country + all + edges);
    if (s->has_anchor)
        offer(r, VANTAGE, 0,
              s->vantage + all + gain_of(s->anchor) + (edges < 0 ? 2 * edges : edges));
}

static void rank(const struct sums *s, struct ranking *r)
{
    *r = (struct ranking){NOTHING, 0, 0, NO_EVIDENCE};
    rank_wide(s, r);
    rank_paths(s, r);
    if (s->dns_items > 1 && s->dns_hosts > 1 && s->has_syn)
        offer(r, DNS, 0, s->dns + s->apart_of_dns - WIDE);
    if (s->local.evidence != NULL)
        offer(r, HOSTS, 0, s->apart > 0 ? fmax(s->local.score, s->apart) : s->local.score);
}

static void weigh(struct sums *s, bool without_icmp)
{
    for (size_t first = 0; first < s->entry_count;) {
        size_t end = host_end(s, first);
        for (size_t i = first; i < end; i++)
            s->entries[i].dropped =
                without_icmp && s->entries[i].evidence->kind == KP_EVIDENCE_ICMP;
        if (!without_icmp)
            drop_filtered(s, first, end);
        weigh_host(s, first, end);
        weigh_kinds(s, first, end);
        first = end;
    }
    weigh_edges(s);
}

static void reset(struct sums *s)
{
    for (uint32_t p = 0; p < s->in->path_count; p++)
        s->paths[p] = (struct path){0};
    *s = (struct sums){
        .in = s->in, .paths = s->paths, .entries = s->entries, .entry_count = s->entry_count};
}

static void name_paths(const struct sums *s, const struct ranking *r,
                       struct kp_explanation *out)
{
    for (uint32_t p = 0; p < s->in->path_count && out->path_count < KP_EXPLAIN_PATHS; p++)
        if (r->sort == PATH ? p == r->path : in_set(s, &s->paths[p]))
            out->paths[out->path_count++] = p;
}

static void conclude(const struct sums *s, const struct ranking *r, struct kp_explanation *out)
{
    static const enum kp_verdict classes[] = {
        [NOTHING] = KP_V_CLEAR,          [VANTAGE] = KP_V_VANTAGE_FAULT,
        [TRANSIT] = KP_V_TRANSIT_OUTAGE, [COUNTRY] = KP_V_COUNTRY_OUTAGE,
        [PATH] = KP_V_PATH_OUTAGE,       [PATHS] = KP_V_PATH_OUTAGE,
        [DNS] = KP_V_DNS_OUTAGE,
    };
    *out = (struct kp_explanation){
        .target = KP_EXPLAIN_NONE, .item = KP_EXPLAIN_NONE, .lead = r->best - r->second};
    if (r->sort == HOSTS) {
        out->class = s->local.class;
        out->target = s->local.evidence->target;
        if (out->class == KP_V_SERVICE_OUTAGE)
            out->item = s->local.evidence->item;
        out->lead = fmin(out->lead, s->local.score - s->local.rival);
    } else {
        out->class = classes[r->sort];
    }
    if (out->class == KP_V_PATH_OUTAGE)
        name_paths(s, r, out);
}

static double judge(struct sums *s, bool without_icmp, struct kp_explanation *out)
{
    struct ranking r;
    weigh(s, without_icmp);
    rank(s, &r);
    conclude(s, &r, out);
    return r.best;
}

static bool same_place(const struct kp_explanation *a, const struct kp_explanation *b)
{
    return a->class == b->class && a->target == b->target && a->item == b->item &&
           a->path_count == b->path_count && memcmp(a->paths, b->paths, sizeof a->paths) == 0;
}

/* Filtering of all ICMP may go on for months and must hide nothing else: what is
 * left without ICMP competes with what explains ICMP too. */
static void explain(struct sums *s, struct kp_explanation *out)
{
    struct kp_explanation other;
    double score = judge(s, false, out);
    if (s->icmp_filtered == 0)
        return;
    double filtered = s->icmp - WIDE;
    reset(s);
    filtered += judge(s, true, &other);
    if (!same_place(out, &other)) {
        out->lead = fmin(out->lead, score - filtered);
        other.lead = fmin(other.lead, filtered - score);
    }
    if (filtered > score)
        *out = other;
}

static void tally(struct sums *s, struct kp_explanation *out)
{
    count_targets(s, &out->targets);
    collect(s, true);
    count_targets(s, &out->anchors);
    count_items(s->in, out);
    out->edge_known = out->edges.all > 0;
}

static void answer(struct sums *s, struct kp_explanation *out)
{
    collect(s, false);
    explain(s, out);
    if (s->in->sends_fail)
        *out = (struct kp_explanation){.class = KP_V_VANTAGE_FAULT,
                                       .target = KP_EXPLAIN_NONE,
                                       .item = KP_EXPLAIN_NONE,
                                       .lead = LOG_ODDS_MAX};
    else if (s->in->count == 0)
        out->lead = 0;
    out->leads = out->lead >= LEAD;
    tally(s, out);
}

enum kp_err kp_explain(const struct kp_explain_input *in, struct kp_explanation *out)
{
    struct sums s = {.in = in};
    enum kp_err err = KP_ERR_NOMEM;
    s.entries = calloc(in->count + 1, sizeof *s.entries);
    s.paths = calloc((size_t)in->path_count + 1, sizeof *s.paths);
    if (s.entries != NULL && s.paths != NULL) {
        answer(&s, out);
        err = KP_OK;
    }
    free(s.entries);
    free(s.paths);
    return err;
}
