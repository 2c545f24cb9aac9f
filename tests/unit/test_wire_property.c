/* Seeded properties: whatever arrives, nothing is accepted that does not hold
 * the proof, byte for byte.  KP_SEED=N draws other packets than usual. */
#include "lib/base/prng.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MUTATIONS = 60000, RANDOMS = 200000, GUESSES = 1000000 };

/* A valid packet, and the bytes without which it must not be accepted. */
struct golden {
    const char *what;
    enum kp_probe_type socket;
    struct kp_shot shot;
    struct kp_addr from;
    struct packet p;
    struct {
        size_t at, len;
    } proof[3];
};

static struct kp_wire wire;
static struct kp_dns_query *query;
static uint64_t seed;
static struct golden goldens[16];
static size_t golden_count;

/* Random numbers of their own for each test. */
static struct kp_prng draw(uint8_t test)
{
    struct kp_prng r = {.key = {{test}}};
    memcpy(r.key.bytes + 8, &seed, sizeof seed);
    return r;
}

static struct golden *add(const char *what, enum kp_probe_type type, const char *host)
{
    struct golden *g = &goldens[golden_count++];
    *g = (struct golden){.what = what, .socket = type};
    g->shot = help_shot(&wire, type, host, 4711, query);
    g->from = g->shot.dst;
    return g;
}

static void add_replies(const char *host, size_t header)
{
    struct golden *g = add("icmp", KP_PROBE_ICMP, host);
    g->p = help_icmp_reply(&wire, &g->shot);
    g->proof[0].at = header + 4; /* id, seq, word, serial, tag */
    g->proof[0].len = 20;
    for (uint8_t flags = 0x12; flags <= 0x14; flags += 2) {
        g = add(flags == 0x12 ? "syn-ack" : "rst-ack", KP_PROBE_TCP_SYN, host);
        g->p = help_tcp_reply(&g->shot, flags);
        g->proof[0].at = header; /* ports */
        g->proof[0].len = 4;
        g->proof[1].at = header + 8; /* ack */
        g->proof[1].len = 4;
    }
    g = add("dns", KP_PROBE_DNS, host);
    g->p = help_dns_reply(&wire, &g->shot, 0x8400);
    g->proof[0].len = 2;
    g->proof[1].at = 12;
    g->proof[1].len = g->p.len - 12;
}

static void add_errors(const char *host, const char *router, size_t outer, uint8_t type)
{
    size_t inner = outer == 0 ? 40 : 20;
    size_t addr = outer == 0 ? 16 : 4;
    for (int i = 0; i < (int)KP_PROBE_COUNT; i++) {
        struct golden *g = add("error", (enum kp_probe_type)i, host);
        g->socket = KP_PROBE_ICMP;
        g->from = help_addr(router);
        g->p = help_error(&wire, (enum kp_probe_type)i, &g->shot, router, type, 0, 64);
        g->proof[0].at = outer + 8 + inner - addr; /* quoted destination */
        g->proof[0].len = addr;
        g->proof[1].at = outer + 8 + inner + (i == KP_PROBE_ICMP ? 4 : 0);
        g->proof[1].len = i == KP_PROBE_TCP_SYN ? 8 : 4; /* ports and seq; id and seq; ports */
        if (i == KP_PROBE_DNS) {
            g->proof[2].at = outer + 8 + inner + 8;
            g->proof[2].len = 2;
        }
    }
}

