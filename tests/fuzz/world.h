/* What the fuzz targets share: a small configuration, a core that knows it and sends
 * nothing, and lines of text. */
#ifndef KP_TESTS_FUZZ_WORLD_H
#define KP_TESTS_FUZZ_WORLD_H

#include "lib/core/feed.h"

#define FUZZ_T0 INT64_C(1764979200) /* 2025-12-06T00:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_world {
    struct kp_conf *conf;
    struct kp_core *core;
};

/* Traps where it cannot be made. */
struct fuzz_world fuzz_world_new(void);
void fuzz_world_free(struct fuzz_world *world);

/* Reads JSON of what was learned, and has the core go on from it. */
void fuzz_learn(struct kp_core *core, const char *text, size_t len);

/* The next line without its end; false: that was all. */
bool fuzz_line(const char **text, size_t *left, const char **line, size_t *len);

#endif
