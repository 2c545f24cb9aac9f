#include "lib/base/vocab.h"

#include <stddef.h>
#include <string.h>

struct entry {
    const char *name;
    const char *doc;
};

#define ENTRY(id, name, doc) {name, doc},

static bool find(const struct entry *list, size_t count, const char *text, size_t *index)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, text) == 0) {
            *index = i;
            return true;
        }
    return false;
}

#define DEFINE(type, LIST, COUNT)                                                              \
    static const struct entry type##_list[] = {LIST(ENTRY)};                                   \
    const char *kp_##type##_name(enum kp_##type value)                                         \
    {                                                                                          \
        return (size_t)value < (size_t)COUNT ? type##_list[value].name : "?";                  \
    }                                                                                          \
    const char *kp_##type##_doc(enum kp_##type value)                                          \
    {                                                                                          \
        return (size_t)value < (size_t)COUNT ? type##_list[value].doc : "?";                   \
    }                                                                                          \
    bool kp_##type##_parse(const char *text, enum kp_##type *value)                            \
    {                                                                                          \
        size_t index = 0;                                                                      \
        if (!find(type##_list, COUNT, text, &index))                                           \
            return false;                                                                      \
        *value = (enum kp_##type)index;                                                        \
        return true;                                                                           \
    }                                                                                          \
    _Static_assert(sizeof type##_list / sizeof type##_list[0] == COUNT, #type)

DEFINE(state, KP_STATE_LIST, KP_STATE_COUNT);
DEFINE(probe_type, KP_PROBE_LIST, KP_PROBE_COUNT);
DEFINE(result, KP_RESULT_LIST, KP_RESULT_COUNT);
DEFINE(verdict, KP_VERDICT_LIST, KP_VERDICT_COUNT);
DEFINE(phase, KP_PHASE_LIST, KP_PHASE_COUNT);
DEFINE(confidence, KP_CONFIDENCE_LIST, KP_CONFIDENCE_COUNT);
DEFINE(cause, KP_CAUSE_LIST, KP_CAUSE_COUNT);
DEFINE(discard, KP_DISCARD_LIST, KP_DISCARD_COUNT);
DEFINE(action, KP_ACTION_LIST, KP_ACTION_COUNT);
DEFINE(level, KP_LEVEL_LIST, KP_LEVEL_COUNT);
DEFINE(record_kind, KP_RECORD_LIST, KP_RECORD_COUNT);
