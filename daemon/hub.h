/* The event hub: every event passes here once.  It gives each a sequence number,
 * writes its envelope once as compact JSON, keeps the recent past in memory and
 * hands it to whoever listens. */
#ifndef KPD_HUB_H
#define KPD_HUB_H

#include "lib/core/event.h"
#include "lib/telling/event_json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KPD_HUB_EVENTS 4096
#define KPD_HUB_BYTES ((size_t)8 << 20)

struct kpd_hub;

struct kpd_hub_entry {
    uint64_t seq; /* from 1 */
    enum kp_action action;
    enum kp_level level;
    struct kp_wall at;
    const char *json; /* the envelope without newline; NULL: memory ran out */
    size_t len;
};

/* Must not publish, and must not add or remove sinks. */
typedef void kpd_sink_fn(const struct kpd_hub_entry *entry, const struct kp_event *event,
                         void *ctx);

/* The texts of source are copied.  Keeps at most this many events and bytes of
 * JSON; 0: KPD_HUB_EVENTS, KPD_HUB_BYTES.  NULL: out of memory. */
struct kpd_hub *kpd_hub_new(const struct kp_event_source *source, size_t events, size_t bytes);
void kpd_hub_free(struct kpd_hub *hub);

/* After a reload that changed vantage.name or its country; boot and the sequence
 * go on.  False: out of memory, nothing changed. */
bool kpd_hub_set_vantage(struct kpd_hub *hub, const char *name, const char *country);

void kpd_hub_publish(struct kpd_hub *hub, const struct kp_event *event);

/* Calls fn for each event from now on, in the order of registration.  False: out
 * of memory. */
bool kpd_hub_sink(struct kpd_hub *hub, kpd_sink_fn *fn, void *ctx);
void kpd_hub_unsink(struct kpd_hub *hub, kpd_sink_fn *fn, void *ctx);

/* A sink says that it lost n events; they count as dropped. */
void kpd_hub_note_dropped(struct kpd_hub *hub, uint64_t n);

const char *kpd_hub_boot(const struct kpd_hub *hub);

/* The event of that number; NULL: not yet, or no longer. Valid until the next
 * publish. */
const struct kpd_hub_entry *kpd_hub_get(const struct kpd_hub *hub, uint64_t seq);

struct kpd_hub_stats {
    uint64_t last;    /* number of the newest event; 0: none yet */
    uint64_t oldest;  /* number of the oldest one held; last + 1: none */
    uint64_t dropped; /* not written for lack of memory, or lost by a sink */
    size_t bytes;     /* of JSON held */
};
void kpd_hub_stats(const struct kpd_hub *hub, struct kpd_hub_stats *out);

#endif
