/* Stage 2: what changed?  Scores every explanation of the present silence
 * against the evidence and says which leads (DETECTION: "what changed").  Pure;
 * judges a snapshot, keeps no state. */
#ifndef KP_JUDGING_EXPLAIN_H
#define KP_JUDGING_EXPLAIN_H

#include "lib/base/err.h"
#include "lib/base/vocab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KP_EXPLAIN_NONE UINT32_MAX

/* One item that votes.  Items without a voice (unlearned, never answering,
 * muted) are not in the list.  An answer that is older than the silence to be
 * explained says nothing about it: give 0 then, or the slowest to be asked again
 * (anchors, edges) would be taken for alive. */
struct kp_evidence {
    double log_odds; /* of being silent for more than a burst, [-4, 10]; -4 after any answer */
    enum kp_evidence_kind {
        KP_EVIDENCE_ICMP,
        KP_EVIDENCE_TCP,
        KP_EVIDENCE_DNS,
        KP_EVIDENCE_EDGE,   /* of path */
        KP_EVIDENCE_ANCHOR, /* of target */
    } kind;
    uint32_t target;  /* index; KP_EXPLAIN_NONE for an edge */
    uint32_t address; /* equal for targets that share one address: they are one host */
    uint32_t path;    /* KP_EXPLAIN_NONE: not known */
    uint32_t item;    /* the caller's own number */
};

struct kp_explain_input {
    const struct kp_evidence *evidence;
    size_t count;
    uint32_t path_count;
    bool sends_fail; /* our own sends fail: no other evidence is needed */
};

#define KP_EXPLAIN_PATHS 8 /* a path outage names at most so many */

/* The best explanation.  clear: silence of nothing explains the evidence best. */
struct kp_explanation {
    enum kp_verdict class; /* clear, vantage-fault, transit-, country-, path-, dns-, host- or
                              service-outage */
    uint32_t paths[KP_EXPLAIN_PATHS]; /* path-outage */
    size_t path_count;
    uint32_t target; /* host- and service-outage: one target of the host; of several
                        hosts that fail apart from each other the clearest */
    uint32_t item;   /* service-outage: the caller's number of the item */
    double lead;     /* over the best explanation of another class or place, nats */
    bool leads;      /* lead >= ln 100 */
    bool edge_known; /* some path has an edge that votes: else country vs transit is open */

    /* The facts, for the evidence list: how many are silent (log_odds > 0) out of
     * how many that vote.  Anchors and targets are silent when all their items are;
     * the others count items. */
    struct kp_tally {
        uint32_t silent, all;
    } anchors, edges, targets, dns, syn, icmp;
};

/* KP_ERR_NOMEM: *out is untouched. */
enum kp_err kp_explain(const struct kp_explain_input *in, struct kp_explanation *out);

/* The log-odds after one more result of the item: back to -4 by an answer, else
 * up by ln(p_after / q) (q: the chance that a healthy, bursty channel loses this
 * probe), at most 10. */
double kp_explain_log_odds(double before, bool lost, double p_after, double q);

#endif
