/* The closed vocabularies users and scripts rely on.  Each list stands here
 * once, as enum, name and one line of documentation; everything that prints,
 * parses, documents or labels a value goes through these tables. */
#ifndef KP_BASE_VOCAB_H
#define KP_BASE_VOCAB_H

#include <stdbool.h>

/* X(ENUM, "name", "what it means") */
#define KP_STATE_LIST(X)                                                                       \
    X(KP_UNKNOWN, "unknown", "not enough seen, or our own view was impaired")                  \
    X(KP_UP, "up", "answers as it does when healthy")                                          \
    X(KP_DEGRADED, "degraded", "answers, but clearly worse than its baseline")                 \
    X(KP_DOWN, "down", "silent although its baseline says it answers")

#define KP_PROBE_LIST(X)                                                                       \
    X(KP_PROBE_ICMP, "icmp", "ICMP echo request (RFC 792, RFC 4443)")                          \
    X(KP_PROBE_TCP_SYN, "tcp-syn", "TCP SYN; SYN/ACK and RST both mean alive (RFC 9293)")      \
    X(KP_PROBE_DNS, "dns", "one DNS query straight to the named server (RFC 1035)")

#define KP_RESULT_LIST(X)                                                                      \
    X(KP_ANSWERED, "answered", "echo reply, SYN/ACK, or a DNS answer")                         \
    X(KP_REFUSED, "refused", "RST, or DNS REFUSED/SERVFAIL: the host is alive")                \
    X(KP_TIMEOUT, "timeout", "no valid reply within the time-out")                             \
    X(KP_UNREACHABLE, "unreachable", "no reply, and a validated ICMP error names a cause")     \
    X(KP_LOCAL_ERROR, "local-error", "our own send failed; says nothing about the target")

#define KP_VERDICT_LIST(X)                                                                     \
    X(KP_V_CLEAR, "clear", "nothing wrong that probing can see")                               \
    X(KP_V_UNKNOWN, "unknown", "too little seen to judge")                                     \
    X(KP_V_DEGRADED, "degraded", "loss or round-trip time well above baseline")                \
    X(KP_V_SERVICE_OUTAGE, "service-outage", "one port of a live host")                        \
    X(KP_V_POSSIBLE_BAN, "possible-ban", "one host silent to us after a change of ours")       \
    X(KP_V_HOST_OUTAGE, "host-outage", "one address")                                          \
    X(KP_V_DNS_OUTAGE, "dns-outage", "direct DNS dead while SYNs are answered")                \
    X(KP_V_PATH_OUTAGE, "path-outage", "one upstream path at or beyond the border")            \
    X(KP_V_COUNTRY_OUTAGE, "country-outage", "all paths at or beyond the border")              \
    X(KP_V_TRANSIT_OUTAGE, "transit-outage", "before the edges, beyond our vantage")           \
    X(KP_V_VANTAGE_FAULT, "vantage-fault", "our own vantage; nothing else can be judged")

#define KP_PHASE_LIST(X)                                                                       \
    X(KP_CONFIRMED, "confirmed", "the incident is going on")                                   \
    X(KP_RECOVERING, "recovering", "answers are back, not yet for long enough")                \
    X(KP_CLOSED, "closed", "over")

#define KP_CONFIDENCE_LIST(X)                                                                  \
    X(KP_LOW, "low", "something changed; no explanation leads")                                \
    X(KP_MEDIUM, "medium", "confirmed, and one explanation leads")                             \
    X(KP_HIGH, "high", "certain, and one explanation leads")

/* Why a validated ICMP error says a probe was unreachable. */
#define KP_CAUSE_LIST(X)                                                                       \
    X(KP_CAUSE_NONE, "none", "no validated ICMP error")                                        \
    X(KP_CAUSE_NET, "net-unreachable", "no route to the destination network")                  \
    X(KP_CAUSE_HOST, "host-unreachable", "the last router could not reach the host")           \
    X(KP_CAUSE_PROTOCOL, "protocol-unreachable", "the host does not speak the protocol")       \
    X(KP_CAUSE_PORT, "port-unreachable", "nothing listens on the port")                        \
    X(KP_CAUSE_PROHIBITED, "admin-prohibited", "filtered by policy")                           \
    X(KP_CAUSE_TOO_BIG, "too-big", "packet too big for a link on the way")                     \
    X(KP_CAUSE_TTL, "ttl-exceeded", "hop limit ran out on the way: a loop or a probe of hops") \
    X(KP_CAUSE_OTHER, "other", "another destination-unreachable code")

/* Why bytes that reached us were not taken as a reply. */
#define KP_DISCARD_LIST(X)                                                                     \
    X(KP_DISCARD_NONE, "none", "accepted")                                                     \
    X(KP_DISCARD_CHECKSUM, "bad_checksum", "checksum wrong")                                   \
    X(KP_DISCARD_COOKIE, "bad_cookie", "does not prove knowledge of a probe of ours")          \
    X(KP_DISCARD_SOURCE, "wrong_source", "not from the address asked")                         \
    X(KP_DISCARD_DUPLICATE, "duplicate", "its probe was answered already")                     \
    X(KP_DISCARD_LATE, "late", "its probe is long gone")                                       \
    X(KP_DISCARD_MALFORMED, "malformed", "breaks its format")

