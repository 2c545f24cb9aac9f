/* Lines of evidence from strangers, and learned states, fed to an offline core. */
#include "lib/telling/record_json.h"
#include "tests/fuzz/world.h"

#include <stdlib.h>
#include <string.h>

static uint32_t number(struct kp_core *core, const char *name)
{
    return name != NULL ? kp_core_name_number(core, name) : KP_NO_NAME;
}

static void learn(struct kp_core *core, const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text != NULL)
        fuzz_learn(core, text, strlen(text));
    free(text);
}

static void take(struct kp_core *core, const char *text, size_t len)
{
    struct kp_record_read read;
    char why[KP_RECORD_WHY_SIZE];
    if (kp_record_parse(text, len, &read, why) != KP_OK)
        return;
    struct kp_record *r = &read.list[0];
    if (read.what == KP_RECORD_HEADER)
        learn(core, read.learned);
    if (read.what == KP_RECORD_LINE) {
        r->name = number(core, read.name);
        r->probe = number(core, read.probe);
        r->path = number(core, read.path);
        if (!read.has_done)
            r->done = kp_core_feed_done(core, r);
        /* What a fuzzer skips would be looked at second by second. */
        int64_t late = r->done.ns - FUZZ_T0 * KP_NS_PER_S;
        if (late >= 0 && late < 3600 * KP_NS_PER_S)
            (void)kp_core_feed(core, r);
    }
    kp_record_read_fini(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_world world = fuzz_world_new();
    const char *text = (const char *)data, *line;
    struct kp_act act;
    size_t len;
    while (fuzz_line(&text, &size, &line, &len))
        take(world.core, line, len);
    while (kp_core_pop_action(world.core, &act))
        if (act.kind != KP_ACT_EVENT)
            abort();
    fuzz_world_free(&world);
    return 0;
}
