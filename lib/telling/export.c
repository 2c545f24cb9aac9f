#include "lib/telling/export.h"

#include "lib/telling/learned_json.h"
#include "lib/telling/record_json.h"

#include <stdlib.h>

/* What led to it, if it can be had. */
#define BEFORE (60 * KP_NS_PER_S)

enum kp_err kp_export_begin(struct kp_core *core, struct kp_wall since, struct kp_wall until,
                            struct kp_export *x)
{
    struct kp_learned *learned = kp_core_checkpoint(core, (struct kp_wall){since.ns - BEFORE});
    if (learned == NULL)
        return KP_ERR_NOTFOUND;
    *x = (struct kp_export){
        .learned = learned,
        .next = learned->record + 1,
        .last = kp_core_record_last(core),
        .until = until,
        .complete = learned->now.ns + learned->wall_minus_mono.ns <= since.ns,
    };
    return KP_OK;
}

static enum kp_err header(const struct kp_core *core, const char *version, struct kp_export *x,
                          struct kp_text *out)
{
    char *config = kp_core_config(core, x->learned->generation);
    if (config == NULL)
        return KP_ERR_NOMEM;
    kp_text_printf(
        out, "{\"kind\":\"header\",\"schema\":1,\"version\":\"%s\",\"config\":%s,\"learned\":",
        version, config);
    free(config);
    x->stage = KP_EXPORT_LEARNED;
    return KP_OK;
}

static enum kp_err record(const struct kp_core *core, struct kp_export *x, struct kp_text *out)
{
    const struct kp_record *r = kp_core_record(core, x->next);
    if (x->next > x->last || (r != NULL && x->until.ns != 0 && r->done.ns > x->until.ns))
        return KP_ERR_NOTFOUND;
    return kp_record_line(core, x->next++, out) ? KP_OK : KP_ERR_RANGE;
}

enum kp_err kp_export_next(struct kp_core *core, const char *version, struct kp_export *x,
                           struct kp_text *out)
{
    switch (x->stage) {
    case KP_EXPORT_HEADER:
        return header(core, version, x, out);
    case KP_EXPORT_LEARNED:
        if (!kp_learned_piece(core, x->learned, x->piece++, out)) {
            kp_text_add(out, "}\n");
            x->stage = KP_EXPORT_RECORDS;
        }
        return out->nomem ? KP_ERR_NOMEM : KP_OK;
    case KP_EXPORT_RECORDS:
        break;
    }
    return record(core, x, out);
}

void kp_export_end(struct kp_export *x)
{
    kp_learned_free(x->learned);
    x->learned = NULL;
}
