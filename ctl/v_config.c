/* The configuration: check-config, reload. */
#include "ctl/call.h"
#include "ctl/diag.h"
#include "ctl/out.h"
#include "lib/host/conf_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *diagnostic(const struct kp_diag *d)
{
    return json_pack("{s:s?,s:i,s:i,s:s,s:s,s:s?,s:i}", "file", d->file, "line",
                     (int)d->pos.line, "column", (int)d->pos.col, "severity", "error", "text",
                     d->text, "source", d->source, "source_column", (int)d->source_col);
}

/* What CheckConfig would reply, made here. */
static json_t *local_reply(bool valid, const struct kp_diags *diags)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diags->count; i++)
        json_array_append_new(list, diagnostic(&diags->list[i]));
    return json_pack("{s:i,s:b,s:o}", "schema", 1, "valid", valid, "diagnostics", list);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static enum kpc_exit check_file(struct kpc_ctx *ctx, const char *file)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_file(file, &diags);
    bool valid = conf != NULL && !kp_diags_any(&diags);
    if (kpc_out_scripts(ctx)) {
        json_t *reply = local_reply(valid, &diags);
        kpc_out_object(ctx, reply);
        json_decref(reply);
    } else if (valid) {
        kp_text_add_safe(&ctx->out, file);
        kp_text_printf(&ctx->out, ": no errors (%zu target%s, %zu path%s, %zu anchor%s)\n",
                       conf->target_count, plural(conf->target_count), conf->path_count,
                       plural(conf->path_count), conf->anchor_count,
                       plural(conf->anchor_count));
    } else {
        char *text = kp_diags_text(&diags);
        fputs(text != NULL ? text : "kpwatchctl: out of memory\n", stderr);
        free(text);
        kpc_say("%s: %zu error%s", file, diags.count + diags.dropped,
                plural(diags.count + diags.dropped));
    }
    kp_conf_free(conf);
    kp_diags_fini(&diags);
    return valid ? KPC_DONE : KPC_REFUSED;
}

static enum kpc_exit check_there(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    enum kpc_exit code = kpc_call(ctx, "CheckConfig", NULL, &reply);
    if (code == KPC_UNREACHABLE)
        kpc_say("without the daemon, name the file: kpwatchctl check-config FILE");
    if (code != KPC_DONE)
        return code;
    const json_t *list = kpc_get(reply.parameters, "diagnostics");
    bool valid = json_is_true(kpc_get(reply.parameters, "valid"));
    if (kpc_out_scripts(ctx)) {
        kpc_out_object(ctx, reply.parameters);
    } else {
        kpc_diag_print(stderr, list);
        if (valid)
            kp_text_add(&ctx->out, "The daemon's configuration file has no errors.\n");
        else
            kpc_say("%zu error%s in the daemon's configuration file", json_array_size(list),
                    plural(json_array_size(list)));
    }
    kpc_reply_fini(&reply);
    return valid ? KPC_DONE : KPC_REFUSED;
}

enum kpc_exit kpc_check_config_exec(struct kpc_ctx *ctx)
{
    const char *file = kpc_word(ctx, 0);
    return file != NULL ? check_file(ctx, file) : check_there(ctx);
}

enum kpc_exit kpc_reload_exec(struct kpc_ctx *ctx)
{
    struct kpc_reply reply;
    enum kpc_exit code = kpc_call(ctx, "Reload", NULL, &reply);
    if (code != KPC_DONE)
        return code;
    if (kpc_out_scripts(ctx)) {
        kpc_out_object(ctx, reply.parameters);
    } else {
        kpc_diag_print(stderr, kpc_get(reply.parameters, "diagnostics"));
        kp_text_add(&ctx->out, "The configuration is loaded and in force.\n");
    }
    kpc_reply_fini(&reply);
    return KPC_DONE;
}
