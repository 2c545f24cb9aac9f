/* The configurations a scenario runs under: the shipped one, or one made of a
 * few words; and what its reloads make of it. */
#ifndef KP_SIM_SETUP_H
#define KP_SIM_SETUP_H

#include "lib/conf/conf.h"
#include "tests/sim/script.h"

struct setup {
    struct kp_conf *loaded; /* owned */
    struct edit {           /* owned: the loaded one with other targets */
        struct kp_conf conf;
        struct kp_conf_target *targets;
        size_t *probes; /* of a target with fewer probes */
    } * *edits;
    size_t edit_count;
    const struct kp_conf *now; /* the one in force */
};

/* Whether the line is about the configuration. */
bool setup_is_word(const char *word);

/* Loads what the script's lines ask for; says on stderr what is wrong. */
bool setup_load(struct setup *s, const struct script *script);

/* "reload WHAT ...": the next configuration, as s->now.  NULL, or what is wrong. */
const char *setup_reload(struct setup *s, const struct words *w);
void setup_fini(struct setup *s);

#endif
