/* Help, made from the tables of verbs and options. */
#ifndef KPC_HELP_H
#define KPC_HELP_H

#include "ctl/verb.h"

void kpc_help_all(struct kp_text *out);
void kpc_help_verb(struct kp_text *out, const struct kpc_verb *verb);

/* One line: "kpwatchctl mute TARGET|PATH --for DURATION --reason TEXT". */
void kpc_help_usage(struct kp_text *out, const struct kpc_verb *verb);

#endif
