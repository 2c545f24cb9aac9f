/* The envelope of CONTRACT.md ("Events"), in ECS nested names.  What stands under
 * "kp" depends on the action:
 *
 *   kp.target {name}            events about a target
 *   kp.path   {name, previous}  events about a path; previous: path.move only
 *   kp.state  {from, to, since} target.state path.state vantage.health suspicion.*
 *   kp.probe  {name, type, result, rtt_seconds, reply_ttl, cause, sender, sent, late}
 *             probe.result; other events that name a probe have {name}
 *   kp.incident                 incident.*: the object of `incidents --json`
 *   kp.dns    {expected, found[]}  dns.mismatch
 *   kp.config {success, detail}    config.reload
 *   kp.health {ok, detail}         daemon.* vantage.health
 *
 * An object that does not apply is left out; inside one, unknown is null. */
#ifndef KP_TELLING_EVENT_JSON_H
#define KP_TELLING_EVENT_JSON_H

#include "lib/core/event.h"

#include <jansson.h>

/* Who tells; none of it is copied. */
struct kp_event_source {
    const char *vantage; /* vantage.name */
    const char *country; /* ISO 3166-1 alpha-2; NULL: not given */
    const char *version;
    const char *boot; /* names this run of the daemon; letters and digits */
};

/* NULL: out of memory. */
json_t *kp_event_json(const struct kp_event *event, const struct kp_event_source *source,
                      uint64_t sequence);

/* Whether an action is of a kind a reader asked for: its whole name ("path.state")
 * or the parts it begins with ("path"). */
bool kp_event_is_kind(enum kp_action action, const char *kind);

/* Whether any action is of this kind: else it is a mistake. */
bool kp_event_kind_known(const char *kind);

#endif
