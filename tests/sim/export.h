/* What a run leaves behind for `kpwatchctl replay`, and what was said live. */
#ifndef KP_SIM_EXPORT_H
#define KP_SIM_EXPORT_H

#include "lib/core/core.h"

#include <stdio.h>

/* Zeroed: nothing is written. */
struct export
{
    FILE *records; /* header and records, as of `from` on */
    FILE *events;  /* envelopes of what was told since */
    double from;   /* seconds since the start of the run */
    uint64_t last; /* record written */
    bool begun;
};

bool export_open(struct export *x, const char *file, double from);

/* Writes what is new. */
void export_records(struct export *x, struct kp_core *core, double now);
void export_event(struct export *x, const struct kp_event *event);
void export_close(struct export *x);

#endif
