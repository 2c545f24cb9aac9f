/* DNS replies, names and records.  First byte: 0 a whole message; 1 what follows
 * a proven header's flags and question; 2 a name for the configuration. */
#include "lib/wire/cookie.h"
#include "lib/wire/probe_dns.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>
#include <string.h>

enum { FLAGS_AND_COUNTS = 2 + 6 };

static const struct kp_addr server = {KP_IPV4, {198, 18, 176, 15}};
static const struct kp_wire wire = {.key = {{1, 2, 3, 4, 5, 6, 7, 8}}};

static void judge(const struct kp_shot *shot, const uint8_t *bytes, size_t len)
{
    struct kp_rx rx = {.type = KP_PROBE_DNS,
                       .src = server,
                       .rport = shot->dport,
                       .lport = shot->sport,
                       .bytes = bytes,
                       .len = len};
    struct kp_claim claim;
    struct kp_reply reply;
    if (kp_probe_dns.match(&wire, &rx, &claim) != KP_DISCARD_NONE ||
        kp_probe_dns.classify(&wire, shot, &claim, &reply) != KP_DISCARD_NONE)
        return;
    uint8_t query[300];
    struct kp_wr w = kp_wr_init(query, sizeof query);
    if (kp_probe_dns.build(&wire, shot, NULL, &w) != KP_OK)
        abort();
    size_t question = sizeof query - w.left - 12;
    if (len < 12 + question || memcmp(bytes, query, 2) != 0 ||
        memcmp(bytes + 12, query + 12, question) != 0)
        abort();
}

/* id, then flags and counts from data, our question, and the rest of data. */
static void judge_records(const struct kp_shot *shot, const uint8_t *data, size_t size)
{
    uint8_t query[300];
    struct kp_wr w = kp_wr_init(query, sizeof query);
    if (size < FLAGS_AND_COUNTS || kp_probe_dns.build(&wire, shot, NULL, &w) != KP_OK)
        return;
    size_t query_len = sizeof query - w.left;
    size_t rest = size - FLAGS_AND_COUNTS;
    uint8_t *message = malloc(query_len + rest);
    if (message == NULL)
        return;
    memcpy(message, query, query_len);
    message[2] = data[0] | 0x80;
    message[3] = data[1];
    memcpy(message + 6, data + 2, 6);
    memcpy(message + query_len, data + FLAGS_AND_COUNTS, rest);
    judge(shot, message, query_len + rest);
    free(message);
}

static void encode_name(const uint8_t *data, size_t size)
{
    char *name = malloc(size + 1);
    if (name == NULL)
        return;
    memcpy(name, data, size);
    name[size] = '\0';
    struct kp_dns_query *query = NULL;
    if (kp_dns_query_new(name, 6, false, &query) == KP_OK) {
        struct kp_shot shot = {.dst = server, .query = query, .tag = 0x5555};
        uint8_t out[271];
        struct kp_wr w = kp_wr_init(out, sizeof out);
        if (kp_probe_dns.build(&wire, &shot, NULL, &w) != KP_OK)
            abort();
    }
    kp_dns_query_free(query);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kp_dns_query *query;
    if (query == NULL && kp_dns_query_new("rodong.rep.kp", 6, false, &query) != KP_OK)
        abort();
    if (size < 1)
        return 0;
    struct kp_shot shot = {.dst = server, .dport = 53, .sport = 45678, .query = query};
    kp_cookie_make(&wire, KP_PROBE_DNS, 3, 0, 4711, &shot);
    if (data[0] == 0)
        judge(&shot, data + 1, size - 1);
    else if (data[0] == 1)
        judge_records(&shot, data + 1, size - 1);
    else
        encode_name(data + 1, size - 1);
    return 0;
}
