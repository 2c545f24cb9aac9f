/* Events to systemd's journal, by its native protocol over its own socket: its
 * library would wait for a journald that is stuck. */
#ifndef KPD_SINKS_JOURNAL_H
#define KPD_SINKS_JOURNAL_H

#include "daemon/sinks/dgram.h"
#include "lib/base/text.h"

#define KPD_JOURNAL_SOCKET "/run/systemd/journal/socket"

struct kpd_journal {
    struct kpd_dgram dgram;
    const enum kp_level *level; /* the least important that is told */
    struct kp_text text;        /* the datagram being made */
};

/* Registers with the hub; journal, socket and level stay where they are.  False: out of
 * memory. */
bool kpd_journal_open(struct kpd_journal *journal, struct kpd_loop *loop, struct kpd_hub *hub,
                      const char *socket, const enum kp_level *level);
void kpd_journal_close(struct kpd_journal *journal);

/* Whether standard error goes to the journal (systemd.exec(5), JOURNAL_STREAM). */
bool kpd_journal_has_stderr(void);

#endif
