/* A network namespace of the test's own, without any link to the outside, and a
 * recorder behind the network's handlers. */
#ifndef KP_TESTS_NET_HELP_H
#define KP_TESTS_NET_HELP_H

#include "daemon/net/net.h"

enum {
    NET_RECORDS = 1024,
    NET_BYTES = 2048,
};

struct net_packet {
    struct kp_rx rx;
    uint8_t bytes[NET_BYTES];
};

/* What was told of one slot. */
struct net_slot {
    unsigned sent, failed, errors;
    struct kp_mono first, last; /* of sent */
    uint16_t sport;
    int errnum;
    enum kp_cause cause;
    struct kp_addr sender;
    bool refused;
};

struct net_record {
    struct kpd_loop *loop;
    struct kpd_net *net;
    struct kp_wire wire;
    struct net_slot slots[NET_RECORDS];
    struct net_packet packets[16];
    unsigned received;
    unsigned overflow;
    unsigned settled;
};

/* Enters a new namespace with lo up and 198.18.0.1-3, 2001:2::1-2 on it.  False:
 * refused here; the caller skips and says so. */
bool net_sandbox(void);

/* Runs a command of iproute2 or nft in it; must succeed. */
void net_run(const char *command);

/* A cmocka group fixture: *state is a struct net_record. */
int net_setup(void **state);
int net_teardown(void **state);

/* Runs the loop until done says so, 3 s at most; whether it did. */
typedef bool net_done_fn(const struct net_record *record);
bool net_until(struct net_record *record, net_done_fn *done);

/* Runs the loop for ms. */
void net_for(struct net_record *record, int ms);

struct kp_addr net_addr(const char *text);

/* Builds and commits a probe as the driver does; flush is the caller's. */
struct kp_shot net_probe(struct net_record *record, enum kp_probe_type type, const char *to,
                         uint16_t port, uint32_t slot);

/* Judges packet i as the core would. */
enum kp_discard net_judge(struct net_record *record, unsigned i, const struct kp_shot *shot,
                          struct kp_reply *reply);

#endif
