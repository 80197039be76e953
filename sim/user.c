#include "sim/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sim/log.h"

int user_find(const char *name, struct user *u)
{
    *u = (struct user){false, (uid_t)-1, (gid_t)-1};
    if (!name)
        return 0;
    const struct passwd *entry = getpwnam(name);
    if (!entry || geteuid() != 0) {
        log_line(LOG_LEVEL_ERROR, "--user %s: %s", name,
                 entry ? "only root can become somebody else" : "there is no such user");
        return -1;
    }
    *u = (struct user){true, entry->pw_uid, entry->pw_gid};
    return 0;
}

int user_find_group(const char *name, gid_t *gid)
{
    *gid = (gid_t)-1;
    if (!name)
        return 0;
    const struct group *entry = getgrnam(name);
    if (!entry) {
        log_line(LOG_LEVEL_ERROR, "--group %s: there is no such group", name);
        return -1;
    }
    *gid = entry->gr_gid;
    return 0;
}

static int complain(const char *what)
{
    log_line(LOG_LEVEL_ERROR, "cannot %s: %s", what, strerror(errno));
    return -1;
}

int user_act(const struct user *u)
{
    if (u->given && (setegid(u->gid) || seteuid(u->uid)))
        return complain("act as the user");
    return 0;
}

int user_return(const struct user *u)
{
    if (u->given && (seteuid(0) || setegid(0)))
        return complain("act as root again");
    return 0;
}

int user_become(const struct user *u)
{
    if (!u->given)
        return 0;
    const int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    if (setgroups(0, NULL) || setresgid(u->gid, u->gid, u->gid) ||
        setresuid(u->uid, u->uid, u->uid))
        return complain("become the user");
    prctl(PR_SET_DUMPABLE, dumpable, 0, 0,
          0); /* changing who one is has set it as the system likes */
    if (u->uid != 0 && (setuid(0) == 0 || geteuid() != u->uid)) {
        log_line(LOG_LEVEL_ERROR, "the way back to root is still open");
        return -1;
    }
    return 0;
}
