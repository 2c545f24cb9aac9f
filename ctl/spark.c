#include "ctl/spark.h"

#include <math.h>
#include <string.h>

#define LEVELS 8

static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ramp[LEVELS] = {"_", ",", "-", "~", "=", "+", "*", "#"};

enum mark { NOT_MEASURED = -2, NO_ANSWER = -1 }; /* else a level from 0 */

static void put(struct kpc_spark *out, int level, bool ascii)
{
    const char *cell = "";
    if (level == NOT_MEASURED)
        cell = ascii ? "." : "·";
    else if (level == NO_ANSWER)
        cell = ascii ? "x" : "×";
    else
        cell = ascii ? ramp[level] : blocks[level];
    size_t used = strlen(out->text);
    size_t len = strlen(cell);
    if (used + len < sizeof out->text)
        memcpy(out->text + used, cell, len + 1);
}

/* Only what answered all gets the full block: 99 % must look different. */
static int share_level(double share)
{
    if (share <= 0)
        return NO_ANSWER;
    if (share >= 1)
        return LEVELS - 1;
    return (int)(share * (LEVELS - 1));
}

/* The mean of the measured cells in [from, to); not measured where none is. */
static int merged_level(const json_t *list, size_t from, size_t to)
{
    double sum = 0;
    unsigned count = 0;
    for (size_t i = from; i < to; i++) {
        const json_t *cell = json_array_get(list, i);
        if (!json_is_number(cell))
            continue;
        sum += json_number_value(cell);
        count++;
    }
    return count == 0 ? NOT_MEASURED : share_level(sum / count);
}

static size_t drawn(size_t have, size_t cells)
{
    size_t most = cells < KPC_SPARK_CELLS ? cells : KPC_SPARK_CELLS;
    return have < most ? have : most;
}

struct kpc_spark kpc_spark_share(const json_t *list, size_t cells, bool ascii)
{
    struct kpc_spark out = {""};
    size_t have = json_array_size(list);
    size_t count = drawn(have, cells);
    /* Cells of equal length only: where 60 do not divide, draw fewer. */
    if (count == 0)
        return out;
    size_t each = (have + count - 1) / count;
    size_t first = have % each;
    if (first > 0)
        put(&out, merged_level(list, 0, first), ascii);
    for (size_t i = first; i + each <= have; i += each)
        put(&out, merged_level(list, i, i + each), ascii);
    return out;
}

static int rtt_level(double value, double low, double high)
{
    double range = fmax(high - low, low / 2);
    if (range <= 0)
        return 0;
    double level = (value - low) / range * LEVELS;
    return level >= LEVELS - 1 ? LEVELS - 1 : (int)fmax(level, 0);
}

struct kpc_spark kpc_spark_rtt(const json_t *list, size_t cells, bool ascii)
{
    struct kpc_spark out = {""};
    size_t have = json_array_size(list);
    size_t from = have - drawn(have, cells);
    double low = INFINITY;
    double high = 0;
    for (size_t i = from; i < have; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value))
            continue;
        low = fmin(low, json_number_value(value));
        high = fmax(high, json_number_value(value));
    }
    for (size_t i = from; i < have; i++) {
        const json_t *value = json_array_get(list, i);
        put(&out,
            json_is_number(value) ? rtt_level(json_number_value(value), low, high) : NO_ANSWER,
            ascii);
    }
    return out;
}
