/* kpwatchd's command line. */
#ifndef KPD_OPTIONS_H
#define KPD_OPTIONS_H

#include <stdbool.h>

struct kpd_options {
    const char *config;
    const char *user; /* NULL: stay who we are */
    int verbose;
    bool check_only;
    bool store_sockets; /* only leave raw sockets with the service manager */
};

/* Reads the command line.  -1: go on; else exit with this status (help and
 * version were printed, or an error was). */
int kpd_options_parse(int argc, char **argv, struct kpd_options *out);

#endif
