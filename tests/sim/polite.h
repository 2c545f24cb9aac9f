/* Every send is held against the promises of the configuration: rates, bursts
 * and the allow list.  Written apart from lib/probing, to find its mistakes. */
#ifndef KP_SIM_POLITE_H
#define KP_SIM_POLITE_H

#include "lib/conf/conf.h"

struct polite {
    struct tally {
        struct kp_addr addr;
        double level, at; /* a leaking bucket: N sends in any T are at most burst + rate T */
    } total, *each;
    size_t count;
    uint64_t sent;
};

/* One send at t seconds; NULL, or what promise it breaks. */
const char *polite_send(struct polite *p, const struct kp_conf *conf, const struct kp_addr *dst,
                        double t);
void polite_fini(struct polite *p);

#endif
