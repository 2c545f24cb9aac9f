#include "daemon/sinks/history_cell.h"

#include <math.h>
#include <string.h>

#define LEAST_US 10.0        /* what is faster falls into bin 0 */
#define LOG_WIDTH 0.04879016 /* ln 1.05 */
#define MOST_INDEX 511

static uint32_t index_of(int32_t rtt_us)
{
    double index = rtt_us > LEAST_US ? log(rtt_us / LEAST_US) / LOG_WIDTH : 0;
    return index < MOST_INDEX ? (uint32_t)index : MOST_INDEX;
}

static double middle_of(uint32_t index)
{
    return LEAST_US * exp((index + 0.5) * LOG_WIDTH) / 1e6;
}

static void take_out(struct kpd_cell *cell, uint32_t at)
{
    cell->bin_count--;
    memmove(&cell->bins[at], &cell->bins[at + 1],
            (cell->bin_count - at) * sizeof cell->bins[0]);
}

/* The neighbours with the fewest answers become one, in the place of the larger. */
static void make_room(struct kpd_cell *cell)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i + 1 < cell->bin_count; i++)
        if (cell->bins[i].count + cell->bins[i + 1].count <
            cell->bins[best].count + cell->bins[best + 1].count)
            best = i;
    struct kpd_bin *low = &cell->bins[best], *high = &cell->bins[best + 1];
    if (high->count > low->count)
        low->index = high->index;
    low->count += high->count;
    take_out(cell, best + 1);
}

static void add_bin(struct kpd_cell *cell, uint32_t index, uint32_t count)
{
    uint32_t at = 0;
    while (at < cell->bin_count && cell->bins[at].index < index)
        at++;
    if (at < cell->bin_count && cell->bins[at].index == index) {
        cell->bins[at].count += count;
        return;
    }
    if (cell->bin_count == KPD_CELL_BINS) {
        make_room(cell);
        add_bin(cell, index, count);
        return;
    }
    memmove(&cell->bins[at + 1], &cell->bins[at],
            (cell->bin_count - at) * sizeof cell->bins[0]);
    cell->bins[at] = (struct kpd_bin){index, count};
    cell->bin_count++;
}

void kpd_cell_rtt(struct kpd_cell *cell, int32_t rtt_us)
{
    if (rtt_us >= 0)
        add_bin(cell, index_of(rtt_us), 1);
}

void kpd_cell_add(struct kpd_cell *sum, const struct kpd_cell *more)
{
    sum->sent += more->sent;
    sum->answered += more->answered;
    for (int s = 0; s < KP_STATE_COUNT; s++)
        sum->seconds[s] += more->seconds[s];
    for (uint32_t i = 0; i < more->bin_count; i++)
        add_bin(sum, more->bins[i].index, more->bins[i].count);
}

bool kpd_cell_empty(const struct kpd_cell *cell)
{
    uint32_t any = cell->sent | cell->answered | cell->bin_count;
    for (int s = 0; s < KP_STATE_COUNT; s++)
        any |= cell->seconds[s];
    return any == 0;
}

double kpd_cell_percentile(const struct kpd_cell *cell, double q)
{
    uint64_t total = 0, seen = 0;
    for (uint32_t i = 0; i < cell->bin_count; i++)
        total += cell->bins[i].count;
    for (uint32_t i = 0; i < cell->bin_count; i++) {
        seen += cell->bins[i].count;
        if ((double)seen >= q * (double)total)
            return middle_of(cell->bins[i].index);
    }
    return -1;
}

void kpd_cell_write_number(struct kp_text *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        char byte = (char)(v | 0x80);
        kp_text_addn(out, &byte, 1);
    }
    char byte = (char)v;
    kp_text_addn(out, &byte, 1);
}

uint64_t kpd_cell_read_number(struct kp_rd *in)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = kp_rd_u8(in);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    in->bad = true;
    return 0;
}

void kpd_cell_write(const struct kpd_cell *cell, struct kp_text *out)
{
    uint32_t last = 0;
    kpd_cell_write_number(out, cell->sent);
    kpd_cell_write_number(out, cell->answered);
    /* Most of the time there is one state, and few bins: both go into one byte. */
    unsigned states = 0;
    for (int s = 0; s < KP_STATE_COUNT; s++)
        states |= (cell->seconds[s] > 0 ? 1U : 0U) << s;
    kpd_cell_write_number(out, (uint64_t)cell->bin_count << KP_STATE_COUNT | states);
    for (int s = 0; s < KP_STATE_COUNT; s++)
        if (cell->seconds[s] > 0)
            kpd_cell_write_number(out, cell->seconds[s]);
    for (uint32_t i = 0; i < cell->bin_count; i++) {
        kpd_cell_write_number(out, cell->bins[i].index - last);
        kpd_cell_write_number(out, cell->bins[i].count);
        last = cell->bins[i].index;
    }
}

static uint32_t read_u32(struct kp_rd *in)
{
    uint64_t v = kpd_cell_read_number(in);
    in->bad |= v > UINT32_MAX;
    return in->bad ? 0 : (uint32_t)v;
}

void kpd_cell_read(struct kp_rd *in, struct kpd_cell *out)
{
    uint32_t last = 0;
    *out = (struct kpd_cell){.sent = read_u32(in), .answered = 0};
    out->answered = read_u32(in);
    uint32_t shape = read_u32(in);
    uint32_t count = shape >> KP_STATE_COUNT;
    for (int s = 0; s < KP_STATE_COUNT; s++)
        out->seconds[s] = shape >> s & 1 ? read_u32(in) : 0;
    in->bad |= count > KPD_CELL_BINS;
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        last += read_u32(in);
        add_bin(out, last, read_u32(in));
    }
    if (in->bad)
        *out = (struct kpd_cell){0};
}
