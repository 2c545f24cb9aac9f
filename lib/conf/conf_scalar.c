#include "lib/conf/conf_read.h"

#include "lib/conf/conf_value.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reads node->text into dest, of field->size bytes, or reports why not. */
typedef void scalar_fn(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *dest);

static struct kp_clip quoted(const struct kp_yaml_node *node)
{
    return kp_clip(node->text);
}

struct kp_conf_hint kp_conf_hint(const struct kp_nearest *near)
{
    struct kp_conf_hint out = {{0}};
    if (near->best != NULL)
        snprintf(out.text, sizeof out.text, ", did you mean '%s'?", near->best);
    return out;
}

static void store_text(struct kp_conf_reader *r, const char *text, void *dest)
{
    *(const char **)dest = kp_arena_text(r->arena, text, strlen(text));
}

/* Whether a number lies within the field's bounds; `show` writes a bound. */
static bool in_bounds(struct kp_conf_reader *r, const struct kp_field *field,
                      struct kp_yaml_node *node, double value,
                      void (*show)(double, char out[KP_VALUE_SIZE]))
{
    char low[KP_VALUE_SIZE];
    char high[KP_VALUE_SIZE];
    if (field->max <= 0 || (value >= field->min && value <= field->max))
        return true;
    show(field->min, low);
    show(field->max, high);
    KP_CONF_BAD(r, node, "'%s' must be from %s to %s, not '%s'", field->key, low, high,
                quoted(node).text);
    return false;
}

static void show_seconds(double seconds, char out[KP_VALUE_SIZE])
{
    char text[KP_DUR_SIZE];
    kp_dur_format(kp_dur_from_seconds(seconds + 1e-6), text);
    snprintf(out, KP_VALUE_SIZE, "%s", text);
}

static void show_number(double value, char out[KP_VALUE_SIZE])
{
    snprintf(out, KP_VALUE_SIZE, "%.0f", value);
}

static void read_version(struct kp_conf_reader *r, const struct kp_field *field,
                         struct kp_yaml_node *node, void *dest)
{
    (void)dest;
    if (!node->plain || strcmp(node->text, "1") != 0)
        KP_CONF_BAD(r, node, "'%s' must be 1, not '%s'", field->key, quoted(node).text);
}

static void read_name(struct kp_conf_reader *r, const struct kp_field *field,
                      struct kp_yaml_node *node, void *dest)
{
    (void)field;
    if (kp_value_is_name(node->text))
        store_text(r, node->text, dest);
    else
        KP_CONF_BAD(r, node,
                    "'%s' is no name: 1 to 64 letters, digits, '.', '_' or '-', the first a "
                    "letter or digit",
                    quoted(node).text);
}

static void read_text(struct kp_conf_reader *r, const struct kp_field *field,
                      struct kp_yaml_node *node, void *dest)
{
    size_t len = strlen(node->text);
    if (len == 0)
        KP_CONF_BAD(r, node, "'%s' is empty", field->key);
    else if ((double)len > field->max)
        KP_CONF_BAD(r, node, "'%s' is longer than %.0f bytes", field->key, field->max);
    else
        store_text(r, node->text, dest);
}

/* For what travels in packets: any byte a dump shows as it is. */
static void read_ascii(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *dest)
{
    for (const char *p = node->text; *p != '\0'; p++)
        if ((unsigned char)*p > '~') {
            KP_CONF_BAD(r, node, "'%s' must be plain ASCII", field->key);
            return;
        }
    read_text(r, field, node, dest);
}

static void read_country(struct kp_conf_reader *r, const struct kp_field *field,
                         struct kp_yaml_node *node, void *dest)
{
    (void)field;
    const char *t = node->text;
    if (strlen(t) == 2 && t[0] >= 'A' && t[0] <= 'Z' && t[1] >= 'A' && t[1] <= 'Z')
        store_text(r, t, dest);
    else
        KP_CONF_BAD(r, node, "'%s' is no country code of two capital letters",
                    quoted(node).text);
}

static void read_device(struct kp_conf_reader *r, const struct kp_field *field,
                        struct kp_yaml_node *node, void *dest)
{
    (void)field;
    size_t len = strlen(node->text);
    if (len > 0 && len <= 15 && strpbrk(node->text, "/ \t:") == NULL &&
        strcmp(node->text, ".") != 0 && strcmp(node->text, "..") != 0)
        store_text(r, node->text, dest);
    else
        KP_CONF_BAD(r, node, "'%s' is no interface name (at most 15 bytes)", quoted(node).text);
}

