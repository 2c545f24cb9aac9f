/* Runs a fuzz target over the files named on the command line, without libFuzzer:
 * the corpus as an ordinary test. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rbe");
    uint8_t *data = malloc(1 << 20);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        free(data);
        return 1;
    }
    size_t size = fread(data, 1, 1 << 20, f);
    fclose(f);
    /* Exactly sized, so that a sanitizer sees one byte too many. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    for (size_t i = 0; exact != NULL && i < size; i++)
        exact[i] = data[i];
    if (exact != NULL)
        (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return exact == NULL;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%d inputs\n", argc - 1);
    return failed;
}
