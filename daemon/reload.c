#include "daemon/reload.h"

#include "daemon/clock.h"
#include "lib/host/conf_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kp_conf *kpd_reload_first(const char *path)
{
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_file(path, &diags);
    if (conf == NULL) {
        char *text = kp_diags_text(&diags);
        fputs(text != NULL ? text : "kpwatchd: out of memory\n", stderr);
        free(text);
    }
    kp_diags_fini(&diags);
    return conf;
}

static void tell(struct kpd_hub *hub, bool success, const char *words, const char *detail)
{
    struct kp_event e = {.action = KP_EV_CONFIG_RELOAD,
                         .level = success ? KP_LOG_NOTICE : KP_LOG_ERROR,
                         .at = kpd_clock_wall(),
                         .rtt = -1,
                         .success = success,
                         .detail = detail};
    snprintf(e.message, sizeof e.message, "%s%s%s", words, detail != NULL ? ": " : "",
             detail != NULL ? detail : "");
    kpd_hub_publish(hub, &e);
}

void kpd_reload_failure(enum kp_err err, const struct kp_diags *diags, char *out, size_t size)
{
    const struct kp_diag *d = diags->count > 0 ? &diags->list[0] : NULL;
    if (d != NULL)
        snprintf(out, size, "%s:%u:%u: %s%s", d->file, d->pos.line, d->pos.col, d->text,
                 diags->count > 1 ? " (and more)" : "");
    else
        snprintf(out, size, "%s", kp_err_name(err));
}

static enum kp_err refused(struct kpd_hub *hub, enum kp_err err, const struct kp_diags *diags)
{
    char why[160]; /* with the words before it, a message */
    kpd_reload_failure(err, diags, why, sizeof why);
    tell(hub, false, "the new configuration was refused, the old one stays", why);
    return err;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What only a restart can change. */
static const char *needs_restart(const struct kp_conf *old, const struct kp_conf *new)
{
    if (strcmp(old->control_socket, new->control_socket) != 0)
        return "a changed control.socket needs a restart";
    if (!same(old->history_path, new->history_path) ||
        old->history_keep.ns != new->history_keep.ns)
        return "a changed history needs a restart";
    return NULL;
}

enum kp_err kpd_reload(struct kpd_driver *driver, struct kpd_hub *hub, const char *path,
                       struct kp_conf **conf, struct kp_diags *diags)
{
    struct kp_conf *new = kp_conf_load_file(path, diags);
    if (new == NULL)
        return refused(hub, diags->count > 0 ? KP_ERR_MALFORMED : KP_ERR_NOMEM, diags);
    enum kp_err err = kpd_driver_reload(driver, new);
    if (err != KP_OK) {
        kp_conf_free(new);
        return refused(hub, err, diags);
    }
    (void)kpd_hub_set_vantage(hub, new->vantage_name, new->vantage_country);
    tell(hub, true, "the new configuration is in force", needs_restart(*conf, new));
    kp_conf_free(*conf);
    *conf = new;
    return KP_OK;
}
