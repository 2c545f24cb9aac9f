#include "tests/sim/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_mark(struct script *s, struct mark mark)
{
    struct mark *grown = reallocarray(s->marks, s->mark_count + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    s->marks = grown;
    s->marks[s->mark_count++] = mark;
    return true;
}

static bool add_line(struct script *s, struct words words, int number)
{
    struct line *grown = reallocarray(s->lines, s->line_count + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    s->lines = grown;
    s->lines[s->line_count++] = (struct line){words, number, s->mark_count - 1};
    return true;
}

/* "2h+-5m" or "+10m". */
static bool parse_mark(char *text, struct mark *out)
{
    char *jitter = strstr(text, "+-");
    *out = (struct mark){.relative = text[0] == '+'};
    if (jitter != NULL) {
        *jitter = '\0';
        if (!word_seconds(jitter + 2, &out->jitter))
            return false;
    }
    return word_seconds(text, &out->at);
}

/* Takes "at WHEN:" off the beginning of the line and makes it the present mark. */
static const char *take_mark(struct script *s, char *text)
{
    struct mark mark;
    char *p = text + strspn(text, " \t");
    if (strncmp(p, "at ", 3) != 0)
        return p;
    char *when = p + 3 + strspn(p + 3, " ");
    char *colon = strchr(when, ':');
    if (colon == NULL)
        return NULL;
    *colon = '\0';
    return parse_mark(when, &mark) && add_mark(s, mark) ? colon + 1 : NULL;
}

static bool take_line(struct script *s, char *text, int number)
{
    struct words words = {0};
    text[strcspn(text, "\r\n")] = '\0';
    const char *rest = take_mark(s, text);
    if (rest == NULL || !words_split(rest, &words)) {
        words_free(&words);
        return false;
    }
    if (words.n == 2 && strcmp(words.w[0], "end") == 0) {
        bool ok = word_seconds(words.w[1], &s->end);
        words_free(&words);
        return ok;
    }
    if (words.n > 0 && add_line(s, words, number))
        return true;
    words_free(&words);
    return words.n == 0;
}

static bool read_lines(struct script *s, FILE *f)
{
    char *text = NULL;
    size_t room = 0;
    bool ok = true;
    for (int number = 1; ok && getline(&text, &room, f) >= 0; number++) {
        ok = take_line(s, text, number);
        if (!ok)
            fprintf(stderr, "%s:%d: not understood\n", s->file, number);
    }
    free(text);
    if (ok && s->end <= 0) {
        fprintf(stderr, "%s: no \"end TIME\"\n", s->file);
        return false;
    }
    return ok;
}

bool script_read(FILE *f, const char *path, struct script *out)
{
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    *out = (struct script){.file = strdup(path)};
    snprintf(out->name, sizeof out->name, "%.*s", (int)strcspn(base, "."), base);
    if (f == NULL || out->file == NULL || !add_mark(out, (struct mark){0})) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    return read_lines(out, f);
}

bool script_load(const char *path, struct script *out)
{
    FILE *f = fopen(path, "r");
    bool ok = script_read(f, path, out);
    if (f != NULL)
        fclose(f);
    return ok;
}

void script_free(struct script *s)
{
    for (size_t i = 0; i < s->line_count; i++)
        words_free(&s->lines[i].words);
    free(s->lines);
    free(s->marks);
    free(s->file);
    *s = (struct script){0};
}
