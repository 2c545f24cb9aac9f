#include "daemon/facts.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void on_event(const struct kpd_hub_entry *entry, const struct kp_event *event, void *ctx)
{
    struct kpd_facts *facts = ctx;
    if (entry->action == KP_EV_INCIDENT_OPENED && event->incident)
        facts->incidents_opened[event->incident->what.class]++;
    else if (entry->action == KP_EV_CONFIG_RELOAD)
        facts->reload_failed = !event->success;
}

bool kpd_facts_open(struct kpd_facts *facts, struct kpd_hub *hub)
{
    struct rlimit limit;
    *facts = (struct kpd_facts){.hub = hub};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        facts->max_fds = limit.rlim_cur;
    return kpd_hub_sink(hub, on_event, facts);
}

static void read_memory(struct kp_metrics_daemon *out)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%llu %llu", &size, &resident) == 2) {
        unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
        out->virtual_bytes = size * page;
        out->resident_bytes = resident * page;
    }
    fclose(file);
}

static uint64_t count_fds(void)
{
    uint64_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the directory's own */
}

static void read_process(struct kp_metrics_daemon *out)
{
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
        out->cpu_seconds = (double)used.tv_sec + (double)used.tv_nsec / 1e9;
    out->open_fds = count_fds();
    read_memory(out);
}

void kpd_facts_fill(const struct kpd_facts *facts, struct kp_metrics_daemon *out)
{
    _Static_assert((int)KPD_READER_COUNT <= KP_METRICS_SINKS, "room for every reader");
    struct kpd_hub_stats stats;
    kpd_hub_stats(facts->hub, &stats);
    for (int i = 0; i < KPD_READER_COUNT; i++) {
        out->dropped[i].sink = kpd_reader_name((enum kpd_reader)i);
        out->dropped[i].events = stats.dropped_by[i];
    }
    out->dropped_count = KPD_READER_COUNT;
    for (int c = 0; c < KP_VERDICT_COUNT; c++)
        out->incidents_opened[c] = facts->incidents_opened[c];
    out->reload_ok = !facts->reload_failed;
    read_process(out);
}
