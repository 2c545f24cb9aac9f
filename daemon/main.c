/* Wiring only: who is made when, in which order, and undone in reverse. */
#include "daemon/clock.h"
#include "daemon/control.h"
#include "daemon/driver.h"
#include "daemon/facts.h"
#include "daemon/lean.h"
#include "daemon/listen.h"
#include "daemon/net/raw.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/priv.h"
#include "daemon/reload.h"
#include "daemon/seccomp.h"
#include "daemon/sinks/history.h"
#include "daemon/sinks/metrics.h"
#include "daemon/sinks/sinks.h"
#include "lib/conf/conf_print.h"
#include "lib/host/conf_files.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

struct app {
    struct kpd_options options;
    struct kp_conf *conf;
    struct kpd_loop *loop;
    struct kpd_hub *hub;
    struct kpd_driver *driver;
    struct kpd_control *control;
    struct kpd_sinks *sinks;
    struct kpd_metrics *metrics;
    struct kpd_facts facts;
    struct kpd_history *history; /* NULL: off */
    struct kpd_notify *notify;
    struct kp_wall started_at, loaded_at;
    struct kp_mono started;
    char boot[17];
};

static void tell(struct app *app, enum kp_action action, enum kp_level level, const char *text)
{
    struct kp_event e = {.action = action,
                         .level = level,
                         .at = kpd_clock_wall(),
                         .rtt = -1,
                         .success = level > KP_LOG_WARNING};
    snprintf(e.message, sizeof e.message, "%.*s", (int)sizeof e.message - 1, text);
    kpd_hub_publish(app->hub, &e);
}

static void describe(void *ctx, struct kp_report_daemon *out)
{
    const struct app *app = ctx;
    *out = (struct kp_report_daemon){
        .version = KP_VERSION,
        .vantage_name = app->conf->vantage_name,
        .started_at = app->started_at,
        .config_loaded_at = app->loaded_at,
        .recover_after = app->conf->recover_after,
        .now = kpd_clock_wall(),
        .uptime = kp_mono_sub(kpd_clock_mono(), app->started),
    };
}

static void on_facts(void *ctx, struct kp_metrics_daemon *out)
{
    const struct app *app = ctx;
    struct kpd_net_stats net;
    kpd_driver_net_stats(app->driver, &net);
    kpd_facts_fill(&app->facts, out);
    out->version = KP_VERSION;
    out->started = app->started_at;
    out->control_clients = kpd_control_clients(app->control);
    for (int t = 0; t < KP_PROBE_COUNT; t++)
        out->socket_drops[t] = net.overflow[t];
}

/* Where metrics are served; one that cannot be had is said, and the rest goes on. */
static void set_metrics(struct app *app)
{
    char why[256];
    const struct kp_conf *conf = app->conf;
    const struct kpd_metrics_args args = {app->loop, kpd_driver_core(app->driver), on_facts,
                                          app};
    struct kpd_metrics *old = app->metrics;
    if (old != NULL && conf->metrics_host != NULL &&
        kpd_metrics_is_at(old, conf->metrics_host, conf->metrics_port)) {
        kpd_metrics_reconfigured(old);
        return;
    }
    kpd_metrics_close(old);
    app->metrics = NULL;
    if (conf->metrics_host == NULL)
        return;
    app->metrics = kpd_metrics_open(&args, conf->metrics_host, conf->metrics_port, why);
    if (app->metrics == NULL)
        tell(app, KP_EV_DAEMON_HEALTH, KP_LOG_ERROR, why);
}

static enum kp_level level_in_force(const struct app *app)
{
    int level = (int)app->conf->log_level + app->options.verbose;
    return level < KP_LOG_DEBUG ? (enum kp_level)level : KP_LOG_DEBUG;
}

