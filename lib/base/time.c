#include "lib/base/time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_PER_DAY 86400
#define MAX_DURATION_S (200.0 * 365 * SECONDS_PER_DAY)

struct civil {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras
 * of 400 years that begin on 1 March, so that leap days end a year. */
static int64_t days_from_civil(struct civil c)
{
    int64_t y = c.month <= 2 ? c.year - 1 : c.year;
    int64_t era = y / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct civil civil_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1};
}

void kp_wall_format(struct kp_wall t, char out[KP_RFC3339_SIZE])
{
    int64_t seconds = t.ns / KP_NS_PER_S;
    int64_t micros = t.ns % KP_NS_PER_S / KP_NS_PER_US;
    struct civil c = civil_from_days(seconds / SECONDS_PER_DAY);
    int64_t rest = seconds % SECONDS_PER_DAY;
    /* The moduli keep every field inside its printed width. */
    snprintf(out, KP_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
             (unsigned)c.year % 10000U, (unsigned)c.month % 100U, (unsigned)c.day % 100U,
             (unsigned)(rest / 3600) % 100U, (unsigned)(rest / 60 % 60) % 100U,
             (unsigned)(rest % 60) % 100U, (unsigned)micros % 1000000U);
}

static bool digits(const char **p, int count, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)**p))
            return false;
        *value = *value * 10 + (**p - '0');
        (*p)++;
    }
    return true;
}

static bool literal(const char **p, const char *any_of)
{
    if (**p == '\0' || strchr(any_of, **p) == NULL)
        return false;
    (*p)++;
    return true;
}

static bool date(const char **p, int64_t *days)
{
    struct civil c;
    if (!digits(p, 4, &c.year) || !literal(p, "-") || !digits(p, 2, &c.month) ||
        !literal(p, "-") || !digits(p, 2, &c.day))
        return false;
    if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1)
        return false;
    *days = days_from_civil(c);
    struct civil back = civil_from_days(*days);
    return back.month == c.month && back.day == c.day;
}

static bool fraction(const char **p, int64_t *ns)
{
    *ns = 0;
    if (**p != '.')
        return true;
    (*p)++;
    int64_t unit = KP_NS_PER_S / 10;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p); (*p)++) {
        if (unit == 0)
            return false;
        *ns += (**p - '0') * unit;
        unit /= 10;
    }
    return true;
}

static bool offset(const char **p, int64_t *seconds)
{
    *seconds = 0;
    if (literal(p, "Zz"))
        return true;
    int64_t sign = **p == '-' ? -1 : 1;
    int64_t hours = 0;
    int64_t minutes = 0;
    if (!literal(p, "+-") || !digits(p, 2, &hours) || !literal(p, ":") ||
        !digits(p, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

enum kp_err kp_wall_parse(const char *text, struct kp_wall *out)
{
    const char *p = text;
    int64_t days = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t ns = 0;
    int64_t east = 0;
    if (!date(&p, &days) || !literal(&p, "Tt ") || !digits(&p, 2, &hour) || !literal(&p, ":") ||
        !digits(&p, 2, &minute) || !literal(&p, ":") || !digits(&p, 2, &second) ||
        !fraction(&p, &ns) || !offset(&p, &east) || *p != '\0')
        return KP_ERR_MALFORMED;
    if (hour > 23 || minute > 59 || second > 60)
        return KP_ERR_MALFORMED;
    int64_t total = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - east;
    if (second == 60 && total % SECONDS_PER_DAY != 0) /* RFC 3339 section 5.7 */
        return KP_ERR_MALFORMED;
    if (total < 0 || total > INT64_MAX / KP_NS_PER_S - 1)
        return KP_ERR_RANGE;
    out->ns = total * KP_NS_PER_S + ns;
    return KP_OK;
}

static const struct unit {
    const char *name;
    double seconds;
} units[] = {
    {"y", 365.0 * SECONDS_PER_DAY},
    {"d", SECONDS_PER_DAY},
    {"h", 3600},
    {"ms", 0.001},
    {"m", 60},
    {"s", 1},
};

static const struct unit *unit_at(const char *p, size_t *len)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        *len = strlen(units[i].name);
        if (strncmp(p, units[i].name, *len) == 0)
            return &units[i];
    }
    return NULL;
}

/* Reads digits with an optional decimal part; false where there is none. */
static bool number(const char **p, double *value)
{
    if (!isdigit((unsigned char)**p))
        return false;
    *value = 0;
    for (; isdigit((unsigned char)**p); (*p)++)
        *value = *value * 10 + (**p - '0');
    if (**p != '.')
        return true;
    (*p)++;
    if (!isdigit((unsigned char)**p))
        return false;
    for (double scale = 0.1; isdigit((unsigned char)**p); (*p)++, scale /= 10)
        *value += (**p - '0') * scale;
    return true;
}

enum kp_err kp_dur_parse(const char *text, struct kp_dur *out)
{
    const char *p = text;
    double total = 0;
    do {
        double value = 0;
        size_t len = 0;
        if (!number(&p, &value))
            return KP_ERR_MALFORMED;
        const struct unit *unit = unit_at(p, &len);
        if (unit == NULL)
            return KP_ERR_MALFORMED;
        total += value * unit->seconds;
        p += len;
    } while (*p != '\0');
    if (total > MAX_DURATION_S)
        return KP_ERR_RANGE;
    /* Rounded to whole microseconds: 0.3 s must not become 299,999,999 ns. */
    out->ns = (int64_t)(total * 1e6 + 0.5) * KP_NS_PER_US;
    return KP_OK;
}

void kp_dur_format(struct kp_dur d, char out[KP_DUR_SIZE])
{
    static const struct {
        const char *name;
        int64_t ms;
    } parts[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    int64_t ms = d.ns / KP_NS_PER_MS;
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int64_t count = ms / parts[i].ms;
        ms %= parts[i].ms;
        if (count > 0 && used < KP_DUR_SIZE)
            used += (size_t)snprintf(out + used, KP_DUR_SIZE - used, "%lld%s", (long long)count,
                                     parts[i].name);
    }
    if (used == 0)
        memcpy(out, "0s", 3);
}
