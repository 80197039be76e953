/* Whom the process runs as: begun by root, which binds what only root may, and goes on as somebody
 * else. */
#ifndef HUFU_SIM_USER_H
#define HUFU_SIM_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct user {
    bool given; /* else nothing here does anything */
    uid_t uid;
    gid_t gid;
};

/* By name; NULL: nobody else. 0, or -1 after a line on stderr. */
int user_find(const char *name, struct user *u);
/* By name, NULL: (gid_t)-1. 0, or -1 after a line. */
int user_find_group(const char *name, gid_t *gid);

/* Open and make files as this user would, and as root again. 0, or -1 after a line. */
int user_act(const struct user *u);
int user_return(const struct user *u);
/* For good: no way back, no groups but the user's own, no capabilities. 0, or -1 after a line. */
int user_become(const struct user *u);

#endif
