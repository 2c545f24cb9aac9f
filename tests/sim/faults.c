/* The verbs of a scenario: what can go wrong in the world, and with us. */
#include "tests/sim/faults.h"

#include <string.h>

static int hosts(const struct call *c, const char *word, struct host *out[])
{
    return world_hosts(&c->sim->world, c->sim->setup.now, word, out);
}

static bool means_path(const struct call *c, int i)
{
    return strcmp(c->what, "all") == 0 || strcmp(c->sim->world.paths[i].name, c->what) == 0;
}

/* Applies `act` to each path named; an unknown one is an error. */
static const char *each_path(const struct call *c,
                             void (*act)(const struct call *c, struct path *p))
{
    int n = 0;
    for (int i = 0; i < c->sim->world.path_count; i++)
        if (means_path(c, i)) {
            act(c, &c->sim->world.paths[i]);
            n++;
        }
    return n > 0 ? NULL : "no such path";
}

static uint32_t index_of_path(const struct call *c, const struct path *p)
{
    return (uint32_t)(p - c->sim->world.paths);
}

static void later(const struct call *c, enum coming_kind kind, uint32_t index, double delay)
{
    queue_push(&c->sim->queue,
               (struct coming){.at = sim_at(c->t + delay), .kind = kind, .index = index});
}

/* Its hosts change one by one, at random within the time given. */
static void hosts_of_path_later(const struct call *c, const struct path *p,
                                enum coming_kind kind)
{
    for (int i = 0; i < c->sim->world.host_count; i++)
        if (c->sim->world.hosts[i].path == (int)index_of_path(c, p))
            later(c, kind, (uint32_t)i, c->over * kp_prng_unit(&c->sim->rng));
}

static void cut_path(const struct call *c, struct path *p)
{
    if (c->over <= 0) {
        p->alive_to = p->edge > 0 ? p->edge : p->distance - 1;
        return;
    }
    hosts_of_path_later(c, p, COMING_HOST_DOWN);
    later(c, COMING_CUT, index_of_path(c, p), c->over);
}

static const char *cut(const struct call *c)
{
    return each_path(c, cut_path);
}

static void blackhole_path(const struct call *c, struct path *p)
{
    (void)c;
    p->alive_to = SHARED_HOPS + 1;
}

static const char *blackhole(const struct call *c)
{
    return each_path(c, blackhole_path);
}

static const char *transit_down(const struct call *c)
{
    c->sim->world.transit_down = true;
    return NULL;
}

static void heal_host(struct host *h)
{
    h->down = h->icmp_filtered = h->dns_dead = false;
    h->banned_at = 0;
    h->unreachable = -1;
    if (h->dns == SERVICE_REFUSES)
        h->dns = SERVICE_OPEN;
    for (size_t i = 0; i < h->port_count; i++)
        h->ports[i].service = SERVICE_OPEN;
}

static void heal_path(const struct call *c, struct path *p)
{
    bool cut = p->alive_to < p->distance;
    p->alive_to = HOPS_MAX;
    if (c->over <= 0 || !cut)
        return;
    for (int i = 0; i < c->sim->world.host_count; i++)
        if (c->sim->world.hosts[i].path == (int)index_of_path(c, p))
            c->sim->world.hosts[i].down = true;
    hosts_of_path_later(c, p, COMING_HOST_UP);
}

static void heal_vantage(struct world *w)
{
    w->uplink_dead = false;
    w->send_error = 0;
}

static const char *heal(const struct call *c)
{
    struct world *w = &c->sim->world;
    struct host *list[HOSTS_MAX];
    bool all = strcmp(c->what, "all") == 0;
    bool vantage = strcmp(c->what, "vantage") == 0;
    bool transit = strcmp(c->what, "transit") == 0;
    if (all || vantage)
        heal_vantage(w);
    if (all || transit)
        w->transit_down = false;
    int n = hosts(c, c->what, list);
    for (int i = 0; i < n; i++)
        heal_host(list[i]);
    const char *wrong = each_path(c, heal_path);
    return vantage || transit || n > 0 ? NULL : wrong;
}

