/* A simulated scenario, remembered by the daemon's own history: the same hub, history
 * and store, on the simulator's clock.
 *
 *   kp_history_simulated SCENARIO DB [DIRECTORY]
 *
 * With DIRECTORY the evidence of each incident, as `kpwatchctl export` has it, is
 * written to its file ID.jsonl there afterwards, and all incidents as they were told
 * last to incidents.jsonl. Exit 1: the scenario, or the history, failed. */
#include "daemon/clock.h"
#include "daemon/sinks/history.h"
#include "lib/telling/incident_json.h"
#include "lib/telling/json_obj.h"
#include "tests/sim/sim.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the daemon's clocks and loop, as the simulator turns them --- */

static _Atomic int64_t mono_ns, wall_ns; /* the history's thread reads them, too */

struct kp_mono kpd_clock_mono(void)
{
    return (struct kp_mono){mono_ns};
}

struct kp_wall kpd_clock_wall(void)
{
    return (struct kp_wall){wall_ns};
}

struct kp_mono kpd_loop_now(const struct kpd_loop *loop)
{
    (void)loop;
    return kpd_clock_mono();
}

struct kpd_timer { /* the history has one */
    kpd_timer_fn *fn;
    void *ctx;
    struct kp_mono due;
};

struct kpd_watch { /* likewise */
    int fd;
    kpd_io_fn *fn;
    void *ctx;
};

struct kpd_loop {
    struct kpd_timer timer;
    struct kpd_watch watch;
};

struct kpd_timer *kpd_timer_new(struct kpd_loop *loop, kpd_timer_fn *fn, void *ctx)
{
    loop->timer = (struct kpd_timer){.fn = fn, .ctx = ctx};
    return &loop->timer;
}

void kpd_timer_set(struct kpd_timer *timer, struct kp_dur after)
{
    timer->due = kp_mono_add(kpd_clock_mono(), after);
}

void kpd_timer_free(struct kpd_timer *timer)
{
    (void)timer;
}

struct kpd_watch *kpd_watch_new(struct kpd_loop *loop, int fd, unsigned what, kpd_io_fn *fn,
                                void *ctx)
{
    (void)what;
    loop->watch = (struct kpd_watch){fd, fn, ctx};
    return &loop->watch;
}

void kpd_watch_free(struct kpd_watch *watch)
{
    (void)watch;
}

/* --- the run --- */

struct run {
    struct sim sim;
    struct kpd_loop loop;
    struct kpd_hub *hub;
    struct kpd_history *history;
    struct kpd_ask *answer;
};

static void set_clock(const struct sim *s)
{
    mono_ns = s->now.ns;
    wall_ns = s->now.ns + s->wall_minus_mono.ns;
}

static void on_told(void *arg, const struct kp_event *event)
{
    struct run *run = arg;
    set_clock(&run->sim);
    kpd_hub_publish(run->hub, event);
}

static void wait_for_thread(struct run *run)
{
    struct pollfd p = {.fd = run->loop.watch.fd, .events = POLLIN};
    if (poll(&p, 1, 60000) != 1)
        exit(1);
    run->loop.watch.fn(p.fd, KPD_READ, run->loop.watch.ctx);
}

/* Its thread has no longer than the loop's next turn, whatever the disk takes. */
static void settle(struct run *run)
{
    struct kpd_history_stats stats;
    run->loop.watch.fn(run->loop.watch.fd, KPD_READ, run->loop.watch.ctx);
    for (kpd_history_stats(run->history, &stats); stats.waiting > 0 && stats.errnum == 0;
         kpd_history_stats(run->history, &stats))
        wait_for_thread(run);
    if (stats.errnum != 0 || stats.lost > 0) {
        fprintf(stderr, "the history: %s\n", strerror(stats.errnum));
        exit(1);
    }
}