static enum kp_err reload(struct app *app, json_t **diagnostics)
{
    struct kp_diags diags;
    char why[KP_EVENT_MESSAGE_SIZE];
    kp_diags_init(&diags);
    kpd_notify_reloading(app->notify);
    enum kp_err err =
        kpd_reload(app->driver, app->hub, app->options.config, &app->conf, &diags);
    if (err == KP_OK) {
        app->loaded_at = kpd_clock_wall();
        kpd_sinks_reconfigure(app->sinks, app->conf, level_in_force(app));
        set_metrics(app);
        kpd_control_reconfigured(app->control);
    } else {
        kpd_reload_failure(err, &diags, why, sizeof why);
        if (diagnostics != NULL)
            *diagnostics = kp_report_diags(&diags);
    }
    kpd_notify_reloaded(app->notify, err == KP_OK ? NULL : why);
    kp_diags_fini(&diags);
    return err;
}

static enum kp_err on_reload(void *ctx, json_t **diagnostics)
{
    return reload(ctx, diagnostics);
}

static enum kp_err on_check(void *ctx, json_t **diagnostics)
{
    const struct app *app = ctx;
    struct kp_diags diags;
    kp_diags_init(&diags);
    struct kp_conf *conf = kp_conf_load_file(app->options.config, &diags);
    if (conf == NULL)
        *diagnostics = kp_report_diags(&diags);
    enum kp_err err = conf != NULL ? KP_OK : KP_ERR_MALFORMED;
    kp_conf_free(conf);
    kp_diags_fini(&diags);
    return err;
}

static enum kp_level on_log_level(void *ctx, enum kp_level level)
{
    struct app *app = ctx;
    return kpd_sinks_set_level(app->sinks, level);
}

static void on_words(void *ctx, char *out, size_t size)
{
    const struct app *app = ctx;
    struct kp_status_view view;
    kp_core_status(kpd_driver_core(app->driver), &view);
    snprintf(out, size, "%s", view.summary);
}

static void on_pump(void *ctx)
{
    struct app *app = ctx;
    kpd_driver_pump(app->driver);
}

static void on_signal(int signo, void *ctx)
{
    struct app *app = ctx;
    if (signo == SIGHUP)
        (void)reload(app, NULL);
    else if (signo == SIGUSR1)
        kpd_sinks_reopen(app->sinks);
    else
        kpd_loop_stop(app->loop);
}

static const struct kpd_control_ops control_ops = {describe,     on_reload, on_check,
                                                   on_log_level, on_facts,  on_pump};

static bool open_hub(struct app *app)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    snprintf(app->boot, sizeof app->boot, "%016" PRIx64, random);
    const struct kp_event_source source = {app->conf->vantage_name, app->conf->vantage_country,
                                           KP_VERSION, app->boot};
    app->hub = kpd_hub_new(&source, 0, 0);
    if (app->hub != NULL)
        app->sinks = kpd_sinks_open(app->loop, app->hub, level_in_force(app));
    return app->sinks != NULL && kpd_facts_open(&app->facts, app->hub);
}

static bool open_control(struct app *app, char *why)
{
    char elsewhere[KPD_LISTEN_WHY];
    int inherited = -1;
    if (!kpd_listen_inherited(app->conf->control_socket, &inherited, elsewhere)) {
        snprintf(why, KPD_CONTROL_WHY, "%s", elsewhere);
        return false;
    }
    const struct kpd_control_args args = {
        .loop = app->loop,
        .core = kpd_driver_core(app->driver),
        .hub = app->hub,
        .path = app->conf->control_socket,
        .listener = inherited >= 0 ? inherited : 0,
        .ops = &control_ops,
        .ctx = app,
    };
    app->control = kpd_control_open(&args, why);
    if (app->control != NULL && inherited >= 0)
        snprintf(why, KPD_CONTROL_WHY, "%s", elsewhere);
    return app->control != NULL;
}

static bool watch_signals(struct app *app)
{
    signal(SIGPIPE, SIG_IGN); /* sockets are written with write */
    return kpd_loop_signal(app->loop, SIGTERM, on_signal, app) &&
           kpd_loop_signal(app->loop, SIGINT, on_signal, app) &&
           kpd_loop_signal(app->loop, SIGHUP, on_signal, app) &&
           kpd_loop_signal(app->loop, SIGUSR1, on_signal, app);
}

