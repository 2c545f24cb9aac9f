#include "tests/sim/way.h"

#include <math.h>

enum { FULL_QUOTE = 548, SHORT_QUOTE = 8 };

/* What all packets to one address have in common at the moment. */
struct way {
    struct host *host;
    struct path *path; /* NULL: an anchor */
    int distance;      /* of the host */
    int alive_to;      /* packets die behind this distance */
    double rtt;
};

static struct path *path_at(struct world *w, int index)
{
    return index == NO_PATH ? NULL : &w->paths[index];
}

static bool find_way(struct world *w, const struct kp_addr *dst, struct way *out)
{
    struct host *host = world_host(w, dst);
    if (host == NULL)
        return false;
    struct path *path = path_at(w, host->path);
    *out = (struct way){host, path, ANCHOR_DISTANCE, HOPS_MAX, w->anchor_rtt};
    if (path == NULL)
        return true;
    out->distance = path->distance;
    out->alive_to = path->alive_to;
    out->rtt = path->rtt;
    if (host->banned_at > 0 && host->banned_at < out->alive_to)
        out->alive_to = host->banned_at;
    if (w->transit_down && out->alive_to > SHARED_HOPS)
        out->alive_to = SHARED_HOPS;
    return true;
}

/* Chance: every link is asked, so that burst states move on alike. */
static bool lost(struct world *w, const struct way *way, int reached, double t)
{
    bool lost = link_loses(&w->uplink, w->rng, t);
    if (way->path == NULL)
        lost |= link_loses(&w->anchor_link, w->rng, t);
    else if (reached > SHARED_HOPS)
        lost |= link_loses(&way->path->link, w->rng, t);
    if (reached == way->distance)
        lost |= link_loses(&way->host->link, w->rng, t);
    return lost;
}

static double round_trip(struct world *w, const struct way *way, int reached, double t)
{
    double rtt = way->rtt * reached / way->distance + link_delay(&w->uplink, w->rng, t);
    if (way->path == NULL)
        rtt += link_delay(&w->anchor_link, w->rng, t);
    else if (reached > SHARED_HOPS)
        rtt += link_delay(&way->path->link, w->rng, t);
    if (reached == way->distance)
        rtt += link_delay(&way->host->link, w->rng, t);
    return rtt;
}

/* A router's ICMP errors are often limited (RFC 1812 section 4.3.2.8). */
static bool may_complain(const struct path *path, struct hop *hop, double t)
{
    if (path->error_rate <= 0)
        return true;
    hop->tokens = fmin(hop->tokens + (t - hop->refilled) * path->error_rate, 1);
    hop->refilled = t;
    if (hop->tokens < 1)
        return false;
    hop->tokens -= 1;
    return true;
}

static void from(struct arrival *out, const struct kp_addr *addr, enum kp_probe_type type,
                 int distance)
{
    out->from = *addr;
    out->type = type;
    out->ttl = (uint8_t)(64 - distance);
}

static bool dies_at(struct world *w, const struct way *way, const struct probe *probe, int hop,
                    double t, struct arrival *out)
{
    static struct hop other; /* on the way to an anchor nobody says anything */
    struct hop *h = way->path != NULL ? &way->path->hops[hop - 1] : &other;
    if (way->path == NULL || h->silent || hop > way->alive_to ||
        !may_complain(way->path, h, t) || lost(w, way, hop, t))
        return false;
    from(out, &h->addr, KP_PROBE_ICMP, hop);
    out->delay = round_trip(w, way, hop, t);
    packet_time_exceeded(probe, &h->addr, out->ttl, h->short_quotes ? SHORT_QUOTE : FULL_QUOTE,
                         &out->packet);
    return true;
}

/* The host, or the edge in its place, says that it cannot be reached. */
static bool refused_by_icmp(const struct way *way, const struct probe *probe,
                            struct arrival *out)
{
    const struct host *host = way->host;
    bool edge = host->from_edge && way->path != NULL && way->path->edge > 0;
    int distance = edge ? way->path->edge : way->distance;
    from(out, edge ? &way->path->hops[distance - 1].addr : &host->addr, KP_PROBE_ICMP,
         distance);
    packet_unreachable(probe, &out->from, (uint8_t)host->unreachable, out->ttl, &out->packet);
    return true;
}

static enum service port_of(const struct host *host, uint16_t number)
{
    for (size_t i = 0; i < host->port_count; i++)
        if (host->ports[i].number == number)
            return host->ports[i].service;
    return SERVICE_SILENT;
}

static bool answered_by_host(const struct world *w, const struct way *way,
                             const struct probe *probe, struct arrival *out)
{
    const struct host *host = way->host;
    from(out, &host->addr, probe->type, way->distance);
    if (probe->type == KP_PROBE_ICMP) {
        packet_echo_reply(probe, out->ttl, &out->packet);
        return host->icmp && !host->icmp_filtered;
    }
    if (probe->type == KP_PROBE_TCP_SYN) {
        enum service s = port_of(host, probe->dport);
        packet_tcp_reply(probe, s == SERVICE_REFUSES, out->ttl, &out->packet);
        return s != SERVICE_SILENT;
    }
    packet_dns_reply(probe, host->dns == SERVICE_REFUSES, w->soa_serial, &out->packet);
    return host->dns != SERVICE_SILENT && !host->dns_dead;
}

/* Whether what the host says gets back to us by another path. */
static bool comes_back(struct world *w, const struct way *way, double t)
{
    struct path *back = path_at(w, way->host->back_path);
    return back == NULL ||
           (back->alive_to >= back->distance && !link_loses(&back->link, w->rng, t));
}

static bool silent(struct world *w, const struct way *way, double t)
{
    bool gone = lost(w, way, way->distance, t);
    return gone || way->host->down || way->alive_to < way->distance || !comes_back(w, way, t);
}

bool way_loses(struct world *w, const struct kp_addr *dst, double t)
{
    struct way way;
    return w->uplink_dead || !find_way(w, dst, &way) || silent(w, &way, t);
}

bool way_travel(struct world *w, const struct probe *probe, uint8_t ttl, double t,
                struct arrival *out)
{
    struct way way;
    if (w->uplink_dead || !find_way(w, &probe->dst, &way))
        return false;
    if (ttl < way.distance)
        return dies_at(w, &way, probe, ttl, t, out);
    if (silent(w, &way, t))
        return false;
    out->delay = round_trip(w, &way, way.distance, t);
    if (way.host->unreachable >= 0)
        return refused_by_icmp(&way, probe, out);
    return answered_by_host(w, &way, probe, out);
}

bool way_resolver_answers(struct world *w, const struct kp_addr *addr)
{
    struct way way;
    return !w->uplink_dead && w->send_error == 0 && find_way(w, addr, &way) &&
           !way.host->down && way.alive_to >= way.distance && way.host->dns == SERVICE_OPEN &&
           !way.host->dns_dead;
}
