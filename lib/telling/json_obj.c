#include "lib/telling/json_obj.h"

#include "lib/base/text.h"

#include <math.h>
#include <stdlib.h>

struct kp_obj kp_obj_begin(void)
{
    return (struct kp_obj){json_object()};
}

void kp_obj_json(struct kp_obj *o, const char *key, json_t *value)
{
    if (!o->json) {
        json_decref(value);
        return;
    }
    if (json_object_set_new_nocheck(o->json, key, value) != 0) {
        json_decref(o->json);
        o->json = NULL;
    }
}

void kp_obj_text(struct kp_obj *o, const char *key, const char *text)
{
    kp_obj_json(o, key, kp_json_text(text));
}

void kp_obj_time(struct kp_obj *o, const char *key, struct kp_wall t)
{
    char text[KP_RFC3339_SIZE];
    if (t.ns == 0) {
        kp_obj_null(o, key);
        return;
    }
    kp_wall_format(t, text);
    kp_obj_text(o, key, text);
}

void kp_obj_real(struct kp_obj *o, const char *key, double v)
{
    kp_obj_json(o, key, kp_json_real(v));
}

void kp_obj_int(struct kp_obj *o, const char *key, int64_t v)
{
    kp_obj_json(o, key, json_integer(v));
}

void kp_obj_count(struct kp_obj *o, const char *key, uint64_t v)
{
    kp_obj_int(o, key, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void kp_obj_bool(struct kp_obj *o, const char *key, bool v)
{
    kp_obj_json(o, key, json_boolean(v));
}

void kp_obj_null(struct kp_obj *o, const char *key)
{
    kp_obj_json(o, key, json_null());
}

void kp_obj_addr(struct kp_obj *o, const char *key, const struct kp_addr *a)
{
    char text[KP_ADDR_SIZE];
    if (a->family == KP_AF_NONE) {
        kp_obj_null(o, key);
        return;
    }
    kp_addr_format(a, text);
    kp_obj_text(o, key, text);
}

json_t *kp_obj_end(struct kp_obj *o)
{
    json_t *json = o->json;
    o->json = NULL;
    return json;
}

json_t *kp_json_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *json = json_string(text);
    if (json)
        return json;
    struct kp_text safe = {0};
    kp_text_add_safe(&safe, text);
    if (kp_text_str(&safe))
        json = json_string(kp_text_str(&safe));
    kp_text_fini(&safe);
    return json;
}

json_t *kp_json_real(double v)
{
    return isfinite(v) && v >= 0 ? json_real(v) : json_null();
}

void kp_json_append(json_t **list, json_t *value)
{
    if (!*list) {
        json_decref(value);
        return;
    }
    if (json_array_append_new(*list, value) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

json_t *kp_json_reals(const double *v, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        kp_json_append(&list, kp_json_real(v[i]));
    return list;
}

static int add_piece(const char *bytes, size_t len, void *text)
{
    kp_text_addn(text, bytes, len);
    return 0; /* a text remembers that memory ran out */
}

char *kp_json_dump(const json_t *json, size_t flags)
{
    struct kp_text text = {0};
    if (!json || json_dump_callback(json, add_piece, &text, flags) != 0)
        text.nomem = true;
    size_t len = text.len;
    char *whole = kp_text_take(&text);
    char *exact = whole ? realloc(whole, len + 1) : NULL; /* some are kept for long */
    return exact ? exact : whole;
}
