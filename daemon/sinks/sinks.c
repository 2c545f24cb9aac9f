#include "daemon/sinks/sinks.h"

#include "daemon/clock.h"
#include "daemon/sinks/console.h"
#include "daemon/sinks/file.h"
#include "daemon/sinks/journal.h"
#include "daemon/sinks/syslog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kpd_sinks {
    struct kpd_loop *loop;
    struct kpd_hub *hub;
    enum kp_level level; /* of standard error, the journal and syslog */
    struct kpd_console console;
    struct kpd_journal journal;
    struct kpd_syslog syslog;
    struct kpd_file *file;
    char *file_path;
    bool journal_open, syslog_open;
};

static void tell_missing(struct kpd_sinks *sinks, const char *what)
{
    struct kp_event e = {.action = KP_EV_DAEMON_HEALTH,
                         .level = KP_LOG_ERROR,
                         .at = kpd_clock_wall(),
                         .rtt = -1,
                         .detail = what};
    snprintf(e.message, sizeof e.message, "%s is off: out of memory or threads", what);
    kpd_hub_publish(sinks->hub, &e);
}

/* auto: where there is one. */
static bool wants_journal(const struct kp_conf *conf)
{
    if (conf->journal == KP_AUTO)
        return kpd_journal_has_stderr() || access(KPD_JOURNAL_SOCKET, F_OK) == 0;
    return conf->journal == KP_ON;
}

static void set_journal(struct kpd_sinks *sinks, const struct kp_conf *conf)
{
    bool wanted = wants_journal(conf);
    if (sinks->journal_open && !wanted)
        kpd_journal_close(&sinks->journal);
    else if (!sinks->journal_open && wanted)
        wanted = kpd_journal_open(&sinks->journal, sinks->loop, sinks->hub, KPD_JOURNAL_SOCKET,
                                  &sinks->level);
    sinks->journal_open = wanted;
    /* What goes to the journal by itself need not go there as text, too. */
    sinks->console.silent = wanted && kpd_journal_has_stderr();
}

static void set_syslog(struct kpd_sinks *sinks, const struct kp_conf *conf)
{
    bool wanted = conf->syslog;
    if (sinks->syslog_open && !wanted)
        kpd_syslog_close(&sinks->syslog);
    else if (!sinks->syslog_open && wanted)
        wanted = kpd_syslog_open(&sinks->syslog, sinks->loop, sinks->hub, KPD_SYSLOG_SOCKET,
                                 &sinks->level);
    sinks->syslog_open = wanted;
}

/* False: it is not where it should be. */
static bool set_file(struct kpd_sinks *sinks, const char *path)
{
    if (path && sinks->file_path && strcmp(path, sinks->file_path) == 0)
        return true;
    char *copy = path ? strdup(path) : NULL;
    if (path && !copy)
        return false;
    free(sinks->file_path);
    sinks->file_path = copy;
    if (!path) {
        kpd_file_close(sinks->file, false);
        sinks->file = NULL;
        return true;
    }
    if (sinks->file)
        return kpd_file_reopen(sinks->file, path);
    sinks->file = kpd_file_open(sinks->loop, sinks->hub, path, 0);
    return sinks->file != NULL;
}

void kpd_sinks_reconfigure(struct kpd_sinks *sinks, const struct kp_conf *conf,
                           enum kp_level level)
{
    sinks->level = level;
    set_journal(sinks, conf);
    set_syslog(sinks, conf);
    if (conf->journal == KP_ON && !sinks->journal_open)
        tell_missing(sinks, "log.journal");
    if (conf->syslog && !sinks->syslog_open)
        tell_missing(sinks, "log.syslog");
    if (!set_file(sinks, conf->log_file))
        tell_missing(sinks, "log.file");
}

struct kpd_sinks *kpd_sinks_open(struct kpd_loop *loop, struct kpd_hub *hub,
                                 enum kp_level level)
{
    struct kpd_sinks *sinks = calloc(1, sizeof *sinks);
    if (!sinks)
        return NULL;
    *sinks = (struct kpd_sinks){.loop = loop, .hub = hub, .level = level};
    if (kpd_console_open(&sinks->console, hub, &sinks->level))
        return sinks;
    free(sinks);
    return NULL;
}

enum kp_level kpd_sinks_set_level(struct kpd_sinks *sinks, enum kp_level level)
{
    enum kp_level before = sinks->level;
    sinks->level = level;
    return before;
}

void kpd_sinks_reopen(struct kpd_sinks *sinks)
{
    if (sinks->file)
        (void)kpd_file_reopen(sinks->file, NULL);
}

void kpd_sinks_close(struct kpd_sinks *sinks)
{
    if (!sinks)
        return;
    if (sinks->journal_open)
        kpd_journal_close(&sinks->journal);
    if (sinks->syslog_open)
        kpd_syslog_close(&sinks->syslog);
    kpd_file_close(sinks->file, true);
    kpd_console_close(&sinks->console);
    free(sinks->file_path);
    free(sinks);
}
