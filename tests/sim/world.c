#include "tests/sim/world.h"

#include <string.h>

enum { PATH_HOPS = 4, SILENT_HOPS = 3 };

struct host *world_host(struct world *w, const struct kp_addr *addr)
{
    for (int i = 0; i < w->host_count; i++)
        if (kp_addr_equal(&w->hosts[i].addr, addr))
            return &w->hosts[i];
    return NULL;
}

int world_path(const struct world *w, const char *name)
{
    for (int i = 0; i < w->path_count; i++)
        if (strcmp(w->paths[i].name, name) == 0)
            return i;
    return NO_PATH;
}

struct kp_addr *world_name(struct world *w, const char *host)
{
    for (int i = 0; i < w->name_count; i++)
        if (strcmp(w->names[i].host, host) == 0)
            return &w->names[i].addr;
    return NULL;
}

static struct kp_addr parse(const char *text)
{
    struct kp_addr a = {0};
    (void)kp_addr_parse(text, &a);
    return a;
}

/* Hops that no path claims: 10/8 stands for the rest of the world. */
static struct hop other_hop(enum kp_family family, int path, int distance)
{
    struct hop hop = {.addr = parse(family == KP_IPV4 ? "10.0.0.0" : "fd00::")};
    size_t last = kp_addr_len(&hop.addr) - 1;
    hop.addr.bytes[last - 1] = (uint8_t)path;
    hop.addr.bytes[last] = (uint8_t)distance;
    hop.short_quotes = distance % 2 == 0;
    return hop;
}

static enum kp_family family_of(const struct kp_conf *conf)
{
    for (size_t i = 0; i < conf->target_count; i++)
        if (conf->targets[i].address.family != KP_AF_NONE)
            return (enum kp_family)conf->targets[i].address.family;
    return KP_IPV4;
}

static const struct kp_addr *edge_of(const struct kp_conf_path *conf, enum kp_family family)
{
    for (size_t i = 0; i < conf->edge_count; i++)
        if (conf->edges[i].family == family)
            return &conf->edges[i];
    return NULL;
}

/* The nth address of one of the path's hop prefixes of this family. */
static bool hop_of(const struct kp_conf_path *conf, enum kp_family family, int n,
                   struct kp_addr *out)
{
    int found = 0;
    for (size_t i = 0; i < conf->hop_count; i++)
        found += conf->hops[i].addr.family == family;
    if (found == 0)
        return false;
    int want = n % found;
    for (size_t i = 0; i < conf->hop_count; i++)
        if (conf->hops[i].addr.family == family && want-- == 0)
            *out = conf->hops[i].addr;
    out->bytes[kp_addr_len(out) - 1] = (uint8_t)(out->bytes[kp_addr_len(out) - 1] + 17 + n);
    return true;
}

static void build_path(struct world *w, const struct kp_conf_path *conf, enum kp_family family)
{
    int index = w->path_count;
    if (index == PATHS_MAX)
        return;
    struct path *p = &w->paths[w->path_count++];
    const struct kp_addr *edge = edge_of(conf, family);
    int visible = PATH_HOPS + 1 - index % 2; /* paths differ in length */
    *p = (struct path){.name = conf->name, .alive_to = HOPS_MAX, .rtt = 0.29};
    if (index % 2 == 1)
        p->rtt = 0.16;
    p->link.jitter = 0.005;
    int n = 0;
    for (; n < SHARED_HOPS; n++)
        p->hops[n] = other_hop(family, 0, n + 1);
    for (int k = 0; k < visible; k++, n++) {
        p->hops[n] = other_hop(family, index + 1, n + 1);
        (void)hop_of(conf, family, k, &p->hops[n].addr);
    }
    if (edge != NULL) {
        p->hops[n - 1].addr = *edge;
        p->edge = n;
    }
    for (int k = 0; k < SILENT_HOPS; k++, n++) {
        p->hops[n] = other_hop(family, index + 1, n + 1);
        p->hops[n].silent = true;
    }
    p->distance = n + 1;
}

static void offer(struct host *h, const struct kp_conf_probe *probe)
{
    h->icmp |= probe->type == KP_PROBE_ICMP;
    if (probe->type == KP_PROBE_DNS)
        h->dns = SERVICE_OPEN;
    if (probe->type != KP_PROBE_TCP_SYN || h->port_count == PORTS_MAX)
        return;
    for (size_t i = 0; i < h->port_count; i++)
        if (h->ports[i].number == probe->port)
            return;
    h->ports[h->port_count].number = probe->port;
    h->ports[h->port_count++].service = SERVICE_OPEN;
}

