#include "tests/sim/export.h"

#include "lib/telling/event_json.h"
#include "lib/telling/learned_json.h"
#include "lib/telling/record_json.h"

#include <stdlib.h>

static FILE *open_with(const char *file, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", file, suffix);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        perror(path);
    return f;
}

bool export_open(struct export *x, const char *file, double from)
{
    *x = (struct export){.from = from};
    x->records = open_with(file, "");
    x->events = open_with(file, ".events");
    return x->records != NULL && x->events != NULL;
}

static void write_text(FILE *f, struct kp_text *text)
{
    if (kp_text_str(text) == NULL)
        abort();
    fputs(kp_text_str(text), f);
    kp_text_clear(text);
}

static void begin(struct export *x, struct kp_core *core)
{
    struct kp_text text = {0};
    struct kp_learned *learned = kp_core_learned(core);
    char *config = kp_core_config(core, kp_core_generation(core));
    if (learned == NULL || config == NULL)
        abort();
    kp_text_printf(
        &text, "{\"kind\":\"header\",\"schema\":1,\"version\":\"sim\",\"config\":%s,", config);
    kp_text_add(&text, "\"learned\":");
    for (uint32_t i = 0; kp_learned_piece(core, learned, i, &text); i++)
        continue;
    kp_text_add(&text, "}\n");
    write_text(x->records, &text);
    kp_text_fini(&text);
    x->last = learned->record;
    x->begun = true;
    kp_learned_free(learned);
    free(config);
}

void export_records(struct export *x, struct kp_core *core, double now)
{
    struct kp_text text = {0};
    if (x->records == NULL || now < x->from)
        return;
    if (!x->begun)
        begin(x, core);
    while (x->last < kp_core_record_last(core)) {
        if (!kp_record_line(core, ++x->last, &text))
            abort();
        write_text(x->records, &text);
    }
    kp_text_fini(&text);
}

void export_event(struct export *x, const struct kp_event *event)
{
    static const struct kp_event_source source = {"sim", NULL, "sim", "sim"};
    if (!x->begun)
        return;
    json_t *json = kp_event_json(event, &source, 1);
    char *text = json_dumps(json, JSON_COMPACT);
    fprintf(x->events, "%s\n", text);
    free(text);
    json_decref(json);
}

void export_close(struct export *x)
{
    if (x->records != NULL)
        fclose(x->records);
    if (x->events != NULL)
        fclose(x->events);
}
