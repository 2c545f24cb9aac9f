#include "daemon/wire.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"
/* Enough ports that a forger gains nothing from knowing the range. */
#define MOST_PORTS 4096
#define LEAST_PORTS 1024

/* The ports next to the kernel's own range, above it where there is room. */
static bool pick_ports(struct kp_wire *wire, char *why)
{
    unsigned low = 32768;
    unsigned high = 60999;
    FILE *f = fopen(PORT_RANGE_FILE, "re");
    if (f != NULL) {
        int n = fscanf(f, "%u %u", &low, &high);
        fclose(f);
        if (n != 2 || low > high || high > 65535) {
            snprintf(why, 256, "%s is not two ports", PORT_RANGE_FILE);
            return false;
        }
    }
    if (high + LEAST_PORTS <= 65535) {
        wire->port_max = 65535;
        wire->port_min = (uint16_t)(high + 1);
        if (65535 - high > MOST_PORTS)
            wire->port_min = 65535 - MOST_PORTS + 1;
        return true;
    }
    if (low > 2 * LEAST_PORTS) {
        wire->port_max = (uint16_t)(low - 1);
        wire->port_min = (uint16_t)(low - (low > 2 * MOST_PORTS ? MOST_PORTS : LEAST_PORTS));
        return true;
    }
    snprintf(why, 256,
             "%s (%u-%u) leaves no room for the source ports of SYN probes; "
             "leave at least %u ports free above or below it",
             PORT_RANGE_FILE, low, high, (unsigned)LEAST_PORTS);
    return false;
}

bool kpd_wire_init(const struct kp_conf *conf, struct kp_wire *wire, struct kp_key *seed,
                   char *why)
{
    uint8_t random[6];
    *wire = (struct kp_wire){0};
    if (getrandom(&wire->key, sizeof wire->key, 0) != (ssize_t)sizeof wire->key ||
        getrandom(seed, sizeof *seed, 0) != (ssize_t)sizeof *seed ||
        getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        snprintf(why, 256, "the kernel gives no random bytes");
        return false;
    }
    memcpy(&wire->word, random, sizeof wire->word);
    memcpy(&wire->icmp_id, random + 4, sizeof wire->icmp_id);
    snprintf(wire->contact, sizeof wire->contact, "kpwatchd %.20s %.30s", conf->vantage_name,
             conf->vantage_contact != NULL ? conf->vantage_contact : "");
    return pick_ports(wire, why);
}
