/* Lines of evidence from strangers, and learned states, fed to an offline core. */
#include "lib/conf/conf_load.h"
#include "lib/core/feed.h"
#include "lib/telling/learned_json.h"
#include "lib/telling/record_json.h"

#include <stdlib.h>
#include <string.h>

static const char config[] =
    "{version: 1, vantage: {name: v}, allow: [198.18.0.0/15], probes: {web: {type: tcp-syn, "
    "port: "
    "80}, ping: {type: icmp}}, paths: {east: {edge: [198.19.0.1], hops: [198.19.0.0/24]}, "
    "west: {}}, "
    "anchors: [{name: x, address: 198.18.0.9, probes: [ping]}], targets: [{name: a, address: "
    "198.18.0.1, probes: [web, ping], paths: [east]}, {name: b, address: 198.18.0.2, probes: "
    "[web]}]}";

static uint32_t number(struct kp_core *core, const char *name)
{
    return name != NULL ? kp_core_name_number(core, name) : KP_NO_NAME;
}

static void learn(struct kp_core *core, const json_t *json)
{
    struct kp_learned *learned = json != NULL ? kp_learned_read(core, json) : NULL;
    if (learned != NULL)
        (void)kp_core_restore(core, learned);
    kp_learned_free(learned);
}

static void line(struct kp_core *core, const char *text, size_t len)
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
        struct kp_wall first = {1764979200 * KP_NS_PER_S};
        int64_t late = r->done.ns - first.ns;
        if (late >= 0 && late < 3600 * KP_NS_PER_S)
            (void)kp_core_feed(core, r);
    }
    kp_record_read_fini(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_text("fuzz", config, strlen(config), &diags);
    struct kp_core *core = kp_core_new_offline();
    struct kp_act act;
    if (conf == NULL || core == NULL ||
        kp_core_configure(core, conf, (struct kp_mono){1764979200 * KP_NS_PER_S}) != KP_OK)
        abort();
    const char *text = (const char *)data;
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t len = end != NULL ? (size_t)(end - text) : size;
        line(core, text, len);
        size_t step = end != NULL ? len + 1 : len;
        text += step;
        size -= step;
    }
    while (kp_core_pop_action(core, &act))
        if (act.kind != KP_ACT_EVENT)
            abort();
    kp_core_free(core);
    kp_conf_free(conf);
    kp_diags_fini(&diags);
    return 0;
}
