/* What a probe is on the wire: one vtable per kind over plain buffers.  These
 * modules know bytes, not when, whom or why; they keep no state. */
#ifndef KP_WIRE_PROBE_H
#define KP_WIRE_PROBE_H

#include "lib/base/addr.h"
#include "lib/base/bytes.h"
#include "lib/base/siphash.h"
#include "lib/base/time.h"
#include "lib/base/vocab.h"

/* What is the same for every probe of one start of the daemon.  A new random
 * key and word per start make every older reply worthless. */
struct kp_wire {
    struct kp_key key;
    uint32_t word;     /* in each ICMP payload; the socket filter looks for it */
    uint16_t icmp_id;  /* the ICMP identifier of this start */
    uint16_t port_min; /* TCP source ports, inclusive; outside ip_local_port_range */
    uint16_t port_max;
    char contact[64]; /* the text in ICMP payloads */
};

/* One probe on the wire: all that is needed to build it and to prove that a
 * packet answers it.  Filled by kp_cookie_make (cookie.h). */
struct kp_shot {
    struct kp_addr dst;
    uint16_t dport;    /* tcp-syn, dns */
    uint16_t sport;    /* tcp-syn: keyed; icmp: the identifier; dns: the socket's port */
    uint32_t seq;      /* tcp-syn: ISN; icmp: sequence (16 bits); dns: id (16 bits) */
    uint32_t serial;   /* counts the probes of this start */
    uint64_t tag;      /* icmp: proof in the payload; dns: which letters are upper case */
    uint16_t checksum; /* icmp: constant along one flow: the checksum on the wire, for
                          IPv6 without the pseudo header */
    uint16_t size;     /* icmp: payload bytes */
    const struct kp_dns_query *query; /* dns: what is asked; not owned */
};

/* A packet as the engine received it. */
struct kp_rx {
    enum kp_probe_type type; /* the socket it came by: icmp and tcp-syn are raw */
    struct kp_addr src;      /* from the socket address; outer source */
    uint16_t rport, lport;   /* dns only: ports of the socket it came by */
    uint8_t ttl; /* hop limit it arrived with; 0 unknown (IPv4 raw: read from the header) */
    struct kp_mono at; /* kernel receive stamp */
    const uint8_t
        *bytes; /* IPv4 raw: from the IP header on; else from the transport header on */
    size_t len;
};

/* What a packet claims to be about, as read from untrusted bytes.  These
 * fields (all but the last group) are the flow a slot is looked up by. */
struct kp_claim {
    enum kp_probe_type type; /* of the probe it answers */
    struct kp_addr dst;      /* whom that probe went to */
    uint16_t dport;          /* as in kp_shot; 0 for icmp */
    uint16_t sport;
    uint32_t seq; /* tcp-syn: ack - 1, or the quoted sequence; icmp, dns: 16 bits */

    bool is_error;         /* an ICMP error that quotes the probe */
    enum kp_cause cause;   /* is_error: why */
    struct kp_addr sender; /* is_error: the router or host that says so */
    uint16_t checksum;     /* is_error, icmp: as kp_shot's, from the quote */
    bool has_tag;          /* icmp: serial and tag were there (a quote may lack them) */
    uint32_t serial;       /* icmp: from the payload */
    uint64_t tag;          /* icmp: from the payload; match has checked it */
    bool reset;            /* tcp-syn: RST */
    uint8_t ttl;           /* hop limit of the packet; 0 unknown */
    const uint8_t *bytes;  /* dns: the message, or what an error quotes of the
                              query; inside kp_rx.bytes */
    size_t len;
};

/* A proven reply. */
struct kp_reply {
    enum kp_result result; /* answered or refused; unreachable for a quoted error */
    enum kp_cause cause;   /* unreachable: why */
    uint8_t ttl;
    struct kp_dns_answer { /* dns only, else zeros */
        bool given;        /* a message was there; a refused connection brings none */
        uint8_t rcode;
        bool aa;         /* authoritative */
        bool tc;         /* truncated */
        bool has_ttl;    /* an answer record was there */
        uint32_t ttl;    /* of the first answer record, seconds */
        bool has_serial; /* an SOA was there */
        uint32_t serial;
    } dns;
};

struct kp_probe_ops {
    /* Writes the probe's transport packet (ICMP or TCP header and payload, or
     * the DNS message).  src is needed for IPv4 TCP's checksum only; for IPv6
     * the kernel fills TCP and ICMPv6 checksums.  KP_ERR_SHORT: no room. */
    enum kp_err (*build)(const struct kp_wire *wire, const struct kp_shot *shot,
                         const struct kp_addr *src, struct kp_wr *out);

    /* Reads an untrusted packet.  KP_DISCARD_NONE: claim says which probe it
     * would be a reply to; else why it cannot be one (MALFORMED, CHECKSUM, or
     * COOKIE where it is visibly not of this start). */
    enum kp_discard (*match)(const struct kp_wire *wire, const struct kp_rx *rx,
                             struct kp_claim *claim);

    /* Whether claim proves that its sender saw shot, the probe looked up by its
     * flow; then fills reply.  KP_DISCARD_COOKIE, _SOURCE or _MALFORMED if not. */
    enum kp_discard (*classify)(const struct kp_wire *wire, const struct kp_shot *shot,
                                const struct kp_claim *claim, struct kp_reply *reply);
};

extern const struct kp_probe_ops kp_probe_icmp; /* probe_icmp.c */
extern const struct kp_probe_ops kp_probe_tcp;  /* probe_tcp.c */
extern const struct kp_probe_ops kp_probe_dns;  /* probe_dns.c */

/* The vtable of a probe type. */
const struct kp_probe_ops *kp_probe_ops(enum kp_probe_type type);

#endif
