/* The directory of a device: one process at a time, small files written whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/ports/posix/internal.h"

static long read_all(int fd, void *out, size_t room)
{
    size_t n = 0;
    while (n < room) {
        ssize_t part = read(fd, (char *)out + n, room - n);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        if (part == 0)
            break;
        n += (size_t)part;
    }
    return (long)n;
}

static int write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n) {
        ssize_t part = write(fd, p, n);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        p += part;
        n -= (size_t)part;
    }
    return 0;
}

long directory_read(const struct directory *d, const char *name, void *out, size_t room)
{
    int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    long n = read_all(fd, out, room);
    int saved = errno;
    close(fd);
    errno = saved;
    return n;
}

/* A new file takes the place of the old one when it is on the disk, and not before. */
int directory_write(const struct directory *d, const char *name, const void *data, size_t n)
{
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.new", name);
    int fd = openat(d->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int failed = write_all(fd, data, n) || fsync(fd);
    int saved = errno;
    failed |= close(fd);
    if (!failed && renameat(d->fd, temporary, d->fd, name) == 0 && fsync(d->fd) == 0)
        return 0;
    if (!failed)
        saved = errno;
    unlinkat(d->fd, temporary, 0);
    errno = saved;
    return -1;
}

/* The lock file names its owner; it is never removed, or two could lock two files of one name. */
static int take_lock(struct directory *d, const struct message *m)
{
    char owner[16] = "";
    d->lock = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock < 0)
        return complain(m, "cannot open %s/lock: %s: choose a directory that you may write",
                        d->path, strerror(errno));
    if (flock(d->lock, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK)
            return complain(m, "cannot lock %s: %s: choose a directory on a local disk", d->path,
                            strerror(errno));
        if (read_all(d->lock, owner, sizeof owner - 1) <= 0)
            strcpy(owner, "?");
        owner[strcspn(owner, "\n")] = 0;
        return complain(m, "%s is in use by process %s: stop it or choose another directory",
                        d->path, owner);
    }
    int n = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
    if (ftruncate(d->lock, 0) || write_all(d->lock, owner, (size_t)n))
        return complain(m, "cannot write %s/lock: %s: make room there or choose another directory",
                        d->path, strerror(errno));
    return 0;
}

int directory_open(struct directory *d, const char *path, const struct message *m)
{
    d->path = path;
    d->lock = -1;
    if (mkdir(path, 0700) && errno != EEXIST) {
        d->fd = -1;
        return complain(m, "cannot make %s: %s: make its parent or choose another directory", path,
                        strerror(errno));
    }
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0)
        return complain(m, "cannot open %s: %s: choose a directory that you may use", path,
                        strerror(errno));
    return take_lock(d, m);
}

void directory_close(struct directory *d)
{
    if (d->lock >= 0)
        close(d->lock);
    if (d->fd >= 0)
        close(d->fd);
    d->lock = d->fd = -1;
}
