#include "lib/judging/window.h"

#include <math.h>
#include <string.h>

#define CELL_NS (10 * KP_NS_PER_S)
#define SPAN_NS (60 * KP_NS_PER_S)
#define BINS_PER_OCTAVE 16.0

void kp_window_init(struct kp_window *w)
{
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < KP_WINDOW_CELLS; i++)
        w->cells[i].index = -1;
    for (size_t i = 0; i < KP_WINDOW_SPANS; i++)
        w->spans[i].index = -1;
}

/* The cell of this time, emptied if it still holds an older one; NULL where the
 * time is older than what the cell holds. */
static struct kp_window_cell *cell_at(struct kp_window *w, struct kp_mono t)
{
    int64_t index = t.ns / CELL_NS;
    struct kp_window_cell *cell = &w->cells[index % KP_WINDOW_CELLS];
    if (cell->index < index)
        *cell = (struct kp_window_cell){.index = index};
    return cell->index == index ? cell : NULL;
}

static struct kp_window_span *span_at(struct kp_window *w, struct kp_mono t)
{
    int64_t index = t.ns / SPAN_NS;
    struct kp_window_span *span = &w->spans[index % KP_WINDOW_SPANS];
    if (span->index < index) {
        memset(span, 0, sizeof *span);
        span->index = index;
    }
    return span->index == index ? span : NULL;
}

static size_t bin_of(double rtt)
{
    double bin = log2(fmax(rtt * 1e6, 1)) * BINS_PER_OCTAVE;
    return bin < KP_WINDOW_BINS - 1 ? (size_t)bin : KP_WINDOW_BINS - 1;
}

static void add_rtt(struct kp_window *w, struct kp_mono sent, double rtt)
{
    struct kp_window_span *span = span_at(w, sent);
    if (span == NULL)
        return;
    uint16_t *bin = &span->bins[bin_of(rtt)];
    if (*bin < UINT16_MAX) {
        ++*bin;
        span->count++;
    }
}

void kp_window_add(struct kp_window *w, struct kp_mono sent, double rtt)
{
    struct kp_window_cell *cell = cell_at(w, sent);
    if (cell != NULL) {
        cell->finished++;
        cell->answered += rtt >= 0;
    }
    if (rtt >= 0)
        add_rtt(w, sent, rtt);
}

void kp_window_revise(struct kp_window *w, struct kp_mono sent, double rtt)
{
    struct kp_window_cell *cell = cell_at(w, sent);
    if (cell != NULL && cell->answered < cell->finished)
        cell->answered++;
    add_rtt(w, sent, rtt);
}

static bool recent(int64_t index, struct kp_mono now, int64_t unit, int64_t count)
{
    return index >= 0 && index > now.ns / unit - count;
}

double kp_window_ratio(const struct kp_window *w, struct kp_mono now)
{
    uint64_t finished = 0;
    uint64_t answered = 0;
    for (size_t i = 0; i < KP_WINDOW_CELLS; i++) {
        if (!recent(w->cells[i].index, now, CELL_NS, KP_WINDOW_CELLS))
            continue;
        finished += w->cells[i].finished;
        answered += w->cells[i].answered;
    }
    return finished > 0 ? (double)answered / (double)finished : -1;
}

double kp_window_rtt(const struct kp_window *w, struct kp_mono now, double q)
{
    uint32_t total = 0;
    bool use[KP_WINDOW_SPANS];
    for (size_t i = 0; i < KP_WINDOW_SPANS; i++) {
        use[i] = recent(w->spans[i].index, now, SPAN_NS, KP_WINDOW_SPANS);
        total += use[i] ? w->spans[i].count : 0;
    }
    if (total == 0)
        return -1;
    double wanted = q * total;
    uint32_t sum = 0;
    size_t bin = 0;
    for (; bin < KP_WINDOW_BINS; bin++) {
        for (size_t i = 0; i < KP_WINDOW_SPANS; i++)
            sum += use[i] ? w->spans[i].bins[bin] : 0;
        if (sum >= wanted)
            break;
    }
    return exp2(((double)bin + 0.5) / BINS_PER_OCTAVE) / 1e6;
}

void kp_window_cells(const struct kp_window *w, struct kp_mono now, double out[KP_WINDOW_CELLS])
{
    int64_t newest = now.ns / CELL_NS;
    for (int64_t i = 0; i < KP_WINDOW_CELLS; i++) {
        int64_t index = newest - (KP_WINDOW_CELLS - 1) + i;
        const struct kp_window_cell *cell =
            &w->cells[(index + KP_WINDOW_CELLS) % KP_WINDOW_CELLS];
        bool seen = index >= 0 && cell->index == index && cell->finished > 0;
        out[i] = seen ? (double)cell->answered / cell->finished : -1;
    }
}
