#include "lib/wire/icmp_error.h"

#include <stddef.h>

static const enum kp_cause unreachable4[] = {
    [0] = KP_CAUSE_NET,         [1] = KP_CAUSE_HOST,    [2] = KP_CAUSE_PROTOCOL,
    [3] = KP_CAUSE_PORT,        [4] = KP_CAUSE_TOO_BIG, /* fragmentation needed and DF set */
    [5] = KP_CAUSE_OTHER,                               /* source route failed */
    [6] = KP_CAUSE_NET,                                 /* destination network unknown */
    [7] = KP_CAUSE_HOST,                                /* destination host unknown */
    [8] = KP_CAUSE_OTHER,                               /* source host isolated (obsolete) */
    [9] = KP_CAUSE_PROHIBITED,  /* network administratively prohibited */
    [10] = KP_CAUSE_PROHIBITED, /* host administratively prohibited */
    [11] = KP_CAUSE_NET,        /* network unreachable for type of service */
    [12] = KP_CAUSE_HOST,       /* host unreachable for type of service */
    [13] = KP_CAUSE_PROHIBITED, /* communication administratively prohibited */
    [14] = KP_CAUSE_PROHIBITED, /* host precedence violation */
    [15] = KP_CAUSE_PROHIBITED, /* precedence cutoff in effect */
};

static const enum kp_cause unreachable6[] = {
    [0] = KP_CAUSE_NET,        /* no route */
    [1] = KP_CAUSE_PROHIBITED, /* administratively prohibited */
    [2] = KP_CAUSE_OTHER,      /* beyond scope of source address */
    [3] = KP_CAUSE_HOST,       /* address unreachable */
    [4] = KP_CAUSE_PORT,       /* port unreachable */
    [5] = KP_CAUSE_PROHIBITED, /* source address failed policy: a kind of code 1 */
    [6] = KP_CAUSE_PROHIBITED, /* reject route: a kind of code 1 */
};

static enum kp_cause look_up(const enum kp_cause *list, size_t count, uint8_t code)
{
    return code < count ? list[code] : KP_CAUSE_OTHER;
}

enum kp_cause kp_icmp4_cause(uint8_t type, uint8_t code)
{
    switch (type) {
    case 3:
        return look_up(unreachable4, sizeof unreachable4 / sizeof unreachable4[0], code);
    case 11: /* code 1, reassembly: our probes are never fragmented */
        return code == 0 ? KP_CAUSE_TTL : KP_CAUSE_OTHER;
    case 12:
        return KP_CAUSE_OTHER;
    default:
        return KP_CAUSE_NONE;
    }
}

enum kp_cause kp_icmp6_cause(uint8_t type, uint8_t code)
{
    switch (type) {
    case 1:
        return look_up(unreachable6, sizeof unreachable6 / sizeof unreachable6[0], code);
    case 2:
        return KP_CAUSE_TOO_BIG;
    case 3:
        return code == 0 ? KP_CAUSE_TTL : KP_CAUSE_OTHER;
    case 4: /* code 1, unrecognized next header: ICMPv6's protocol unreachable */
        return code == 1 ? KP_CAUSE_PROTOCOL : KP_CAUSE_OTHER;
    default:
        return KP_CAUSE_NONE;
    }
}
