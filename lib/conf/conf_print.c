#include "lib/conf/conf_print.h"

#include "lib/base/siphash.h"
#include "lib/base/text.h"
#include "lib/conf/conf_fields.h"
#include "lib/conf/conf_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The configuration being printed; `json`: all on one line, all words quoted. */
struct printer {
    struct kp_text out;
    bool json;
    const struct kp_conf *conf;
};

static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static void put(struct printer *p, const char *text)
{
    kp_text_add(&p->out, text);
}

static void put_quoted(struct printer *p, const char *text)
{
    put(p, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            put(p, "\\");
        kp_text_addn(&p->out, c, 1);
    }
    put(p, "\"");
}

/* Whether any YAML reader takes the text for text without quotes. */
static bool safe_text(const char *text)
{
    static const char *const meaning[] = {"y",  "n",   "yes",  "no",   "true",
                                          "on", "off", "null", "false"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "0123456789._/-";
    if (text[0] != '/' && (text[0] == '\0' || strchr(letters, text[0]) == NULL))
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (strchr(letters, *c) == NULL && strchr(others, *c) == NULL)
            return false;
    for (size_t i = 0; i < sizeof meaning / sizeof meaning[0]; i++)
        if (strcasecmp(text, meaning[i]) == 0)
            return false;
    return true;
}

static void put_text(struct printer *p, const char *text)
{
    if (p->json || !safe_text(text))
        put_quoted(p, text);
    else
        put(p, text);
}

/* A value that no YAML reader takes for anything but text, such as 30s. */
static void put_word(struct printer *p, const char *word)
{
    if (p->json || strchr(word, ':') != NULL)
        put_quoted(p, word);
    else
        put(p, word);
}

static void put_key(struct printer *p, const char *key)
{
    put_text(p, key);
    put(p, ": ");
}

static uint32_t number(const struct kp_field *field, const void *value)
{
    if (field->size == sizeof(uint8_t))
        return *(const uint8_t *)value;
    if (field->size == sizeof(uint16_t))
        return *(const uint16_t *)value;
    return *(const uint32_t *)value;
}

static void put_listen(struct printer *p, const struct kp_conf *conf)
{
    char text[KP_VALUE_SIZE];
    bool v6 = strchr(conf->metrics_host, ':') != NULL;
    snprintf(text, sizeof text, "%s%s%s:%u", v6 ? "[" : "", conf->metrics_host, v6 ? "]" : "",
             (unsigned)conf->metrics_port);
    put_quoted(p, text);
}

static void put_bool(struct printer *p, bool value)
{
    put(p, value ? "true" : "false");
}

static void put_switch(struct printer *p, enum kp_conf_switch value)
{
    if (value == KP_AUTO)
        put_text(p, "auto");
    else
        put_bool(p, value == KP_ON);
}

/* The kinds that are made of more than one plain word or number. */
static void put_measure(struct printer *p, const struct kp_field *field, const void *value)
{
    char text[KP_VALUE_SIZE] = "";
    char duration[KP_DUR_SIZE];
    struct kp_per per = {p->conf->false_alarms_count, p->conf->false_alarms_in};
    switch (field->kind) {
    case KP_F_DURATION:
        kp_dur_format(*(const struct kp_dur *)value, duration);
        put_word(p, duration);
        return;
    case KP_F_SHARE:
        kp_value_share_format(*(const double *)value, text);
        break;
    case KP_F_RATE:
        kp_value_rate_format(*(const double *)value, text);
        break;
    default:
        kp_value_per_format(&per, text);
        break;
    }
    put_word(p, text);
}

static void put_place(struct printer *p, const struct kp_field *field, const void *value)
{
    char address[KP_ADDR_SIZE];
    char prefix[KP_PREFIX_SIZE];
    if (field->kind == KP_F_PREFIXES) {
        kp_prefix_format(value, prefix);
        put_word(p, prefix);
    } else {
        kp_addr_format(value, address);
        put_word(p, address);
    }
}

static void put_scalar(struct printer *p, const struct kp_field *field, const void *value)
{
    switch (field->kind) {
    case KP_F_VERSION:
        put(p, "1");
        break;
    case KP_F_NUMBER:
    case KP_F_NUMBERS:
        kp_text_printf(&p->out, "%u", number(field, value));
        break;
    case KP_F_BOOL:
        put_bool(p, *(const bool *)value);
        break;
    case KP_F_SWITCH:
        put_switch(p, *(const enum kp_conf_switch *)value);
        break;
    case KP_F_LEVEL:
        put_text(p, kp_level_name(*(const enum kp_level *)value));
        break;
    case KP_F_DURATION:
    case KP_F_SHARE:
    case KP_F_RATE:
    case KP_F_PER:
        put_measure(p, field, value);
        break;
    case KP_F_PROBE_TYPE:
        put_text(p, kp_probe_type_name(*(const enum kp_probe_type *)value));
        break;
    case KP_F_TRACE_PROBE:
        put_text(p, kp_probe_type_name(p->conf->trace_probe));
        break;
    case KP_F_QTYPE:
        put_text(p, kp_value_qtype_name(*(const uint16_t *)value));
        break;
    case KP_F_TRANSPORT:
        put_text(p, *(const bool *)value ? "tcp" : "udp");
        break;
    case KP_F_LISTEN:
        put_listen(p, p->conf);
        break;
    case KP_F_ADDRESS:
    case KP_F_ADDRESSES:
    case KP_F_PREFIXES:
        put_place(p, field, value);
        break;
    case KP_F_PROBE_REFS:
        put_text(p, p->conf->probes[*(const size_t *)value].name);
        break;
    case KP_F_PATH_REFS:
        put_text(p, p->conf->paths[*(const size_t *)value].name);
        break;
    default:
        put_text(p, *(const char *const *)value);
        break;
    }
}

static bool table_present(const struct printer *p, const struct kp_table *table,
                          const void *base);

static bool is_list(const struct kp_field *field)
{
    return field->count_at != 0;
}

/* Whether a field holds something worth printing. */
static bool present(const struct printer *p, const struct kp_field *field, const void *base)
{
    const void *value = at(base, field->at);
    switch (field->kind) {
    case KP_F_VERSION:
    case KP_F_BOOL:
    case KP_F_SWITCH:
    case KP_F_LEVEL:
    case KP_F_RATE:
    case KP_F_PER:
    case KP_F_PROBE_TYPE:
    case KP_F_TRANSPORT:
        return true;
    case KP_F_INCLUDE:
        return false;
    case KP_F_NUMBER:
    case KP_F_QTYPE:
        return number(field, value) != 0;
    case KP_F_DURATION:
        return ((const struct kp_dur *)value)->ns >= 0;
    case KP_F_SHARE:
        return *(const double *)value >= 0;
    case KP_F_TRACE_PROBE:
        return p->conf->trace_forced;
    case KP_F_LISTEN:
        return p->conf->metrics_host != NULL;
    case KP_F_ADDRESS:
        return ((const struct kp_addr *)value)->family != KP_AF_NONE;
    case KP_F_MAP:
        return table_present(p, field->sub, value);
    default:
        if (is_list(field))
            return *(const size_t *)at(base, field->count_at) > 0;
        return *(const char *const *)value != NULL;
    }
}

/* A mapping without what it requires is one that was not given. */
static bool table_present(const struct printer *p, const struct kp_table *table,
                          const void *base)
{
    bool any = false;
    for (size_t i = 0; i < table->count; i++) {
        bool here = present(p, &table->fields[i], base);
        if (!here && table->fields[i].required)
            return false;
        any = any || here;
    }
    return any;
}

static void put_list(struct printer *p, const struct kp_field *field, const void *base)
{
    const char *element = *(const char *const *)at(base, field->at);
    size_t count = *(const size_t *)at(base, field->count_at);
    put(p, "[");
    for (size_t i = 0; i < count; i++) {
        put(p, i > 0 ? ", " : "");
        put_scalar(p, field, element + i * field->size);
    }
    put(p, "]");
}

/* Whether this kind of probe has the field at all. */
static bool applies(const struct kp_table *table, const struct kp_field *field,
                    const void *base)
{
    if (table != &kp_table_probe || field->types == 0)
        return true;
    return (field->types >> ((const struct kp_conf_probe *)base)->type & 1) != 0;
}

static void put_flow(struct printer *p, const struct kp_table *table, const void *base)
{
    bool first = true;
    put(p, "{");
    for (size_t i = 0; i < table->count; i++) {
        const struct kp_field *field = &table->fields[i];
        if (!applies(table, field, base) || !present(p, field, base))
            continue;
        put(p, first ? "" : ", ");
        first = false;
        put_key(p, field->key);
        if (field->kind == KP_F_MAP)
            put_flow(p, field->sub, at(base, field->at));
        else if (is_list(field))
            put_list(p, field, base);
        else
            put_scalar(p, field, at(base, field->at));
    }
    put(p, "}");
}

/* A section with one entry a line (in JSON: all on one). */
static void put_entries(struct printer *p, const struct kp_field *field, const void *base)
{
    const char *element = *(const char *const *)at(base, field->at);
    size_t count = *(const size_t *)at(base, field->count_at);
    bool named = field->kind == KP_F_NAMED;
    put(p, !p->json ? "" : named ? "{" : "[");
    for (size_t i = 0; i < count; i++, element += field->size) {
        put(p, !p->json ? "\n  " : i > 0 ? ", " : "");
        put(p, !p->json && !named ? "- " : "");
        if (named)
            put_key(p, *(const char *const *)(const void *)element);
        put_flow(p, field->sub, element);
    }
    put(p, !p->json ? "" : named ? "}" : "]");
}

static void put_section(struct printer *p, const struct kp_field *field, const void *base)
{
    bool entries = field->kind == KP_F_NAMED || field->kind == KP_F_ITEMS;
    put_text(p, field->key);
    put(p, entries && !p->json ? ":" : ": ");
    if (field->kind == KP_F_MAP)
        put_flow(p, field->sub, at(base, field->at));
    else if (entries)
        put_entries(p, field, base);
    else if (is_list(field))
        put_list(p, field, base);
    else
        put_scalar(p, field, at(base, field->at));
}

static char *print(const struct kp_conf *conf, bool json)
{
    struct printer p = {.json = json, .conf = conf};
    bool first = true;
    put(&p, json ? "{" : "");
    for (size_t i = 0; i < kp_table_root.count; i++) {
        const struct kp_field *field = &kp_table_root.fields[i];
        if (!present(&p, field, conf))
            continue;
        put(&p, json && !first ? ", " : "");
        first = false;
        put_section(&p, field, conf);
        put(&p, json ? "" : "\n");
    }
    put(&p, json ? "}" : "");
    return kp_text_take(&p.out);
}

char *kp_conf_print(const struct kp_conf *conf)
{
    return print(conf, false);
}

char *kp_conf_print_json(const struct kp_conf *conf)
{
    return print(conf, true);
}

bool kp_conf_fingerprint(const struct kp_conf *conf, char out[17])
{
    /* A public key: this names configurations, it does not protect them. */
    static const struct kp_key key = {{'k', 'p', 'w', 'a', 't', 'c', 'h', 'd'}};
    char *text = kp_conf_print(conf);
    if (text == NULL)
        return false;
    snprintf(out, 17, "%016llx", (unsigned long long)kp_siphash(&key, text, strlen(text)));
    free(text);
    return true;
}
