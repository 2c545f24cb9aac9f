/* What the core knows, as the objects of CONTRACT.md ("Control protocol") and
 * monitor.varlink: the parameters of the replies, and what `--json` prints. */
#ifndef KP_TELLING_REPORT_H
#define KP_TELLING_REPORT_H

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/conf/diag.h"
#include "lib/core/view.h"

#include <jansson.h>

#define KP_REPORT_SCHEMA 1

/* What the reports say beyond the core: who tells, and since when. */
struct kp_report_daemon {
    const char *version;
    const char *vantage_name;
    struct kp_wall started_at;
    struct kp_wall config_loaded_at;
    struct kp_wall now;
    struct kp_dur uptime;        /* by the monotonic clock: now - started_at may lie */
    struct kp_dur recover_after; /* verdict.recover-after; 0: not told */
    uint64_t events_dropped;
};

/* NULL members: all. */
struct kp_report_filter {
    const char *target; /* may name an anchor */
    const char *state;
    const char *group;
};

/* Each returns the caller's own object, or NULL where memory ran out. */
json_t *kp_report_status(const struct kp_core *core, const struct kp_report_daemon *daemon);
json_t *kp_report_mutes(const struct kp_core *core);
json_t *kp_report_stats(const struct kp_core *core, const struct kp_report_daemon *daemon);

/* All paths, or the named one.  KP_ERR_NOTFOUND or KP_ERR_NOMEM leave *out alone. */
enum kp_err kp_report_paths(const struct kp_core *core, const char *name, json_t **out);

/* The targets as JSON text, piece by piece: ten thousand of them are worth tens of
 * megabytes, and a reader may be slow.  The texts of filter must stay until the
 * last piece; a configure in between makes the rest a list of other targets. */
struct kp_report_targets {
    struct kp_report_filter filter;
    uint32_t next;
    bool begun, any;
};

/* KP_ERR_NOTFOUND: no such target (or anchor), or no target in such a group;
 * KP_ERR_RANGE: no such state. */
enum kp_err kp_report_targets_begin(const struct kp_core *core,
                                    const struct kp_report_filter *filter,
                                    struct kp_report_targets *it);

/* Appends the next piece, about one target; false once that was the last. */
bool kp_report_targets_next(const struct kp_core *core, struct kp_report_targets *it,
                            struct kp_text *out);

/* One entry of the list of mutes by name; NULL: memory ran out, or not muted. */
json_t *kp_report_mute(const struct kp_core *core, const char *name);

/* Errors found in a configuration, as a list of Diagnostic. */
json_t *kp_report_diags(const struct kp_diags *diags);

/* The known name most like a wrong one: of a target or anchor, a path, a group,
 * or (KP_NAME_ANY) a target or path.  NULL: none is near. */
enum kp_name_kind { KP_NAME_TARGET, KP_NAME_PATH, KP_NAME_GROUP, KP_NAME_ANY };
const char *kp_report_nearest(const struct kp_core *core, enum kp_name_kind kind,
                              const char *name);

#endif
