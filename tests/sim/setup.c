#include "tests/sim/setup.h"

#include "lib/base/text.h"
#include "lib/conf/conf_load.h"
#include "lib/host/conf_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool setup_is_word(const char *word)
{
    static const char *const known[] = {"config", "paths",        "targets", "anchors",
                                        "timing", "false-alarms", "family"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], word) == 0)
            return true;
    return false;
}

static const struct words *line_of(const struct script *script, const char *word)
{
    for (size_t i = 0; i < script->line_count; i++)
        if (strcmp(script->lines[i].words.w[0], word) == 0)
            return &script->lines[i].words;
    return NULL;
}

static const char *word_of(const struct script *script, const char *word, const char *otherwise)
{
    const struct words *w = line_of(script, word);
    return w != NULL && w->n > 1 ? w->w[1] : otherwise;
}

static const char *net(const struct script *script)
{
    return strcmp(word_of(script, "family", "4"), "6") == 0 ? "2001:2::" : "198.18.";
}

static void add_path(struct kp_text *t, const char *base, const char *name, int n)
{
    bool v6 = strchr(base, ':') != NULL;
    if (v6)
        kp_text_printf(t, "  %s: {edge: ['2001:2:0:%d::fe'], hops: ['2001:2:0:%d::/64']}\n",
                       name, 9000 + n, 9000 + n);
    else
        kp_text_printf(t, "  %s: {edge: [198.19.%d.254], hops: [198.19.%d.0/24]}\n", name,
                       100 + n, 100 + n);
}

/* "targets COUNT PATH PROBES...": named PATH-1, PATH-2 and so on, from first on;
 * "none": no path. */
static void add_targets(struct kp_text *t, const char *base, const struct words *w, int n,
                        unsigned first)
{
    unsigned count = 0;
    if (w->n < 4 || !word_count(w->w[1], &count))
        return;
    for (unsigned i = first; i < first + count; i++) {
        kp_text_printf(t, "  - {name: %s-%u, address: '%s%d%s%u', probes: [", w->w[2], i, base,
                       n, strchr(base, ':') != NULL ? ":" : ".", i);
        for (int k = 3; k < w->n; k++)
            kp_text_printf(t, "%s%s", k > 3 ? ", " : "", w->w[k]);
        kp_text_add(t, "]");
        if (strcmp(w->w[2], "none") != 0)
            kp_text_printf(t, ", paths: [%s]", w->w[2]);
        kp_text_add(t, "}\n");
    }
}

/* How many targets of its path the lines before this one have made. */
static unsigned targets_before(const struct script *script, size_t line)
{
    const char *path = script->lines[line].words.w[2];
    unsigned sum = 0;
    unsigned count = 0;
    for (size_t i = 0; i < line; i++) {
        const struct words *w = &script->lines[i].words;
        if (strcmp(w->w[0], "targets") == 0 && w->n > 2 && path != NULL &&
            strcmp(w->w[2], path) == 0 && word_count(w->w[1], &count))
            sum += count;
    }
    return sum;
}

static void add_anchors(struct kp_text *t, const struct script *script)
{
    bool v6 = strchr(net(script), ':') != NULL;
    unsigned count = 3;
    (void)word_count(word_of(script, "anchors", "3"), &count);
    kp_text_add(t, count > 0 ? "anchors:\n" : "");
    for (unsigned i = 1; i <= count; i++)
        kp_text_printf(t, "  - {name: anchor-%u, address: '%s%u', probes: [ping]}\n", i,
                       v6 ? "2001:2:0:ffff::" : "198.19.0.", i);
}

/* The file a few words stand for. */
static void write_inline(const struct script *script, struct kp_text *t)
{
    const char *base = net(script);
    const struct words *paths = line_of(script, "paths");
    const struct words *timing = line_of(script, "timing");
    kp_text_printf(t,
                   "version: 1\nvantage: {name: sim}\nallow: [198.18.0.0/15, '2001:2::/48']\n"
                   "limits: {total-rate: 20/s, per-address-rate: 1/s, burst: 5}\n"
                   "defaults: {interval: %s, timeout: %s, jitter: 10%%}\n"
                   "verdict: {false-alarms: %s, recover-after: 5m}\n",
                   timing != NULL && timing->n > 1 ? timing->w[1] : "10s",
                   timing != NULL && timing->n > 2 ? timing->w[2] : "2s",
                   word_of(script, "false-alarms", "1/10y"));
    kp_text_add(t, "probes:\n  ping: {type: icmp, size: 56}\n"
                   "  web: {type: tcp-syn, port: 80}\n  tls: {type: tcp-syn, port: 443}\n"
                   "  soa: {type: dns, name: kp, qtype: SOA}\npaths:\n");
    for (int i = 1; paths != NULL && i < paths->n; i++)
        add_path(t, base, paths->w[i], i);
    add_anchors(t, script);
    kp_text_add(t, "targets:\n");
    int n = 0;
    for (size_t i = 0; i < script->line_count; i++)
        if (strcmp(script->lines[i].words.w[0], "targets") == 0)
            add_targets(t, base, &script->lines[i].words, ++n, targets_before(script, i) + 1);
}