static void read_domain(struct kp_conf_reader *r, const struct kp_field *field,
                        struct kp_yaml_node *node, void *dest)
{
    struct kp_addr address;
    size_t len = strlen(node->text);
    if (kp_addr_parse(node->text, &address) == KP_OK) {
        KP_CONF_BAD(r, node, "'%s' wants a domain name, and '%s' is an address", field->key,
                    quoted(node).text);
        return;
    }
    if (!kp_value_is_domain(node->text)) {
        KP_CONF_BAD(r, node, "'%s' is no domain name", quoted(node).text);
        return;
    }
    if (len > 1 && node->text[len - 1] == '.')
        len--;
    *(const char **)dest = kp_arena_text(r->arena, node->text, len);
}

static void read_number(struct kp_conf_reader *r, const struct kp_field *field,
                        struct kp_yaml_node *node, void *dest)
{
    uint32_t value = 0;
    enum kp_err err = kp_value_number(node->text, &value);
    if (!node->plain || err == KP_ERR_MALFORMED) {
        KP_CONF_BAD(r, node, "'%s' must be a whole number%s, not '%s'", field->key,
                    node->plain ? "" : " without quotes", quoted(node).text);
        return;
    }
    double wide = err == KP_ERR_RANGE ? 1e12 : (double)value;
    if (!in_bounds(r, field, node, wide, show_number))
        return;
    if (field->size == sizeof(uint8_t))
        *(uint8_t *)dest = (uint8_t)value;
    else if (field->size == sizeof(uint16_t))
        *(uint16_t *)dest = (uint16_t)value;
    else
        *(uint32_t *)dest = value;
}

static void read_bool(struct kp_conf_reader *r, const struct kp_field *field,
                      struct kp_yaml_node *node, void *dest)
{
    if (!node->plain || !kp_value_bool(node->text, dest))
        KP_CONF_BAD(r, node, "'%s' must be true or false, not '%s'%s", field->key,
                    quoted(node).text, node->plain ? "" : " in quotes");
}

/* Reports that the text is none of the words of a list. */
static void not_one_of(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, const char *const *words, size_t count)
{
    struct kp_nearest near = kp_nearest_begin(node->text);
    char list[160] = "";
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(list);
        kp_nearest_offer(&near, words[i]);
        snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    KP_CONF_BAD(r, node, "'%s' must be one of %s, not '%s'%s", field->key, list,
                quoted(node).text, kp_conf_hint(&near).text);
}

static void read_switch(struct kp_conf_reader *r, const struct kp_field *field,
                        struct kp_yaml_node *node, void *dest)
{
    static const char *const words[] = {"on", "off", "auto"};
    bool on = false;
    if (strcmp(node->text, "auto") == 0)
        *(enum kp_conf_switch *)dest = KP_AUTO;
    else if (kp_value_bool(node->text, &on))
        *(enum kp_conf_switch *)dest = on ? KP_ON : KP_OFF;
    else
        not_one_of(r, field, node, words, COUNT(words));
}

static void read_level(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *dest)
{
    const char *words[KP_LEVEL_COUNT];
    if (kp_level_parse(node->text, dest))
        return;
    for (int i = 0; i < KP_LEVEL_COUNT; i++)
        words[i] = kp_level_name((enum kp_level)i);
    not_one_of(r, field, node, words, COUNT(words));
}

static void read_probe_type(struct kp_conf_reader *r, const struct kp_field *field,
                            struct kp_yaml_node *node, void *dest)
{
    const char *words[KP_PROBE_COUNT];
    if (kp_probe_type_parse(node->text, dest))
        return;
    for (int i = 0; i < KP_PROBE_COUNT; i++)
        words[i] = kp_probe_type_name((enum kp_probe_type)i);
    not_one_of(r, field, node, words, COUNT(words));
}

/* Two fields at once: that it was given, and what. */
static void read_trace_probe(struct kp_conf_reader *r, const struct kp_field *field,
                             struct kp_yaml_node *node, void *dest)
{
    static const char *const words[] = {"tcp-syn", "icmp"};
    struct kp_conf *conf = dest;
    enum kp_probe_type type = KP_PROBE_DNS;
    if (!kp_probe_type_parse(node->text, &type) || type == KP_PROBE_DNS) {
        not_one_of(r, field, node, words, COUNT(words));
        return;
    }
    conf->trace_forced = true;
    conf->trace_probe = type;
}

static void read_qtype(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *dest)
{
    const char *words[32];
    unsigned count = 0;
    uint16_t number = kp_value_qtype(node->text);
    if (number != 0) {
        *(uint16_t *)dest = number;
        return;
    }
    while (count < COUNT(words) && kp_value_qtype_at(count) != NULL) {
        words[count] = kp_value_qtype_at(count);
        count++;
    }
    not_one_of(r, field, node, words, count);
}

