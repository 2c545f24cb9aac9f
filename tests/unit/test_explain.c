#include "tests/unit/unit.h"

#include "lib/base/prng.h"
#include "lib/judging/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNICOM, TTK, PATHS, NONE = 9 };
enum { I = 1, T = 2, TT = 4, D = 8 };

/* The targets of DOMAIN.md; .178 over the second path, as a lab has it. */
static const struct {
    const char *name;
    unsigned address, items, path;
} domain[] = {
    {"tld-ns1", 15, D | T, UNICOM},    {"tld-ns2", 16, D, UNICOM},
    {"cust-ns1", 8, D | T, UNICOM},    {"cust-ns2", 9, D | T, UNICOM},
    {"kcna", 71, TT, UNICOM},          {"rodong", 68, TT, UNICOM},
    {"airkoryo", 69, T | I, UNICOM},   {"vok", 75, TT, UNICOM},
    {"maritime", 76, TT, UNICOM},      {"mediaryugyong", 80, TT, UNICOM},
    {"shared-81", 81, TT, UNICOM},     {"friend", 81, TT, UNICOM},
    {"web-91", 91, TT, UNICOM},        {"ttk-gw", 1001, T | I, TTK},
    {"ttk-10", 1010, T, TTK},          {"ttk-11", 1011, T, TTK},
    {"rtr-178-130", 2130, I, TTK},     {"rtr-178-129", 2129, I, TTK},
    {"rtr-178-161", 2161, I | T, TTK},
};
#define TARGETS (sizeof domain / sizeof domain[0])

struct world {
    struct kp_evidence items[128];
    unsigned truth[128]; /* the path each item really takes */
    size_t count;
    uint32_t paths;
    bool sends_fail;
};

static struct kp_explanation run(const struct world *w)
{
    struct kp_explain_input in = {w->items, w->count, w->paths, w->sends_fail};
    struct kp_explanation out;
    assert_int_equal(kp_explain(&in, &out), KP_OK);
    return out;
}

static void add(struct world *w, enum kp_evidence_kind kind, uint32_t target, uint32_t address,
                uint32_t path)
{
    w->items[w->count] = (struct kp_evidence){
        -4, kind, target, address, path < PATHS ? path : KP_EXPLAIN_NONE, (uint32_t)w->count};
    w->truth[w->count++] = path;
}

static void add_target(struct world *w, uint32_t target, uint32_t address, unsigned items,
                       uint32_t path)
{
    if (items & I)
        add(w, KP_EVIDENCE_ICMP, target, address, path);
    for (int n = items & TT ? 2 : items & T ? 1 : 0; n > 0; n--)
        add(w, KP_EVIDENCE_TCP, target, address, path);
    if (items & D)
        add(w, KP_EVIDENCE_DNS, target, address, path);
}

/* Everything answers. */
static struct world healthy(void)
{
    struct world w = {.paths = PATHS};
    for (uint32_t t = 0; t < TARGETS; t++)
        add_target(&w, t, domain[t].address, domain[t].items, domain[t].path);
    add(&w, KP_EVIDENCE_EDGE, KP_EXPLAIN_NONE, 5000, UNICOM);
    add(&w, KP_EVIDENCE_EDGE, KP_EXPLAIN_NONE, 5001, TTK);
    add(&w, KP_EVIDENCE_ANCHOR, 100, 6000, NONE);
    add(&w, KP_EVIDENCE_ANCHOR, 101, 6001, NONE);
    return w;
}

static bool is_target(const struct kp_evidence *e)
{
    return e->kind <= KP_EVIDENCE_DNS;
}

static void silence_kind(struct world *w, enum kp_evidence_kind kind, double odds)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].kind == kind)
            w->items[i].log_odds = odds;
}

static void silence_targets(struct world *w, double odds)
{
    silence_kind(w, KP_EVIDENCE_ICMP, odds);
    silence_kind(w, KP_EVIDENCE_TCP, odds);
    silence_kind(w, KP_EVIDENCE_DNS, odds);
}

static void silence_path(struct world *w, unsigned path, double odds)
{
    for (size_t i = 0; i < w->count; i++)
        if (is_target(&w->items[i]) && w->truth[i] == path)
            w->items[i].log_odds = odds;
}

