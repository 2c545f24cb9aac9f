/* What the history is asked: each question becomes JSON text, or lines of records. */
#ifndef KPD_SINKS_HISTORY_ASK_H
#define KPD_SINKS_HISTORY_ASK_H

#include "daemon/sinks/history_roll.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

#include <sqlite3.h>

#define KPD_ASK_NAME 65
#define KPD_ASK_CELLS 1000 /* of a strip, at most: a finer step is made coarser */
#define KPD_ASK_ROWS 1000  /* incidents or gaps, at most: the latest */
#define KPD_ASK_EVIDENCE_BYTES ((size_t)48 << 20) /* of an export, at most: the first */
#define KPD_ASK_FINE_S (30 * 86400)               /* longer spans are read from whole days */

struct kpd_ask {
    struct kpd_ask *next;
    uint64_t ticket; /* names the question to whoever asked */
    enum kpd_ask_kind {
        KPD_ASK_HISTORY,   /* the reply of GetHistory, but for its braces' end */
        KPD_ASK_INCIDENTS, /* objects joined by commas, oldest first; those in `known` are
                            * left out */
        KPD_ASK_INCIDENT,  /* the object whose number or uuid is `name`; "": none */
        KPD_ASK_EVIDENCE,  /* its records as an export; found: it has any */
    } kind;
    struct kp_wall since, until;
    struct kp_dur step;       /* 0: about 60 cells */
    struct kp_dur keep;       /* how far back quarters go */
    enum kpd_subject subject; /* targets: anchors too */
    char name[KPD_ASK_NAME];  /* "": all of the kind */
    bool closed_only, merged; /* merged: also those that went on as a part of another */
    size_t known_count;
    uint8_t (*known)[16]; /* uuids; owned */

    struct kp_text answer; /* nomem: there is none */
    bool failed;           /* the database did not answer */
    bool found;            /* all but INCIDENTS: something of that name was there */
    bool complete;         /* EVIDENCE: nothing is missing */
};

void kpd_ask_free(struct kpd_ask *ask);

/* Answers from the database. */
void kpd_ask_run(struct kpd_ask *ask, sqlite3 *sql);

#endif
