/* The thinking part, sans I/O.  The shell around it carries bytes and times in
 * and actions out; nothing in here reads a clock or a socket.
 *
 *   tick(now) / receive(packet)  ->  pop_action until false  ->  carry them out
 *
 * Not thread safe; one owner. */
#ifndef KP_CORE_CORE_H
#define KP_CORE_CORE_H

#include "lib/conf/conf.h"
#include "lib/core/event.h"
#include "lib/wire/probe.h"

struct kp_core;

/* A probe to be sent now.  slot and serial name it in every later call. */
struct kp_send {
    uint32_t slot;
    uint32_t serial;
    enum kp_probe_type type;
    struct kp_addr dst;
    uint16_t dport;           /* tcp-syn, dns */
    bool dns_tcp;             /* dns: over TCP */
    const struct kp_via *via; /* NULL: as the kernel routes */
    uint8_t ttl;              /* hop limit; 0: the usual one */
};

struct kp_act {
    enum kp_act_kind {
        KP_ACT_SEND,    /* send: build with kp_core_build, hand to the network */
        KP_ACT_RELEASE, /* send.slot, send.serial: the probe is over; close its socket */
        KP_ACT_EVENT,   /* event: tell */
        KP_ACT_RESOLVE, /* target, host: look the name up, then kp_core_resolved */
    } kind;
    struct kp_send send;
    struct kp_event event;
    uint32_t target; /* resolve: index, as in kp_core_target */
    const char *host;
};

/* wire is copied; seed feeds phases and jitter. NULL: out of memory. */
struct kp_core *kp_core_new(const struct kp_wire *wire, const struct kp_key *seed);
void kp_core_free(struct kp_core *core);

/* Takes conf as the configuration in force; conf stays owned by the caller and
 * must outlive the next configure or free.  Targets, probes and paths matched
 * by name keep their counters, baselines, states and timers.  On KP_ERR_NOMEM
 * the earlier configuration stays in force. Drain pop_action before. */
enum kp_err kp_core_configure(struct kp_core *core, const struct kp_conf *conf,
                              struct kp_mono now);

/* How far the wall clock is ahead of the monotonic one; call before the first
 * tick and whenever it changes. */
void kp_core_set_clock(struct kp_core *core, struct kp_dur wall_minus_mono);

/* Lets time pass: due probes become SEND actions, expired ones results. */
void kp_core_tick(struct kp_core *core, struct kp_mono now);

/* When tick is needed next; false: nothing is scheduled. */
bool kp_core_next_due(const struct kp_core *core, struct kp_mono *at);

/* Takes the next thing to do; false: nothing more now. */
bool kp_core_pop_action(struct kp_core *core, struct kp_act *act);

/* Writes the packet of a SEND action into out; src as in kp_probe_ops.build. */
enum kp_err kp_core_build(const struct kp_core *core, const struct kp_send *send,
                          const struct kp_addr *src, struct kp_wr *out);

/* The probe left at `at`; may be called again with a better time.  sport is the
 * port of a DNS probe's socket, ignored for the other kinds. */
void kp_core_sent(struct kp_core *core, uint32_t slot, uint32_t serial, struct kp_mono at,
                  uint16_t sport);

/* The probe never left; errnum says why.  About us, never about the target. */
void kp_core_send_failed(struct kp_core *core, uint32_t slot, uint32_t serial, int errnum);

/* A packet came.  Untrusted; rx->bytes is read only during the call. */
void kp_core_receive(struct kp_core *core, const struct kp_rx *rx);

/* A DNS probe's socket reported an ICMP error (or, over TCP, a refused or broken
 * connection: refused true) the kernel matched to it. */
void kp_core_note_error(struct kp_core *core, uint32_t slot, uint32_t serial,
                        enum kp_cause cause, const struct kp_addr *sender, bool refused);

/* Between from and to we may have missed answers (socket drops, a stalled loop,
 * a sleeping machine): silence in that time is no evidence. */
void kp_core_gap(struct kp_core *core, struct kp_mono from, struct kp_mono to,
                 const char *reason);

/* The addresses a RESOLVE action's host has now; count 0: the look-up failed,
 * and the last good address stays. */
void kp_core_resolved(struct kp_core *core, uint32_t target, const struct kp_addr *addrs,
                      size_t count);

/* Asks every probe of the target as soon as the rate limits allow.
 * KP_ERR_NOTFOUND, or KP_ERR_DENIED where it has no probeable address. */
enum kp_err kp_core_probe_now(struct kp_core *core, const char *target);

/* Traces the way to the target, as fast as the rate limits allow (one under way
 * goes on).  KP_ERR_NOTFOUND, or KP_ERR_DENIED where no probe of it can be traced. */
enum kp_err kp_core_trace_now(struct kp_core *core, const char *target);

/* Keeps a target or path from raising events and verdicts until `until`; reason
 * is copied.  KP_ERR_NOTFOUND: no such name (or, for unmute, not muted). */
enum kp_err kp_core_mute(struct kp_core *core, const char *name, struct kp_wall until,
                         const char *reason);
enum kp_err kp_core_unmute(struct kp_core *core, const char *name);

#endif
