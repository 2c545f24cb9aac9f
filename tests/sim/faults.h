/* The verbs of scenarios, file by file.  Only faults*.c include this. */
#ifndef KP_SIM_FAULTS_H
#define KP_SIM_FAULTS_H

#include "tests/sim/sim.h"

/* What a verb is given: its words behind the verb, and "over D" taken off. */
struct call {
    struct sim *sim;
    const struct words *words;
    const char *what; /* the first word, or "all" */
    const char *value, *value2;
    double over; /* seconds; 0: at once */
    double t;
};

/* Each returns NULL, or how the verb is used. */
typedef const char *faults_verb(const struct call *c);

/* faults_link.c */
faults_verb fault_loss, fault_burst, fault_delay, fault_jitter, fault_late, fault_ramp,
    fault_calm;

/* faults_us.c */
faults_verb fault_vantage_silent, fault_vantage_senderror, fault_resolve, fault_soa_serial,
    fault_probe, fault_mute, fault_reload, fault_stall, fault_overflow, fault_sleep,
    fault_clock;

#endif
