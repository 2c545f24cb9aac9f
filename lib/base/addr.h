/* Addresses and prefixes of both families as plain values. */
#ifndef KP_BASE_ADDR_H
#define KP_BASE_ADDR_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kp_family {
    KP_AF_NONE = 0, /* no address */
    KP_IPV4 = 4,
    KP_IPV6 = 6,
};

struct kp_addr {
    uint8_t family;    /* enum kp_family */
    uint8_t bytes[16]; /* network order; IPv4 uses the first 4, the rest is 0 */
};

struct kp_prefix {
    struct kp_addr addr; /* bits beyond len are 0 */
    uint8_t len;         /* 0..32 or 0..128 */
};

/* Room for the longest address or prefix text and its NUL. */
#define KP_ADDR_SIZE 46
#define KP_PREFIX_SIZE 50

/* Bytes of an address of this family: 4, 16, or 0. */
size_t kp_addr_len(const struct kp_addr *a);

/* Reads dotted-quad IPv4 or RFC 4291 IPv6 text without zone; an IPv4-mapped
 * IPv6 address is KP_ERR_RANGE (it would be a second name for the same host). */
enum kp_err kp_addr_parse(const char *text, struct kp_addr *out);

/* Writes the canonical text (RFC 5952); "-" where there is no address. */
void kp_addr_format(const struct kp_addr *a, char out[KP_ADDR_SIZE]);

bool kp_addr_equal(const struct kp_addr *a, const struct kp_addr *b);

/* Reads "ADDRESS/LEN", or a bare address as a host prefix.  KP_ERR_RANGE where
 * the length is too long or bits beyond it are set. */
enum kp_err kp_prefix_parse(const char *text, struct kp_prefix *out);
void kp_prefix_format(const struct kp_prefix *p, char out[KP_PREFIX_SIZE]);

/* The prefix that holds exactly this address. */
struct kp_prefix kp_prefix_host(const struct kp_addr *a);

bool kp_prefix_contains(const struct kp_prefix *p, const struct kp_addr *a);

/* Whether every address of inner lies in outer. */
bool kp_prefix_covers(const struct kp_prefix *outer, const struct kp_prefix *inner);

/* Loopback, multicast, link-local, unspecified, IPv4 broadcast and 0/8
 * (RFC 6890): never probed unless the allow list names them on purpose. */
bool kp_addr_special(const struct kp_addr *a);
bool kp_prefix_special(const struct kp_prefix *p); /* lies wholly in such a range */

/* Private or for benchmarking (198.18/15, 2001:2::/48, RFC 1918, fc00::/7,
 * loopback): the politeness floors do not apply there. */
bool kp_addr_private(const struct kp_addr *a);

#endif
