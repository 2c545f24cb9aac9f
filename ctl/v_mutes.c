/* Muting: mute, unmute, mutes. */
#include "ctl/call.h"
#include "ctl/show.h"

#include <stdio.h>
#include <string.h>

/* Prints one object for scripts, or a sentence for people; ends the reply. */
static void finish(struct kpc_ctx *ctx, struct kpc_reply *reply, const struct kp_text *sentence)
{
    if (kpc_out_scripts(ctx))
        kpc_out_object(ctx, reply->parameters);
    else if (kp_text_str(sentence) != NULL)
        kpc_show_wrap(ctx, &ctx->out, kp_text_str(sentence), 0, 2);
    kpc_reply_fini(reply);
}

enum kpc_exit kpc_mute_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    struct kp_text sentence = {0};
    char until[KPC_SHOW_SIZE];
    json_t *parameters =
        json_pack("{s:s,s:f,s:s}", "name", kpc_word(ctx, 0), "for_seconds",
                  kp_dur_seconds(ctx->args->length), "reason", ctx->args->reason);
    enum kpc_exit code = kpc_call(ctx, "Mute", parameters, &reply);
    if (code != KPC_DONE)
        return code;
    kpc_show_when(ctx, kpc_get_text(reply.parameters, "mute.until"), until, sizeof until);
    kp_text_printf(&sentence,
                   "%s is muted, ending %s. It is still probed and recorded; "
                   "`kpwatchctl unmute %s` ends it earlier.",
                   kpc_word(ctx, 0), until, kpc_word(ctx, 0));
    finish(ctx, &reply, &sentence);
    kp_text_fini(&sentence);
    return KPC_DONE;
}

enum kpc_exit kpc_unmute_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    struct kp_text sentence = {0};
    enum kpc_exit code =
        kpc_call(ctx, "Unmute", kpc_parameter("name", kpc_word(ctx, 0)), &reply);
    if (code != KPC_DONE)
        return code;
    kp_text_printf(&sentence, "%s is no longer muted.", kpc_word(ctx, 0));
    finish(ctx, &reply, &sentence);
    kp_text_fini(&sentence);
    return KPC_DONE;
}

static void show_until(const struct kpc_ctx *ctx, const json_t *row, struct kpc_shown *out)
{
    kpc_show_time(ctx, kpc_get_text(row, "until"), out->buf, sizeof out->buf);
}

static const struct kpc_field fields[] = {
    {{.title = "MUTED", .key = "name"}, NULL, KPC_FIELD_BOTH},
    {{.title = "KIND", .key = "kind"}, NULL, KPC_FIELD_BOTH},
    {{.title = "ENDS", .key = "until"}, show_until, KPC_FIELD_BOTH},
    {{.title = "REASON", .key = "reason", .min_width = 12}, NULL, KPC_FIELD_BOTH},
};

enum kpc_exit kpc_mutes_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    enum kpc_exit code = kpc_call(ctx, "ListMutes", NULL, &reply);
    if (code != KPC_DONE)
        return code;
    const json_t *rows = kpc_get(reply.parameters, "mutes");
    if (!kpc_out_scripts(ctx) && json_array_size(rows) == 0)
        kp_text_add(&ctx->out, "Nothing is muted.\n");
    else
        kpc_out_rows(ctx, reply.parameters, rows, fields, sizeof fields / sizeof fields[0]);
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