static int begin(void **state)
{
    (void)state;
    const char *given = getenv("KP_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    printf("KP_SEED=%llu\n", (unsigned long long)seed);
    wire = help_wire();
    if (kp_dns_query_new("rodong.rep.kp", 6, false, &query) != KP_OK)
        return -1;
    add_replies("198.18.176.71", 20);
    add_replies("2001:2:0:176::71", 0);
    add_errors("198.18.176.71", "198.18.1.9", 20, 11);
    add_errors("2001:2:0:176::71", "2001:2:0:1::9", 0, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kp_dns_query_free(query);
    return 0;
}

static bool holds_proof(const struct golden *g, const struct packet *p)
{
    for (size_t i = 0; i < 3; i++)
        if (g->proof[i].len > 0 &&
            memmem(p->bytes, p->len, g->p.bytes + g->proof[i].at, g->proof[i].len) == NULL)
            return false;
    return true;
}

/* Says so, with the bytes, where p is accepted without the proof. */
static bool check(const struct golden *g, const struct packet *p)
{
    struct kp_reply reply;
    enum kp_discard why = help_judge(&wire, g->socket, &g->from, p, &g->shot, &reply);
    assert_true((unsigned)why < KP_DISCARD_COUNT);
    if (why != KP_DISCARD_NONE)
        return false;
    if (!holds_proof(g, p)) {
        for (size_t i = 0; i < p->len; i++)
            printf("%02x", p->bytes[i]);
        fail_msg("\n%s accepted", g->what);
    }
    return true;
}

static void mutate(struct kp_prng *r, struct packet *p)
{
    uint32_t edits = 1 + kp_prng_below(r, 4);
    for (uint32_t i = 0; i < edits && p->len > 0; i++) {
        size_t at = kp_prng_below(r, (uint32_t)p->len);
        switch (kp_prng_below(r, 5)) {
        case 0:
            p->bytes[at] = (uint8_t)kp_prng_u64(r);
            break;
        case 1:
            p->bytes[at] ^= (uint8_t)(1U << kp_prng_below(r, 8));
            break;
        case 2:
            p->len = at;
            break;
        case 3: /* longer, by bytes of its own */
            memcpy(p->bytes + p->len, p->bytes, at);
            p->len += at;
            break;
        default: /* a hole closed */
            memmove(p->bytes + at, p->bytes + at + 1, p->len - at - 1);
            p->len--;
        }
        if (p->len > PACKET_MAX / 2)
            p->len = PACKET_MAX / 2;
    }
}

static void set_total_length(struct packet *p)
{
    struct kp_wr w = kp_wr_init(p->bytes + 2, 2);
    kp_wr_u16(&w, (uint16_t)p->len);
}

static void goldens_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(golden_count, 14);
    for (size_t i = 0; i < golden_count; i++)
        assert_true(check(&goldens[i], &goldens[i].p));
}

static void mutations_are_accepted_only_with_the_proof_intact(void **state)
{
    (void)state;
    struct kp_prng r = draw(1);
    for (size_t i = 0; i < golden_count; i++) {
        const struct golden *g = &goldens[i];
        unsigned accepted = 0;
        for (int n = 0; n < MUTATIONS; n++) {
            struct packet p = g->p;
            mutate(&r, &p);
            bool ip4 = g->from.family == KP_IPV4 && g->socket != KP_PROBE_DNS && p.len >= 20;
            if (ip4 && n % 4 == 1)
                set_total_length(&p);
            if (ip4 && n % 4 != 0)
                help_fix_checksum(&p);
            accepted += check(g, &p);
        }
        assert_true(accepted > 0); /* the mutations are not all nonsense */
    }
}

static void every_truncation_is_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_count; i++)
        for (size_t len = 0; len < goldens[i].p.len; len++) {
            struct packet p = goldens[i].p;
            p.len = len;
            check(&goldens[i], &p);
            bool ip4 = goldens[i].from.family == KP_IPV4;
            if (ip4 && goldens[i].socket != KP_PROBE_DNS && len >= 20) {
                set_total_length(&p);
                help_fix_checksum(&p);
                check(&goldens[i], &p);
            }
        }
}

static size_t proof_end(const struct golden *g)
{
    size_t end_at = 0;
    for (size_t i = 0; i < 3; i++)
        if (g->proof[i].len > 0)
            end_at = g->proof[i].at + g->proof[i].len;
    return end_at;
}

