#include "lib/conf/conf_fields.h"

#include "lib/conf/conf.h"

#include <string.h>

#define AT(type, member)                                                                       \
    .at = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define LIST_AT(type, member, counter)                                                         \
    .at = offsetof(struct type, member), .count_at = offsetof(struct type, counter),           \
    .size = sizeof(*((struct type *)0)->member)
#define TABLE(label, type, list)                                                               \
    {                                                                                          \
        label, sizeof(struct type), list, sizeof(list) / sizeof((list)[0])                     \
    }

#define ICMP (1U << KP_PROBE_ICMP)
#define TCP (1U << KP_PROBE_TCP_SYN)
#define DNS (1U << KP_PROBE_DNS)

#define SECONDS_PER_DAY 86400
#define CENTURY (100.0 * 365 * SECONDS_PER_DAY)
#define ASN_MAX 4294967294.0 /* RFC 7300 reserves the last */

/* What stands under defaults may be repeated in a probe, target or anchor. */
#define TIMING(type, member, p_interval, p_timeout, p_jitter)                                  \
    {"interval",                                                                               \
     KP_F_DURATION,                                                                            \
     AT(type, member.interval),                                                                \
     .min = 0.1,                                                                               \
     .max = SECONDS_PER_DAY,                                                                   \
     .preset = (p_interval),                                                                   \
     .doc = "time between two probes"},                                                        \
        {"timeout",                                                                            \
         KP_F_DURATION,                                                                        \
         AT(type, member.timeout),                                                             \
         .min = 0.001,                                                                         \
         .max = 60,                                                                            \
         .preset = (p_timeout),                                                                \
         .doc = "a probe without a reply by then is lost"},                                    \
    {                                                                                          \
        "jitter", KP_F_SHARE, AT(type, member.jitter),                                         \
            .max = 0.5, .preset = (p_jitter),                                                  \
            .doc = "random part of the interval, so that probes do not bunch"                  \
    }

static const struct kp_field vantage_fields[] = {
    {"name", KP_F_NAME, .required = true, AT(kp_conf, vantage_name),
     .doc = "what this place of watching is called"},
    {"country", KP_F_COUNTRY, AT(kp_conf, vantage_country),
     .doc = "where it stands, ISO 3166-1 alpha-2"},
    {"asn", KP_F_NUMBER, AT(kp_conf, vantage_asn), .min = 1, .max = ASN_MAX,
     .doc = "the network it stands in"},
    {"contact", KP_F_ASCII, AT(kp_conf, vantage_contact), .max = 48,
     .doc = "whom to ask about the probes; sent in ICMP payloads, plain ASCII"},
};
static const struct kp_table vantage_table = TABLE("vantage", kp_conf, vantage_fields);

static const struct kp_field limits_fields[] = {
    {"total-rate", KP_F_RATE, AT(kp_conf, total_rate), .min = 0.001, .max = 1e6,
     .preset = "20/s", .doc = "most probes of all kinds together"},
    {"per-address-rate", KP_F_RATE, AT(kp_conf, per_address_rate), .min = 0.001, .max = 1e6,
     .preset = "1/s", .doc = "most probes to one address"},
    {"burst", KP_F_NUMBER, AT(kp_conf, burst), .min = 1, .max = 1e6, .preset = "5",
     .doc = "probes that may leave at once, per address and in total"},
};
static const struct kp_table limits_table = TABLE("limits", kp_conf, limits_fields);

static const struct kp_field defaults_fields[] = {
    TIMING(kp_conf, defaults, "30s", "5s", "10%"),
};
static const struct kp_table defaults_table = TABLE("defaults", kp_conf, defaults_fields);

static const struct kp_field probe_fields[] = {
    {"type", KP_F_PROBE_TYPE, .required = true, AT(kp_conf_probe, type),
     .doc = "icmp, tcp-syn or dns"},
    {"port", KP_F_NUMBER, AT(kp_conf_probe, port), .min = 1, .max = 65535, .preset = "53",
     .types = TCP | DNS, .needed = TCP, .doc = "destination port (dns: 53 unless given)"},
    {"size", KP_F_NUMBER, AT(kp_conf_probe, size), .min = 24, .max = 1400, .preset = "56",
     .types = ICMP, .doc = "bytes of payload"},
    {"name", KP_F_DOMAIN, AT(kp_conf_probe, qname), .types = DNS, .needed = DNS,
     .doc = "the name asked for; \".\" is the root"},
    {"qtype", KP_F_QTYPE, AT(kp_conf_probe, qtype), .preset = "SOA", .types = DNS,
     .doc = "what is asked about the name"},
    {"transport", KP_F_TRANSPORT, AT(kp_conf_probe, tcp), .preset = "udp", .types = DNS,
     .doc = "how the question travels"},
    {"recursion", KP_F_BOOL, AT(kp_conf_probe, recursion), .preset = "false", .types = DNS,
     .doc = "whether the server may ask others"},
    TIMING(kp_conf_probe, timing, NULL, NULL, NULL),
};
const struct kp_table kp_table_probe = TABLE("probe", kp_conf_probe, probe_fields);

