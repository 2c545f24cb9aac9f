/* Every send is held against the promises of the configuration: rates, bursts
 * and the allow list.  Written apart from lib/probing, to find its mistakes. */
#ifndef KP_SIM_POLITE_H
#define KP_SIM_POLITE_H

#include "lib/conf/conf.h"

struct polite {
    struct tally {
        struct kp_addr addr;
        uint64_t sent;
        double level, at; /* a leaking bucket: N sends in any T are at most burst + rate T */
    } total, *each;
    size_t count;
};

/* One send at t seconds; NULL, or what promise it breaks. */
const char *polite_send(struct polite *p, const struct kp_conf *conf, const struct kp_addr *dst,
                        double t);
uint64_t polite_sent(const struct polite *p, const struct kp_addr *dst); /* so far */
void polite_fini(struct polite *p);

#endif