static void read_transport(struct kp_conf_reader *r, const struct kp_field *field,
                           struct kp_yaml_node *node, void *dest)
{
    static const char *const words[] = {"udp", "tcp"};
    bool tcp = strcmp(node->text, "tcp") == 0;
    if (tcp || strcmp(node->text, "udp") == 0)
        *(bool *)dest = tcp;
    else
        not_one_of(r, field, node, words, COUNT(words));
}

static void read_duration(struct kp_conf_reader *r, const struct kp_field *field,
                          struct kp_yaml_node *node, void *dest)
{
    struct kp_dur d = {0};
    enum kp_err err = kp_dur_parse(node->text, &d);
    size_t len = strlen(node->text);
    if (err == KP_ERR_RANGE)
        KP_CONF_BAD(r, node, "'%s' is longer than 200 years", field->key);
    else if (err != KP_OK && len > 0 && strspn(node->text, "0123456789.") == len)
        KP_CONF_BAD(r, node, "'%s' needs a unit: ms s m h d y, such as %ss", quoted(node).text,
                    quoted(node).text);
    else if (err != KP_OK)
        KP_CONF_BAD(r, node, "'%s' is no duration such as 30s or 1h30m (units ms s m h d y)",
                    quoted(node).text);
    else if (d.ns % KP_NS_PER_MS != 0)
        KP_CONF_BAD(r, node, "'%s' is finer than a millisecond", quoted(node).text);
    else if (in_bounds(r, field, node, kp_dur_seconds(d), show_seconds))
        *(struct kp_dur *)dest = d;
}

static void read_share(struct kp_conf_reader *r, const struct kp_field *field,
                       struct kp_yaml_node *node, void *dest)
{
    double share = 0;
    enum kp_err err = kp_value_share(node->text, &share);
    size_t len = strlen(node->text);
    if (err == KP_ERR_MALFORMED && len > 0 && strspn(node->text, "0123456789.") == len)
        KP_CONF_BAD(r, node, "'%s' needs a unit: %%, such as 10%%", quoted(node).text);
    else if (err != KP_OK)
        KP_CONF_BAD(r, node, "'%s' is no share such as 10%%", quoted(node).text);
    else if (in_bounds(r, field, node, share, kp_value_share_format))
        *(double *)dest = share;
}

static void read_rate(struct kp_conf_reader *r, const struct kp_field *field,
                      struct kp_yaml_node *node, void *dest)
{
    double rate = 0;
    enum kp_err err = kp_value_rate(node->text, &rate);
    size_t len = strlen(node->text);
    if (err == KP_ERR_MALFORMED && len > 0 && strspn(node->text, "0123456789.") == len)
        KP_CONF_BAD(r, node, "'%s' needs a unit: /s or /m, such as %s/s", quoted(node).text,
                    quoted(node).text);
    else if (err != KP_OK)
        KP_CONF_BAD(r, node, "'%s' is no rate such as 20/s or 90/m", quoted(node).text);
    else if (in_bounds(r, field, node, rate, kp_value_rate_format))
        *(double *)dest = rate;
}

static void read_per(struct kp_conf_reader *r, const struct kp_field *field,
                     struct kp_yaml_node *node, void *dest)
{
    struct kp_conf *conf = dest;
    struct kp_per per = {0};
    if (kp_value_per(node->text, &per) != KP_OK) {
        KP_CONF_BAD(r, node,
                    "'%s' must be a number above 0 in a duration, such as 1/10y, not '%s'",
                    field->key, quoted(node).text);
        return;
    }
    conf->false_alarms_count = per.count;
    conf->false_alarms_in = per.in;
    conf->false_alarms_per_year = per.count * (365.0 * 86400) / kp_dur_seconds(per.in);
}

static void read_listen(struct kp_conf_reader *r, const struct kp_field *field,
                        struct kp_yaml_node *node, void *dest)
{
    struct kp_conf *conf = dest;
    char host[KP_ADDR_SIZE];
    uint16_t port = 0;
    if (kp_value_listen(node->text, host, &port) != KP_OK) {
        KP_CONF_BAD(
            r, node,
            "'%s' must be ADDRESS:PORT, such as 127.0.0.1:9879 or \"[::1]:9879\", not '%s'",
            field->key, quoted(node).text);
        return;
    }
    store_text(r, host, &conf->metrics_host);
    conf->metrics_port = port;
}