/* host-down T..., dns-down [T...], icmp-drop [T...] */
static const char *each_host(const struct call *c, void (*act)(struct host *h))
{
    struct host *list[HOSTS_MAX];
    for (int k = 1; k < c->words->n || k == 1; k++) {
        const char *word = k < c->words->n ? c->words->w[k] : "all";
        int n = hosts(c, word, list);
        for (int i = 0; i < n; i++)
            act(list[i]);
        if (n == 0)
            return "no such target";
    }
    return NULL;
}

static void down(struct host *h)
{
    h->down = true;
}

static void up(struct host *h)
{
    h->down = false;
}

static void dns_dead(struct host *h)
{
    h->dns_dead = true;
}

static void icmp_filtered(struct host *h)
{
    h->icmp_filtered = true;
}

static const char *host_down(const struct call *c)
{
    return each_host(c, down);
}

static const char *host_up(const struct call *c)
{
    return each_host(c, up);
}

static const char *dns_down(const struct call *c)
{
    return each_host(c, dns_dead);
}

static const char *icmp_drop(const struct call *c)
{
    return each_host(c, icmp_filtered);
}

static const char *ban(const struct call *c)
{
    struct host *list[HOSTS_MAX];
    int n = hosts(c, c->what, list);
    for (int i = 0; i < n; i++)
        list[i]->banned_at = list[i]->path == NO_PATH ? ANCHOR_DISTANCE - 1
                                                      : c->sim->world.paths[list[i]->path].edge;
    return n > 0 ? NULL : "no such target";
}

/* A target's probe stands for its port. */
static const char *set_service(const struct call *c, enum service service)
{
    const struct kp_conf *conf = c->sim->setup.now;
    struct host *h = world_target(&c->sim->world, conf, c->what);
    const struct kp_conf_probe *probe = NULL;
    for (size_t i = 0; c->value != NULL && i < conf->probe_count; i++)
        if (strcmp(conf->probes[i].name, c->value) == 0)
            probe = &conf->probes[i];
    if (h == NULL || probe == NULL)
        return "no such target or probe";
    if (probe->type == KP_PROBE_DNS)
        h->dns = service;
    if (probe->type == KP_PROBE_ICMP)
        h->icmp_filtered = service != SERVICE_OPEN;
    for (size_t i = 0; probe->type == KP_PROBE_TCP_SYN && i < h->port_count; i++)
        if (h->ports[i].number == probe->port)
            h->ports[i].service = service;
    return NULL;
}

static const char *port_down(const struct call *c)
{
    return set_service(c, SERVICE_SILENT);
}

static const char *port_refuse(const struct call *c)
{
    return set_service(c, SERVICE_REFUSES);
}

static const char *port_up(const struct call *c)
{
    return set_service(c, SERVICE_OPEN);
}

/* unreachable TARGET CODE [edge] */
static const char *unreachable(const struct call *c)
{
    struct host *h = world_target(&c->sim->world, c->sim->setup.now, c->what);
    unsigned code = 0;
    if (h == NULL || !word_count(c->value, &code))
        return "unreachable TARGET CODE [edge]";
    h->unreachable = (int)code;
    h->from_edge = c->value2 != NULL;
    return NULL;
}

static void silence_edge_of(const struct call *c, struct path *p)
{
    (void)c;
    if (p->edge > 0)
        p->hops[p->edge - 1].silent = true;
}

static const char *silence_edge(const struct call *c)
{
    return each_path(c, silence_edge_of);
}

static void wake_edge_of(const struct call *c, struct path *p)
{
    (void)c;
    if (p->edge > 0)
        p->hops[p->edge - 1].silent = false;
}

static const char *wake_edge(const struct call *c)
{
    return each_path(c, wake_edge_of);
}

static void silence_hops_of(const struct call *c, struct path *p)
{
    (void)c;
    for (int i = SHARED_HOPS; i < p->distance - 1; i++)
        p->hops[i].silent |= i + 1 != p->edge;
}

static const char *silence_hops(const struct call *c)
{
    return each_path(c, silence_hops_of);
}

static void limit_errors(const struct call *c, struct path *p)
{
    (void)word_rate(c->value, &p->error_rate);
}

static const char *hop_rate(const struct call *c)
{
    double rate = 0;
    return word_rate(c->value, &rate) ? each_path(c, limit_errors) : "hop-rate PATH N/s";
}