static void silence_address(struct world *w, unsigned address, double odds)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].address == address)
            w->items[i].log_odds = odds;
}

static void forget_kind(struct world *w, enum kp_evidence_kind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].kind != kind) {
            w->truth[kept] = w->truth[i];
            w->items[kept++] = w->items[i];
        }
    w->count = kept;
}

static void expect(const struct world *w, enum kp_verdict class)
{
    struct kp_explanation e = run(w);
    if (e.class != class || !e.leads)
        print_error("%s, lead %f\n", kp_verdict_name(e.class), e.lead);
    assert_int_equal(e.class, class);
    assert_true(e.leads);
}

static void expect_path(const struct world *w, uint32_t path)
{
    expect(w, KP_V_PATH_OUTAGE);
    struct kp_explanation e = run(w);
    assert_int_equal(e.path_count, 1);
    assert_int_equal(e.paths[0], path);
}

static void health_is_clear(void **state)
{
    (void)state;
    struct world w = healthy();
    expect(&w, KP_V_CLEAR);
    struct kp_explanation e = run(&w);
    assert_true(e.edge_known);
    assert_int_equal(e.targets.all, TARGETS);
    assert_int_equal(e.targets.silent, 0);
    assert_int_equal(e.anchors.all, 2);
    assert_int_equal(e.edges.all, 2);
    assert_int_equal(e.dns.all, 4);
    assert_int_equal(e.icmp.all, 5);
    assert_int_equal(e.syn.all, 24);
}

static void nothing_seen_leads_nowhere(void **state)
{
    (void)state;
    struct kp_explain_input in = {0};
    struct kp_explanation e;
    assert_int_equal(kp_explain(&in, &e), KP_OK);
    assert_int_equal(e.class, KP_V_CLEAR);
    assert_false(e.leads);
    in.sends_fail = true;
    assert_int_equal(kp_explain(&in, &e), KP_OK);
    assert_int_equal(e.class, KP_V_VANTAGE_FAULT);
    assert_true(e.leads);
}

