/* One line of a scenario as words, and what a word may be. */
#ifndef KP_SIM_WORDS_H
#define KP_SIM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { WORDS_MAX = 24 };

struct words {
    char *buffer;           /* owned; w points into it */
    char *w[WORDS_MAX + 1]; /* ended by NULL */
    int n;
};

/* Splits at blanks and commas; "..." is one word, # begins a comment.  false: too
 * many words, an open quote or no memory. */
bool words_split(const char *line, struct words *out);
void words_free(struct words *w);

/* "20%" -> 0.2; "1h30m" -> seconds, with an optional sign; "5/s" -> per second. */
bool word_share(const char *word, double *out);
bool word_seconds(const char *word, double *out);
bool word_rate(const char *word, double *out);
bool word_count(const char *word, unsigned *out);

/* The word after `key`, or NULL: the optional ends of a line, such as "within 3m". */
const char *words_after(const struct words *w, const char *key);

#endif
