/* Building JSON objects straight through: a lack of memory is remembered and
 * checked once at the end.  Unknown values become null here, by one rule. */
#ifndef KP_TELLING_JSON_OBJ_H
#define KP_TELLING_JSON_OBJ_H

#include "lib/base/addr.h"
#include "lib/base/time.h"

#include <jansson.h>

/* Compact, and real numbers with as many digits as our clocks can justify. */
#define KP_JSON_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12))

struct kp_obj {
    json_t *json; /* NULL: memory ran out */
};

struct kp_obj kp_obj_begin(void);

/* Each adds one member.  _json takes value over; its NULL is a lack of memory. */
void kp_obj_json(struct kp_obj *o, const char *key, json_t *value);
void kp_obj_text(struct kp_obj *o, const char *key, const char *text); /* NULL: null */
void kp_obj_time(struct kp_obj *o, const char *key, struct kp_wall t); /* never: null */
void kp_obj_real(struct kp_obj *o, const char *key, double v);         /* negative: null */
void kp_obj_int(struct kp_obj *o, const char *key, int64_t v);
void kp_obj_count(struct kp_obj *o, const char *key, uint64_t v);
void kp_obj_bool(struct kp_obj *o, const char *key, bool v);
void kp_obj_null(struct kp_obj *o, const char *key);
void kp_obj_addr(struct kp_obj *o, const char *key, const struct kp_addr *a); /* none: null */

/* The object, now the caller's; NULL where memory ran out. */
json_t *kp_obj_end(struct kp_obj *o);

/* Single values by the same rules; NULL: out of memory.  Text that is not UTF-8
 * has its bad bytes spelled out. */
json_t *kp_json_text(const char *text);
json_t *kp_json_real(double v);

/* Appends value, which it takes over, to *list; on failure frees the list and
 * sets it to NULL.  A NULL list stays NULL. */
void kp_json_append(json_t **list, json_t *value);

/* Its text, which the caller frees; NULL where json is NULL or memory ran out.  Use
 * this and not json_dumps: jansson 2.14 leaves out a key that it had no memory for,
 * and goes on. */
char *kp_json_dump(const json_t *json, size_t flags);

/* A list of n numbers, negative ones as null. */
json_t *kp_json_reals(const double *v, size_t n);

#endif
