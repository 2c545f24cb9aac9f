#include "daemon/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int fail(char why[KPD_CONTROL_WHY], const char *path, const char *what)
{
    snprintf(why, KPD_CONTROL_WHY, "control socket %.160s: %s", path, what);
    return -1;
}

/* Splits path into its directory (malloc'ed) and the name inside. */
static char *split_path(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Opens the directory; a missing one is made, for the group alone.  *made. */
static int open_dir(const char *dir, bool *made)
{
    int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int fd = open(dir, flags);
    *made = false;
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdir(dir, 0750) != 0)
        return -1;
    *made = true;
    return open(dir, flags | O_NOFOLLOW);
}

/* Whether nobody else can put something in the place of a file of ours: the
 * directory is ours or root's, and not for others to write, unless it is sticky. */
static bool dir_is_safe(int dir)
{
    struct stat st;
    if (fstat(dir, &st) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
        return false;
    bool others = (st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && st.st_gid != getegid());
    return !others || (st.st_mode & S_ISVTX);
}

static bool fill_address(struct sockaddr_un *addr, const char *path)
{
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof addr->sun_path)
        return false;
    memcpy(addr->sun_path, path, len + 1);
    return true;
}

/* Whether somebody answers there: 1 yes, 0 nobody, -1 cannot tell (errno). */
static int somebody_listens(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int rc = connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    int error = rc == 0 ? 0 : errno;
    close(fd);
    errno = error;
    if (error == 0 || error == EAGAIN)
        return 1; /* EAGAIN: so busy that its backlog is full */
    return error == ECONNREFUSED || error == ENOENT ? 0 : -1;
}

/* Makes sure that nothing stands at the place: a socket nobody listens on goes. */
static int clear_place(const struct kpd_place *place, const char *path,
                       const struct sockaddr_un *addr, char *why)
{
    struct stat st;
    if (fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : fail(why, path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return fail(why, path, "exists and is not a socket");
    int alive = somebody_listens(addr);
    if (alive < 0)
        return fail(why, path, strerror(errno));
    if (alive > 0)
        return fail(why, path, "another daemon is listening there");
    if (!dir_is_safe(place->dir))
        return fail(why, path, "left behind in a directory that others can write; remove it");
    if (unlinkat(place->dir, place->name, 0) != 0 && errno != ENOENT)
        return fail(why, path, strerror(errno));
    return 0;
}

/* The group that may read; our own, with a warning, where it does not exist or
 * cannot be given. */
static gid_t reader_group(const char *group, char *why)
{
    char room[4096];
    struct group entry, *found = NULL;
    if (getgrnam_r(group, &entry, room, sizeof room, &found) == 0 && found)
        return found->gr_gid;
    snprintf(why, KPD_CONTROL_WHY,
             "there is no group %.64s: the control socket belongs to group %u", group,
             (unsigned)getegid());
    return getegid();
}

/* Gives a thing of ours at dir/name to the group, then the mode. */
static bool give(int dir, const char *name, gid_t gid, mode_t mode, char *why)
{
    struct stat st;
    bool theirs = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_gid == gid;
    if (!theirs && fchownat(dir, name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) != 0)
        snprintf(why, KPD_CONTROL_WHY,
                 "cannot give the control socket to group %u (%s): it belongs to group %u",
                 (unsigned)gid, strerror(errno), (unsigned)getegid());
    return fchmodat(dir, name, mode, 0) == 0;
}

/* Binds and listens.  The umask closes the socket to all but us until the mode
 * is right, and nobody can connect before listen. */
static int bind_place(int fd, struct kpd_place *place, const struct sockaddr_un *addr,
                      gid_t gid, char *why)
{
    place->safe = dir_is_safe(place->dir);
    mode_t before = umask(place->safe ? 0177 : 0117);
    int rc = bind(fd, (const struct sockaddr *)addr, sizeof *addr);
    umask(before);
    if (rc != 0)
        return -1;
    if (!place->safe)
        snprintf(why, KPD_CONTROL_WHY,
                 "others can write the directory of the control socket: it keeps group %u",
                 (unsigned)getegid());
    else if (!give(place->dir, place->name, gid, 0660, why))
        return -1;
    if (fstatat(place->dir, place->name, &place->bound, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    return listen(fd, BACKLOG);
}

static int listen_at(struct kpd_place *place, const char *path, gid_t gid, char *why)
{
    struct sockaddr_un addr;
    if (!fill_address(&addr, path))
        return fail(why, path, "the path is empty or longer than 107 bytes");
    if (clear_place(place, path, &addr, why) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(why, path, strerror(errno));
    if (bind_place(fd, place, &addr, gid, why) != 0) {
        int error = errno;
        close(fd);
        kpd_place_leave(place);
        return fail(why, path, strerror(error));
    }
    return fd;
}

int kpd_place_listen(struct kpd_place *place, const char *path, const char *group,
                     char why[KPD_CONTROL_WHY])
{
    const char *name;
    bool made = false;
    char *dir = split_path(path, &name);
    why[0] = '\0';
    *place = (struct kpd_place){.dir = -1, .name = strdup(name)};
    int fd = -1;
    if (!dir || !place->name)
        fail(why, path, "out of memory");
    else if (!*name)
        fail(why, path, "is a directory");
    else if ((place->dir = open_dir(dir, &made)) < 0)
        fail(why, path, strerror(errno));
    else {
        gid_t gid = reader_group(group, why);
        if (made)
            give(AT_FDCWD, dir, gid, 0750, why);
        fd = listen_at(place, path, gid, why);
    }
    free(dir);
    if (fd < 0)
        kpd_place_leave(place);
    return fd;
}

void kpd_place_leave(struct kpd_place *place)
{
    struct stat st;
    bool ours = place->dir >= 0 && place->bound.st_ino != 0 &&
                fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                st.st_dev == place->bound.st_dev && st.st_ino == place->bound.st_ino;
    /* Without the right to (privileges are gone) it stays: the next start sees
     * that nobody listens and replaces it. */
    if (ours && place->safe)
        unlinkat(place->dir, place->name, 0);
    if (place->dir >= 0)
        close(place->dir);
    free(place->name);
    *place = (struct kpd_place){.dir = -1};
}