#define KP_ACTION_LIST(X)                                                                      \
    X(KP_EV_PROBE_RESULT, "probe.result", "one finished probe (sampled)")                      \
    X(KP_EV_SUSPICION_RAISED, "suspicion.raised", "something may have changed")                \
    X(KP_EV_SUSPICION_CLEARED, "suspicion.cleared", "it did not")                              \
    X(KP_EV_TARGET_STATE, "target.state", "a target changed state")                            \
    X(KP_EV_PATH_STATE, "path.state", "a path changed state")                                  \
    X(KP_EV_PATH_MOVE, "path.move", "a target is now reached over another path")               \
    X(KP_EV_DNS_MISMATCH, "dns.mismatch", "a name resolves to another address than expected")  \
    X(KP_EV_INCIDENT_OPENED, "incident.opened", "an incident was confirmed")                   \
    X(KP_EV_INCIDENT_UPDATED, "incident.updated", "an incident changed")                       \
    X(KP_EV_INCIDENT_CLOSED, "incident.closed", "an incident is over")                         \
    X(KP_EV_CONFIG_RELOAD, "config.reload", "a configuration was loaded or refused")           \
    X(KP_EV_DAEMON_START, "daemon.start", "the daemon is watching")                            \
    X(KP_EV_DAEMON_STOP, "daemon.stop", "the daemon stops watching")                           \
    X(KP_EV_DAEMON_HEALTH, "daemon.health", "the daemon's own health changed")                 \
    X(KP_EV_VANTAGE_HEALTH, "vantage.health", "our own connection changed")

#define KP_LEVEL_LIST(X)                                                                       \
    X(KP_LOG_ERROR, "error", "something is broken and needs a person")                         \
    X(KP_LOG_WARNING, "warning", "worth a look")                                               \
    X(KP_LOG_NOTICE, "notice", "a change of state")                                            \
    X(KP_LOG_INFO, "info", "normal operation")                                                 \
    X(KP_LOG_DEBUG, "debug", "for finding faults in the daemon itself")

/* Lines of evidence (CONTRACT: "Records"). */
#define KP_RECORD_LIST(X)                                                                      \
    X(KP_RECORD_PROBE, "probe", "a finished probe of a target")                                \
    X(KP_RECORD_EDGE, "edge", "a finished probe of a path's last visible hop")                 \
    X(KP_RECORD_ANCHOR, "anchor", "a finished probe of an anchor")                             \
    X(KP_RECORD_TRACE, "trace", "a finished trace")                                            \
    X(KP_RECORD_HOP, "hop", "one hop of the trace before it")                                  \
    X(KP_RECORD_GAP, "gap", "a time in which answers may have been missed")                    \
    X(KP_RECORD_RELOAD, "reload", "another configuration came into force")                     \
    X(KP_RECORD_REQUEST, "probe-request", "somebody asked for a probe")                        \
    X(KP_RECORD_INCIDENT, "incident", "an incident changed")                                   \
    X(KP_RECORD_SENDS, "sends", "our own sends work again")                                    \
    X(KP_RECORD_ADDRESS, "address", "a name has another address now, or none of use")          \
    X(KP_RECORD_MUTE, "mute", "a target or path is muted, or no longer")                       \
    X(KP_RECORD_CLOCK, "clock", "the wall clock was stepped")

#define KP_VOCAB_ENUM(id, name, doc) id,

/* For each list LIST: enum kp_X, its COUNT, kp_X_name(value) -> static text,
 * kp_X_doc(value) -> static text, kp_X_parse(text, &value) -> whether known. */
#define KP_VOCAB_DECLARE(type, LIST, COUNT)                                                    \
    enum kp_##type{LIST(KP_VOCAB_ENUM) COUNT};                                                 \
    const char *kp_##type##_name(enum kp_##type value);                                        \
    const char *kp_##type##_doc(enum kp_##type value);                                         \
    bool kp_##type##_parse(const char *text, enum kp_##type *value)

KP_VOCAB_DECLARE(state, KP_STATE_LIST, KP_STATE_COUNT);
KP_VOCAB_DECLARE(probe_type, KP_PROBE_LIST, KP_PROBE_COUNT);
KP_VOCAB_DECLARE(result, KP_RESULT_LIST, KP_RESULT_COUNT);
KP_VOCAB_DECLARE(verdict, KP_VERDICT_LIST, KP_VERDICT_COUNT);
KP_VOCAB_DECLARE(phase, KP_PHASE_LIST, KP_PHASE_COUNT);
KP_VOCAB_DECLARE(confidence, KP_CONFIDENCE_LIST, KP_CONFIDENCE_COUNT);
KP_VOCAB_DECLARE(cause, KP_CAUSE_LIST, KP_CAUSE_COUNT);
KP_VOCAB_DECLARE(discard, KP_DISCARD_LIST, KP_DISCARD_COUNT);
KP_VOCAB_DECLARE(action, KP_ACTION_LIST, KP_ACTION_COUNT);
KP_VOCAB_DECLARE(level, KP_LEVEL_LIST, KP_LEVEL_COUNT);
KP_VOCAB_DECLARE(record_kind, KP_RECORD_LIST, KP_RECORD_COUNT);

#endif
