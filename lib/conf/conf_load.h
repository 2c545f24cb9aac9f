/* From YAML files to one checked, immutable configuration.  Pure: files are
 * read through callbacks (lib/host/conf_files.h has the real ones). */
#ifndef KP_CONF_CONF_LOAD_H
#define KP_CONF_CONF_LOAD_H

#include "lib/base/err.h"
#include "lib/conf/conf.h"
#include "lib/conf/diag.h"

/* Bytes one file may have. */
#define KP_CONF_MAX_BYTES ((size_t)1 << 20)
#define KP_CONF_MAX_FILES 256

/* Room for why a file cannot be read. */
#define KP_CONF_WHY_SIZE 96

struct kp_conf_source {
    void *ctx;

    /* Reads a whole regular file into *data (malloc'ed; the loader frees it)
     * and its length into *len.  Reads at most limit + 1 bytes: more than limit
     * says "too big".  On failure writes the reason in words ("no such file"). */
    enum kp_err (*read)(void *ctx, const char *path, size_t limit, char **data, size_t *len,
                        char why[KP_CONF_WHY_SIZE]);

    /* The files that match a glob relative to the directory of base_file, sorted,
     * as *paths (a malloc'ed list of *count malloc'ed texts; the loader frees
     * all).  A glob without match is an empty list; a pattern without wildcards
     * is itself.  NULL: include is refused. */
    enum kp_err (*expand)(void *ctx, const char *base_file, const char *pattern, char ***paths,
                          size_t *count);
};

/* Loads and checks `path` with everything it includes.  Returns NULL, and every
 * error in diags (initialised by the caller, sorted by file and place), where
 * there is any.  The caller ends the configuration with kp_conf_free. */
struct kp_conf *kp_conf_load(const char *path, const struct kp_conf_source *source,
                             struct kp_diags *diags);

/* The same for a text in memory, called `name` in errors; it cannot include.
 * JSON is read as well, being YAML. */
struct kp_conf *kp_conf_load_text(const char *name, const char *text, size_t len,
                                  struct kp_diags *diags);

#endif
