/* Single values of the configuration language: from text, and back to text
 * that reads the same.  Every reader wants the whole text to be the value. */
#ifndef KP_CONF_CONF_VALUE_H
#define KP_CONF_CONF_VALUE_H

#include "lib/base/addr.h"
#include "lib/base/time.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for any value written by the format functions, and its NUL. */
#define KP_VALUE_SIZE 80

/* What false_alarms is made of: `count` in the time `in`. */
struct kp_per {
    double count;
    struct kp_dur in;
};

/* Decimal digits without sign or leading zero.  KP_ERR_MALFORMED, KP_ERR_RANGE. */
enum kp_err kp_value_number(const char *text, uint32_t *out);

/* "10%", "0.5%" (at most 6 decimals) as a share of 1. */
enum kp_err kp_value_share(const char *text, double *out);
void kp_value_share_format(double share, char out[KP_VALUE_SIZE]);

/* "20/s", "90/m", "0.5/s" in events per second. */
enum kp_err kp_value_rate(const char *text, double *out);
void kp_value_rate_format(double per_second, char out[KP_VALUE_SIZE]);

/* "1/10y": a count and a duration, both above 0. */
enum kp_err kp_value_per(const char *text, struct kp_per *out);
void kp_value_per_format(const struct kp_per *per, char out[KP_VALUE_SIZE]);

/* true/false, yes/no, on/off in the spellings of YAML 1.1. */
bool kp_value_bool(const char *text, bool *out);

/* "127.0.0.1:9879", "[::1]:9879": host (NUL-terminated into `host`) and port. */
enum kp_err kp_value_listen(const char *text, char host[KP_ADDR_SIZE], uint16_t *port);

/* A name: letters, digits, '.', '_', '-', the first a letter or digit, 1 to 64. */
bool kp_value_is_name(const char *text);

/* A domain name in host syntax with '_' allowed (RFC 1035 section 2.3.4 sizes),
 * with or without the final dot; "." alone is the root. */
bool kp_value_is_domain(const char *text);

/* DNS types by IANA name; 0 or NULL where unknown.  `index` walks the list. */
uint16_t kp_value_qtype(const char *name);
const char *kp_value_qtype_name(uint16_t number);
const char *kp_value_qtype_at(unsigned index);

#endif
