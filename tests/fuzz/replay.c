/* Runs a fuzz target over every file of a directory, without libFuzzer: the corpus as an
 * ordinary test. */
#include "tests/fuzz/world.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1 << 20 };

static bool replay(const char *directory, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "re");
    uint8_t *data = malloc(MOST);
    size_t size = f != NULL && data != NULL ? fread(data, 1, MOST, f) : 0;
    /* Exactly sized, so that a sanitizer sees one byte too many. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    bool ok = f != NULL && data != NULL && exact != NULL;
    for (size_t i = 0; ok && i < size; i++)
        exact[i] = data[i];
    if (ok) {
        printf("%s\n", name); /* the last one named is the one it ends with */
        fflush(stdout);
        (void)LLVMFuzzerTestOneInput(exact, size);
    }
    if (f != NULL)
        fclose(f);
    free(exact);
    free(data);
    return ok;
}

int main(int argc, char **argv)
{
    unsigned good = 0, bad = 0;
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    signal(SIGPIPE, SIG_IGN); /* as libFuzzer and the daemon do */
    for (struct dirent *e; directory != NULL && (e = readdir(directory)) != NULL;)
        if (e->d_name[0] != '.') {
            bool ok = replay(argv[1], e->d_name);
            good += ok;
            bad += !ok;
        }
    if (directory != NULL)
        closedir(directory);
    printf("%u inputs\n", good);
    return good == 0 || bad > 0;
}
