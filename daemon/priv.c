#include "daemon/priv.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool become(const char *user, char *why)
{
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    if (pw == NULL) {
        snprintf(why, 256, "there is no user %s (option -u)", user);
        return false;
    }
    if (getuid() == pw->pw_uid)
        return true;
    capng_clear(CAPNG_SELECT_BOTH);
    int rc = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
                             CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    if (rc != 0)
        snprintf(why, 256, "cannot become user %s (step %d): %s; start as root or without -u",
                 user, rc, strerror(errno));
    return rc == 0;
}

/* The bounding set can only be emptied by who may change it (root); where a
 * service manager made us a plain user, it has bounded it, and no_new_privs sees
 * to the rest. */
static capng_select_t droppable(void)
{
    bool may = capng_get_caps_process() == 0 &&
               capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
    return may ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS;
}

static bool no_capability_left(void)
{
    return capng_get_caps_process() == 0 &&
           capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE;
}

bool kpd_priv_drop(const char *user, char *why)
{
    if (user != NULL && !become(user, why))
        return false;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
        snprintf(why, 256, "cannot clear ambient capabilities: %s", strerror(errno));
        return false;
    }
    capng_select_t sets = droppable();
    capng_clear(sets);
    /* Where there was none to begin with, even asking may be forbidden. */
    (void)!capng_apply(sets);
    if (!no_capability_left()) {
        snprintf(why, 256, "cannot drop capabilities: %s", strerror(errno));
        return false;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(why, 256, "cannot set no_new_privs: %s", strerror(errno));
        return false;
    }
    return true;
}
