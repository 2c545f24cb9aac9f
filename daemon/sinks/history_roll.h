/* Adds up, on the loop, what goes into the roll-ups: for each target, path and anchor
 * the quarter hours (UTC) that are not written yet.  What is handed on is a difference
 * to what was handed on before; the store adds it. */
#ifndef KPD_SINKS_HISTORY_ROLL_H
#define KPD_SINKS_HISTORY_ROLL_H

#include "daemon/sinks/history_cell.h"
#include "lib/core/core.h"
#include "lib/core/record.h"

#define KPD_QUARTER_S 900

enum kpd_subject { KPD_TARGET, KPD_PATH, KPD_ANCHOR, KPD_SUBJECT_COUNT };
extern const char *const kpd_subject_name[KPD_SUBJECT_COUNT];

struct kpd_roll;

struct kpd_roll *kpd_roll_new(void); /* NULL: out of memory */
void kpd_roll_free(struct kpd_roll *roll);

/* Counts a record by the time it was sent; names are looked up in core. */
void kpd_roll_record(struct kpd_roll *roll, const struct kp_core *core,
                     const struct kp_record *record);

/* The subject was in that state for so many seconds before `at`. */
void kpd_roll_state(struct kpd_roll *roll, enum kpd_subject kind, const char *name,
                    struct kp_wall at, enum kp_state state, uint32_t seconds);

/* Appends all that was counted since the last time, and forgets it:
 * kind, length of name, name, quarter (number since 1970), cell. */
void kpd_roll_flush(struct kpd_roll *roll, struct kp_text *out);

#endif
