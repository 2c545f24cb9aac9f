/* What the configuration tests share. */
#ifndef KP_TESTS_CONF_HELP_H
#define KP_TESTS_CONF_HELP_H

#include "lib/conf/conf_load.h"

/* A valid lab configuration; a test adds to it or replaces words. */
#define CONF_HEAD                                                                              \
    "version: 1\n"                                                                             \
    "vantage: {name: lab}\n"                                                                   \
    "allow: [198.18.0.0/15, \"2001:2::/48\"]\n"                                                \
    "probes:\n"                                                                                \
    "  ping: {type: icmp}\n"                                                                   \
    "  web: {type: tcp-syn, port: 80}\n"                                                       \
    "  soa: {type: dns, name: kp.}\n"
#define CONF_TARGETS                                                                           \
    "targets:\n"                                                                               \
    "  - {name: kcna, address: 198.18.0.1, probes: [web, ping]}\n"

/* Loads a text that must be right; fails the test with its errors where not. */
struct kp_conf *conf_good(const char *text);

/* A whole file, NUL-terminated; fails the test where it cannot be read.  The
 * caller frees. */
char *conf_slurp(const char *path, size_t *len);

#endif
