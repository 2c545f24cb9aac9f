#include "lib/conf/conf_value.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MICRO 1000000
#define SECONDS_PER_MINUTE 60
#define MAX_NAME 64
#define MAX_DOMAIN 253
#define MAX_LABEL 63

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum kp_err kp_value_number(const char *text, uint32_t *out)
{
    uint64_t value = 0;
    size_t len = strlen(text);
    if (len == 0 || strspn(text, "0123456789") != len || (text[0] == '0' && len > 1))
        return KP_ERR_MALFORMED;
    for (size_t i = 0; i < len; i++) {
        value = value * 10 + (uint64_t)(text[i] - '0');
        if (value > UINT32_MAX)
            return KP_ERR_RANGE;
    }
    *out = (uint32_t)value;
    return KP_OK;
}

/* Reads a decimal number as a whole count of millionths, so that what is
 * printed later reads back as the very same double.  Moves *p behind it. */
static enum kp_err micros(const char **p, int64_t *out)
{
    int64_t value = 0;
    int64_t scale = MICRO;
    if (!is_digit(**p))
        return KP_ERR_MALFORMED;
    for (; is_digit(**p); (*p)++) {
        value = value * 10 + (**p - '0');
        if (value > MICRO * INT64_C(1000))
            return KP_ERR_RANGE;
    }
    if (**p == '.') {
        (*p)++;
        if (!is_digit(**p))
            return KP_ERR_MALFORMED;
        for (; is_digit(**p) && scale > 1; (*p)++, scale /= 10)
            value = value * 10 + (**p - '0');
    }
    if (is_digit(**p))
        return KP_ERR_RANGE;
    *out = value * scale;
    return KP_OK;
}

/* The number of millionths as the shortest decimal text. */
static void format_micros(int64_t value, char out[KP_VALUE_SIZE])
{
    int len = snprintf(out, KP_VALUE_SIZE, "%lld.%06lld", (long long)(value / MICRO),
                       (long long)(value % MICRO));
    while (len > 0 && out[len - 1] == '0')
        out[--len] = '\0';
    if (len > 0 && out[len - 1] == '.')
        out[len - 1] = '\0';
}

static void append(char out[KP_VALUE_SIZE], const char *text)
{
    size_t len = strlen(out);
    snprintf(out + len, KP_VALUE_SIZE - len, "%s", text);
}

enum kp_err kp_value_share(const char *text, double *out)
{
    int64_t value = 0;
    enum kp_err err = micros(&text, &value);
    if (err != KP_OK)
        return err;
    if (strcmp(text, "%") != 0)
        return KP_ERR_MALFORMED;
    *out = (double)value / (100.0 * MICRO);
    return KP_OK;
}

void kp_value_share_format(double share, char out[KP_VALUE_SIZE])
{
    format_micros(llround(share * 100.0 * MICRO), out);
    append(out, "%");
}

enum kp_err kp_value_rate(const char *text, double *out)
{
    int64_t value = 0;
    enum kp_err err = micros(&text, &value);
    if (err != KP_OK)
        return err;
    if (strcmp(text, "/s") == 0)
        *out = (double)value / MICRO;
    else if (strcmp(text, "/m") == 0)
        *out = (double)value / (SECONDS_PER_MINUTE * (double)MICRO);
    else
        return KP_ERR_MALFORMED;
    return KP_OK;
}

void kp_value_rate_format(double per_second, char out[KP_VALUE_SIZE])
{
    int64_t value = llround(per_second * MICRO);
    bool exact = !((double)value / MICRO < per_second) && !((double)value / MICRO > per_second);
    if (!exact)
        value = llround(per_second * SECONDS_PER_MINUTE * MICRO);
    format_micros(value, out);
    append(out, exact ? "/s" : "/m");
}

enum kp_err kp_value_per(const char *text, struct kp_per *out)
{
    int64_t value = 0;
    struct kp_dur in = {0};
    enum kp_err err = micros(&text, &value);
    if (err != KP_OK)
        return err;
    if (*text != '/')
        return KP_ERR_MALFORMED;
    err = kp_dur_parse(text + 1, &in);
    if (err != KP_OK)
        return err;
    if (value <= 0 || in.ns <= 0 || in.ns % KP_NS_PER_MS != 0)
        return KP_ERR_RANGE;
    *out = (struct kp_per){(double)value / MICRO, in};
    return KP_OK;
}

void kp_value_per_format(const struct kp_per *per, char out[KP_VALUE_SIZE])
{
    char in[KP_DUR_SIZE];
    kp_dur_format(per->in, in);
    format_micros(llround(per->count * MICRO), out);
    append(out, "/");
    append(out, in);
}

bool kp_value_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        *out = strcasecmp(text, yes[i]) == 0;
        if (*out || strcasecmp(text, no[i]) == 0)
            return true;
    }
    return false;
}

enum kp_err kp_value_listen(const char *text, char host[KP_ADDR_SIZE], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    struct kp_addr address;
    uint32_t number = 0;
    if (colon == NULL)
        return KP_ERR_MALFORMED;
    const char *begin = text;
    size_t len = (size_t)(colon - text);
    bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (brackets) {
        begin++;
        len -= 2;
    }
    if (len >= KP_ADDR_SIZE)
        return KP_ERR_MALFORMED;
    memcpy(host, begin, len);
    host[len] = '\0';
    enum kp_err err = kp_addr_parse(host, &address);
    if (err != KP_OK || (address.family == KP_IPV6) != brackets)
        return KP_ERR_MALFORMED;
    kp_addr_format(&address, host);
    err = kp_value_number(colon + 1, &number);
    if (err == KP_OK && (number == 0 || number > UINT16_MAX))
        err = KP_ERR_RANGE;
    if (err == KP_OK)
        *port = (uint16_t)number;
    return err;
}

bool kp_value_is_name(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > MAX_NAME || !is_alnum(text[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(text[i]) && strchr("._-", text[i]) == NULL)
            return false;
    return true;
}

bool kp_value_is_domain(const char *text)
{
    size_t len = strlen(text);
    size_t label = 0;
    if (strcmp(text, ".") == 0)
        return true;
    if (len > 0 && text[len - 1] == '.')
        len--;
    if (len == 0 || len > MAX_DOMAIN)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool dot = text[i] == '.';
        if (!is_alnum(text[i]) && strchr("_-.", text[i]) == NULL)
            return false;
        if ((dot && label == 0) || label > MAX_LABEL)
            return false;
        label = dot ? 0 : label + 1;
    }
    return label > 0 && label <= MAX_LABEL;
}

static const struct qtype {
    const char *name;
    uint16_t number;
} qtypes[] = {
    {"SOA", 6},   {"NS", 2},   {"A", 1},    {"AAAA", 28}, {"TXT", 16},    {"MX", 15},
    {"CNAME", 5}, {"PTR", 12}, {"SRV", 33}, {"DS", 43},   {"DNSKEY", 48}, {"CAA", 257},
};

uint16_t kp_value_qtype(const char *name)
{
    for (size_t i = 0; i < COUNT(qtypes); i++)
        if (strcmp(qtypes[i].name, name) == 0)
            return qtypes[i].number;
    return 0;
}

const char *kp_value_qtype_name(uint16_t number)
{
    for (size_t i = 0; i < COUNT(qtypes); i++)
        if (qtypes[i].number == number)
            return qtypes[i].name;
    return NULL;
}

const char *kp_value_qtype_at(unsigned index)
{
    return index < COUNT(qtypes) ? qtypes[index].name : NULL;
}
