/* The effective configuration in words that mean the same when read again. */
#ifndef KP_CONF_CONF_PRINT_H
#define KP_CONF_CONF_PRINT_H

#include "lib/conf/conf.h"

/* YAML with every default spelt out and includes merged; loading it gives the
 * identical configuration.  NULL where memory ran out.  The caller frees. */
char *kp_conf_print(const struct kp_conf *conf);

/* The same as one line of JSON, for headers of evidence. */
char *kp_conf_print_json(const struct kp_conf *conf);

/* 16 hex digits and NUL that name this configuration: equal for equal
 * effective configurations, whatever files they came from.
 * False where memory ran out. */
bool kp_conf_fingerprint(const struct kp_conf *conf, char out[17]);

#endif
