#include "lib/telling/event_log.h"

#include "lib/telling/json_obj.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64 /* of a field; the journal's own limit */

/* Drawn once by chance and never changed: catalogs and filters hold them. */
static const char *const message_ids[KP_ACTION_COUNT] = {
    [KP_EV_PROBE_RESULT] = "588314c052344a63a3d02eb81d1cd44a",
    [KP_EV_SUSPICION_RAISED] = "f750104d41f148de821b51073da36b2d",
    [KP_EV_SUSPICION_CLEARED] = "647868c3b9454feca18290ccb7b8ff66",
    [KP_EV_TARGET_STATE] = "f690402842364eddbba6e7be27a25f0a",
    [KP_EV_PATH_STATE] = "f5fbdf1c92104e8bb78f1901ce45694f",
    [KP_EV_PATH_MOVE] = "a52b4d6ad3094123a88917ffd686ef18",
    [KP_EV_DNS_MISMATCH] = "00237b7281574d9297c6940193362469",
    [KP_EV_INCIDENT_OPENED] = "7af09e12528b4b7cb34fbda1b2ee68b0",
    [KP_EV_INCIDENT_UPDATED] = "535c50dbbdbd4b1f8d6b014df21c17cd",
    [KP_EV_INCIDENT_CLOSED] = "69277cd952094129b835522296834a60",
    [KP_EV_CONFIG_RELOAD] = "febfdc355aac4fb48dea605d2bbb5b1b",
    [KP_EV_DAEMON_START] = "9eecb150831f4b29b8263502ecd09a83",
    [KP_EV_DAEMON_STOP] = "07048b90021140feaa1382e7b5d985f0",
    [KP_EV_DAEMON_HEALTH] = "ed2d277d9cc94606b7e3906e6913dff5",
    [KP_EV_VANTAGE_HEALTH] = "0b16d6fa75494594988bbc187712a7ce",
};

int kp_event_priority(enum kp_level level)
{
    static const int priorities[KP_LEVEL_COUNT] = {[KP_LOG_ERROR] = 3,
                                                   [KP_LOG_WARNING] = 4,
                                                   [KP_LOG_NOTICE] = 5,
                                                   [KP_LOG_INFO] = 6,
                                                   [KP_LOG_DEBUG] = 7};
    return priorities[level];
}

const char *kp_event_message_id(enum kp_action action)
{
    return message_ids[action];
}

/* A text with a newline in it is written with its length before it. */
static void put(struct kp_text *out, const char *name, const char *value)
{
    size_t len = strlen(value);
    kp_text_add(out, name);
    if (memchr(value, '\n', len)) {
        unsigned char size[8];
        for (unsigned i = 0; i < 8; i++)
            size[i] = (unsigned char)((uint64_t)len >> (8 * i));
        kp_text_add(out, "\n");
        kp_text_addn(out, (const char *)size, sizeof size);
    } else {
        kp_text_add(out, "=");
    }
    kp_text_addn(out, value, len);
    kp_text_add(out, "\n");
}

static void put_json(struct kp_text *out, const char *name, const json_t *value)
{
    char *text = kp_json_dump(value, KP_JSON_FLAGS);
    if (text)
        put(out, name, text);
    else
        out->nomem = true;
    free(text);
}

static void put_value(struct kp_text *out, const char *name, const json_t *value)
{
    size_t i;
    const json_t *one;
    if (json_is_string(value)) {
        put(out, name, json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, one) put_value(out, name, one);
    } else if (!json_is_null(value)) {
        put_json(out, name, value);
    }
}

/* prefix and, unless key is "name", '_' and key in capitals. */
static void join(char out[NAME_SIZE + 1], const char *prefix, const char *key)
{
    size_t n = strlen(prefix);
    memcpy(out, prefix, n);
    if (strcmp(key, "name") != 0) {
        out[n++] = '_';
        for (; *key && n < NAME_SIZE; key++)
            out[n++] =
                (char)(isalnum((unsigned char)*key) ? toupper((unsigned char)*key) : '_');
    }
    out[n] = '\0';
}

/* The members of an object, and of the objects in it: three floors at most. */
static void put_members(struct kp_text *out, const char *prefix, json_t *object, unsigned floor)
{
    char name[NAME_SIZE + 1];
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        join(name, prefix, key);
        if (json_is_object(value) && floor < 3)
            put_members(out, name, value, floor + 1);
        else
            put_value(out, name, value);
    }
}

void kp_event_journal(const struct kp_event *event, const json_t *envelope, const char *json,
                      struct kp_text *out)
{
    char priority[] = {(char)('0' + kp_event_priority(event->level)), '\0'};
    put(out, "MESSAGE", event->message);
    put(out, "PRIORITY", priority);
    put(out, "MESSAGE_ID", kp_event_message_id(event->action));
    put(out, "SYSLOG_IDENTIFIER", "kpwatchd");
    put_members(out, "KPWATCHD_EVENT", json_object_get(envelope, "event"), 1);
    put_members(out, "KPWATCHD_OBSERVER", json_object_get(envelope, "observer"), 1);
    put_members(out, "KPWATCHD", json_object_get(envelope, "kp"), 1);
    put(out, "KPWATCHD_JSON", json);
}
