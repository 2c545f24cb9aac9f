/* IP headers as raw sockets deliver them, and the packets that ICMP errors quote.  First
 * byte: 0 a header, 1 a quote in IPv4, 2 one in IPv6; then the packet.  Traps where what
 * is found does not lie within what was given. */
#include "lib/wire/pkt_ip.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>

static void need_within(const struct kp_ip *ip, const uint8_t *bytes, size_t len, size_t least)
{
    size_t before = (size_t)(ip->body - bytes);
    if (ip->body < bytes || before < least || before > len || ip->len > len - before)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const uint8_t *bytes = data + 1;
    size_t len = size - 1;
    struct kp_ip ip;
    if (data[0] == 0 && kp_ip4_parse(bytes, len, &ip) == KP_OK) {
        need_within(&ip, bytes, len, 20);
        (void)kp_ip_pseudo_sum(&ip.src, &ip.dst, ip.protocol, ip.len);
    }
    enum kp_family family = data[0] == 2 ? KP_IPV6 : KP_IPV4;
    if (data[0] != 0 && kp_ip_quote_parse(family, bytes, len, &ip) == KP_OK) {
        need_within(&ip, bytes, len, family == KP_IPV4 ? 20 : 40);
        if (ip.len < 8)
            abort();
    }
    return 0;
}
