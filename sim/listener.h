/* The listening socket: one live server per path, leftovers of dead ones replaced. */
#ifndef HUFU_SIM_LISTENER_H
#define HUFU_SIM_LISTENER_H

/* A non-blocking listening socket at path, mode 0600; or -1 after a line on stderr. */
int listener_open(const char *path);
void listener_close(int fd, const char *path);

#endif
