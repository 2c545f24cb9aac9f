/* Records run through the same judging as live, offline. */
#ifndef KPC_REPLAY_H
#define KPC_REPLAY_H

#include "ctl/verb.h"
#include "lib/core/feed.h"
#include "lib/telling/record_json.h"

#include <stdio.h>

/* Of lines that come in disorder: how far (s) they are put right. */
#define KPC_REPLAY_DISORDER 60

/* One line that waits for its turn. */
struct kpc_waiting {
    struct kp_mono done;
    uint64_t number;          /* of its line: what was known at one time keeps its order */
    struct kp_conf *conf;     /* a reload's; owned until it is fed */
    struct kp_record *record; /* owned; its hops follow it */
};

struct kpc_replay {
    struct kpc_ctx *ctx;
    const char *file, *config; /* config: of -c; NULL: not given */
    json_t *header;            /* NULL: none */
    struct kp_conf *conf;      /* in force; NULL: none yet */
    struct kp_core *core;      /* NULL: no configuration yet */
    struct kp_dur offset;      /* wall minus monotonic, of the line being read */
    struct kpc_waiting *heap;
    size_t count, room;
    struct kp_mono newest;
    uint64_t line, records, events;
    json_t *said;   /* what was complained of already */
    bool foresight; /* gaps are taken in advance */
    bool bad;       /* something was wrong: exit 1 */
    bool stop;      /* ... and there is no going on */
};

/* replay_queue.c: the earliest first.  False: out of memory. */
bool kpc_replay_push(struct kpc_replay *r, const struct kpc_waiting *w);
bool kpc_replay_pop(struct kpc_replay *r, struct kpc_waiting *out); /* false: empty */

#endif
