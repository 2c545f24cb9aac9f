#include "lib/base/bytes.h"

#include <string.h>

const uint8_t *kp_rd_bytes(struct kp_rd *r, size_t n)
{
    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->p;
    if (n > 0) /* NULL + 0 is undefined in C */
        r->p += n;
    r->left -= n;
    return at;
}

static uint64_t read_be(struct kp_rd *r, size_t n)
{
    const uint8_t *at = kp_rd_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = 0; at != NULL && i < n; i++)
        v = v << 8 | at[i];
    return v;
}

uint8_t kp_rd_u8(struct kp_rd *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t kp_rd_u16(struct kp_rd *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t kp_rd_u32(struct kp_rd *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t kp_rd_u64(struct kp_rd *r)
{
    return read_be(r, 8);
}

static uint8_t *take(struct kp_wr *w, size_t n)
{
    if (w->bad || n > w->left) {
        w->bad = true;
        return NULL;
    }
    uint8_t *at = w->p;
    if (n > 0)
        w->p += n;
    w->left -= n;
    return at;
}

static void write_be(struct kp_wr *w, uint64_t v, size_t n)
{
    uint8_t *at = take(w, n);
    for (size_t i = n; at != NULL && i > 0; i--, v >>= 8)
        at[i - 1] = (uint8_t)v;
}

void kp_wr_u8(struct kp_wr *w, uint8_t v)
{
    write_be(w, v, 1);
}

void kp_wr_u16(struct kp_wr *w, uint16_t v)
{
    write_be(w, v, 2);
}

void kp_wr_u32(struct kp_wr *w, uint32_t v)
{
    write_be(w, v, 4);
}

void kp_wr_u64(struct kp_wr *w, uint64_t v)
{
    write_be(w, v, 8);
}

void kp_wr_bytes(struct kp_wr *w, const void *data, size_t n)
{
    uint8_t *at = take(w, n);
    if (at != NULL && n > 0)
        memcpy(at, data, n);
}

void kp_wr_fill(struct kp_wr *w, uint8_t v, size_t n)
{
    uint8_t *at = take(w, n);
    if (at != NULL)
        memset(at, v, n);
}

uint32_t kp_csum_add(uint32_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t wide = sum;
    for (; len > 1; p += 2, len -= 2)
        wide += (uint32_t)p[0] << 8 | p[1];
    if (len == 1)
        wide += (uint32_t)p[0] << 8;
    while (wide >> 32 != 0)
        wide = (wide & 0xffffffffU) + (wide >> 32);
    return (uint32_t)wide;
}

uint16_t kp_csum_finish(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffffU) + (sum >> 16);
    return (uint16_t)~sum;
}
