/* ICMP as raw sockets deliver it.  First byte: 0 IPv4, 1 IPv6; then the packet.
 * Traps where something is accepted that lacks the keyed proof. */
#include "lib/wire/cookie.h"
#include "lib/wire/probe_dns.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>
#include <string.h>

static const struct kp_addr hosts[2] = {
    {KP_IPV4, {198, 18, 176, 71}},
    {KP_IPV6, {0x20, 0x01, 0x00, 0x02, [7] = 0xb0, [15] = 0x47}},
};
static const struct kp_addr routers[2] = {
    {KP_IPV4, {198, 18, 1, 9}},
    {KP_IPV6, {0x20, 0x01, 0x00, 0x02, [7] = 1, [15] = 9}},
};

static const struct kp_wire wire = {.key = {{1, 2, 3, 4, 5, 6, 7, 8}},
                                    .word = 0x6b707764,
                                    .icmp_id = 0x4a3b,
                                    .port_min = 61000,
                                    .port_max = 64999,
                                    .contact = "fuzz"};

static struct kp_shot shot_of(enum kp_probe_type type, const struct kp_addr *dst)
{
    static struct kp_dns_query *query;
    if (query == NULL && kp_dns_query_new("rodong.rep.kp", 6, false, &query) != KP_OK)
        abort();
    struct kp_shot shot = {.dst = *dst, .size = 56, .sport = 45678, .query = query};
    if (type != KP_PROBE_ICMP)
        shot.dport = type == KP_PROBE_DNS ? 53 : 443;
    kp_cookie_make(&wire, type, 3, 0, 4711, &shot);
    return shot;
}

/* The secret each kind of acceptance needs somewhere in the packet. */
static void need_proof(const struct kp_claim *claim, const struct kp_shot *shot,
                       const uint8_t *data, size_t len)
{
    uint8_t secret[8];
    struct kp_wr w = kp_wr_init(secret, sizeof secret);
    if (claim->type == KP_PROBE_ICMP && !claim->is_error)
        kp_wr_u64(&w, shot->tag);
    else if (claim->type == KP_PROBE_TCP_SYN)
        kp_wr_u32(&w, shot->seq);
    else
        kp_wr_u16(&w, (uint16_t)shot->seq);
    if (memmem(data, len, secret, sizeof secret - w.left) == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t family = data[0] & 1;
    const struct kp_addr *from = data[0] & 2 ? &routers[family] : &hosts[family];
    struct kp_rx rx = {.src = *from, .ttl = 44, .bytes = data + 1, .len = size - 1};
    struct kp_claim claim;
    struct kp_reply reply;
    if (kp_probe_icmp.match(&wire, &rx, &claim) != KP_DISCARD_NONE)
        return 0;
    struct kp_shot shot = shot_of(claim.type, &hosts[family]);
    if (kp_probe_ops(claim.type)->classify(&wire, &shot, &claim, &reply) == KP_DISCARD_NONE)
        need_proof(&claim, &shot, data, size);
    return 0;
}
