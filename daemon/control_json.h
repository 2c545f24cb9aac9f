/* Reading JSON from strangers, also when memory has run out. */
#ifndef KPD_CONTROL_JSON_H
#define KPD_CONTROL_JSON_H

#include <jansson.h>
#include <stddef.h>

/* Has all of jansson allocate by way of this file.  What it allocated earlier is
 * freed rightly all the same. */
void kpd_json_init(void);

/* Parses one value: no duplicate keys, at most max_depth levels.  NULL, and why
 * in error->text, where it is not that. */
json_t *kpd_json_parse(const char *text, size_t len, int max_depth, json_error_t *error);

#endif
