/* Looking into replies. */
#include "tests/unit/unit.h"

#include "tests/unit/control_fake.h"

#include <stdlib.h>
#include <string.h>

json_t *at(json_t *json, const char *path)
{
    char part[64];
    const char *rest = path;
    while (*rest) {
        size_t n = strcspn(rest, ".");
        assert_true(n < sizeof part);
        memcpy(part, rest, n);
        part[n] = '\0';
        rest += n + (rest[n] == '.');
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                   : json_object_get(json, part);
        if (!json)
            fail_msg("there is no %s (at %s)", path, part);
    }
    return json;
}

const char *text_at(json_t *json, const char *path)
{
    json_t *text = at(json, path);
    if (!json_is_string(text))
        fail_msg("%s is no string", path);
    return json_string_value(text);
}

json_int_t int_at(json_t *json, const char *path)
{
    json_t *number = at(json, path);
    if (!json_is_integer(number))
        fail_msg("%s is no integer", path);
    return json_integer_value(number);
}

bool is_error(json_t *message, const char *error)
{
    const char *name = json_string_value(json_object_get(message, "error"));
    const char *dot = name ? strrchr(name, '.') : NULL;
    return dot && json_is_object(at(message, "parameters")) && strcmp(dot + 1, error) == 0;
}
