/* One incident as an object: what `incidents --json` lists, and what events and
 * evidence records carry (CONTRACT: "incidents --json"). */
#ifndef KP_TELLING_INCIDENT_JSON_H
#define KP_TELLING_INCIDENT_JSON_H

#include "lib/judging/incident.h"

#include <jansson.h>

/* NULL: out of memory. */
json_t *kp_incident_json(const struct kp_incident *incident);

#define KP_UUID_SIZE 37

/* RFC 9562 text: "0190a1b2-...", lower case. */
void kp_uuid_format(const uint8_t uuid[16], char out[KP_UUID_SIZE]);

#endif
