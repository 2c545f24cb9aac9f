/* The learned state as JSON: in the header of an export, and as what is stored for
 * a restart.  Its members are an inner matter of one version and its successors, who
 * read it; unknown ones are ignored, missing ones are as if nothing was learned. */
#ifndef KP_TELLING_LEARNED_JSON_H
#define KP_TELLING_LEARNED_JSON_H

#include "lib/base/text.h"
#include "lib/core/learned.h"

#include <jansson.h>

/* Appends the piece of that number, from 0, of the whole text; false: there are no
 * more.  A hundred thousand items are tens of megabytes, which need not be made at
 * once.  core: whose names they are. */
bool kp_learned_piece(const struct kp_core *core, const struct kp_learned *learned,
                      uint32_t number, struct kp_text *out);

/* The state, its names numbered by core; to be freed with kp_learned_free.  NULL: out
 * of memory. */
struct kp_learned *kp_learned_read(struct kp_core *core, const json_t *json);

#endif
