/* Events as logs want them: a priority, and for the journal a message id and one
 * field for each member of the envelope.
 *
 * The name of a field is that of the member: "kp." left out, a last ".name" left
 * out, dots to underscores, in capitals, behind KPWATCHD_: kp.incident.class is
 * KPWATCHD_INCIDENT_CLASS, kp.target.name KPWATCHD_TARGET, event.action
 * KPWATCHD_EVENT_ACTION.  A list is a field several times, an object in a list its
 * JSON, null no field.  KPWATCHD_JSON is the whole envelope. */
#ifndef KP_TELLING_EVENT_LOG_H
#define KP_TELLING_EVENT_LOG_H

#include "lib/base/text.h"
#include "lib/core/event.h"

#include <jansson.h>

/* syslog(3) priority: error 3 to debug 7. */
int kp_event_priority(enum kp_level level);

/* The MESSAGE_ID of an action: 32 hexadecimal digits (journald's catalog explains it). */
const char *kp_event_message_id(enum kp_action action);

/* Appends the datagram of systemd's native journal protocol.  envelope is what
 * kp_event_json made of event, json the same as text. */
void kp_event_journal(const struct kp_event *event, const json_t *envelope, const char *json,
                      struct kp_text *out);

#endif
