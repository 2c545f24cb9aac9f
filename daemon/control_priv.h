/* Inside the control server: what its files share. */
#ifndef KPD_CONTROL_PRIV_H
#define KPD_CONTROL_PRIV_H

#include "daemon/control.h"
#include "daemon/control_socket.h"
#include "lib/telling/export.h"
#include "lib/telling/report_incident.h"

#define KPD_MONITOR "org.kpwatchd.Monitor"
#define KPD_SERVICE "org.varlink.service"

struct kpd_conn;
struct kpd_call;

/* --- the server and its connections --- */

struct kpd_control_stats {
    uint64_t accepted, turned_away, closed_slow, requests, bad_requests, lost;
};

struct kpd_control {
    struct kpd_control_args args;
    struct kpd_control_limits limits;
    struct kpd_place place;
    int listener;
    uid_t user; /* who may change things, besides root */
    struct kpd_watch *watch;
    struct kpd_timer *resume; /* of the listener */
    struct kpd_timer *sweep;  /* looks after what is slow; set only while needed */
    bool sweeping;
    struct kpd_conn *conns;
    unsigned conn_count;
    struct kpd_history *history; /* NULL: off */
    uint64_t tickets;
    struct kpd_control_stats stats;
};

struct kpd_sub {
    uint64_t kinds; /* bit per enum kp_action */
    uint64_t next;  /* number of the next event to look at */
    bool behind;    /* events are taken from the hub's memory as they are read */
    uint64_t lost;  /* missed since the last message */
    size_t lost_bytes;
};

/* Appends the next piece of a reply to conn->out; false: it was the last. */
typedef bool kpd_piece_fn(struct kpd_conn *conn);

struct kpd_conn {
    struct kpd_control *control;
    struct kpd_conn *next;
    int fd;
    uid_t uid;
    struct kpd_watch *watch;
    struct kp_mono since;
    bool eof;     /* the peer will send no more */
    bool closing; /* no more requests; ends once everything is written */
    bool dead;    /* ends at the next reap */
    bool served;  /* has made a request */

    char *in; /* bytes in_start .. in_len are not yet read as requests */
    size_t in_start, in_len, in_room;
    struct kp_mono partial; /* since when a request is unfinished */

    struct kp_text out;
    size_t sent;          /* bytes of out */
    struct kp_mono moved; /* when the reader last took something; unset: nothing unread */

    kpd_piece_fn *piece; /* of a reply being written; NULL: none */
    json_t *params;      /* of the request being answered, which iterators point into */
    uint64_t ticket;     /* of the question to the history whose answer it waits for; 0 */
    void (*answered)(struct kpd_call *call, struct kpd_ask *ask);
    char *earlier; /* incidents, or lines of an export, out of the history */
    struct kp_report_targets targets;
    struct kp_report_incidents incidents;
    struct kpd_metrics_reply {
        struct kp_metrics at;
        struct kp_metrics_daemon facts;
        bool text; /* it is under way */
    } metrics;
    struct kpd_export {
        struct kp_export at;
        bool begun;
        size_t told; /* bytes of `earlier` */
    } export;
    struct kpd_events {
        uint64_t kinds, next, last;
        struct kp_wall since;
        bool begun, any, complete;
    } events;

    struct kpd_sub *sub; /* NULL: not subscribed */
};

/* --- control_conn.c --- */

/* Takes fd over; NULL (and fd closed): out of memory. */
struct kpd_conn *kpd_conn_new(struct kpd_control *control, int fd, uid_t uid);
void kpd_conn_free(struct kpd_conn *conn);
size_t kpd_conn_unread(const struct kpd_conn *conn);

/* Closes the connection because of its reader; it is counted. */
void kpd_conn_too_slow(struct kpd_conn *conn);

/* Looks at the clock: whoever is stuck goes.  True: there is more to watch. */
bool kpd_conn_sweep(struct kpd_conn *conn, struct kp_mono now);

/* Sends what the kernel takes at once; the server ends. */
void kpd_conn_last_words(struct kpd_conn *conn);

/* Sets what the loop waits for; after anything was written or read. */
void kpd_conn_update(struct kpd_conn *conn);

/* --- control.c --- */

/* Has the sweep timer look at the connections soon (at once: within this turn). */
void kpd_control_watch_slow(struct kpd_control *control, bool at_once);
/* Whether that user may change things, as root and our own may. */
bool kpd_control_may_change(const struct kpd_control *control, uid_t uid);
void kpd_control_reap(struct kpd_control *control);
void kpd_control_describe(const struct kpd_control *control, struct kp_report_daemon *out);

/* Says why and ends the connection. */
void kpd_conn_refuse(struct kpd_conn *conn, const char *error, const char *key, json_t *value);

/* --- control_request.c --- */

/* Answers one request: text of len bytes without its NUL. */
void kpd_request_handle(struct kpd_conn *conn, const char *text, size_t len);

/* --- control_events.c --- */

/* The hub has a new event for a subscriber. */
void kpd_sub_event(struct kpd_conn *conn, const struct kpd_hub_entry *entry);

/* Writes what a subscriber with little unread can have next; false: nothing. */
bool kpd_sub_pull(struct kpd_conn *conn);

#endif