static const struct kp_field via_fields[] = {
    {"source", KP_F_ADDRESS, AT(kp_via, source), .doc = "our address to send from"},
    {"device", KP_F_DEVICE, AT(kp_via, device), .doc = "our interface to send through"},
};
static const struct kp_table via_table = TABLE("via", kp_via, via_fields);

static const struct kp_field path_fields[] = {
    {"title", KP_F_TEXT, AT(kp_conf_path, title), .max = 100,
     .doc = "for people; the name unless given"},
    {"enabled", KP_F_BOOL, AT(kp_conf_path, enabled), .preset = "true",
     .doc = "whether the path is judged"},
    {"asn", KP_F_NUMBERS, LIST_AT(kp_conf_path, asn, asn_count), .min = 1, .max = ASN_MAX,
     .doc = "networks of the carrier, for information"},
    {"edge", KP_F_ADDRESSES, LIST_AT(kp_conf_path, edges, edge_count),
     .doc = "its last visible hops before the country"},
    {"hops", KP_F_PREFIXES, LIST_AT(kp_conf_path, hops, hop_count),
     .doc = "a trace that passes these took this path"},
    {"not-hops", KP_F_PREFIXES, LIST_AT(kp_conf_path, not_hops, not_hop_count),
     .doc = "exceptions from hops"},
    {"via", KP_F_MAP, .at = offsetof(struct kp_conf_path, via), .sub = &via_table,
     .doc = "how packets leave a vantage with several ways out"},
};
const struct kp_table kp_table_path = TABLE("path", kp_conf_path, path_fields);

static const struct kp_field anchor_fields[] = {
    {"name", KP_F_NAME, .required = true, AT(kp_conf_target, name), .doc = "its name"},
    {"title", KP_F_TEXT, AT(kp_conf_target, title), .max = 100,
     .doc = "for people; the name unless given"},
    {"address", KP_F_ADDRESS, .required = true, AT(kp_conf_target, address),
     .doc = "an address that normally answers"},
    {"probes", KP_F_PROBE_REFS, .required = true, LIST_AT(kp_conf_target, probes, probe_count),
     .doc = "how to ask it"},
    {"enabled", KP_F_BOOL, AT(kp_conf_target, enabled), .preset = "true",
     .doc = "whether it is asked"},
    TIMING(kp_conf_target, timing, NULL, NULL, NULL),
};
const struct kp_table kp_table_anchor = TABLE("anchor", kp_conf_target, anchor_fields);

static const struct kp_field target_fields[] = {
    {"name", KP_F_NAME, .required = true, AT(kp_conf_target, name), .doc = "its name"},
    {"title", KP_F_TEXT, AT(kp_conf_target, title), .max = 100,
     .doc = "for people; the name unless given"},
    {"host", KP_F_DOMAIN, AT(kp_conf_target, host),
     .doc = "its domain name, resolved at resolve-at"},
    {"address", KP_F_ADDRESS, AT(kp_conf_target, address),
     .doc = "its address; without one, what host resolves to"},
    {"group", KP_F_NAME, AT(kp_conf_target, group), .doc = "a label to filter by"},
    {"probes", KP_F_PROBE_REFS, .required = true, LIST_AT(kp_conf_target, probes, probe_count),
     .doc = "how to ask it"},
    {"paths", KP_F_PATH_REFS, LIST_AT(kp_conf_target, paths, path_count),
     .doc = "the expected carriers, until a trace shows another"},
    {"enabled", KP_F_BOOL, AT(kp_conf_target, enabled), .preset = "true",
     .doc = "whether it is asked"},
    TIMING(kp_conf_target, timing, NULL, NULL, NULL),
};
const struct kp_table kp_table_target = TABLE("target", kp_conf_target, target_fields);

static const struct kp_field trace_fields[] = {
    {"interval", KP_F_DURATION, AT(kp_conf, trace_interval), .min = 0.1, .max = SECONDS_PER_DAY,
     .preset = "10m", .doc = "time between two traces of one target"},
    {"max-hops", KP_F_NUMBER, AT(kp_conf, trace_max_hops), .min = 1, .max = 64, .preset = "32",
     .doc = "how far a trace goes"},
    {"probe", KP_F_TRACE_PROBE,
     .doc = "force the kind; else the target's first tcp-syn "
            "probe, else ICMP"},
};
static const struct kp_table trace_table = TABLE("trace", kp_conf, trace_fields);

static const struct kp_field verdict_fields[] = {
    {"false-alarms", KP_F_PER, .preset = "1/10y", .doc = "how many are acceptable"},
    {"recover-after", KP_F_DURATION, AT(kp_conf, recover_after), .min = 1,
     .max = SECONDS_PER_DAY, .preset = "5m", .doc = "answers for so long end an incident"},
};
static const struct kp_table verdict_table = TABLE("verdict", kp_conf, verdict_fields);

static const struct kp_field file_fields[] = {
    {"path", KP_F_FILE, .required = true, AT(kp_conf, log_file), .max = 4095,
     .doc = "events as JSON lines"},
};
static const struct kp_table file_table = TABLE("file", kp_conf, file_fields);

