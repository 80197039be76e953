#include "sim/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/log.h"

enum { BACKLOG = 128 };

static struct stat bound; /* the socket file that is ours */

static int complain(const char *path, const char *what)
{
    log_line(LOG_LEVEL_ERROR, "%s: %s", path, what);
    return -1;
}

/* 1: a server answers at this address; 0: nobody does (nothing there, or a dead server's socket).
 */
static int is_live(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int live =
        fd >= 0 &&
        (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return live;
}

/* Make room for our socket: 0, or -1 after a line. */
static int clear_path(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st))
        return errno == ENOENT ? 0 : complain(address->sun_path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return complain(address->sun_path, "is there and not a socket: choose another --socket");
    if (is_live(address))
        return complain(address->sun_path,
                        "another server listens there: stop it or choose another --socket");
    if (unlink(address->sun_path) && errno != ENOENT)
        return complain(address->sun_path, strerror(errno));
    return 0;
}

static int give(const char *path, uid_t owner, gid_t group)
{
    if ((owner != (uid_t)-1 || group != (gid_t)-1) && chown(path, owner, group))
        return -1;
    return chmod(path, group == (gid_t)-1 ? 0600 : 0660);
}

static int bind_and_listen(const struct sockaddr_un *address, uid_t owner, gid_t group)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return complain(address->sun_path, strerror(errno));
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) ||
        give(address->sun_path, owner, group) || lstat(address->sun_path, &bound) ||
        listen(fd, BACKLOG)) {
        complain(address->sun_path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int listener_open(const char *path, uid_t owner, gid_t group)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[sizeof address.sun_path];
    if (strlen(path) >= sizeof address.sun_path)
        return complain(path, "too long for a socket (107 bytes at most): choose another --socket");
    memcpy(address.sun_path, path, strlen(path));
    memcpy(folder, address.sun_path, sizeof folder);
    /* Only one of us at a time looks and binds: else two could take the same dead socket away. */
    const int lock = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) {
        log_line(LOG_LEVEL_ERROR, "%s: %s: choose another --socket", path, strerror(errno));
        return -1;
    }
    flock(lock, LOCK_EX);
    const int fd = clear_path(&address) ? -1 : bind_and_listen(&address, owner, group);
    close(lock);
    return fd;
}

void listener_close(int fd, const char *path)
{
    struct stat st;
    close(fd);
    if (lstat(path, &st) == 0 && st.st_dev == bound.st_dev && st.st_ino == bound.st_ino)
        unlink(path);
}