static void add_target(struct world *w, const struct kp_conf *conf,
                       const struct kp_conf_target *t, bool anchor)
{
    struct kp_addr addr = t->address;
    if (addr.family == KP_AF_NONE && t->host != NULL && world_name(w, t->host) != NULL)
        addr = *world_name(w, t->host);
    if (addr.family == KP_AF_NONE)
        return;
    struct host *h = world_host(w, &addr);
    if (h == NULL && w->host_count < HOSTS_MAX) {
        h = &w->hosts[w->host_count++];
        *h = (struct host){.addr = addr,
                           .anchor = anchor,
                           .path = NO_PATH,
                           .back_path = NO_PATH,
                           .dns = SERVICE_SILENT,
                           .unreachable = -1};
        if (!anchor && w->path_count > 0)
            h->path = t->path_count > 0 ? world_path(w, conf->paths[t->paths[0]].name) : 0;
    }
    for (size_t i = 0; h != NULL && i < t->probe_count; i++)
        offer(h, &conf->probes[t->probes[i]]);
}

/* Pinned names have their address; the others get one nobody else has. */
static void add_name(struct world *w, const struct kp_conf *conf,
                     const struct kp_conf_target *t)
{
    if (t->host == NULL || world_name(w, t->host) != NULL || w->name_count == HOSTS_MAX)
        return;
    struct kp_addr addr = t->address;
    if (addr.family == KP_AF_NONE && conf->allow_count > 0) {
        addr = conf->allow[0].addr;
        addr.bytes[kp_addr_len(&addr) - 1] = (uint8_t)(200 + w->name_count);
    }
    w->names[w->name_count++] = (struct name){t->host, addr};
}

void world_extend(struct world *w, const struct kp_conf *conf)
{
    for (size_t i = 0; i < conf->target_count; i++) {
        add_name(w, conf, &conf->targets[i]);
        add_target(w, conf, &conf->targets[i], false);
    }
    for (size_t i = 0; i < conf->anchor_count; i++)
        add_target(w, conf, &conf->anchors[i], true);
}

void world_init(struct world *w, const struct kp_conf *conf, struct kp_prng *rng)
{
    *w = (struct world){.rng = rng, .soa_serial = 2016090100, .anchor_rtt = 0.012};
    w->anchor_link.jitter = 0.002;
    for (size_t i = 0; i < conf->path_count; i++)
        if (conf->paths[i].enabled)
            build_path(w, &conf->paths[i], family_of(conf));
    world_extend(w, conf);
}

struct host *world_target(struct world *w, const struct kp_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->target_count + conf->anchor_count; i++) {
        const struct kp_conf_target *t =
            i < conf->target_count ? &conf->targets[i] : &conf->anchors[i - conf->target_count];
        if (strcmp(t->name, name) != 0)
            continue;
        const struct kp_addr *addr = &t->address;
        if (addr->family == KP_AF_NONE && t->host != NULL)
            addr = world_name(w, t->host);
        return addr != NULL ? world_host(w, addr) : NULL;
    }
    return NULL;
}

int world_hosts(struct world *w, const struct kp_conf *conf, const char *word,
                struct host *out[])
{
    struct kp_prefix prefix;
    int n = 0;
    bool all = strcmp(word, "all") == 0;
    bool by_prefix = strchr(word, '/') != NULL && kp_prefix_parse(word, &prefix) == KP_OK;
    int path = world_path(w, word);
    struct host *one = world_target(w, conf, word);
    for (int i = 0; i < w->host_count; i++) {
        struct host *h = &w->hosts[i];
        bool mine = !h->anchor && (all || (path != NO_PATH && h->path == path));
        if (mine || h == one || (by_prefix && kp_prefix_contains(&prefix, &h->addr)))
            out[n++] = h;
    }
    return n;
}

int world_links(struct world *w, const struct kp_conf *conf, const char *word,
                struct link *out[])
{
    struct host *hosts[HOSTS_MAX];
    int n = 0;
    bool all = strcmp(word, "all") == 0;
    int path = world_path(w, word);
    if (strcmp(word, "uplink") == 0)
        out[n++] = &w->uplink;
    if (strcmp(word, "anchors") == 0)
        out[n++] = &w->anchor_link;
    for (int i = 0; i < w->path_count; i++)
        if (all || path == i)
            out[n++] = &w->paths[i].link;
    if (n > 0)
        return n;
    n = world_hosts(w, conf, word, hosts);
    for (int i = 0; i < n; i++)
        out[i] = &hosts[i]->link;
    return n;
}