static void the_country(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_targets(&w, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
    /* One of two edges silent, filtered anchor, one server still answers. */
    silence_address(&w, 5001, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
    silence_address(&w, 6000, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
    silence_address(&w, 71, -4);
    expect(&w, KP_V_COUNTRY_OUTAGE);
}

static void the_country_in_its_first_half_minute(void **state)
{
    (void)state;
    for (double odds = 2; odds < 10; odds += 1) {
        struct world w = healthy();
        silence_targets(&w, odds);
        expect(&w, KP_V_COUNTRY_OUTAGE);
    }
}

static void the_country_without_any_edge_that_votes(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_targets(&w, 10);
    forget_kind(&w, KP_EVIDENCE_EDGE);
    expect(&w, KP_V_COUNTRY_OUTAGE);
    assert_false(run(&w).edge_known);
}

static void each_path(void **state)
{
    (void)state;
    for (unsigned path = 0; path < PATHS; path++) {
        for (double odds = 4; odds <= 10; odds += 2) {
            struct world w = healthy();
            silence_path(&w, path, odds);
            expect_path(&w, path);
            silence_address(&w, 5000 + path, odds);
            expect_path(&w, path);
        }
    }
}

static void a_path_with_strays(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_path(&w, UNICOM, 10);
    silence_address(&w, 75, -4);   /* alive among the dead */
    silence_address(&w, 1011, 10); /* dead among the living */
    expect_path(&w, UNICOM);
}

static void two_of_three_paths(void **state)
{
    (void)state;
    struct world w = {.paths = 3};
    for (uint32_t t = 0; t < 12; t++) {
        add_target(&w, t, t, TT, 0);
        w.items[w.count - 1].path = w.items[w.count - 2].path = t % 3;
        w.truth[w.count - 1] = w.truth[w.count - 2] = t % 3;
    }
    silence_path(&w, 0, 10);
    silence_path(&w, 2, 10);
    expect(&w, KP_V_PATH_OUTAGE);
    struct kp_explanation e = run(&w);
    assert_int_equal(e.path_count, 2);
    assert_int_equal(e.paths[0], 0);
    assert_int_equal(e.paths[1], 2);
    silence_path(&w, 1, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
}

static void before_the_edges(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_targets(&w, 10);
    silence_kind(&w, KP_EVIDENCE_EDGE, 10);
    expect(&w, KP_V_TRANSIT_OUTAGE);
    silence_address(&w, 6000, 10); /* one filtered anchor */
    expect(&w, KP_V_TRANSIT_OUTAGE);
    forget_kind(&w, KP_EVIDENCE_ANCHOR);
    expect(&w, KP_V_TRANSIT_OUTAGE);
}

static void our_own_vantage(void **state)
{
    (void)state;
    struct world w = healthy();
    for (size_t i = 0; i < w.count; i++)
        w.items[i].log_odds = 10;
    expect(&w, KP_V_VANTAGE_FAULT);
    forget_kind(&w, KP_EVIDENCE_EDGE);
    expect(&w, KP_V_VANTAGE_FAULT);
    w = healthy();
    w.sends_fail = true;
    expect(&w, KP_V_VANTAGE_FAULT);
}

static void filtered_anchors_suspend_nothing(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_address(&w, 6000, 10);
    expect(&w, KP_V_CLEAR);
    silence_address(&w, 6001, 10);
    expect(&w, KP_V_CLEAR);
    silence_path(&w, TTK, 10);
    expect_path(&w, TTK);
    silence_targets(&w, 10); /* an edge answers us */
    expect(&w, KP_V_COUNTRY_OUTAGE);
}

static void dns_only(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_kind(&w, KP_EVIDENCE_DNS, 10);
    expect(&w, KP_V_DNS_OUTAGE);
    assert_int_equal(run(&w).dns.silent, 4);
    w.items[0].log_odds = 10;      /* ... and the SYN of one of them */
    silence_address(&w, 1011, 10); /* ... and a host elsewhere */
    expect(&w, KP_V_DNS_OUTAGE);
}

static void one_address(void **state)
{
    (void)state;
    for (size_t t = 0; t < TARGETS; t++) {
        struct world w = healthy();
        silence_address(&w, domain[t].address, 10);
        expect(&w, KP_V_HOST_OUTAGE);
        assert_int_equal(domain[run(&w).target].address, domain[t].address);
        silence_address(&w, domain[t].address, 6);
        assert_int_equal(run(&w).class, KP_V_HOST_OUTAGE);
    }
}

static void one_port_of_a_live_address(void **state)
{
    (void)state;
    struct world w = healthy();
    for (size_t i = 0; i < w.count; i++) {
        if (w.items[i].kind != KP_EVIDENCE_TCP || domain[w.items[i].target].items == T)
            continue;
        w.items[i].log_odds = 10;
        expect(&w, KP_V_SERVICE_OUTAGE);
        assert_int_equal(run(&w).item, i);
        w.items[i].log_odds = -4;
    }
}

static void icmp_filtering_is_no_outage(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_address(&w, 69, -4);
    for (size_t i = 0; i < w.count; i++)
        if (w.items[i].kind == KP_EVIDENCE_ICMP && w.items[i].address == 69)
            w.items[i].log_odds = 10;
    expect(&w, KP_V_CLEAR);
    silence_kind(&w, KP_EVIDENCE_ICMP, 10);
    expect(&w, KP_V_CLEAR);
    silence_address(&w, 71, 10); /* and hides no other fault */
    expect(&w, KP_V_HOST_OUTAGE);
    silence_path(&w, TTK, 10);
    silence_address(&w, 71, -4);
    expect_path(&w, TTK);
}

static void silent_edges_alone_are_no_outage(void **state)
{
    (void)state;
    struct world w = healthy();
    silence_address(&w, 5001, 10);
    expect(&w, KP_V_CLEAR);
    silence_address(&w, 5000, 10);
    expect(&w, KP_V_CLEAR);
    silence_address(&w, 1010, 10);
    expect(&w, KP_V_HOST_OUTAGE);
}

static void an_only_path_is_the_country(void **state)
{
    (void)state;
    struct world w = {.paths = PATHS};
    for (uint32_t t = 0; t < 5; t++)
        add_target(&w, t, t, TT, UNICOM);
    add(&w, KP_EVIDENCE_EDGE, KP_EXPLAIN_NONE, 5000, UNICOM);
    add(&w, KP_EVIDENCE_ANCHOR, 100, 6000, NONE);
    silence_targets(&w, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
    silence_kind(&w, KP_EVIDENCE_EDGE, 10);
    expect(&w, KP_V_TRANSIT_OUTAGE);
    silence_kind(&w, KP_EVIDENCE_ANCHOR, 10);
    expect(&w, KP_V_VANTAGE_FAULT);
}

static void a_target_of_unknown_path_votes_for_the_country_only(void **state)
{
    (void)state;
    struct world w = healthy();
    for (uint32_t t = 0; t < 3; t++)
        add_target(&w, 50 + t, 3000 + t, T, NONE);
    silence_path(&w, UNICOM, 10);
    expect_path(&w, UNICOM);
    silence_targets(&w, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
    for (unsigned t = 0; t < 3; t++)
        silence_address(&w, 3000 + t, -4);
    assert_int_not_equal(run(&w).class, KP_V_TRANSIT_OUTAGE);
    for (size_t i = 0; i < w.count; i++)
        w.items[i].path = KP_EXPLAIN_NONE;
    silence_targets(&w, 10);
    expect(&w, KP_V_COUNTRY_OUTAGE);
}

static void log_odds_rise_with_losses_and_end_with_an_answer(void **state)
{
    (void)state;
    double odds = -4;
    for (int i = 0; i < 20; i++)
        odds = kp_explain_log_odds(odds, true, 0.99, 0.1);
    assert_true(odds == 10);
    assert_true(kp_explain_log_odds(odds, false, 0.99, 0.1) == -4);
    assert_true(kp_explain_log_odds(-4, true, 0.5, 0.9) == -4);
}

/* A random single fault on random strength of evidence. */
struct fault {
    enum kp_verdict class;
    unsigned path, address;
};

static double odds_of(struct kp_prng *r, bool silent)
{
    return silent ? 5 + 5 * kp_prng_unit(r) : -4 + 2 * kp_prng_unit(r) * kp_prng_unit(r);
}

static bool fails(const struct fault *f, const struct world *w, size_t i)
{
    const struct kp_evidence *e = &w->items[i];
    switch (f->class) {
    case KP_V_VANTAGE_FAULT:
        return true;
    case KP_V_TRANSIT_OUTAGE:
        return e->kind != KP_EVIDENCE_ANCHOR;
    case KP_V_COUNTRY_OUTAGE:
        return is_target(e);
    case KP_V_PATH_OUTAGE:
        return is_target(e) && w->truth[i] == f->path;
    case KP_V_DNS_OUTAGE:
        return e->kind == KP_EVIDENCE_DNS;
    case KP_V_HOST_OUTAGE:
        return e->address == f->address;
    default:
        return false;
    }
}

static struct fault pick_fault(struct kp_prng *r)
{
    static const enum kp_verdict classes[] = {
        KP_V_CLEAR,          KP_V_VANTAGE_FAULT, KP_V_TRANSIT_OUTAGE,
        KP_V_COUNTRY_OUTAGE, KP_V_PATH_OUTAGE,   KP_V_PATH_OUTAGE,
        KP_V_DNS_OUTAGE,     KP_V_HOST_OUTAGE,   KP_V_SERVICE_OUTAGE,
    };
    return (struct fault){
        .class = classes[kp_prng_below(r, sizeof classes / sizeof classes[0])],
        .path = kp_prng_below(r, PATHS),
        .address = domain[kp_prng_below(r, TARGETS)].address,
    };
}

static size_t strike(struct world *w, const struct fault *f, struct kp_prng *r)
{
    size_t service;
    do
        service = kp_prng_below(r, (uint32_t)w->count);
    while (w->items[service].kind != KP_EVIDENCE_TCP ||
           domain[w->items[service].target].items == T);
    bool only = f->class == KP_V_SERVICE_OUTAGE;
    for (size_t i = 0; i < w->count; i++)
        w->items[i].log_odds = odds_of(r, only ? i == service : fails(f, w, i));
    return service;
}

static bool right(const struct fault *f, size_t service, const struct kp_explanation *e)
{
    if (e->class != f->class)
        return false;
    if (f->class == KP_V_PATH_OUTAGE)
        return e->path_count == 1 && e->paths[0] == f->path;
    if (f->class == KP_V_HOST_OUTAGE)
        return domain[e->target].address == f->address;
    return f->class != KP_V_SERVICE_OUTAGE || e->item == service;
}

/* Labels go stale by host. */
static void mislabel(struct world *w, struct kp_prng *r, double share)
{
    for (size_t i = 0; i < w->count; i++) {
        struct kp_evidence *e = &w->items[i];
        bool first = i == 0 || e->address != w->items[i - 1].address;
        if (!is_target(e))
            continue;
        if (!first)
            e->path = w->items[i - 1].path;
        else if (kp_prng_unit(r) < share)
            e->path = 1 - e->path;
    }
}

static void tally_faults(double stale, unsigned *wrong, unsigned *leading)
{
    struct kp_prng r = {.counter = 7};
    unsigned by_class[KP_VERDICT_COUNT] = {0};
    *wrong = *leading = 0;
    for (int n = 0; n < 10000; n++) {
        struct world w = healthy();
        mislabel(&w, &r, stale);
        struct fault fault = pick_fault(&r);
        size_t service = strike(&w, &fault, &r);
        struct kp_explanation e = run(&w);
        bool bad = e.leads && !right(&fault, service, &e);
        *leading += e.leads;
        *wrong += bad;
        by_class[fault.class] += bad;
    }
    print_message("%.0f %% stale: %u of 10000 lead, %u wrongly\n", stale * 100, *leading,
                  *wrong);
    for (int c = 0; c < KP_VERDICT_COUNT; c++)
        if (by_class[c] > 0)
            print_message("  %s: %u\n", kp_verdict_name((enum kp_verdict)c), by_class[c]);
}

static void single_faults_are_told_apart(void **state)
{
    (void)state;
    unsigned wrong;
    unsigned leading;
    tally_faults(0, &wrong, &leading);
    assert_int_equal(wrong, 0);
    assert_true(leading > 9900);
    tally_faults(0.25, &wrong, &leading);
    assert_true(wrong <= 100);
    assert_true(leading > 9000);
}

static void many_hosts(void **state)
{
    (void)state;
    enum { HOSTS = 5000 };
    struct kp_evidence *items = calloc(HOSTS, sizeof *items);
    assert_non_null(items);
    for (uint32_t i = 0; i < HOSTS; i++)
        items[i] = (struct kp_evidence){i % 50 == 3 ? 9 : -4, KP_EVIDENCE_TCP, i,
                                        i * 7919 % HOSTS,     i % 50,          i};
    struct kp_explain_input in = {items, HOSTS, 50, false};
    struct kp_explanation e;
    assert_int_equal(kp_explain(&in, &e), KP_OK);
    assert_int_equal(e.class, KP_V_PATH_OUTAGE);
    assert_int_equal(e.paths[0], 3);
    assert_true(e.leads);
    for (uint32_t i = 0; i < HOSTS; i++)
        items[i].log_odds = i == 4711 ? 8 : -3;
    assert_int_equal(kp_explain(&in, &e), KP_OK);
    assert_int_equal(e.class, KP_V_HOST_OUTAGE);
    assert_int_equal(e.target, 4711);
    assert_true(e.leads);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_clear),
        cmocka_unit_test(nothing_seen_leads_nowhere),
        cmocka_unit_test(the_country),
        cmocka_unit_test(the_country_in_its_first_half_minute),
        cmocka_unit_test(the_country_without_any_edge_that_votes),
        cmocka_unit_test(each_path),
        cmocka_unit_test(a_path_with_strays),
        cmocka_unit_test(two_of_three_paths),
        cmocka_unit_test(before_the_edges),
        cmocka_unit_test(our_own_vantage),
        cmocka_unit_test(filtered_anchors_suspend_nothing),
        cmocka_unit_test(dns_only),
        cmocka_unit_test(one_address),
        cmocka_unit_test(one_port_of_a_live_address),
        cmocka_unit_test(icmp_filtering_is_no_outage),
        cmocka_unit_test(silent_edges_alone_are_no_outage),
        cmocka_unit_test(an_only_path_is_the_country),
        cmocka_unit_test(a_target_of_unknown_path_votes_for_the_country_only),
        cmocka_unit_test(log_odds_rise_with_losses_and_end_with_an_answer),
        cmocka_unit_test(single_faults_are_told_apart),
        cmocka_unit_test(many_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
