#include "lib/wire/probe.h"

#include <stddef.h>

const struct kp_probe_ops *kp_probe_ops(enum kp_probe_type type)
{
    switch (type) {
    case KP_PROBE_ICMP:
        return &kp_probe_icmp;
    case KP_PROBE_TCP_SYN:
        return &kp_probe_tcp;
    case KP_PROBE_DNS:
        return &kp_probe_dns;
    case KP_PROBE_COUNT:
        break;
    }
    return NULL;
}
