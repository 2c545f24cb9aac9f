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

/* Who may lose events; the names are those of metrics. */
#define KPD_READER_LIST(X)                                                                     \
    X(KPD_READER_MEMORY, "memory") /* no memory to write it down */                            \
    X(KPD_READER_STDERR, "stderr")                                                             \
    X(KPD_READER_JOURNAL, "journal")                                                           \
    X(KPD_READER_FILE, "file")                                                                 \
    X(KPD_READER_SYSLOG, "syslog")                                                             \
    X(KPD_READER_CONTROL, "control")                                                           \
    X(KPD_READER_HISTORY, "history")
#define KPD_READER_ENUM(id, name) id,
enum kpd_reader { KPD_READER_LIST(KPD_READER_ENUM) KPD_READER_COUNT };
const char *kpd_reader_name(enum kpd_reader reader);

struct kpd_hub_entry {
    uint64_t seq; /* from 1 */
    enum kp_action action;
    enum kp_level level;
    struct kp_wall at;
    const char *json; /* the envelope without newline; NULL: memory ran out */
    size_t len;
    const json_t *object; /* the envelope, while sinks are called; else NULL */
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

/* A reader lost n events; they count as dropped. */
void kpd_hub_note_dropped(struct kpd_hub *hub, enum kpd_reader reader, uint64_t n);

const char *kpd_hub_boot(const struct kpd_hub *hub);

/* The event of that number; NULL: not yet, or no longer. Valid until the next
 * publish. */
const struct kpd_hub_entry *kpd_hub_get(const struct kpd_hub *hub, uint64_t seq);

struct kpd_hub_stats {
    uint64_t last;    /* number of the newest event; 0: none yet */
    uint64_t oldest;  /* number of the oldest one held; last + 1: none */
    uint64_t dropped; /* the sum of dropped_by */
    uint64_t dropped_by[KPD_READER_COUNT];
    size_t bytes; /* of JSON held */
};
void kpd_hub_stats(const struct kpd_hub *hub, struct kpd_hub_stats *out);

#endif
