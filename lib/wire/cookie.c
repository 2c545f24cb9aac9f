#include "lib/wire/cookie.h"

/* Every use of the key hashes its own label first, so that no value seen on the
 * wire for one purpose tells anything about another. */
enum label {
    LABEL_TCP_PORT = 1,
    LABEL_TCP_ISN,
    LABEL_ICMP_CHECKSUM,
    LABEL_ICMP_SEQ,
    LABEL_ICMP_TAG,
    LABEL_DNS_ID,
    LABEL_DNS_CASE,
};

#define HASHED_MAX 32

static struct kp_wr labelled(uint8_t buf[HASHED_MAX], enum label label)
{
    struct kp_wr w = kp_wr_init(buf, HASHED_MAX);
    kp_wr_u8(&w, (uint8_t)label);
    return w;
}

static void write_addr(struct kp_wr *w, const struct kp_addr *a)
{
    kp_wr_u8(w, a->family);
    kp_wr_bytes(w, a->bytes, sizeof a->bytes);
}

static uint64_t hash_two(const struct kp_wire *wire, enum label label, uint32_t a, uint32_t b)
{
    return kp_siphash_words(&wire->key, (uint64_t)label << 32 | a, b);
}

static uint16_t tcp_port(const struct kp_wire *wire, uint32_t item, uint32_t flow)
{
    uint32_t span = (uint32_t)(uint16_t)(wire->port_max - wire->port_min) + 1;
    uint64_t hash = hash_two(wire, LABEL_TCP_PORT, item, flow);
    return (uint16_t)(wire->port_min + (uint32_t)((hash >> 32) * span >> 32));
}

static uint32_t tcp_isn(const struct kp_wire *wire, const struct kp_shot *shot)
{
    uint8_t buf[HASHED_MAX];
    struct kp_wr w = labelled(buf, LABEL_TCP_ISN);
    write_addr(&w, &shot->dst);
    kp_wr_u16(&w, shot->dport);
    kp_wr_u16(&w, shot->sport);
    kp_wr_u32(&w, shot->serial);
    return (uint32_t)kp_siphash(&wire->key, buf, sizeof buf - w.left);
}

/* Never 0 or 0xffff: both are zero in ones' complement, and a constant sum can
 * only be told from another where its residue is not 0 (RFC 1071). */
static uint16_t icmp_checksum(const struct kp_wire *wire, uint32_t item, uint32_t flow)
{
    return (uint16_t)(1 + hash_two(wire, LABEL_ICMP_CHECKSUM, item, flow) % 0xfffe);
}

/* A keyed permutation of the serial's low 16 bits (four Feistel rounds), so that
 * no two of 65,536 successive probes share a sequence number. */
static uint32_t icmp_seq(const struct kp_wire *wire, uint32_t serial)
{
    uint32_t left = serial >> 8 & 0xff;
    uint32_t right = serial & 0xff;
    for (uint32_t round = 0; round < 4; round++) {
        uint32_t tweak = round << 8 | right;
        uint64_t hash = hash_two(wire, LABEL_ICMP_SEQ, serial >> 16, tweak);
        uint32_t mixed = left ^ (uint32_t)(hash & 0xff);
        left = right;
        right = mixed;
    }
    return left << 8 | right;
}

uint64_t kp_cookie_icmp_tag(const struct kp_wire *wire, const struct kp_addr *dst,
                            uint32_t serial)
{
    uint8_t buf[HASHED_MAX];
    struct kp_wr w = labelled(buf, LABEL_ICMP_TAG);
    write_addr(&w, dst);
    kp_wr_u32(&w, serial);
    return kp_siphash(&wire->key, buf, sizeof buf - w.left);
}

static void make_icmp(const struct kp_wire *wire, uint32_t item, uint32_t flow,
                      struct kp_shot *shot)
{
    shot->sport = wire->icmp_id;
    shot->seq = icmp_seq(wire, shot->serial);
    shot->tag = kp_cookie_icmp_tag(wire, &shot->dst, shot->serial);
    shot->checksum = icmp_checksum(wire, item, flow);
}

void kp_cookie_make(const struct kp_wire *wire, enum kp_probe_type type, uint32_t item,
                    uint32_t flow, uint32_t serial, struct kp_shot *shot)
{
    shot->serial = serial;
    shot->tag = 0;
    shot->checksum = 0;
    switch (type) {
    case KP_PROBE_ICMP:
        make_icmp(wire, item, flow, shot);
        break;
    case KP_PROBE_TCP_SYN:
        shot->sport = tcp_port(wire, item, flow);
        shot->seq = tcp_isn(wire, shot);
        break;
    case KP_PROBE_DNS: /* sport is the socket's */
        shot->seq = (uint32_t)(hash_two(wire, LABEL_DNS_ID, serial, 0) & 0xffff);
        shot->tag = hash_two(wire, LABEL_DNS_CASE, serial, 0);
        break;
    case KP_PROBE_COUNT:
        break;
    }
}