static struct kp_conf *load(const struct script *script, struct kp_diags *diags)
{
    struct kp_text text = {0};
    struct kp_text path = {0};
    const char *file = word_of(script, "config", NULL);
    struct kp_conf *conf = NULL;
    if (file != NULL && strcmp(file, "shipped") == 0) {
        conf = kp_conf_load_file(KP_SOURCE_DIR "/conf/kpwatchd.yaml", diags);
    } else if (file != NULL) {
        kp_text_printf(&path, "%s/%s", KP_SOURCE_DIR, file);
        conf = kp_conf_load_file(kp_text_str(&path), diags);
    } else {
        write_inline(script, &text);
        conf = kp_conf_load_text("inline", text.data, text.len, diags);
    }
    kp_text_fini(&text);
    kp_text_fini(&path);
    return conf;
}

bool setup_load(struct setup *s, const struct script *script)
{
    struct kp_diags diags;
    *s = (struct setup){0};
    kp_diags_init(&diags);
    s->loaded = load(script, &diags);
    s->now = s->loaded;
    if (s->loaded == NULL) {
        char *text = kp_diags_text(&diags);
        fprintf(stderr, "%s: its configuration:\n%s", script->file, text != NULL ? text : "");
        free(text);
    }
    kp_diags_fini(&diags);
    return s->loaded != NULL;
}

static struct edit *new_edit(struct setup *s)
{
    struct edit *e = calloc(1, sizeof *e);
    struct edit **grown = reallocarray(s->edits, s->edit_count + 1, sizeof(struct edit *));
    if (e == NULL || grown == NULL)
        abort();
    s->edits = grown;
    s->edits[s->edit_count++] = e;
    e->conf = *s->now;
    e->targets = calloc(e->conf.target_count, sizeof *e->targets);
    if (e->targets == NULL)
        abort();
    memcpy(e->targets, s->now->targets, e->conf.target_count * sizeof *e->targets);
    e->conf.targets = e->targets;
    return e;
}

static struct kp_conf_target *find(struct edit *e, const char *name)
{
    for (size_t i = 0; name != NULL && i < e->conf.target_count; i++)
        if (strcmp(e->targets[i].name, name) == 0)
            return &e->targets[i];
    return NULL;
}

static void reverse(struct edit *e)
{
    for (size_t i = 0, k = e->conf.target_count; i + 1 < k; i++) {
        struct kp_conf_target t = e->targets[i];
        e->targets[i] = e->targets[--k];
        e->targets[k] = t;
    }
}

/* Leaves the target only the probe of this name. */
static bool keep_probe(struct edit *e, struct kp_conf_target *t, const char *probe)
{
    for (size_t i = 0; probe != NULL && i < t->probe_count; i++)
        if (strcmp(e->conf.probes[t->probes[i]].name, probe) == 0) {
            e->probes = malloc(sizeof *e->probes);
            if (e->probes == NULL)
                abort();
            *e->probes = t->probes[i];
            t->probes = e->probes;
            t->probe_count = 1;
            return true;
        }
    return false;
}

const char *setup_reload(struct setup *s, const struct words *w)
{
    const char *what = w->n > 1 ? w->w[1] : "same";
    struct edit *e = new_edit(s);
    struct kp_conf_target *t = find(e, w->n > 2 ? w->w[2] : NULL);
    const char *value = w->n > 3 ? w->w[3] : NULL;
    double seconds = 0;
    bool ok = true;
    if (strcmp(what, "reorder") == 0)
        reverse(e);
    else if (strcmp(what, "same") == 0)
        ok = true;
    else if (t == NULL)
        return "no such target to reload";
    else if (strcmp(what, "without") == 0)
        t->enabled = false;
    else if (strcmp(what, "with") == 0)
        t->enabled = true;
    else if (strcmp(what, "address") == 0)
        ok = value != NULL && kp_addr_parse(value, &t->address) == KP_OK;
    else if (strcmp(what, "only") == 0)
        ok = keep_probe(e, t, value);
    else if (strcmp(what, "interval") == 0 && word_seconds(value, &seconds))
        t->timing.interval = kp_dur_from_seconds(seconds);
    else
        ok = false;
    s->now = &e->conf;
    return ok ? NULL : "no such reload";
}

void setup_fini(struct setup *s)
{
    for (size_t i = 0; i < s->edit_count; i++) {
        free(s->edits[i]->targets);
        free(s->edits[i]->probes);
        free(s->edits[i]);
    }
    free(s->edits);
    kp_conf_free(s->loaded);
    *s = (struct setup){0};
}
