/* Inside the control server: one call of a method, and the tables of methods. */
#ifndef KPD_CONTROL_CALL_H
#define KPD_CONTROL_CALL_H

#include "daemon/control_priv.h"

struct kpd_call {
    struct kpd_control *control;
    struct kpd_conn *conn;
    json_t *params; /* an object */
    bool more, oneway;
};

/* Answer a call; reply and params are taken over, NULL is a lack of memory. */
void kpd_call_reply(struct kpd_call *call, json_t *reply);
void kpd_call_error(struct kpd_call *call, const char *error, json_t *params);
void kpd_call_invalid(struct kpd_call *call, const char *parameter);
void kpd_call_pieces(struct kpd_call *call, kpd_piece_fn *piece);
void kpd_call_reply_text(struct kpd_call *call, const char *json);

/* The same errors for all methods. */
void kpd_call_refuse(struct kpd_call *call, const char *reason);
void kpd_call_not_found(struct kpd_call *call, const char *name, enum kp_name_kind kind);

/* The text of a parameter; NULL: null or left out. */
const char *kpd_call_text(const struct kpd_call *call, const char *name);

/* --- control_methods.c, _service.c, _events.c, _export.c, _history.c --- */

struct kpd_method {
    const char *name;
    void (*call)(struct kpd_call *call);
    bool changes;   /* for root and our own user only */
    bool more_only; /* has more than one reply */
    struct kpd_param {
        const char *name;
        enum kpd_param_type { KPD_TEXT, KPD_NUMBER, KPD_FLAG, KPD_TEXTS } type;
        bool required;
    } params[5]; /* those with a name */
};

struct kpd_interface {
    const char *name;
    const char *description;
    const struct kpd_method *methods; /* ends with an empty one */
};

extern const struct kpd_method kpd_monitor_methods[];
extern const struct kpd_interface kpd_interfaces[]; /* ends with an empty one */

void kpd_call_export(struct kpd_call *call);

/* Asks the history (which there must be) about what `name` is, NULL: nothing, and has
 * answered called later; meanwhile the connection takes no further request. */
void kpd_call_ask_name(struct kpd_call *call, enum kpd_ask_kind kind, const char *name,
                       void (*answered)(struct kpd_call *call, struct kpd_ask *ask));

/* Answers that there is no such incident. */
void kpd_call_no_incident(struct kpd_call *call, const char *id);

void kpd_call_list_events(struct kpd_call *call);
void kpd_call_subscribe(struct kpd_call *call);
void kpd_call_get_history(struct kpd_call *call);
void kpd_call_list_incidents(struct kpd_call *call);
void kpd_call_explain(struct kpd_call *call);

#endif