static bool simulate(struct run *run, double end)
{
    struct sim *s = &run->sim;
    while (s->failure[0] == '\0' && sim_seconds(s) < end) {
        struct kp_mono due = run->loop.timer.due;
        sim_until(s, due.ns < sim_at(end).ns ? sim_seconds(&(struct sim){.now = due}) : end);
        set_clock(s);
        if (!kp_mono_before(s->now, due))
            run->loop.timer.fn(run->loop.timer.ctx);
        settle(run);
    }
    if (s->failure[0] != '\0')
        fprintf(stderr, "%s\n", s->failure);
    return s->failure[0] == '\0';
}

/* --- what is left of it --- */

static void on_answer(void *ctx, struct kpd_ask *ask)
{
    struct run *run = ctx;
    *run->answer = *ask;
    ask->answer = (struct kp_text){0};
}

static struct kpd_ask ask_for(struct run *run, enum kpd_ask_kind kind, const char *name)
{
    struct kpd_ask answer = {.ticket = 0};
    struct kpd_ask *ask = calloc(1, sizeof *ask);
    *ask =
        (struct kpd_ask){.kind = kind, .ticket = 1, .until = kpd_clock_wall(), .merged = true};
    snprintf(ask->name, sizeof ask->name, "%s", name);
    run->answer = &answer;
    kpd_history_ask(run->history, ask);
    while (answer.ticket == 0) {
        mono_ns += KP_NS_PER_S; /* questions come with the next commit */
        run->loop.timer.fn(run->loop.timer.ctx);
        wait_for_thread(run);
    }
    if (answer.failed || answer.answer.nomem)
        exit(1);
    return answer;
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.jsonl", directory, name);
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void write_evidence(struct run *run, const char *directory)
{
    struct kpd_ask all = ask_for(run, KPD_ASK_INCIDENTS, "");
    struct kp_text lines = {0};
    kp_text_printf(&lines, "[%s]", all.answer.len > 0 ? all.answer.data : "");
    json_t *list = json_loads(lines.data, 0, NULL), *incident = NULL;
    size_t i = 0;
    kp_text_clear(&lines);
    json_array_foreach(list, i, incident)
    {
        char id[24];
        char *text = json_dumps(incident, KP_JSON_FLAGS);
        kp_text_printf(&lines, "%s\n", text);
        free(text);
        snprintf(id, sizeof id, "%lld",
                 (long long)json_integer_value(json_object_get(incident, "id")));
        struct kpd_ask one = ask_for(run, KPD_ASK_EVIDENCE, id);
        printf("%s %s\n", id, one.complete ? "complete" : "with holes");
        write_file(directory, id, one.answer.len > 0 ? one.answer.data : "");
        kp_text_fini(&one.answer);
    }
    write_file(directory, "incidents", lines.len > 0 ? lines.data : "");
    json_decref(list);
    kp_text_fini(&lines);
    kp_text_fini(&all.answer);
}

static bool start(struct run *run, const char *scenario, struct script *script,
                  struct checks *checks)
{
    static const struct kp_event_source source = {"sim", NULL, "sim", "sim"};
    if (!script_load(scenario, script) || !checks_build(checks, script))
        return false;
    run->sim = (struct sim){
        .script = script, .checks = checks, .seed = 1, .told = on_told, .told_arg = run};
    run->hub = kpd_hub_new(&source, 0, 0);
    return run->hub != NULL && sim_start(&run->sim);
}

int main(int argc, char **argv)
{
    static struct run run;
    struct script script;
    struct checks checks = {0};
    if (argc < 3 || argc > 4 || !start(&run, argv[1], &script, &checks))
        return 2;
    set_clock(&run.sim);
    const struct kpd_history_args args = {.loop = &run.loop,
                                          .hub = run.hub,
                                          .core = run.sim.core,
                                          .path = argv[2],
                                          .keep = run.sim.setup.now->history_keep,
                                          .version = "sim",
                                          .answer = on_answer,
                                          .ctx = &run};
    run.history = kpd_history_open(&args);
    if (run.history == NULL || !simulate(&run, script.end))
        return 1;
    if (argc == 4)
        write_evidence(&run, argv[3]);
    kpd_history_close(run.history);
    kpd_hub_free(run.hub);
    sim_fini(&run.sim);
    checks_fini(&checks);
    script_free(&script);
    return 0;
}
