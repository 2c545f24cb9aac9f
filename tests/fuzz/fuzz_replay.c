/* Whole files for `kpwatchctl replay`, through the command itself: headers with their
 * configuration and what was learned, records in any order, reloads.  Traps where it
 * prints what is not JSON. */
#include "ctl/verb.h"
#include "tests/fuzz/world.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_NS (3600 * KP_NS_PER_S)

/* What nobody recorded is looked at second by second, which is right but long for a
 * fuzzer: what comes more than an hour later is left out (see CMakeLists.txt). */
static int64_t last_ns;

enum kp_err __real_kp_core_configure(struct kp_core *core, struct kp_conf *conf,
                                     struct kp_mono now);
enum kp_err __wrap_kp_core_configure(struct kp_core *core, struct kp_conf *conf,
                                     struct kp_mono now);
enum kp_fed __real_kp_core_feed(struct kp_core *core, const struct kp_record *record);
enum kp_fed __wrap_kp_core_feed(struct kp_core *core, const struct kp_record *record);
void __real_kp_core_tick(struct kp_core *core, struct kp_mono now);
void __wrap_kp_core_tick(struct kp_core *core, struct kp_mono now);

enum kp_err __wrap_kp_core_configure(struct kp_core *core, struct kp_conf *conf,
                                     struct kp_mono now)
{
    last_ns = now.ns;
    return __real_kp_core_configure(core, conf, now);
}

static bool soon(int64_t ns)
{
    if (ns - last_ns > MOST_NS)
        return false;
    last_ns = ns > last_ns ? ns : last_ns;
    return true;
}

enum kp_fed __wrap_kp_core_feed(struct kp_core *core, const struct kp_record *record)
{
    bool taken = soon(kp_core_mono(core, record->done).ns);
    return taken ? __real_kp_core_feed(core, record) : KP_FED_NO_USE;
}

void __wrap_kp_core_tick(struct kp_core *core, struct kp_mono now)
{
    if (soon(now.ns))
        __real_kp_core_tick(core, now);
}

static void need_json(struct kp_text *out)
{
    const char *text = kp_text_str(out), *line;
    size_t left = out->len, len;
    while (text != NULL && fuzz_line(&text, &left, &line, &len)) {
        json_t *json = json_loadb(line, len, 0, NULL);
        if (json == NULL)
            abort();
        json_decref(json);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int fd = memfd_create("replay", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct kpc_args args = {.format = KPC_JSONL, .words = {"replay", path}, .word_count = 2};
    struct kpc_ctx ctx = {.args = &args};
    (void)kpc_replay_exec(&ctx);
    need_json(&ctx.out);
    kp_text_fini(&ctx.out);
    close(fd);
    return 0;
}
