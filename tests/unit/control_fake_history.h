#ifndef KP_TESTS_CONTROL_FAKE_HISTORY_H
#define KP_TESTS_CONTROL_FAKE_HISTORY_H

#include "tests/unit/control_fake.h"

struct fake_answer {
    const char *text; /* NULL: nothing of that name */
    bool failed;
    bool never;           /* the disk is stuck */
    struct kpd_ask *seen; /* gets a look at the question; NULL */
};

/* Of the rig's server from now on. */
struct kpd_history *fake_history_new(struct rig *rig);
void fake_history_free(struct kpd_history *history);
void fake_history_answer(struct kpd_history *history, struct fake_answer answer);

#endif
