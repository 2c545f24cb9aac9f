/* What the history is written through: notes, many to a transaction.  A note is
 * committed once, whole or not at all.  One owner at a time, any thread. */
#ifndef KPD_SINKS_HISTORY_STORE_H
#define KPD_SINKS_HISTORY_STORE_H

#include "daemon/sinks/history_db.h"
#include "daemon/sinks/queue.h"
#include "lib/base/time.h"

struct kpd_store;

struct kpd_store_args {
    const char *path;
    size_t ballast;      /* bytes; 0: none */
    struct kp_dur keep;  /* of quarters */
    const char *boot;    /* names this run of the daemon */
    const char *machine; /* names this run of the machine */
    const char *version;
    struct kp_wall now;
};

/* Opens and enters this run. As kpd_db_open. */
enum kpd_db_result kpd_store_open(const struct kpd_store_args *args, struct kpd_store **out,
                                  char why[KPD_DB_WHY]);
void kpd_store_close(struct kpd_store *store); /* NULL: nothing */

/* What stands before the bytes of a queued note. */
struct kpd_note {
    enum kpd_note_kind {
        KPD_NOTE_EVENT,   /* the envelope as JSON */
        KPD_NOTE_RECORDS, /* lines of records from `from` to `to`; kept: as evidence */
        KPD_NOTE_CELLS,   /* as kpd_roll_flush writes */
        KPD_NOTE_GAP,     /* from, to; its reason */
        KPD_NOTE_KEEP,    /* records and what was learned from `from` on are evidence */
        KPD_NOTE_OPEN,    /* uuids of the incidents that go on: the end of others was missed */
        KPD_NOTE_LEARNED, /* here what was learned stands, where it is the last of these */
    } kind;
    bool kept;
    struct kp_wall from, to;
    uint64_t seq; /* event: its number */
};

/* Writes a list of notes, and learned (NULL: none), which holds what comes before its
 * place (KPD_NOTE_LEARNED; without one: all), as of now.  0, or an errno: nothing
 * was written.  EUCLEAN: the file is damaged. A note that cannot be understood is left
 * out: it would be refused for ever. */
int kpd_store_write(struct kpd_store *store, const struct kpd_queued *notes,
                    const char *learned, struct kp_wall now);

/* Forgets what is past its time; once an hour.  0 or an errno. */
int kpd_store_prune(struct kpd_store *store, struct kp_wall now);

/* The ballast, as in history_db.h. */
bool kpd_store_drop_ballast(struct kpd_store *store);
bool kpd_store_take_ballast(struct kpd_store *store);

sqlite3 *kpd_store_sql(struct kpd_store *store);

/* What the run before this one left. */
struct kpd_store_before {
    bool any;
    bool rebooted;        /* the machine was started anew since */
    struct kp_wall alive; /* when it last wrote */
    char *learned;        /* what it last saved, for the caller to free; NULL: nothing */
};
/* 0 or an errno. */
int kpd_store_before(struct kpd_store *store, struct kpd_store_before *out);

#endif
