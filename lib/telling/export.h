/* Evidence as one text (CONTRACT: "Records"), piece by piece: a header with the
 * configuration and the learned state, then the records since. */
#ifndef KP_TELLING_EXPORT_H
#define KP_TELLING_EXPORT_H

#include "lib/base/text.h"
#include "lib/core/learned.h"

struct kp_export {
    struct kp_learned *learned; /* held; NULL: none is under way */
    uint32_t piece;             /* of learned, next */
    enum kp_export_stage { KP_EXPORT_HEADER, KP_EXPORT_LEARNED, KP_EXPORT_RECORDS } stage;
    uint64_t next, last;  /* records */
    struct kp_wall until; /* no later ones */
    bool complete;        /* begins before what was asked for */
};

/* Begins with the last learned state from a minute before `since`, or, where records no longer
 * reach so far back (complete is false then), with the oldest there is; ends with what
 * is known now, or was at `until` (never: now).  KP_ERR_NOTFOUND: there is none yet. */
enum kp_err kp_export_begin(struct kp_core *core, struct kp_wall since, struct kp_wall until,
                            struct kp_export *x);

/* Appends the next piece.  KP_OK: there may be more; KP_ERR_NOTFOUND: that was all;
 * KP_ERR_RANGE: records went while we waited for the reader; KP_ERR_NOMEM. */
enum kp_err kp_export_next(struct kp_core *core, const char *version, struct kp_export *x,
                           struct kp_text *out);
void kp_export_end(struct kp_export *x);

#endif
