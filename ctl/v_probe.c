/* probe: ask a target now and show what came of it. */
#include "ctl/call.h"
#include "ctl/targets.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Rate limits and a time-out may add up; beyond this a person has gone. */
#define WAIT_S 20
#define STEPS_PER_S 5

/* How many probes of the target have no result of a probe sent since `when`. */
static size_t missing(const json_t *target, const char *when)
{
    struct kp_wall asked = {0};
    size_t index = 0;
    size_t count = 0;
    json_t *probe = NULL;
    if (when == NULL || kp_wall_parse(when, &asked) != KP_OK)
        return 0;
    json_array_foreach(kpc_get(target, "probes"), index, probe)
    {
        struct kp_wall at = {0};
        const char *text = kpc_get_text(probe, "at");
        if (text == NULL || kp_wall_parse(text, &at) != KP_OK || at.ns < asked.ns)
            count++;
    }
    return count;
}

static enum kpc_exit wait_for(struct kpc_ctx *ctx, const char *name, const char *when,
                              struct kpc_reply *reply)
{
    static const struct timespec step = {0, 1000000000 / STEPS_PER_S};
    for (int i = 0;; i++) {
        enum kpc_exit code = kpc_call(ctx, "ListTargets", kpc_parameter("target", name), reply);
        if (code != KPC_DONE)
            return code;
        const json_t *target = json_array_get(kpc_get(reply->parameters, "targets"), 0);
        size_t left = missing(target, when);
        if (left == 0)
            return KPC_DONE;
        if (i == WAIT_S * STEPS_PER_S) {
            kpc_say("%zu of the probes have no result after %d s; rate limits may hold them "
                    "back",
                    left, WAIT_S);
            return KPC_DONE;
        }
        if (i == 0 && ctx->term.tty)
            kpc_say("asked; waiting for the answers");
        kpc_reply_fini(reply);
        nanosleep(&step, NULL);
    }
}

static void wall_now(struct kp_wall *now)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    now->ns = ts.tv_sec * KP_NS_PER_S + ts.tv_nsec;
}

enum kpc_exit kpc_probe_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply asked;
    struct kpc_reply result;
    const char *name = kpc_word(ctx, 0);
    enum kpc_exit code = kpc_call(ctx, "Probe", kpc_parameter("target", name), &asked);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx)) {
        kpc_out_object(ctx, asked.parameters);
        kpc_reply_fini(&asked);
        return KPC_DONE;
    }
    code = wait_for(ctx, name, kpc_get_text(asked.parameters, "requested_at"), &result);
    if (code == KPC_DONE) {
        wall_now(&ctx->now);
        kpc_targets_detail(ctx, &ctx->out,
                           json_array_get(kpc_get(result.parameters, "targets"), 0));
        kpc_reply_fini(&result);
    }
    kpc_reply_fini(&asked);
    return code;
}
