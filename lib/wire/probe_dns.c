/* DNS probes (RFC 1035): one question straight to the named server.
 *
 * Proof: address, port, 16-bit id, and the question echoed byte for byte in the
 * random letter case it was asked in (0x20; draft-vixie-dnsext-dns0x20).  What
 * is behind a proven question cannot change that the host is alive: records
 * that are broken, endless or missing leave their fields unset, no more.
 * Any rcode but REFUSED and SERVFAIL (NXDOMAIN, FORMERR, NOTIMP, ...) counts as
 * answered, and so does a truncated reply. */
#include "lib/wire/probe_dns.h"

#define CARES_NO_DEPRECATED /* ares_create_query: all that 1.18 has */
#include <ares.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 12,
    NAME_MAX_LEN = 255, /* RFC 1035 section 2.3.4 */
    LABELS_MAX = 127,
    RECORDS_MAX = 64,
    QUERY_MAX = HEADER + NAME_MAX_LEN + 4,
    CLASS_IN = 1,
    TYPE_SOA = 6,
    FLAG_QR = 0x8000,
    FLAGS_OPCODE = 0x7800,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    RCODE_SERVFAIL = 2,
    RCODE_REFUSED = 5,
};

struct kp_dns_query {
    size_t name_end; /* offset behind the question's name */
    size_t len;
    uint8_t bytes[QUERY_MAX]; /* id 0; the name as the configuration writes it */
};

/* Escapes and bytes that do not print are refused: c-ares' versions differ on
 * them, and no name worth asking for has any. */
