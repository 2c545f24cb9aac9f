/* Evidence as lines of JSON (CONTRACT: "Records"), out and in.  Beyond what the
 * contract names, lines hold what an exact replay needs:
 *
 *   probe, edge, anchor  cause (unreachable), errno (local-error)
 *   trace                reached_ttl: hop limit at which the target answered
 *   reload               config: the configuration that came into force, where held
 *   incident             incident {id, uuid, class, phase, confidence}
 *   sends                our own sends work again
 *   address              target, address (null: none of use), allowed
 *   mute                 name, until (null: unmuted)
 *   clock                step: seconds the wall clock was put forward; later lines
 *                        are in the new time */
#ifndef KP_TELLING_RECORD_JSON_H
#define KP_TELLING_RECORD_JSON_H

#include "lib/base/text.h"
#include "lib/core/record.h"

#include <jansson.h>

/* Appends the line, with its newline, of a record the core holds; nothing for a
 * hop, which its trace's line contains.  False: no longer held. */
bool kp_record_line(const struct kp_core *core, uint64_t number, struct kp_text *out);

/* Seconds since 1970 with six decimals. */
void kp_record_time(struct kp_text *out, struct kp_wall t);

#define KP_RECORD_HOPS 64
#define KP_RECORD_WHY_SIZE 120

/* A line as it was read.  Texts belong to json. */
struct kp_record_read {
    json_t *json; /* owned; kp_record_read_fini */
    enum kp_record_what {
        KP_RECORD_LINE,    /* list[0], with names instead of numbers */
        KP_RECORD_HEADER,  /* config and learned */
        KP_RECORD_UNKNOWN, /* of a kind we do not know: to be ignored */
    } what;
    struct kp_record list[1 + KP_RECORD_HOPS]; /* a trace's hops follow it */
    const char *name, *probe, *path;           /* NULL: none given */
    bool has_done;                             /* else list[0].done is not set */
    const json_t *config, *learned;            /* header, reload; NULL: none */
};

/* Reads one line.  KP_ERR_MALFORMED, and why in words: it is no record (out needs
 * no fini); KP_ERR_NOMEM. */
enum kp_err kp_record_parse(const char *line, size_t len, struct kp_record_read *out,
                            char why[KP_RECORD_WHY_SIZE]);
void kp_record_read_fini(struct kp_record_read *read);

#endif
