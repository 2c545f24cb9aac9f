#include "lib/conf/conf_check.h"

#include "lib/conf/conf_fields.h"
#include "lib/conf/conf_names.h"

#include <string.h>

/* Hard floors (CONTRACT.md, Configuration) where anyone else could be asked. */
#define FLOOR_INTERVAL_S 10
#define FLOOR_TRACE_INTERVAL_S 300
#define FLOOR_PER_ADDRESS_RATE 1.0
#define FLOOR_TOTAL_RATE 50.0
#define FLOOR_BURST 10

struct checker {
    const struct kp_conf *conf;
    const struct kp_yaml_node *root;
    bool incomplete;
    bool allow_known; /* all of the allow list is there and was read */
    struct kp_arena *arena;
    struct kp_diags *diags;
};

#define BAD(c, node, ...) kp_diag_add((c)->diags, (node)->src, (node)->pos, __VA_ARGS__)

/* The value of a key where it is there and was found good; else NULL. */
static const struct kp_yaml_node *good(const struct kp_yaml_node *map, const char *key)
{
    const struct kp_yaml_node *node = kp_yaml_get(map, key);
    return node != NULL && !node->reported ? node : NULL;
}

static const struct kp_yaml_node *first_entry(const struct checker *c, const char *section)
{
    const struct kp_yaml_node *node = kp_yaml_get(c->root, section);
    return node != NULL ? node->child : NULL;
}

static bool any_reported(const struct kp_yaml_node *list)
{
    for (const struct kp_yaml_node *n = list->child; n != NULL; n = n->next)
        if (n->reported)
            return true;
    return list->reported;
}

/* Targets, paths and anchors share one name space: events, `mute` and metrics
 * know them by name alone. */
static void check_names(struct checker *c)
{
    const struct kp_yaml_node *probes = kp_yaml_get(c->root, "probes");
    const struct kp_yaml_node *paths = kp_yaml_get(c->root, "paths");
    const struct kp_yaml_node *anchors = kp_yaml_get(c->root, "anchors");
    const struct kp_yaml_node *targets = kp_yaml_get(c->root, "targets");
    struct kp_names asked = {0};
    struct kp_names things = {0};
    size_t count = (paths != NULL ? paths->count : 0) + (anchors != NULL ? anchors->count : 0) +
                   (targets != NULL ? targets->count : 0);
    if (!kp_names_init(&asked, c->arena, probes != NULL ? probes->count : 0) ||
        !kp_names_init(&things, c->arena, count))
        return;
    kp_names_add_keys(&asked, probes, "probe");
    kp_names_add_keys(&things, paths, "path");
    kp_names_add_items(&things, anchors, "anchor");
    kp_names_add_items(&things, targets, "target");
    kp_names_sort(&asked);
    kp_names_sort(&things);
    kp_names_report_repeated(&asked, c->diags);
    kp_names_report_repeated(&things, c->diags);
}

static void check_probe_keys(struct checker *c, const struct kp_yaml_node *probe,
                             enum kp_probe_type type)
{
    unsigned bit = 1U << type;
    for (const struct kp_yaml_node *n = probe->child; n != NULL; n = n->next) {
        const struct kp_field *field =
            n->key != NULL ? kp_field_find(&kp_table_probe, n->key) : NULL;
        if (field != NULL && field->types != 0 && (field->types & bit) == 0 && !n->duplicate)
            kp_diag_add(c->diags, n->src, n->key_pos, "%s probes have no '%s'",
                        kp_probe_type_name(type), field->key);
    }
    for (size_t i = 0; i < kp_table_probe.count; i++) {
        const struct kp_field *field = &kp_table_probe.fields[i];
        if ((field->needed & bit) != 0 && kp_yaml_get(probe, field->key) == NULL)
            BAD(c, probe, "missing key '%s' in %s probe", field->key, kp_probe_type_name(type));
    }
}

static void check_probes(struct checker *c)
{
    size_t i = 0;
    for (const struct kp_yaml_node *n = first_entry(c, "probes"); n != NULL; n = n->next, i++)
        if (good(n, "type") != NULL && i < c->conf->probe_count)
            check_probe_keys(c, n, c->conf->probes[i].type);
}

/* Loopback and the like are allowed only by an entry that is itself one. */
static bool special_allowed(const struct kp_conf *conf, const struct kp_addr *address)
{
    for (size_t i = 0; i < conf->allow_count; i++)
        if (kp_prefix_special(&conf->allow[i]) && kp_prefix_contains(&conf->allow[i], address))
            return true;
    return false;
}

