#include "daemon/hub.h"

#include "lib/telling/json_obj.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sink {
    struct sink *next;
    kpd_sink_fn *fn;
    void *ctx;
};

struct kept {
    struct kpd_hub_entry entry; /* entry.json is text */
    char *text;
};

struct kpd_hub {
    char *vantage, *country, *version, *boot;
    struct sink *sinks;
    struct kept *ring; /* event seq stands at seq % room */
    size_t room;
    size_t max_bytes;
    size_t bytes;
    uint64_t last;   /* newest number given */
    uint64_t oldest; /* oldest number held */
    uint64_t dropped[KPD_READER_COUNT];
    bool publishing;
};

/* A copy in *to; a missing text stays NULL. */
static bool copy_text(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return *to || !text;
}

struct kpd_hub *kpd_hub_new(const struct kp_event_source *source, size_t events, size_t bytes)
{
    struct kpd_hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return NULL;
    hub->room = events ? events : KPD_HUB_EVENTS;
    hub->max_bytes = bytes ? bytes : KPD_HUB_BYTES;
    hub->oldest = 1;
    hub->ring = calloc(hub->room, sizeof *hub->ring);
    bool copied = copy_text(&hub->vantage, source->vantage) &&
                  copy_text(&hub->country, source->country) &&
                  copy_text(&hub->version, source->version) &&
                  copy_text(&hub->boot, source->boot);
    if (!hub->ring || !copied) {
        kpd_hub_free(hub);
        return NULL;
    }
    return hub;
}

void kpd_hub_free(struct kpd_hub *hub)
{
    if (!hub)
        return;
    while (hub->sinks) {
        struct sink *gone = hub->sinks;
        hub->sinks = gone->next;
        free(gone);
    }
    for (size_t i = 0; hub->ring && i < hub->room; i++)
        free(hub->ring[i].text);
    free(hub->ring);
    free(hub->vantage);
    free(hub->country);
    free(hub->version);
    free(hub->boot);
    free(hub);
}

bool kpd_hub_set_vantage(struct kpd_hub *hub, const char *name, const char *country)
{
    char *new_name, *new_country;
    bool named = copy_text(&new_name, name);
    bool placed = copy_text(&new_country, country);
    if (!named || !placed) {
        free(new_name);
        free(new_country);
        return false;
    }
    free(hub->vantage);
    free(hub->country);
    hub->vantage = new_name;
    hub->country = new_country;
    return true;
}

bool kpd_hub_sink(struct kpd_hub *hub, kpd_sink_fn *fn, void *ctx)
{
    assert(!hub->publishing);
    struct sink **end = &hub->sinks;
    while (*end)
        end = &(*end)->next;
    *end = calloc(1, sizeof **end);
    if (!*end)
        return false;
    **end = (struct sink){NULL, fn, ctx};
    return true;
}

void kpd_hub_unsink(struct kpd_hub *hub, kpd_sink_fn *fn, void *ctx)
{
    assert(!hub->publishing);
    for (struct sink **at = &hub->sinks; *at; at = &(*at)->next) {
        struct sink *sink = *at;
        if (sink->fn != fn || sink->ctx != ctx)
            continue;
        *at = sink->next;
        free(sink);
        return;
    }
}

static void forget_oldest(struct kpd_hub *hub)
{
    struct kept *gone = &hub->ring[hub->oldest % hub->room];
    hub->bytes -= gone->entry.len;
    free(gone->text);
    *gone = (struct kept){0};
    hub->oldest++;
}

/* Makes room for one more event of len bytes; one that is too long for the whole
 * memory is kept all the same, alone. */
static void make_room(struct kpd_hub *hub, size_t len)
{
    while (hub->oldest <= hub->last &&
           (hub->last - hub->oldest + 1 >= hub->room || hub->bytes + len > hub->max_bytes))
        forget_oldest(hub);
}

static json_t *envelope(const struct kpd_hub *hub, const struct kp_event *event, uint64_t seq)
{
    struct kp_event_source source = {hub->vantage, hub->country, hub->version, hub->boot};
    return kp_event_json(event, &source, seq);
}

static void tell_sinks(struct kpd_hub *hub, const struct kpd_hub_entry *entry,
                       const struct kp_event *event)
{
    hub->publishing = true;
    for (struct sink *sink = hub->sinks; sink; sink = sink->next)
        sink->fn(entry, event, sink->ctx);
    hub->publishing = false;
}

void kpd_hub_publish(struct kpd_hub *hub, const struct kp_event *event)
{
    assert(!hub->publishing);
    /* The number is spent even where memory ran out, so that readers see a gap. */
    json_t *object = envelope(hub, event, hub->last + 1);
    char *text = kp_json_dump(object, KP_JSON_FLAGS);
    size_t len = text ? strlen(text) : 0;
    make_room(hub, len);
    hub->last++;
    hub->bytes += len;
    hub->dropped[KPD_READER_MEMORY] += text == NULL;
    struct kept *kept = &hub->ring[hub->last % hub->room];
    kept->text = text;
    kept->entry = (struct kpd_hub_entry){.seq = hub->last,
                                         .action = event->action,
                                         .level = event->level,
                                         .at = event->at,
                                         .json = text,
                                         .len = len,
                                         .object = text ? object : NULL};
    tell_sinks(hub, &kept->entry, event);
    kept->entry.object = NULL;
    json_decref(object);
}

void kpd_hub_note_dropped(struct kpd_hub *hub, enum kpd_reader reader, uint64_t n)
{
    hub->dropped[reader] += n;
}

const char *kpd_reader_name(enum kpd_reader reader)
{
#define NAME(id, name) name,
    static const char *const names[] = {KPD_READER_LIST(NAME)};
    return names[reader];
}

const char *kpd_hub_boot(const struct kpd_hub *hub)
{
    return hub->boot;
}

const struct kpd_hub_entry *kpd_hub_get(const struct kpd_hub *hub, uint64_t seq)
{
    if (seq < hub->oldest || seq > hub->last)
        return NULL;
    return &hub->ring[seq % hub->room].entry;
}

void kpd_hub_stats(const struct kpd_hub *hub, struct kpd_hub_stats *out)
{
    *out = (struct kpd_hub_stats){
        .last = hub->last,
        .oldest = hub->oldest,
        .bytes = hub->bytes,
    };
    for (int i = 0; i < KPD_READER_COUNT; i++) {
        out->dropped_by[i] = hub->dropped[i];
        out->dropped += hub->dropped[i];
    }
}
