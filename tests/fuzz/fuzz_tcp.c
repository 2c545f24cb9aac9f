/* TCP as raw sockets deliver it.  First byte: 0 IPv4, 1 IPv6; then the packet.
 * Traps where something is accepted that does not acknowledge our sequence. */
#include "lib/wire/cookie.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>
#include <string.h>

static const struct kp_addr hosts[2] = {
    {KP_IPV4, {198, 18, 176, 71}},
    {KP_IPV6, {0x20, 0x01, 0x00, 0x02, [7] = 0xb0, [15] = 0x47}},
};

static const struct kp_wire wire = {.key = {{1, 2, 3, 4, 5, 6, 7, 8}},
                                    .word = 0x6b707764,
                                    .icmp_id = 0x4a3b,
                                    .port_min = 61000,
                                    .port_max = 64999};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const struct kp_addr *host = &hosts[data[0] & 1];
    struct kp_shot shot = {.dst = *host, .dport = 443};
    kp_cookie_make(&wire, KP_PROBE_TCP_SYN, 3, 0, 4711, &shot);
    struct kp_rx rx = {.src = *host, .ttl = 44, .bytes = data + 1, .len = size - 1};
    struct kp_claim claim;
    struct kp_reply reply;
    if (kp_probe_tcp.match(&wire, &rx, &claim) != KP_DISCARD_NONE ||
        kp_probe_tcp.classify(&wire, &shot, &claim, &reply) != KP_DISCARD_NONE)
        return 0;
    uint8_t ack[4];
    struct kp_wr w = kp_wr_init(ack, sizeof ack);
    kp_wr_u32(&w, shot.seq + 1);
    if (memmem(data, size, ack, sizeof ack) == NULL)
        abort();
    return 0;
}
