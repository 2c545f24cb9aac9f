/* Sparklines: one character per cell, from JSON lists of numbers and nulls. */
#ifndef KPC_SPARK_H
#define KPC_SPARK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Room for the longest sparkline: 60 cells of 3 bytes and a NUL. */
#define KPC_SPARK_CELLS 60
#define KPC_SPARK_SIZE (KPC_SPARK_CELLS * 3 + 1)

struct kpc_spark {
    char text[KPC_SPARK_SIZE];
};

/* Answered shares, oldest first: null is not measured, 0 no answer, 1 a full
 * block.  At most `cells` are drawn: neighbours are averaged where there are
 * more, so that the whole time stays in view. */
struct kpc_spark kpc_spark_share(const json_t *list, size_t cells, bool ascii);

/* Round-trip times, oldest first: null is no answer.  The lowest stands at the
 * bottom; ripples below half of it stay low, so that a calm line looks calm.
 * The latest `cells` are drawn. */
struct kpc_spark kpc_spark_rtt(const json_t *list, size_t cells, bool ascii);

#endif
