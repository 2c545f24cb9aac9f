#include "tests/sim/words.h"

#include "lib/base/time.h"

#include <stdlib.h>
#include <string.h>

/* Ends the word at p and returns where to go on; NULL: an open quote. */
static char *end_word(char *p, bool quoted)
{
    p += strcspn(p, quoted ? "\"" : " \t,#");
    if (quoted && *p == '\0')
        return NULL;
    if (*p == '#' && !quoted) {
        *p = '\0';
        return p;
    }
    if (*p != '\0')
        *p++ = '\0';
    return p;
}

bool words_split(const char *line, struct words *out)
{
    *out = (struct words){.buffer = strdup(line)};
    char *p = out->buffer;
    while (p != NULL) {
        p += strspn(p, " \t,");
        if (*p == '\0' || *p == '#')
            return true;
        if (out->n == WORDS_MAX)
            return false;
        bool quoted = *p == '"';
        out->w[out->n++] = p + quoted;
        p = end_word(p + quoted, quoted);
    }
    return false;
}

void words_free(struct words *w)
{
    free(w->buffer);
    *w = (struct words){0};
}

/* A number that is followed by exactly `unit`. */
static bool number(const char *word, const char *unit, double *out)
{
    char *end = NULL;
    *out = strtod(word, &end);
    return end != word && strcmp(end, unit) == 0;
}

bool word_share(const char *word, double *out)
{
    bool ok = word != NULL && number(word, "%", out);
    *out /= 100;
    return ok;
}

bool word_rate(const char *word, double *out)
{
    return word != NULL && number(word, "/s", out);
}

bool word_seconds(const char *word, double *out)
{
    struct kp_dur d;
    if (word == NULL)
        return false;
    bool minus = *word == '-';
    if (kp_dur_parse(word + (minus || *word == '+'), &d) != KP_OK)
        return false;
    *out = minus ? -kp_dur_seconds(d) : kp_dur_seconds(d);
    return true;
}

bool word_count(const char *word, unsigned *out)
{
    double value = 0;
    if (word == NULL || !number(word, "", &value) || value < 0 || value > 1e9)
        return false;
    *out = (unsigned)value;
    return true;
}

const char *words_after(const struct words *w, const char *key)
{
    for (int i = 0; i + 1 < w->n; i++)
        if (strcmp(w->w[i], key) == 0)
            return w->w[i + 1];
    return NULL;
}
