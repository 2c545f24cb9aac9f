#include "ctl/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

bool kpc_when_parse(const char *text, struct kp_wall now, struct kp_wall *out)
{
    struct kp_dur age = {0};
    if (kp_wall_parse(text, out) == KP_OK)
        return true;
    if (kp_dur_parse(text, &age) != KP_OK)
        return false;
    /* Ages may reach beyond 1970; nothing was seen then anyway. */
    out->ns = age.ns < now.ns ? now.ns - age.ns : 0;
    return true;
}

void kpc_when_length(struct kp_dur d, char out[KPC_WHEN_SIZE])
{
    long long s = d.ns / KP_NS_PER_S;
    if (s < 60)
        snprintf(out, KPC_WHEN_SIZE, "%llds", s < 0 ? 0 : s);
    else if (s < 3600)
        snprintf(out, KPC_WHEN_SIZE, "%lldm", s / 60);
    else if (s < 86400)
        snprintf(out, KPC_WHEN_SIZE, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, KPC_WHEN_SIZE, "%lldd%lldh", s / 86400, s / 3600 % 24);
}

void kpc_when_ago(struct kp_wall t, struct kp_wall now, char out[KPC_WHEN_SIZE])
{
    char length[KPC_WHEN_SIZE];
    int64_t ahead = t.ns - now.ns;
    if (ahead > -KP_NS_PER_S && ahead < KP_NS_PER_S) {
        memcpy(out, "now", sizeof "now");
        return;
    }
    /* What was just set to end in 2 h must not read 1h59m: rounded. */
    kpc_when_length((struct kp_dur){ahead < 0 ? -ahead : ahead + KP_NS_PER_S / 2}, length);
    if (ahead < 0)
        snprintf(out, KPC_WHEN_SIZE, "%.40s ago", length);
    else
        snprintf(out, KPC_WHEN_SIZE, "in %.40s", length);
}

static void format(struct kp_wall t, bool local, const char *how, char out[KPC_WHEN_SIZE])
{
    time_t seconds = (time_t)(t.ns / KP_NS_PER_S);
    struct tm tm;
    struct tm *ok = local ? localtime_r(&seconds, &tm) : gmtime_r(&seconds, &tm);
    size_t used = 0;
    if (ok != NULL) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        used = strftime(out, KPC_WHEN_SIZE - 8, how, &tm);
#pragma GCC diagnostic pop
    }
    if (used == 0)
        memcpy(out, "?", 2);
    else if (!local)
        memcpy(out + used, "Z", 2);
    else
        strftime(out + used, 8, " %z", &tm);
}

void kpc_when_stamp(struct kp_wall t, bool local, char out[KPC_WHEN_SIZE])
{
    format(t, local, "%Y-%m-%d %H:%M:%S", out);
}

void kpc_when_clock(struct kp_wall t, struct kp_wall now, bool local, char out[KPC_WHEN_SIZE])
{
    int64_t age = now.ns - t.ns;
    bool recent = age > -86400 * KP_NS_PER_S && age < 86400 * KP_NS_PER_S;
    format(t, local, recent ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", out);
}
