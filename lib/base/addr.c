#include "lib/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4(a, b, c, d, len)                                                                    \
    {                                                                                          \
        {KP_IPV4, {a, b, c, d}}, len                                                           \
    }
#define V6(hi, lo, len)                                                                        \
    {                                                                                          \
        {KP_IPV6, {hi, lo}}, len                                                               \
    }

static const struct kp_prefix special[] = {
    V4(0, 0, 0, 0, 8),
    V4(127, 0, 0, 0, 8),
    V4(169, 254, 0, 0, 16),
    V4(224, 0, 0, 0, 4),
    V4(255, 255, 255, 255, 32),
    {{KP_IPV6, {0}}, 128},
    {{KP_IPV6, {[15] = 1}}, 128},
    V6(0xfe, 0x80, 10),
    V6(0xff, 0, 8),
};

static const struct kp_prefix private[] = {
    V4(127, 0, 0, 0, 8),   V4(10, 0, 0, 0, 8),
    V4(172, 16, 0, 0, 12), V4(192, 168, 0, 0, 16),
    V4(198, 18, 0, 0, 15), {{KP_IPV6, {[15] = 1}}, 128},
    V6(0xfc, 0, 7),        {{KP_IPV6, {0x20, 0x01, 0x00, 0x02}}, 48},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

size_t kp_addr_len(const struct kp_addr *a)
{
    if (a->family == KP_IPV4)
        return 4;
    return a->family == KP_IPV6 ? 16 : 0;
}

enum kp_err kp_addr_parse(const char *text, struct kp_addr *out)
{
    struct kp_addr a = {.family = KP_IPV4};
    if (inet_pton(AF_INET, text, a.bytes) != 1) {
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        a.family = KP_IPV6;
        if (inet_pton(AF_INET6, text, a.bytes) != 1)
            return KP_ERR_MALFORMED;
        if (memcmp(a.bytes, mapped, sizeof mapped) == 0)
            return KP_ERR_RANGE;
    }
    *out = a;
    return KP_OK;
}

void kp_addr_format(const struct kp_addr *a, char out[KP_ADDR_SIZE])
{
    int family = a->family == KP_IPV4 ? AF_INET : AF_INET6;
    if (a->family == KP_AF_NONE || inet_ntop(family, a->bytes, out, KP_ADDR_SIZE) == NULL)
        memcpy(out, "-", 2);
}

bool kp_addr_equal(const struct kp_addr *a, const struct kp_addr *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Whether the first `bits` bits of a and b are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

enum kp_err kp_prefix_parse(const char *text, struct kp_prefix *out)
{
    char host[KP_ADDR_SIZE];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof host)
        return KP_ERR_MALFORMED;
    memcpy(host, text, len);
    host[len] = '\0';
    struct kp_addr a;
    enum kp_err err = kp_addr_parse(host, &a);
    if (err != KP_OK)
        return err;
    unsigned long bits = 8 * kp_addr_len(&a);
    if (slash != NULL) {
        if (slash[1] < '0' || slash[1] > '9' || strlen(slash + 1) > 3)
            return KP_ERR_MALFORMED;
        char *end = NULL;
        unsigned long given = strtoul(slash + 1, &end, 10);
        if (*end != '\0')
            return KP_ERR_MALFORMED;
        if (given > bits)
            return KP_ERR_RANGE;
        bits = given;
    }
    struct kp_prefix p = {{a.family, {0}}, (uint8_t)bits};
    memcpy(p.addr.bytes, a.bytes, bits / 8);
    if (bits % 8 != 0)
        p.addr.bytes[bits / 8] = (uint8_t)(a.bytes[bits / 8] & (0xff00U >> (bits % 8)));
    *out = p;
    return kp_addr_equal(&p.addr, &a) ? KP_OK : KP_ERR_RANGE;
}

void kp_prefix_format(const struct kp_prefix *p, char out[KP_PREFIX_SIZE])
{
    char text[KP_ADDR_SIZE];
    kp_addr_format(&p->addr, text);
    if (p->len == 8 * kp_addr_len(&p->addr))
        snprintf(out, KP_PREFIX_SIZE, "%s", text);
    else
        snprintf(out, KP_PREFIX_SIZE, "%s/%u", text, (unsigned)p->len);
}

struct kp_prefix kp_prefix_host(const struct kp_addr *a)
{
    return (struct kp_prefix){*a, (uint8_t)(8 * kp_addr_len(a))};
}

bool kp_prefix_contains(const struct kp_prefix *p, const struct kp_addr *a)
{
    return p->addr.family == a->family && same_bits(p->addr.bytes, a->bytes, p->len);
}

bool kp_prefix_covers(const struct kp_prefix *outer, const struct kp_prefix *inner)
{
    return outer->len <= inner->len && kp_prefix_contains(outer, &inner->addr);
}

static bool in_any(const struct kp_prefix *list, size_t count, const struct kp_prefix *p)
{
    for (size_t i = 0; i < count; i++)
        if (kp_prefix_covers(&list[i], p))
            return true;
    return false;
}

bool kp_prefix_special(const struct kp_prefix *p)
{
    return in_any(special, COUNT(special), p);
}

bool kp_addr_special(const struct kp_addr *a)
{
    struct kp_prefix host = kp_prefix_host(a);
    return in_any(special, COUNT(special), &host);
}

bool kp_addr_private(const struct kp_addr *a)
{
    struct kp_prefix host = kp_prefix_host(a);
    return in_any(private, COUNT(private), &host);
}
