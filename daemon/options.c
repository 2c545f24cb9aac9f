#include "daemon/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONFIG KP_SYSCONFDIR "/kpwatchd/kpwatchd.yaml"

static const char usage[] =
    "usage: kpwatchd [-c FILE] [-n] [-v]... [-u USER] | -R\n"
    "\n"
    "Watches whether known .kp hosts can be reached, over which path, and says\n"
    "what failed.  Runs in the foreground; look with kpwatchctl.\n"
    "\n"
    "  -c FILE  the configuration (default " DEFAULT_CONFIG ")\n"
    "  -n       check the configuration and exit: 0 good, 1 bad\n"
    "  -nv      the same, and print the effective configuration\n"
    "  -R       open the raw sockets, leave them with the service manager, exit\n"
    "  -v       say more on standard error\n"
    "  -u USER  after opening the sockets, go on as USER\n"
    "  -V       print the version\n"
    "  -h       print this help\n";

static int wrong(void)
{
    fputs("kpwatchd: see kpwatchd -h\n", stderr);
    return 2;
}

int kpd_options_parse(int argc, char **argv, struct kpd_options *out)
{
    *out = (struct kpd_options){.config = DEFAULT_CONFIG};
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    for (int opt = 0; (opt = getopt(argc, argv, "c:nRvu:Vh")) != -1;)
        switch (opt) {
        case 'c':
            out->config = optarg;
            break;
        case 'n':
            out->check_only = true;
            break;
        case 'R':
            out->store_sockets = true;
            break;
        case 'v':
            out->verbose++;
            break;
        case 'u':
            out->user = optarg;
            break;
        case 'V':
            puts("kpwatchd " KP_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            return wrong();
        }
    if (optind == argc)
        return -1;
    fprintf(stderr, "kpwatchd: unexpected argument '%s'\n", argv[optind]);
    return wrong();
}