static void set_rtt(const struct call *c, struct path *p)
{
    (void)word_seconds(c->value, &p->rtt);
}

static const char *rtt(const struct call *c)
{
    double seconds = 0;
    return word_seconds(c->value, &seconds) ? each_path(c, set_rtt) : "rtt PATH TIME";
}

/* flap PATH down TIME up TIME for TIME */
static const char *flap(const struct call *c)
{
    struct coming f = {.at = sim_at(c->t), .kind = COMING_FLAP};
    double length = 0;
    if (!word_seconds(words_after(c->words, "down"), &f.down) ||
        !word_seconds(words_after(c->words, "up"), &f.up) ||
        !word_seconds(words_after(c->words, "for"), &length))
        return "flap PATH down TIME up TIME for TIME";
    f.until = c->t + length;
    for (int i = 0; i < c->sim->world.path_count; i++)
        if (means_path(c, i)) {
            f.index = (uint32_t)i;
            queue_push(&c->sim->queue, f);
        }
    return NULL;
}

/* move|return TARGET|PREFIX PATH: the whole way, or only the way back */
static const char *move_hosts(const struct call *c, bool back)
{
    struct host *list[HOSTS_MAX];
    int n = hosts(c, c->what, list);
    int path = c->value != NULL ? world_path(&c->sim->world, c->value) : NO_PATH;
    if (n == 0 || path == NO_PATH)
        return "move|return TARGET|PREFIX PATH";
    for (int i = 0; i < n; i++)
        *(back ? &list[i]->back_path : &list[i]->path) = path;
    return NULL;
}

static const char *move(const struct call *c)
{
    return move_hosts(c, false);
}

static const char *come_back(const struct call *c)
{
    return move_hosts(c, true);
}

static const struct verb {
    const char *word;
    faults_verb *run;
    bool needs_core; /* not possible before the start */
} verbs[] = {
    {"cut", cut, false},
    {"blackhole", blackhole, false},
    {"transit-down", transit_down, false},
    {"heal", heal, false},
    {"host-down", host_down, false},
    {"host-up", host_up, false},
    {"dns-down", dns_down, false},
    {"icmp-drop", icmp_drop, false},
    {"ban", ban, false},
    {"port-down", port_down, false},
    {"port-refuse", port_refuse, false},
    {"port-up", port_up, false},
    {"unreachable", unreachable, false},
    {"silence-edge", silence_edge, false},
    {"wake-edge", wake_edge, false},
    {"silence-hops", silence_hops, false},
    {"hop-rate", hop_rate, false},
    {"rtt", rtt, false},
    {"loss", fault_loss, false},
    {"burst", fault_burst, false},
    {"delay", fault_delay, false},
    {"jitter", fault_jitter, false},
    {"late", fault_late, false},
    {"ramp", fault_ramp, false},
    {"calm", fault_calm, false},
    {"flap", flap, false},
    {"move", move, false},
    {"return", come_back, false},
    {"vantage-silent", fault_vantage_silent, false},
    {"vantage-senderror", fault_vantage_senderror, false},
    {"resolve", fault_resolve, false},
    {"soa-serial", fault_soa_serial, false},
    {"probe", fault_probe, true},
    {"mute", fault_mute, true},
    {"reload", fault_reload, true},
    {"stall", fault_stall, true},
    {"overflow", fault_overflow, true},
    {"sleep", fault_sleep, true},
    {"clock", fault_clock, true},
};

static const struct verb *find(const char *word)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].word, word) == 0)
            return &verbs[i];
    return NULL;
}

bool faults_is_word(const char *word)
{
    return find(word) != NULL;
}

const char *faults_apply(struct sim *s, const struct line *line)
{
    const struct words *w = &line->words;
    const struct verb *verb = find(w->w[0]);
    struct call c = {.sim = s,
                     .words = w,
                     .what = w->n > 1 ? w->w[1] : "all",
                     .value = w->n > 2 ? w->w[2] : NULL,
                     .value2 = w->n > 3 ? w->w[3] : NULL,
                     .t = sim_seconds(s)};
    (void)word_seconds(words_after(w, "over"), &c.over);
    if (verb == NULL)
        return "no such verb";
    if (verb->needs_core && s->core == NULL)
        return "not before the start: give it a time";
    return verb->run(&c);
}