static bool in_allow(const struct kp_conf *conf, const struct kp_addr *address)
{
    for (size_t i = 0; i < conf->allow_count; i++)
        if (kp_prefix_contains(&conf->allow[i], address))
            return true;
    return false;
}

static void check_address(struct checker *c, const struct kp_yaml_node *node,
                          const struct kp_addr *address, bool must_be_listed)
{
    if (address->family == KP_AF_NONE || !c->allow_known)
        return;
    if (kp_addr_special(address) && !special_allowed(c->conf, address))
        BAD(c, node,
            "%s is a loopback, multicast, link-local or broadcast address, which 'allow' does "
            "not list as such",
            kp_clip(node->text).text);
    else if (must_be_listed && !in_allow(c->conf, address))
        BAD(c, node, "address %s is outside 'allow'", kp_clip(node->text).text);
}

static void check_host(struct checker *c, const struct kp_yaml_node *target)
{
    const struct kp_yaml_node *host = kp_yaml_get(target, "host");
    const struct kp_yaml_node *servers = kp_yaml_get(c->root, "resolve-at");
    if (kp_yaml_get(target, "address") != NULL)
        return;
    if (host == NULL)
        BAD(c, target, "missing key 'address' in target (or 'host', to be resolved)");
    else if (!host->reported && !c->incomplete && (servers == NULL || servers->count == 0) &&
             (servers == NULL || !servers->reported))
        BAD(c, host, "a host without 'address' needs name servers in 'resolve-at'");
}

static const struct kp_conf_path *find_path(const struct kp_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->path_count; i++)
        if (conf->paths[i].name != NULL && strcmp(conf->paths[i].name, name) == 0)
            return &conf->paths[i];
    return NULL;
}

static bool pins(const struct kp_conf_path *path)
{
    return path->via.device != NULL || path->via.source.family != KP_AF_NONE;
}

/* How packets leave must be clear: by `via` of the one path that is expected. */
static void check_via(struct checker *c, const struct kp_yaml_node *target,
                      enum kp_family family)
{
    const struct kp_yaml_node *names = good(target, "paths"), *pinned = NULL;
    const struct kp_conf_path *by = NULL;
    size_t enabled = 0;
    for (const struct kp_yaml_node *n = names != NULL ? names->child : NULL; n; n = n->next) {
        bool named = !n->reported && n->kind == KP_YAML_TEXT;
        const struct kp_conf_path *path = named ? find_path(c->conf, n->text) : NULL;
        enabled += path != NULL && path->enabled;
        if (path != NULL && path->enabled && pins(path)) {
            pinned = n;
            by = path;
        }
    }
    if (pinned != NULL && enabled > 1)
        BAD(c, pinned,
            "path '%s' has a 'via', so packets would leave one way only: name no other enabled "
            "path here",
            by->name);
    else if (pinned != NULL && by->via.source.family != KP_AF_NONE && family != KP_AF_NONE &&
             by->via.source.family != family)
        BAD(c, pinned, "'via' of path '%s' sends from an IPv%d address, this target has IPv%d",
            by->name, family == KP_IPV4 ? 6 : 4, family == KP_IPV4 ? 4 : 6);
}

static void check_targets(struct checker *c)
{
    size_t i = 0;
    for (const struct kp_yaml_node *n = first_entry(c, "targets"); n != NULL;
         n = n->next, i++) {
        const struct kp_yaml_node *address = good(n, "address");
        if (n->kind != KP_YAML_MAP || i >= c->conf->target_count)
            continue;
        check_host(c, n);
        check_via(c, n, c->conf->targets[i].address.family);
        if (address != NULL)
            check_address(c, address, &c->conf->targets[i].address, true);
    }
}

static void check_anchors(struct checker *c)
{
    size_t i = 0;
    for (const struct kp_yaml_node *n = first_entry(c, "anchors"); n != NULL;
         n = n->next, i++) {
        const struct kp_yaml_node *address = good(n, "address");
        if (address != NULL && i < c->conf->anchor_count)
            check_address(c, address, &c->conf->anchors[i].address, false);
    }
}

static void check_servers(struct checker *c)
{
    size_t i = 0;
    for (const struct kp_yaml_node *n = first_entry(c, "resolve-at"); n != NULL;
         n = n->next, i++)
        if (!n->reported && i < c->conf->resolve_at_count)
            check_address(c, n, &c->conf->resolve_at[i], true);
}

/* Both ends private: ranges and prefixes nest, so all between is private too. */
static bool prefix_private(const struct kp_prefix *p)
{
    struct kp_addr last = p->addr;
    for (size_t bit = p->len; bit < 8 * kp_addr_len(&last); bit++)
        last.bytes[bit / 8] |= (uint8_t)(0x80U >> (bit % 8));
    return kp_addr_private(&p->addr) && kp_addr_private(&last);
}

