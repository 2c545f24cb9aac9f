#include "lib/base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 63

struct table {
    size_t rows[3][LONGEST + 1]; /* the row being filled and the two above it */
    const char *a, *b;
    size_t b_len;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment: the row of a[i]. */
static void fill_row(struct table *t, size_t i)
{
    size_t *row = t->rows[(i + 1) % 3];
    const size_t *above = t->rows[i % 3];
    const size_t *above2 = t->rows[(i + 2) % 3];
    row[0] = i + 1;
    for (size_t j = 0; j < t->b_len; j++) {
        size_t best = smaller(above[j + 1], row[j]) + 1;
        best = smaller(best, above[j] + (same(t->a[i], t->b[j]) ? 0 : 1));
        if (i > 0 && j > 0 && same(t->a[i], t->b[j - 1]) && same(t->a[i - 1], t->b[j]))
            best = smaller(best, above2[j - 1] + 1);
        row[j + 1] = best;
    }
}

size_t kp_nearest_distance(const char *a, const char *b)
{
    struct table t = {.a = a, .b = b, .b_len = strlen(b)};
    size_t a_len = strlen(a);
    if (a_len > LONGEST || t.b_len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= t.b_len; j++)
        t.rows[0][j] = j;
    for (size_t i = 0; i < a_len; i++)
        fill_row(&t, i);
    return t.rows[a_len % 3][t.b_len];
}

void kp_nearest_offer(struct kp_nearest *n, const char *known)
{
    /* A third of the letters may be wrong, and one always: beyond that a
     * suggestion confuses more than it helps.  A beginning is near as well. */
    size_t len = strlen(n->wanted);
    size_t allowed = len / 3 > 1 ? len / 3 : 1;
    if (len == 0)
        return;
    size_t distance = kp_nearest_distance(n->wanted, known);
    if (len >= 2 && strncmp(n->wanted, known, len) == 0)
        distance = smaller(distance, 1);
    if (distance <= allowed && distance < n->distance) {
        n->best = known;
        n->distance = distance;
    }
}
