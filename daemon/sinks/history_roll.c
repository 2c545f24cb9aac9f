#include "daemon/sinks/history_roll.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

const char *const kpd_subject_name[KPD_SUBJECT_COUNT] = {
    [KPD_TARGET] = "target", [KPD_PATH] = "path", [KPD_ANCHOR] = "anchor"};

struct subject {
    UT_hash_handle hh;
    enum kpd_subject kind;
    struct {
        int64_t quarter;
        struct kpd_cell cell;
    } of[2]; /* of even and odd quarters: late answers belong to the one before */
    char name[];
};

struct kpd_roll {
    struct subject *subjects[KPD_SUBJECT_COUNT];
    struct kp_text spilled; /* where more than two quarters are open: the clock jumped */
};

struct kpd_roll *kpd_roll_new(void)
{
    return calloc(1, sizeof(struct kpd_roll));
}

void kpd_roll_free(struct kpd_roll *roll)
{
    if (!roll)
        return;
    for (int kind = 0; kind < KPD_SUBJECT_COUNT; kind++) {
        struct subject *s, *next;
        HASH_ITER(hh, roll->subjects[kind], s, next)
        {
            HASH_DEL(roll->subjects[kind], s);
            free(s);
        }
    }
    kp_text_fini(&roll->spilled);
    free(roll);
}

static struct subject *subject_of(struct kpd_roll *roll, enum kpd_subject kind,
                                  const char *name)
{
    struct subject *s = NULL;
    size_t len = strlen(name);
    HASH_FIND(hh, roll->subjects[kind], name, len, s);
    if (s)
        return s;
    s = calloc(1, sizeof *s + len + 1);
    if (!s)
        return NULL;
    s->kind = kind;
    memcpy(s->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, roll->subjects[kind], s->name, len, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

static void write_cell(struct kp_text *out, struct subject *s, int parity)
{
    if (kpd_cell_empty(&s->of[parity].cell))
        return;
    kpd_cell_write_number(out, s->kind);
    kpd_cell_write_number(out, strlen(s->name));
    kp_text_add(out, s->name);
    kpd_cell_write_number(out, (uint64_t)s->of[parity].quarter);
    kpd_cell_write(&s->of[parity].cell, out);
    s->of[parity].cell = (struct kpd_cell){0};
}

/* The cell to count in; NULL: no memory, or a time before 1970. */
static struct kpd_cell *cell_at(struct kpd_roll *roll, enum kpd_subject kind, const char *name,
                                struct kp_wall at)
{
    struct subject *s = name && at.ns > 0 ? subject_of(roll, kind, name) : NULL;
    if (!s)
        return NULL;
    int64_t quarter = at.ns / KP_NS_PER_S / KPD_QUARTER_S;
    int parity = (int)(quarter % 2);
    if (s->of[parity].quarter != quarter)
        write_cell(&roll->spilled, s, parity);
    s->of[parity].quarter = quarter;
    return &s->of[parity].cell;
}

static void count(struct kpd_cell *cell, const struct kp_record *record)
{
    bool answered = record->result == KP_ANSWERED || record->result == KP_REFUSED;
    if (!cell)
        return;
    cell->sent += !record->late;
    cell->answered += answered;
    if (answered)
        kpd_cell_rtt(cell, record->rtt_us);
}

void kpd_roll_record(struct kpd_roll *roll, const struct kp_core *core,
                     const struct kp_record *record)
{
    bool anchor = record->kind == KP_RECORD_ANCHOR;
    if ((record->kind != KP_RECORD_PROBE && !anchor) || record->result == KP_LOCAL_ERROR)
        return;
    const char *name = kp_core_record_name(core, record->name);
    count(cell_at(roll, anchor ? KPD_ANCHOR : KPD_TARGET, name, record->at), record);
    if (!anchor && record->path != KP_NO_NAME)
        count(cell_at(roll, KPD_PATH, kp_core_record_name(core, record->path), record->at),
              record);
}

void kpd_roll_state(struct kpd_roll *roll, enum kpd_subject kind, const char *name,
                    struct kp_wall at, enum kp_state state, uint32_t seconds)
{
    struct kpd_cell *cell = cell_at(roll, kind, name, at);
    if (cell)
        cell->seconds[state] += seconds;
}

void kpd_roll_flush(struct kpd_roll *roll, struct kp_text *out)
{
    kp_text_addn(out, roll->spilled.data, roll->spilled.len);
    kp_text_clear(&roll->spilled);
    for (int kind = 0; kind < KPD_SUBJECT_COUNT; kind++)
        for (struct subject *s = roll->subjects[kind]; s; s = s->hh.next) {
            write_cell(out, s, 0);
            write_cell(out, s, 1);
        }
}
