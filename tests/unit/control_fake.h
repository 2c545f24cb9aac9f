/* A core that only has views, for the tests of what is told about it, and a
 * varlink client over a real socket with the server's loop in the same thread. */
#ifndef KP_TESTS_CONTROL_FAKE_H
#define KP_TESTS_CONTROL_FAKE_H

#include "daemon/control.h"

#include <jansson.h>

struct kp_core {
    uint32_t targets; /* kcna, ns1, then t2, t3, ... */
    bool blank;       /* nothing was ever measured */
    char name[32];
    char muted[64]; /* "": nothing */
    struct kp_wall muted_until;
    char probed[64];
    char traced[64];
    bool refuse_probe; /* and to trace */
    bool tracing;
    uint32_t traces; /* finished ones of kcna that are kept, 0 to 2 */
    struct kp_incidents {
        const struct kp_incident *list[4]; /* by ascending id */
        uint32_t count;
    } incidents;
    uint32_t suspicions;   /* 0 or 1 */
    uint32_t path_targets; /* up, of each path */
    uint64_t records;      /* 0: there is no evidence yet */
    uint64_t records_gone; /* the oldest of them */
};

/* An incident of the two paths' world, with one of everything. */
struct kp_incident fake_incident(uint32_t id, enum kp_verdict class, enum kp_phase phase);

/* How many exports hold the learned state. */
uint32_t fake_exports(void);

#define FAKE_NOW ((struct kp_wall){INT64_C(1764979200123456000)})

/* --- the server under test; everything is made anew for each --- */

struct rig {
    struct kp_core core;
    struct kpd_loop *loop;
    struct kpd_hub *hub;
    struct kpd_control *control;
    struct kpd_control_limits limits;
    char dir[64], path[96], why[KPD_CONTROL_WHY];
    enum kp_err reload_err;
    enum kp_level level;
    unsigned pumps;
};

extern uid_t rig_uid; /* what the server takes its peers for */

struct rig *rig_new(void);      /* a directory, a loop, a hub; no server yet */
void rig_open(struct rig *rig); /* the server */
void rig_free(struct rig *rig);

/* Runs the loop until cond holds; false: not within a minute. */
bool rig_until(struct rig *rig, bool (*cond)(void *ctx), void *ctx);
void rig_turn(struct rig *rig); /* some turns of the loop */

void rig_publish(struct rig *rig, enum kp_action action, const char *message);

struct client {
    struct rig *rig;
    int fd;
    char *in;
    size_t len, room;
    bool eof;
};

void client_open(struct client *c, struct rig *rig);
void client_close(struct client *c);

/* Sends all, running the loop meanwhile; false: the server closed. */
bool client_send(struct client *c, const char *bytes, size_t len);

/* The next message; NULL: the server closed. */
json_t *client_read(struct client *c);

/* Calls a method of the Monitor with parameters as JSON text (NULL: none). */
json_t *client_call(struct client *c, const char *method, const char *params);
json_t *client_call_more(struct client *c, const char *method, const char *params);

/* Asks for the statistics until they say that one slow reader was closed. */
void wait_for_slow(struct client *c);

/* The member at a dotted path ("vantage.healthy", "paths.0.name"); fails the test
 * where it does not exist. */
json_t *at(json_t *json, const char *path);
const char *text_at(json_t *json, const char *path);
json_int_t int_at(json_t *json, const char *path);

/* Whether message is this error of the Monitor or of org.varlink.service. */
bool is_error(json_t *message, const char *error);

#endif
