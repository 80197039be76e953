/* The listening socket: one live server per path, leftovers of dead ones replaced. */
#ifndef HUFU_SIM_LISTENER_H
#define HUFU_SIM_LISTENER_H

#include <sys/types.h>

/* A non-blocking listening socket at path, or -1 after a line on stderr. Its mode is 0600; with a
 * group 0660. Owner and group -1: as they come. */
int listener_open(const char *path, uid_t owner, gid_t group);
void listener_close(int fd, const char *path);

#endif