static bool plain_name(const char *qname)
{
    for (const char *p = qname; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~' || *p == '\\')
            return false;
    return qname[0] != '\0';
}

enum kp_err kp_dns_query_new(const char *qname, uint16_t qtype, bool recursion,
                             struct kp_dns_query **out)
{
    unsigned char *bytes = NULL;
    int len = 0;
    if (!plain_name(qname))
        return KP_ERR_MALFORMED;
    int status = ares_create_query(qname, CLASS_IN, qtype, 0, recursion, &bytes, &len, 0);
    if (status == ARES_ENOMEM)
        return KP_ERR_NOMEM;
    if (status != ARES_SUCCESS)
        return KP_ERR_MALFORMED;
    struct kp_dns_query *query = NULL;
    enum kp_err err = len > HEADER + 4 && len <= QUERY_MAX ? KP_OK : KP_ERR_MALFORMED;
    if (err == KP_OK && (query = calloc(1, sizeof *query)) == NULL)
        err = KP_ERR_NOMEM;
    if (err == KP_OK) {
        query->len = (size_t)len;
        query->name_end = query->len - 4;
        memcpy(query->bytes, bytes, query->len);
        *out = query;
    }
    ares_free_string(bytes);
    return err;
}

void kp_dns_query_free(struct kp_dns_query *query)
{
    free(query);
}

/* The name byte in the case the tag's next bit says.  Length bytes are below 64
 * and so never letters. */
static uint8_t in_case(uint8_t byte, uint64_t tag, unsigned *letters)
{
    uint8_t lower = byte | 0x20;
    if (lower < 'a' || lower > 'z')
        return byte;
    bool upper = (tag >> (*letters)++ % 64 & 1) != 0;
    return upper ? (uint8_t)(lower & ~0x20) : lower;
}

static enum kp_err build(const struct kp_wire *wire, const struct kp_shot *shot,
                         const struct kp_addr *src, struct kp_wr *out)
{
    (void)wire;
    (void)src;
    const struct kp_dns_query *q = shot->query;
    if (q == NULL)
        return KP_ERR_RANGE;
    if (out->bad || out->left < q->len)
        return KP_ERR_SHORT;
    kp_wr_u16(out, (uint16_t)shot->seq);
    kp_wr_bytes(out, q->bytes + 2, HEADER - 2);
    unsigned letters = 0;
    for (size_t i = HEADER; i < q->name_end; i++)
        kp_wr_u8(out, in_case(q->bytes[i], shot->tag, &letters));
    kp_wr_bytes(out, q->bytes + q->name_end, q->len - q->name_end);
    return KP_OK;
}

static enum kp_discard match(const struct kp_wire *wire, const struct kp_rx *rx,
                             struct kp_claim *claim)
{
    (void)wire;
    struct kp_rd r = kp_rd_init(rx->bytes, rx->len);
    *claim = (struct kp_claim){.type = KP_PROBE_DNS,
                               .dst = rx->src,
                               .dport = rx->rport,
                               .sport = rx->lport,
                               .ttl = rx->ttl,
                               .bytes = rx->bytes,
                               .len = rx->len};
    claim->seq = kp_rd_u16(&r);
    uint16_t flags = kp_rd_u16(&r);
    uint16_t questions = kp_rd_u16(&r);
    if (rx->len < HEADER)
        return KP_DISCARD_MALFORMED;
    /* RFC 9619: a response has exactly the one question that was asked. */
    if ((flags & (FLAG_QR | FLAGS_OPCODE)) != FLAG_QR || questions != 1)
        return KP_DISCARD_COOKIE;
    return KP_DISCARD_NONE;
}

/* Skips a name (RFC 1035 section 4.1.4) in the message that starts at `start`.
 * A pointer ends it and must point backwards; it is not followed, so nothing
 * can loop. */
static bool skip_name(struct kp_rd *r, const uint8_t *start)
{
    ptrdiff_t name_at = r->p - start;
    size_t total = 0;
    for (int labels = 0; labels <= LABELS_MAX; labels++) {
        uint8_t len = kp_rd_u8(r);
        if (r->bad)
            return false;
        if (len >= 0xc0) {
            int target = (len & 0x3f) << 8 | kp_rd_u8(r);
            return !r->bad && target >= HEADER && target < name_at;
        }
        total += (size_t)len + 1;
        if (len > 63 || total > NAME_MAX_LEN)
            return false;
        if (len == 0)
            return true;
        (void)kp_rd_bytes(r, len);
    }
    return false;
}

/* Reads the serial of an SOA's data (RFC 1035 section 3.3.13). */
static void read_soa(struct kp_rd data, const uint8_t *start, struct kp_dns_answer *dns)
{
    if (!skip_name(&data, start) || !skip_name(&data, start))
        return;
    dns->serial = kp_rd_u32(&data);
    dns->has_serial = !data.bad;
}

/* Reads one record; false where it is broken. */
static bool read_record(struct kp_rd *r, const uint8_t *start, bool answer,
                        struct kp_dns_answer *dns)
{
    if (!skip_name(r, start))
        return false;
    uint16_t type = kp_rd_u16(r);
    uint16_t class = kp_rd_u16(r);
    uint32_t ttl = kp_rd_u32(r);
    uint16_t len = kp_rd_u16(r);
    const uint8_t *data = kp_rd_bytes(r, len);
    if (data == NULL)
        return false;
    if (answer && !dns->has_ttl) {
        dns->has_ttl = true;
        dns->ttl = ttl >> 31 != 0 ? 0 : ttl; /* RFC 2181 section 8 */
    }
    if (type == TYPE_SOA && class == CLASS_IN && !dns->has_serial)
        read_soa(kp_rd_init(data, len), start, dns);
    return true;
}

/* Reads the answer and authority sections as far as they hold together. */
static void read_records(const struct kp_claim *claim, size_t question_len,
                         struct kp_dns_answer *dns)
{
    struct kp_rd r = kp_rd_init(claim->bytes, claim->len);
    (void)kp_rd_bytes(&r, 6);
    unsigned answers = kp_rd_u16(&r);
    unsigned records = answers + kp_rd_u16(&r);
    (void)kp_rd_u16(&r); /* additional records: not read */
    (void)kp_rd_bytes(&r, question_len);
    for (unsigned i = 0; i < records && i < RECORDS_MAX; i++)
        if (!read_record(&r, claim->bytes, i < answers, dns))
            return;
}

/* Whether the message has our question behind its header, letter case and all. */
static enum kp_discard check_question(const struct kp_shot *shot, const struct kp_claim *claim)
{
    const struct kp_dns_query *q = shot->query;
    struct kp_rd r = kp_rd_init(claim->bytes, claim->len);
    unsigned letters = 0;
    (void)kp_rd_bytes(&r, HEADER);
    for (size_t i = HEADER; i < q->len; i++) {
        uint8_t want = q->bytes[i];
        if (i < q->name_end)
            want = in_case(want, shot->tag, &letters);
        uint8_t got = kp_rd_u8(&r);
        if (r.bad)
            return KP_DISCARD_MALFORMED;
        if (got != want)
            return KP_DISCARD_COOKIE;
    }
    return KP_DISCARD_NONE;
}

/* Whether what an ICMP error quotes of the query, at least its id, is ours. */
static enum kp_discard check_quote(const struct kp_wire *wire, const struct kp_shot *shot,
                                   const struct kp_claim *claim)
{
    uint8_t sent[QUERY_MAX];
    struct kp_wr w = kp_wr_init(sent, sizeof sent);
    if (claim->len < 2 || build(wire, shot, NULL, &w) != KP_OK)
        return KP_DISCARD_COOKIE;
    size_t len = sizeof sent - w.left;
    size_t quoted = claim->len < len ? claim->len : len;
    return memcmp(claim->bytes, sent, quoted) == 0 ? KP_DISCARD_NONE : KP_DISCARD_COOKIE;
}

static enum kp_discard classify_error(const struct kp_wire *wire, const struct kp_shot *shot,
                                      const struct kp_claim *claim, struct kp_reply *reply)
{
    if (!kp_addr_equal(&claim->dst, &shot->dst) || claim->dport != shot->dport ||
        claim->sport != shot->sport || claim->seq != shot->seq)
        return KP_DISCARD_COOKIE;
    enum kp_discard why = check_quote(wire, shot, claim);
    if (why != KP_DISCARD_NONE)
        return why;
    reply->result = KP_UNREACHABLE;
    reply->cause = claim->cause;
    return KP_DISCARD_NONE;
}

static enum kp_discard classify(const struct kp_wire *wire, const struct kp_shot *shot,
                                const struct kp_claim *claim, struct kp_reply *reply)
{
    *reply = (struct kp_reply){.result = KP_TIMEOUT, .ttl = claim->ttl};
    if (claim->type != KP_PROBE_DNS || shot->query == NULL)
        return KP_DISCARD_COOKIE;
    if (claim->is_error)
        return classify_error(wire, shot, claim, reply);
    if (!kp_addr_equal(&claim->dst, &shot->dst) || claim->dport != shot->dport)
        return KP_DISCARD_SOURCE;
    if (claim->sport != shot->sport || claim->seq != shot->seq)
        return KP_DISCARD_COOKIE;
    enum kp_discard why = check_question(shot, claim);
    if (why != KP_DISCARD_NONE)
        return why;
    struct kp_rd r = kp_rd_init(claim->bytes, claim->len);
    (void)kp_rd_u16(&r);
    uint16_t flags = kp_rd_u16(&r);
    reply->dns.given = true;
    reply->dns.rcode = flags & 0x0f;
    reply->dns.aa = (flags & FLAG_AA) != 0;
    reply->dns.tc = (flags & FLAG_TC) != 0;
    bool refused = reply->dns.rcode == RCODE_REFUSED || reply->dns.rcode == RCODE_SERVFAIL;
    reply->result = refused ? KP_REFUSED : KP_ANSWERED;
    read_records(claim, shot->query->len - HEADER, &reply->dns);
    return KP_DISCARD_NONE;
}

const struct kp_probe_ops kp_probe_dns = {build, match, classify};
