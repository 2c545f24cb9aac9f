/* What could stand at the end of a command line that is being typed. */
#ifndef KPC_COMPLETE_H
#define KPC_COMPLETE_H

#include "ctl/verb.h"

/* Appends to out what the last of `count` words (the first is the program) may be:
 * a line each, "CANDIDATE<TAB>what it is".  ":files" alone: the name of a file.
 * Asks the daemon for names; where it does not answer there are none. */
void kpc_complete(struct kpc_ctx *ctx, const char *const *words, size_t count,
                  struct kp_text *out);

#endif