static void read_address(struct kp_conf_reader *r, const struct kp_field *field,
                         struct kp_yaml_node *node, void *dest)
{
    (void)field;
    enum kp_err err = kp_addr_parse(node->text, dest);
    if (err == KP_ERR_RANGE)
        KP_CONF_BAD(r, node, "'%s' is an IPv4 address in IPv6 clothes: write it as IPv4",
                    quoted(node).text);
    else if (err != KP_OK)
        KP_CONF_BAD(r, node, "'%s' is no IP address", quoted(node).text);
}

static void read_prefix(struct kp_conf_reader *r, const struct kp_field *field,
                        struct kp_yaml_node *node, void *dest)
{
    (void)field;
    enum kp_err err = kp_prefix_parse(node->text, dest);
    if (err == KP_ERR_RANGE)
        KP_CONF_BAD(r, node, "'%s' is no prefix: too long, or bits set behind its length",
                    quoted(node).text);
    else if (err != KP_OK)
        KP_CONF_BAD(r, node, "'%s' is no prefix such as 198.18.0.0/15", quoted(node).text);
}

static void resolve(struct kp_conf_reader *r, const struct kp_names *names, bool known,
                    const char *what, struct kp_yaml_node *node, size_t *index)
{
    const struct kp_name *name = kp_names_find(names, node->text);
    if (name != NULL) {
        *index = name->index;
        return;
    }
    if (!known)
        return;
    struct kp_nearest near = kp_nearest_begin(node->text);
    size_t limit = r->diags->count < KP_CONF_MAX_HINTS ? KP_CONF_MAX_CANDIDATES : 0;
    for (size_t i = 0; i < names->count && i < limit; i++)
        kp_nearest_offer(&near, names->list[i].text);
    KP_CONF_BAD(r, node, "unknown %s '%s'%s", what, quoted(node).text,
                kp_conf_hint(&near).text);
}

static void read_probe_ref(struct kp_conf_reader *r, const struct kp_field *field,
                           struct kp_yaml_node *node, void *dest)
{
    (void)field;
    resolve(r, &r->probes, r->probes_known, "probe", node, dest);
}

static void read_path_ref(struct kp_conf_reader *r, const struct kp_field *field,
                          struct kp_yaml_node *node, void *dest)
{
    (void)field;
    resolve(r, &r->paths, r->paths_known, "path", node, dest);
}

static scalar_fn *const readers[KP_FIELD_KIND_COUNT] = {
    [KP_F_VERSION] = read_version,
    [KP_F_NAME] = read_name,
    [KP_F_TEXT] = read_text,
    [KP_F_ASCII] = read_ascii,
    [KP_F_FILE] = read_text,
    [KP_F_COUNTRY] = read_country,
    [KP_F_DEVICE] = read_device,
    [KP_F_DOMAIN] = read_domain,
    [KP_F_NUMBER] = read_number,
    [KP_F_BOOL] = read_bool,
    [KP_F_SWITCH] = read_switch,
    [KP_F_LEVEL] = read_level,
    [KP_F_DURATION] = read_duration,
    [KP_F_SHARE] = read_share,
    [KP_F_RATE] = read_rate,
    [KP_F_PER] = read_per,
    [KP_F_PROBE_TYPE] = read_probe_type,
    [KP_F_TRACE_PROBE] = read_trace_probe,
    [KP_F_QTYPE] = read_qtype,
    [KP_F_TRANSPORT] = read_transport,
    [KP_F_LISTEN] = read_listen,
    [KP_F_ADDRESS] = read_address,
    [KP_F_ADDRESSES] = read_address,
    [KP_F_PREFIXES] = read_prefix,
    [KP_F_NUMBERS] = read_number,
    [KP_F_PROBE_REFS] = read_probe_ref,
    [KP_F_PATH_REFS] = read_path_ref,
};

/* Whether YAML would read the node as "nothing". */
static bool is_null(const struct kp_yaml_node *node)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; node->plain && i < COUNT(nothing); i++)
        if (strcmp(node->text, nothing[i]) == 0)
            return true;
    return false;
}

void kp_conf_read_scalar(struct kp_conf_reader *r, const struct kp_field *field,
                         struct kp_yaml_node *node, void *dest)
{
    const char *entry = kp_field_lists(field) ? "an entry of " : "";
    if (node->kind == KP_YAML_BROKEN)
        node->reported = true;
    else if (node->kind != KP_YAML_TEXT)
        KP_CONF_BAD(r, node, "expected one %s for %s'%s', not a %s",
                    kp_field_kind_name(field->kind), entry, field->key,
                    node->kind == KP_YAML_LIST ? "list" : "mapping");
    else if (is_null(node))
        KP_CONF_BAD(r, node, "%s'%s' has no value", entry, field->key);
    else
        readers[field->kind](r, field, node, dest);
}
