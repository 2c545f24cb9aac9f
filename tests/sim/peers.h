/* What others decide by, as small rules over probes of one target, to be held
 * against us on the same traces.  Settings as people run them:
 *
 *   blackbox_exporter  a scrape and a rule evaluation per 15 s, `for: 1m` or `5m`
 *   check_icmp         5 packets a minute, critical at 80 % loss, Icinga's 3 attempts
 *                      (retries after 30 s)
 *   dpinger            a packet per 0.5 s, more than 20 % lost in 60 s
 *   SmokePing          20 packets per 300 s; its example rule "someloss",
 *                      >0%,*12*,>0%,*12*,>0%
 *   Trinocular         one observer (Quan, Heidemann, Pradkin, SIGCOMM 2013): rounds of
 *                      11 min, up to 15 probes 3 s apart until its belief is firm */
#ifndef KP_SIM_PEERS_H
#define KP_SIM_PEERS_H

#include <stdbool.h>

enum { PEERS = 6, PEER_SLOTS = 120 };

struct peer {
    const char *name;
    double due;   /* its next probe, seconds */
    bool alarm;   /* raised */
    double since; /* when it was raised; may be a little after the probe that did it */
    double phase; /* of what has a clock apart from its probes */
    double pending;
    int count, lost, attempts;
    unsigned history;            /* SmokePing: lossy rounds, the latest in bit 0 */
    bool window[PEER_SLOTS];     /* dpinger: lost or not */
    double belief, availability; /* Trinocular: that the block is up; healthy answers */
    void (*turn)(struct peer *p, double t, bool lost);
};

/* All of them, healthy; unit(arg) draws from [0, 1) for their phases.  availability:
 * the share of probes that a healthy target answers. */
void peers_init(struct peer list[PEERS], double availability, double (*unit)(void *),
                void *arg);

#endif
