/* A scenario file: lines of words, each at a mark in time. */
#ifndef KP_SIM_SCRIPT_H
#define KP_SIM_SCRIPT_H

#include "tests/sim/words.h"

#include <stdio.h>

/* "at 2h+-5m:" or, relative to the mark before, "at +10m:".  Mark 0 is the start. */
struct mark {
    double at, jitter; /* seconds; the jitter is drawn anew for each seed */
    bool relative;
};

struct line {
    struct words words;
    int number; /* in the file */
    size_t mark;
};

struct script {
    char name[64]; /* the file's, without directory and .sim */
    char *file;
    struct mark *marks;
    size_t mark_count;
    struct line *lines;
    size_t line_count;
    double end; /* "end 6h": how long it runs */
};

/* Reads a scenario; says on stderr what is wrong with it. */
bool script_load(const char *path, struct script *out);
bool script_read(FILE *f, const char *path, struct script *out); /* path: its name */
void script_free(struct script *s);

#endif
