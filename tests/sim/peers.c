#include "tests/sim/peers.h"

#include <math.h>
#include <stddef.h>

#define ANSWER 0.3 /* round trip, seconds */

static void set_alarm(struct peer *p, bool alarm, double t)
{
    if (alarm && !p->alarm)
        p->since = t;
    p->alarm = alarm;
}

/* A failed scrape takes until its own time-out, just under 10 s; the rule sees it
 * at its next evaluation. */
static void blackbox(struct peer *p, double t, bool lost, double hold)
{
    double known = t + (lost ? 9.5 : ANSWER);
    double seen = p->phase + 15 * ceil((known - p->phase) / 15);
    p->due = t + 15;
    if (!lost)
        p->pending = INFINITY;
    else if (isinf(p->pending))
        p->pending = seen;
    set_alarm(p, lost && seen - p->pending >= hold - 1e-6, seen);
}

static void blackbox_1m(struct peer *p, double t, bool lost)
{
    blackbox(p, t, lost, 60);
}

static void blackbox_5m(struct peer *p, double t, bool lost)
{
    blackbox(p, t, lost, 300);
}

static void check_icmp(struct peer *p, double t, bool lost)
{
    enum { PACKETS = 5, CRITICAL = 4, ATTEMPTS = 3 };
    const double apart = 0.08;
    p->lost += lost;
    p->due = t + apart;
    if (++p->count < PACKETS)
        return;
    bool bad = p->lost >= CRITICAL;
    double began = t - (PACKETS - 1) * apart;
    double known = bad ? began + 4 : t + ANSWER;
    p->count = p->lost = 0;
    p->attempts = bad ? p->attempts + 1 : 0;
    p->due = began + (bad && p->attempts < ATTEMPTS ? 30 : 60);
    set_alarm(p, p->attempts >= ATTEMPTS, known);
}

/* Unanswered packets count once they are 2 s old: the last four do not yet.  Looked
 * at once a second; an alarm is held for 10 s after it has cleared. */
static void dpinger(struct peer *p, double t, bool lost)
{
    enum { YOUNG = 4, A_LOOK = 2 };
    p->due = t + 0.5;
    p->window[p->count++ % PEER_SLOTS] = lost;
    if (p->count < PEER_SLOTS || p->count % A_LOOK != 0)
        return;
    int gone = 0;
    int all = PEER_SLOTS;
    for (int i = 0; i < PEER_SLOTS; i++) {
        bool was_lost = p->window[(p->count - 1 - i) % PEER_SLOTS];
        gone += was_lost && i >= YOUNG;
        all -= was_lost && i < YOUNG;
    }
    bool bad = 100 * gone / all > 20;
    if (bad)
        p->pending = t; /* bad until then */
    set_alarm(p, bad || (p->alarm && t - p->pending < 10), t);
}

static bool lossy_within(unsigned history, int from, int *at)
{
    for (int i = from; i <= from + 12; i++)
        if (history >> i & 1) {
            *at = i;
            return true;
        }
    return false;
}

static void smokeping(struct peer *p, double t, bool lost)
{
    enum { PINGS = 20 };
    p->lost += lost;
    p->due = t + 0.1;
    if (++p->count < PINGS)
        return;
    int at = 0;
    p->history = p->history << 1 | (p->lost > 0);
    p->count = p->lost = 0;
    p->due = t + 300 - (PINGS - 1) * 0.1;
    bool some = (p->history & 1) != 0 && lossy_within(p->history, 1, &at) &&
                lossy_within(p->history, at + 1, &at);
    set_alarm(p, some, t + 1);
}

static void trinocular(struct peer *p, double t, bool lost)
{
    enum { PROBES = 15 };
    const double stray = 0.01; /* chance that a dead block answers */
    double up = p->belief * (lost ? 1 - p->availability : p->availability);
    double down = (1 - p->belief) * (lost ? 1 - stray : stray);
    p->belief = fmin(fmax(up / (up + down), 0.01), 0.99);
    p->count++;
    bool firm = p->belief < 0.1 || p->belief > 0.9;
    if (firm || p->count == PROBES) {
        p->due = p->phase += 660;
        p->count = 0;
        if (firm)
            set_alarm(p, p->belief < 0.1, t + (lost ? 3 : ANSWER));
    } else {
        p->due = t + 3;
    }
}

void peers_init(struct peer list[PEERS], double availability, double (*unit)(void *), void *arg)
{
    static const struct {
        const char *name;
        double round;
        void (*turn)(struct peer *p, double t, bool lost);
    } kinds[PEERS] = {
        {"blackbox-1m", 15, blackbox_1m}, {"blackbox-5m", 15, blackbox_5m},
        {"check_icmp", 60, check_icmp},   {"dpinger", 0.5, dpinger},
        {"smokeping", 300, smokeping},    {"trinocular", 660, trinocular},
    };
    for (int i = 0; i < PEERS; i++) {
        double due = kinds[i].round * unit(arg);
        list[i] = (struct peer){.name = kinds[i].name,
                                .due = due,
                                .phase = due,
                                .pending = INFINITY,
                                .history = ~0U, /* there was some loss before */
                                .belief = 0.99,
                                .availability = availability,
                                .turn = kinds[i].turn};
        if (kinds[i].round == 15) /* the rule is evaluated at a time of its own */
            list[i].phase = 15 * unit(arg);
    }
}