static const struct kp_field log_fields[] = {
    {"level", KP_F_LEVEL, AT(kp_conf, log_level), .preset = "info",
     .doc = "least grave messages that are written"},
    {"journal", KP_F_SWITCH, AT(kp_conf, journal), .preset = "auto",
     .doc = "events to the journal; auto: where there is one"},
    {"syslog", KP_F_BOOL, AT(kp_conf, syslog), .preset = "off", .doc = "events to syslog"},
    {"file", KP_F_MAP, .sub = &file_table, .doc = "events to a file; off unless given"},
    {"sample", KP_F_SHARE, AT(kp_conf, log_sample), .max = 1, .preset = "1%",
     .doc = "share of the probe.result events that are written"},
};
static const struct kp_table log_table = TABLE("log", kp_conf, log_fields);

static const struct kp_field metrics_fields[] = {
    {"listen", KP_F_LISTEN, .required = true, .doc = "where Prometheus scrapes"},
};
static const struct kp_table metrics_table = TABLE("metrics", kp_conf, metrics_fields);

static const struct kp_field control_fields[] = {
    {"socket", KP_F_FILE, AT(kp_conf, control_socket), .max = 107,
     .preset = "/run/kpwatchd/control.sock", .doc = "where kpwatchctl connects"},
};
static const struct kp_table control_table = TABLE("control", kp_conf, control_fields);

static const struct kp_field history_fields[] = {
    {"path", KP_F_FILE, .required = true, AT(kp_conf, history_path), .max = 4095,
     .doc = "the database"},
    {"keep", KP_F_DURATION, AT(kp_conf, history_keep), .min = 1, .max = CENTURY,
     .preset = "400d", .doc = "how long it remembers"},
};
static const struct kp_table history_table = TABLE("history", kp_conf, history_fields);

static const struct kp_field root_fields[] = {
    {"version", KP_F_VERSION, .required = true, .doc = "of this language: 1"},
    {"vantage", KP_F_MAP, .required = true, .sub = &vantage_table,
     .doc = "where we watch from"},
    {"include", KP_F_INCLUDE, .doc = "more files, as globs relative to this one"},
    {"allow", KP_F_PREFIXES, .required = true, LIST_AT(kp_conf, allow, allow_count),
     .doc = "nothing outside is ever sent to, but anchors"},
    {"limits", KP_F_MAP, .sub = &limits_table, .doc = "how much we may send"},
    {"defaults", KP_F_MAP, .sub = &defaults_table, .doc = "when probes and targets do not say"},
    {"probes", KP_F_NAMED, .required = true, LIST_AT(kp_conf, probes, probe_count),
     .sub = &kp_table_probe, .doc = "how to ask"},
    {"paths", KP_F_NAMED, LIST_AT(kp_conf, paths, path_count), .sub = &kp_table_path,
     .doc = "the ways into the country"},
    {"anchors", KP_F_ITEMS, LIST_AT(kp_conf, anchors, anchor_count), .sub = &kp_table_anchor,
     .doc = "is it us? neutral hosts that normally answer"},
    {"targets", KP_F_ITEMS, .required = true, LIST_AT(kp_conf, targets, target_count),
     .sub = &kp_table_target, .doc = "whom to ask"},
    {"resolve-at", KP_F_ADDRESSES, LIST_AT(kp_conf, resolve_at, resolve_at_count),
     .doc = "name servers asked for the addresses of hosts"},
    {"trace", KP_F_MAP, .sub = &trace_table, .doc = "which way packets go"},
    {"verdict", KP_F_MAP, .sub = &verdict_table, .doc = "when to speak up"},
    {"log", KP_F_MAP, .sub = &log_table, .doc = "where events go"},
    {"metrics", KP_F_MAP, .sub = &metrics_table, .doc = "for Prometheus; off unless given"},
    {"control", KP_F_MAP, .sub = &control_table, .doc = "for kpwatchctl"},
    {"history", KP_F_MAP, .sub = &history_table, .doc = "the past; off unless given"},
};
const struct kp_table kp_table_root = TABLE("configuration", kp_conf, root_fields);

const struct kp_field *kp_field_find(const struct kp_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->fields[i].key, key) == 0)
            return &table->fields[i];
    return NULL;
}

const char *kp_field_kind_name(enum kp_field_kind kind)
{
#define WORDS(id, words) words,
    static const char *const names[] = {KP_FIELD_KINDS(WORDS)};
    return (size_t)kind < KP_FIELD_KIND_COUNT ? names[kind] : "?";
}

bool kp_field_lists(const struct kp_field *field)
{
    return field->kind == KP_F_ADDRESSES || field->kind == KP_F_PREFIXES ||
           field->kind == KP_F_NUMBERS || field->kind == KP_F_PROBE_REFS ||
           field->kind == KP_F_PATH_REFS;
}

bool kp_field_joins(const struct kp_field *field)
{
    return field->kind == KP_F_PREFIXES || field->kind == KP_F_ADDRESSES ||
           field->kind == KP_F_NAMED || field->kind == KP_F_ITEMS;
}
