#include "lib/host/conf_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kp_err say(char why[KP_CONF_WHY_SIZE], const char *reason)
{
    snprintf(why, KP_CONF_WHY_SIZE, "%s", reason);
    return KP_ERR_NOTFOUND;
}

static enum kp_err say_errno(char why[KP_CONF_WHY_SIZE])
{
    return say(why, strerror(errno));
}

/* A descriptor of a regular file, or -1.  O_NONBLOCK, because opening a FIFO
 * would wait for its writer before fstat can say what it is. */
static int open_regular(const char *path, char why[KP_CONF_WHY_SIZE])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        say_errno(why);
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    say(why, S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file");
    close(fd);
    return -1;
}

/* Reads up to size bytes; -1 on error. */
static ssize_t read_all(int fd, char *data, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = read(fd, data + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

static enum kp_err read_file(void *ctx, const char *path, size_t limit, char **data,
                             size_t *len, char why[KP_CONF_WHY_SIZE])
{
    (void)ctx;
    int fd = open_regular(path, why);
    if (fd < 0)
        return KP_ERR_NOTFOUND;
    char *buffer = malloc(limit + 1);
    ssize_t n = buffer != NULL ? read_all(fd, buffer, limit + 1) : -1;
    enum kp_err err = KP_OK;
    if (buffer == NULL)
        err = KP_ERR_NOMEM;
    else if (n < 0)
        err = say_errno(why);
    close(fd);
    if (err != KP_OK) {
        free(buffer);
        return err;
    }
    *data = buffer;
    *len = (size_t)n;
    return KP_OK;
}

/* The pattern below the directory of base_file, whose own name is taken
 * literally.  NULL where memory ran out; the caller frees. */
static char *full_pattern(const char *base_file, const char *pattern)
{
    const char *slash = strrchr(base_file, '/');
    size_t dir = slash != NULL && pattern[0] != '/' ? (size_t)(slash - base_file) + 1 : 0;
    char *full = malloc(2 * dir + strlen(pattern) + 1);
    size_t used = 0;
    if (full == NULL)
        return NULL;
    for (size_t i = 0; i < dir; i++) {
        if (strchr("*?[]\\", base_file[i]) != NULL)
            full[used++] = '\\';
        full[used++] = base_file[i];
    }
    memcpy(full + used, pattern, strlen(pattern) + 1);
    return full;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

static char **copy_list(char *const *from, size_t count)
{
    char **list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = strdup(from[i]);
        if (list[i] == NULL) {
            free_list(list, i);
            return NULL;
        }
    }
    return list;
}

static enum kp_err expand(void *ctx, const char *base_file, const char *pattern, char ***paths,
                          size_t *count)
{
    (void)ctx;
    glob_t found = {0};
    char *full = full_pattern(base_file, pattern);
    if (full == NULL)
        return KP_ERR_NOMEM;
    int rc = glob(full, GLOB_NOMAGIC, NULL, &found);
    free(full);
    if (rc != 0 && rc != GLOB_NOMATCH)
        return rc == GLOB_NOSPACE ? KP_ERR_NOMEM : KP_ERR_DENIED;
    *count = rc == 0 ? found.gl_pathc : 0;
    *paths = copy_list(found.gl_pathv, *count);
    globfree(&found);
    return *paths != NULL ? KP_OK : KP_ERR_NOMEM;
}

struct kp_conf_source kp_conf_files(void)
{
    return (struct kp_conf_source){.read = read_file, .expand = expand};
}

struct kp_conf *kp_conf_load_file(const char *path, struct kp_diags *diags)
{
    struct kp_conf_source files = kp_conf_files();
    return kp_conf_load(path, &files, diags);
}
