#include "ctl/verb.h"

#include <string.h>

const struct kpc_verb kpc_verbs[] = {
    {"status", "", 0, 0, KPC_BIT(KPC_OPT_EXIT_STATUS), 0, "is anything wrong? one screen",
     "The verdict, what each path carries, how many targets answer, and whether\n"
     "our own connection is fine. With --exit-status the exit code is 10 unless\n"
     "the verdict is clear.",
     kpc_status_exec},
    {"paths", "[PATH]", 0, 1, 0, 0, "the upstream paths into the country",
     "Ratio and round-trip times are over the last 10 minutes.", kpc_paths_exec},
    {"targets", "[TARGET]", 0, 1, KPC_BIT(KPC_OPT_STATE) | KPC_BIT(KPC_OPT_GROUP), 0,
     "the hosts that are asked; one in detail",
     "With TARGET (an anchor may be named as well): its probes, what is usual for\n"
     "each, and the last results.",
     kpc_targets_exec},
    {"incidents", "", 0, 0,
     KPC_BIT(KPC_OPT_OPEN) | KPC_BIT(KPC_OPT_SINCE) | KPC_BIT(KPC_OPT_ALL), 0,
     "outages, open and closed",
     "One real-world event is one incident, whose class may change. With --since\n"
     "those that had ended before are left out. With --all those are there, too, that\n"
     "turned out to be a part of another, and went on as that one.",
     kpc_incidents_exec},
    {"explain", "ID", 1, 1, 0, 0, "why an incident is what it says",
     "What happened, where, since when, how sure that is and why: each fact with the\n"
     "verdict it excludes; and what would end or change it. ID is its number or uuid.",
     kpc_explain_exec},
    {"trace", "TARGET", 1, 1, KPC_BIT(KPC_OPT_NOW), 0, "the way to a target, hop by hop",
     "The last trace: whose hop is which, and what changed since the one before\n"
     "(`was`). * is a hop that did not answer; most of the last ones never do.",
     kpc_trace_exec},
    {"history", "", 0, 0,
     KPC_BIT(KPC_OPT_SINCE) | KPC_BIT(KPC_OPT_UNTIL) | KPC_BIT(KPC_OPT_STEP) |
         KPC_BIT(KPC_OPT_PATH) | KPC_BIT(KPC_OPT_TARGET),
     0, "the past, as strips over time",
     "The last day, or from --since to --until, of all paths, or of one path or\n"
     "target: how much was answered in each cell, the outages, and the times in which\n"
     "kpwatchd itself could not watch. Cells are multiples of 15 minutes, or of whole\n"
     "days (UTC) where the time is longer than 30 days.\n"
     "Example: kpwatchctl history --since 400d --path transtelecom",
     kpc_history_exec},
    {"check", "", 0, 0, KPC_BIT(KPC_OPT_PATH), 0, "for Nagios, Icinga and the like",
     "One line with performance data. Exit codes: 0 OK; 1 WARNING: degraded, or a\n"
     "host or service is out; 2 CRITICAL: a path, the country, the way there or DNS\n"
     "is out; 3 UNKNOWN: nothing can be judged, no daemon, or wrong use. Muted things\n"
     "raise no alarm.",
     kpc_check_exec},
    {"watch", "[paths|targets|events]", 0, 1, KPC_BIT(KPC_OPT_ALL), 0,
     "the same, live; q quits",
     "On a terminal the screen is redrawn each second and at once on news. In a\n"
     "pipe, or with -o json, jsonl or csv, it prints one line for each event; words\n"
     "leave single probe results out, --all and the forms for scripts have them.",
     kpc_watch_exec},
    {"events", "", 0, 0, KPC_BIT(KPC_OPT_SINCE) | KPC_BIT(KPC_OPT_ALL), 0,
     "what happened lately",
     "As far back as the daemon holds events in memory. Tables leave single probe\n"
     "results out; --all, and the forms for scripts, have them.",
     kpc_events_exec},
    {"export", "[ID]", 0, 1, KPC_BIT(KPC_OPT_SINCE), 0,
     "the evidence, for replay and for others",
     "Writes the configuration, what was learned and the records of an incident (ID is\n"
     "its number or uuid), or of the time --since, as JSON lines to standard output.",
     kpc_export_exec},
    {"replay", "FILE", 1, 1, KPC_BIT(KPC_OPT_CONFIG), 0,
     "what kpwatchd would have said to records",
     "Runs the records of FILE (- for standard input), as `export` writes them, by\n"
     "the same judging, here, and prints the events that follow, but no probe results.\n"
     "Without a header in FILE, -c names the configuration, and learning starts empty.",
     kpc_replay_exec},
    {"check-config", "[FILE]", 0, 1, 0, 0, "find errors in a configuration",
     "With FILE it is checked right here, no daemon needed. Without, the daemon\n"
     "checks the file that reload would load.",
     kpc_check_config_exec},
    {"reload", "", 0, 0, 0, 0, "load the configuration again",
     "Whole or not at all: where it has errors, the old one stays in force.", kpc_reload_exec},
    {"probe", "TARGET", 1, 1, 0, 0, "ask a target now",
     "As soon as the rate limits allow; waits for the results and shows them.\n"
     "With -o json, jsonl or csv it does not wait.",
     kpc_probe_exec},
    {"mute", "TARGET|PATH", 1, 1, KPC_BIT(KPC_OPT_FOR) | KPC_BIT(KPC_OPT_REASON),
     KPC_BIT(KPC_OPT_FOR) | KPC_BIT(KPC_OPT_REASON), "no events or verdicts about it for now",
     "It is still probed and recorded.\n"
     "Example: kpwatchctl mute kcna --for 2h --reason 'announced maintenance'",
     kpc_mute_exec},
    {"unmute", "TARGET|PATH", 1, 1, 0, 0, "end a mute", NULL, kpc_unmute_exec},
    {"mutes", "", 0, 0, 0, 0, "what is muted, until when and why", NULL, kpc_mutes_exec},
    {"log-level", "LEVEL", 1, 1, 0, 0, "how much the daemon logs",
     "error, warning, notice, info or debug; until its next start or reload.",
     kpc_log_level_exec},
    {"metrics", "", 0, 0, 0, 0, "all metrics, as Prometheus reads them",
     "The same text as GET /metrics. For node_exporter's textfile collector:\n"
     "kpwatchctl metrics >k.tmp && mv k.tmp DIRECTORY/kpwatchd.prom",
     kpc_metrics_exec},
    {"stats", "", 0, 0, 0, 0, "the daemon's own counters", NULL, kpc_stats_exec},
    {"doctor", "", 0, 0, 0, 0, "the usual troubles, and what to do",
     "Looks at the daemon, its rights, ports, the clock, the configuration, anchors,\n"
     "firewalls, IPv6 and paths. Exit code 1 where it found trouble.",
     kpc_doctor_exec},
    {"completion", "bash|zsh|fish", 1, KPC_WORDS_MAX - 1, 0, 0, "a script for your shell",
     "It completes verbs, options and, by asking the daemon, names.\n"
     "For bash and zsh: eval \"$(kpwatchctl completion bash)\"; in fish pipe it to\n"
     "source.",
     kpc_completion_exec},
    {"version", "", 0, 0, 0, 0, "versions of kpwatchctl and kpwatchd", NULL, kpc_version_exec},
    {"help", "[VERB]", 0, 1, 0, 0, "this help, or that of a verb", NULL, kpc_help_exec},
};
const size_t kpc_verb_count = sizeof kpc_verbs / sizeof kpc_verbs[0];

const struct kpc_verb *kpc_verb_find(const char *name)
{
    for (size_t i = 0; i < kpc_verb_count; i++)
        if (strcmp(kpc_verbs[i].name, name) == 0)
            return &kpc_verbs[i];
    return NULL;
}