static bool all_allowed_private(const struct kp_conf *conf)
{
    for (size_t i = 0; i < conf->allow_count; i++)
        if (conf->allow[i].addr.family != KP_AF_NONE && !prefix_private(&conf->allow[i]))
            return false;
    return true;
}

/* A thing without an address here is either resolved, so may be anywhere in the
 * allow list, or was reported and says nothing. */
static bool all_private(const struct kp_conf_target *list, size_t count, bool resolved_private)
{
    for (size_t i = 0; i < count; i++) {
        bool pinned = list[i].address.family != KP_AF_NONE;
        if (pinned && !kp_addr_private(&list[i].address))
            return false;
        if (!pinned && list[i].host != NULL && !resolved_private)
            return false;
    }
    return true;
}

/* Whether nobody else's network can be reached with this configuration. */
static bool only_private(const struct kp_conf *conf)
{
    for (size_t i = 0; i < conf->resolve_at_count; i++)
        if (conf->resolve_at[i].family != KP_AF_NONE && !kp_addr_private(&conf->resolve_at[i]))
            return false;
    return all_private(conf->targets, conf->target_count, all_allowed_private(conf)) &&
           all_private(conf->anchors, conf->anchor_count, true);
}

static void floor_interval(struct checker *c, const struct kp_yaml_node *map,
                           struct kp_dur interval)
{
    const struct kp_yaml_node *node = good(map, "interval");
    if (node != NULL && interval.ns < FLOOR_INTERVAL_S * KP_NS_PER_S)
        BAD(c, node, "an interval below %ds is allowed only among private addresses",
            FLOOR_INTERVAL_S);
}

static void floor_targets(struct checker *c, const char *section,
                          const struct kp_conf_target *list, size_t count)
{
    size_t i = 0;
    for (const struct kp_yaml_node *n = first_entry(c, section); n != NULL && i < count;
         n = n->next, i++)
        floor_interval(c, n, list[i].timing.interval);
}

static void floor_limits(struct checker *c)
{
    const struct kp_conf *conf = c->conf;
    const struct kp_yaml_node *limits = kp_yaml_get(c->root, "limits");
    const struct kp_yaml_node *total = good(limits, "total-rate");
    const struct kp_yaml_node *per_address = good(limits, "per-address-rate");
    const struct kp_yaml_node *burst = good(limits, "burst");
    if (total != NULL && conf->total_rate > FLOOR_TOTAL_RATE)
        BAD(c, total, "more than %.0f/s is allowed only among private addresses",
            FLOOR_TOTAL_RATE);
    if (per_address != NULL && conf->per_address_rate > FLOOR_PER_ADDRESS_RATE)
        BAD(c, per_address, "more than %.0f/s is allowed only among private addresses",
            FLOOR_PER_ADDRESS_RATE);
    if (burst != NULL && conf->burst > FLOOR_BURST)
        BAD(c, burst, "a burst above %d is allowed only among private addresses", FLOOR_BURST);
}

static void check_floors(struct checker *c)
{
    const struct kp_conf *conf = c->conf;
    if (only_private(conf))
        return;
    size_t i = 0;
    for (const struct kp_yaml_node *n = first_entry(c, "probes");
         n != NULL && i < conf->probe_count; n = n->next, i++)
        floor_interval(c, n, conf->probes[i].timing.interval);
    floor_interval(c, kp_yaml_get(c->root, "defaults"), conf->defaults.interval);
    floor_targets(c, "targets", conf->targets, conf->target_count);
    floor_targets(c, "anchors", conf->anchors, conf->anchor_count);
    floor_limits(c);
    const struct kp_yaml_node *trace = good(kp_yaml_get(c->root, "trace"), "interval");
    if (trace != NULL && conf->trace_interval.ns < FLOOR_TRACE_INTERVAL_S * KP_NS_PER_S)
        BAD(c, trace, "a trace interval below %dm is allowed only among private addresses",
            FLOOR_TRACE_INTERVAL_S / 60);
}

void kp_conf_check(const struct kp_conf *conf, const struct kp_yaml_node *root, bool incomplete,
                   struct kp_arena *arena, struct kp_diags *diags)
{
    const struct kp_yaml_node *allow = kp_yaml_get(root, "allow");
    struct checker c = {conf, root, incomplete, false, arena, diags};
    c.allow_known = !incomplete && allow != NULL && !any_reported(allow);
    check_names(&c);
    check_probes(&c);
    check_targets(&c);
    check_anchors(&c);
    check_servers(&c);
    check_floors(&c);
}