static void random_bytes_are_never_accepted(void **state)
{
    (void)state;
    struct kp_prng r = draw(2);
    for (int n = 0; n < RANDOMS; n++) {
        const struct golden *g = &goldens[kp_prng_below(&r, (uint32_t)golden_count)];
        struct packet p = {.len = kp_prng_below(&r, 160)};
        for (size_t i = 0; i < p.len; i++)
            p.bytes[i] = (uint8_t)kp_prng_u64(&r);
        /* A beginning that leads further in, but lacks three bytes of the proof. */
        size_t keep = kp_prng_below(&r, (uint32_t)proof_end(g) - 2);
        if (keep <= p.len)
            memcpy(p.bytes, g->p.bytes, keep);
        if (g->from.family == KP_IPV4 && g->socket != KP_PROBE_DNS && p.len >= 20) {
            set_total_length(&p);
            help_fix_checksum(&p);
        }
        struct kp_reply reply;
        assert_int_not_equal(help_judge(&wire, g->socket, &g->from, &p, &g->shot, &reply),
                             KP_DISCARD_NONE);
    }
}

/* A forger who knows everything but the key (and for DNS the port): he fills
 * the secret fields of g with random bits. */
static unsigned forge(const struct golden *g, struct kp_prng *r, const size_t *at,
                      size_t fields)
{
    unsigned accepted = 0;
    struct packet p = g->p;
    for (int n = 0; n < GUESSES; n++) {
        for (size_t i = 0; i < fields; i++) {
            uint64_t bits = kp_prng_u64(r);
            memcpy(p.bytes + at[i], &bits, 2);
        }
        help_fix_checksum(&p);
        struct kp_rx rx = {.type = g->socket, .src = g->from, .bytes = p.bytes, .len = p.len};
        rx.rport = g->shot.dport;
        rx.lport = g->shot.sport;
        struct kp_claim claim;
        struct kp_reply reply;
        if (kp_probe_ops(g->socket)->match(&wire, &rx, &claim) == KP_DISCARD_NONE)
            accepted += kp_probe_ops(claim.type)->classify(&wire, &g->shot, &claim, &reply) ==
                        KP_DISCARD_NONE;
    }
    return accepted;
}

static void blind_guesses_of_echo_replies_are_refused(void **state)
{
    (void)state;
    struct kp_prng r = draw(3);
    static const size_t tag[] = {36, 38, 40, 42};
    assert_int_equal(forge(&goldens[0], &r, tag, 4), 0);
}

static void blind_guesses_of_icmp_errors_are_refused(void **state)
{
    (void)state;
    struct kp_prng r = draw(4);
    struct golden g = goldens[8];
    g.p = help_error(&wire, KP_PROBE_ICMP, &g.shot, "198.18.1.9", 11, 0, 8);
    static const size_t checksum_and_seq[] = {48 + 2, 48 + 6};
    assert_int_equal(forge(&g, &r, checksum_and_seq, 2), 0);
    g = goldens[9];
    g.p = help_error(&wire, KP_PROBE_TCP_SYN, &g.shot, "198.18.1.9", 11, 0, 8);
    static const size_t sequence[] = {48 + 4, 48 + 6};
    assert_int_equal(forge(&g, &r, sequence, 2), 0);
    g = goldens[10];
    g.p = help_error(&wire, KP_PROBE_DNS, &g.shot, "198.18.1.9", 11, 0, 10);
    static const size_t port_and_id[] = {48, 48 + 8};
    assert_int_equal(forge(&g, &r, port_and_id, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_are_accepted),
        cmocka_unit_test(mutations_are_accepted_only_with_the_proof_intact),
        cmocka_unit_test(every_truncation_is_safe),
        cmocka_unit_test(random_bytes_are_never_accepted),
        cmocka_unit_test(blind_guesses_of_echo_replies_are_refused),
        cmocka_unit_test(blind_guesses_of_icmp_errors_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
