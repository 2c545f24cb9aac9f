/* Bounded cursors over bytes: the only way libkp reads from or writes to the
 * wire.  A failed read or write sets `bad` and yields zeros from then on, so a
 * parser reads straight through and checks once at its end.  Network byte
 * order throughout. */
#ifndef KP_BASE_BYTES_H
#define KP_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kp_rd {
    const uint8_t *p; /* next byte; not owned */
    size_t left;
    bool bad;
};

struct kp_wr {
    uint8_t *p; /* next free byte; not owned */
    size_t left;
    bool bad;
};

static inline struct kp_rd kp_rd_init(const void *data, size_t len)
{
    return (struct kp_rd){data, len, false};
}
static inline struct kp_wr kp_wr_init(void *data, size_t len)
{
    return (struct kp_wr){data, len, false};
}

uint8_t kp_rd_u8(struct kp_rd *r);
uint16_t kp_rd_u16(struct kp_rd *r);
uint32_t kp_rd_u32(struct kp_rd *r);
uint64_t kp_rd_u64(struct kp_rd *r);

/* The next n bytes, still inside the source; NULL (and bad) where n > left. */
const uint8_t *kp_rd_bytes(struct kp_rd *r, size_t n);

void kp_wr_u8(struct kp_wr *w, uint8_t v);
void kp_wr_u16(struct kp_wr *w, uint16_t v);
void kp_wr_u32(struct kp_wr *w, uint32_t v);
void kp_wr_u64(struct kp_wr *w, uint64_t v);
void kp_wr_bytes(struct kp_wr *w, const void *data, size_t n);
void kp_wr_fill(struct kp_wr *w, uint8_t v, size_t n);

/* The Internet checksum (RFC 1071) of data, as it goes on the wire in host
 * order; `sum` carries in a partial sum (a pseudo header) from kp_csum_add. */
uint16_t kp_csum_finish(uint32_t sum);
uint32_t kp_csum_add(uint32_t sum, const void *data, size_t len);

#endif