/* Without it the watch goes on: why is told as an event. */
static void open_history(struct app *app)
{
    const struct kpd_history_args args = {
        .loop = app->loop,
        .hub = app->hub,
        .core = kpd_driver_core(app->driver),
        .path = app->conf->history_path,
        .keep = app->conf->history_keep,
        .version = KP_VERSION,
        .answer = kpd_control_answered,
        .ctx = app->control,
    };
    if (args.path != NULL)
        app->history = kpd_history_open(&args);
    kpd_control_set_history(app->control, app->history);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_all(struct app *app, char *why)
{
    raise_descriptor_limit();
    app->started = kpd_clock_mono();
    app->started_at = app->loaded_at = kpd_clock_wall();
    app->loop = kpd_loop_new();
    if (app->loop == NULL || !open_hub(app) || !watch_signals(app) ||
        !kpd_notify_open(app->loop, on_words, app, &app->notify)) {
        snprintf(why, KPD_CONTROL_WHY, "out of memory or descriptors");
        return false;
    }
    if (!kpd_driver_open(app->loop, app->hub, app->conf, &app->driver, why) ||
        !open_control(app, why) || !kpd_priv_drop(app->options.user, why))
        return false;
    kpd_control_user(app->control, geteuid());
    /* Only from here on events reach everyone, so nothing is told before. */
    kpd_sinks_reconfigure(app->sinks, app->conf, level_in_force(app));
    if (why[0] != '\0')
        tell(app, KP_EV_DAEMON_HEALTH, KP_LOG_WARNING, why);
    set_metrics(app);
    open_history(app);
    kpd_lean();
    return kpd_seccomp_apply(why);
}

static void close_all(struct app *app)
{
    kpd_metrics_close(app->metrics);
    kpd_history_close(app->history);
    kpd_control_close(app->control);
    kpd_notify_close(app->notify);
    kpd_driver_close(app->driver);
    kpd_sinks_close(app->sinks);
    kpd_hub_free(app->hub);
    kpd_loop_free(app->loop);
    kp_conf_free(app->conf);
}

static void greet(struct app *app)
{
    char text[KP_EVENT_MESSAGE_SIZE];
    struct kp_core *core = kpd_driver_core(app->driver);
    snprintf(text, sizeof text,
             "kpwatchd " KP_VERSION " watches %" PRIu32 " targets over %" PRIu32
             " paths from %s; look with: kpwatchctl status",
             kp_core_target_count(core), kp_core_path_count(core), app->conf->vantage_name);
    tell(app, KP_EV_DAEMON_START, KP_LOG_NOTICE, text);
}

static int run(struct app *app)
{
    char why[KPD_CONTROL_WHY] = "";
    int status = 1;
    if (!open_all(app, why)) {
        fprintf(stderr, "kpwatchd: %s\n", why);
    } else {
        greet(app);
        kpd_driver_start(app->driver);
        kpd_notify_ready(app->notify);
        status = kpd_loop_run(app->loop) ? 0 : 1;
        kpd_notify_stopping(app->notify);
        tell(app, KP_EV_DAEMON_STOP, KP_LOG_NOTICE, "kpwatchd stops");
    }
    close_all(app);
    return status;
}

static int check_only(struct app *app)
{
    char *text = app->options.verbose > 0 ? kp_conf_print(app->conf) : NULL;
    if (text != NULL)
        fputs(text, stdout);
    free(text);
    kp_conf_free(app->conf);
    return 0;
}

static int store_sockets(void)
{
    char why[256];
    bool done = kpd_raw_store(why);
    if (!done)
        fprintf(stderr, "kpwatchd: %s\n", why);
    return done ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct app app;
    kpd_lean_heap();
    int status = kpd_options_parse(argc, argv, &app.options);
    if (status >= 0)
        return status;
    if (app.options.store_sockets)
        return store_sockets();
    app.conf = kpd_reload_first(app.options.config);
    if (app.conf == NULL)
        return 1;
    return app.options.check_only ? check_only(&app) : run(&app);
}
