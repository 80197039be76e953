/* Files: read as a whole, written as a whole or not at all. */
#include "host/cli/cli.h"

#include "host/lib/sync_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_FILE_MAX = 4096 };

static bool is_standard(const char *path)
{
    return !path || !strcmp(path, "-");
}

/* Doubles the buffer; the old one is wiped. */
static uint8_t *grow(uint8_t *data, size_t *room)
{
    const size_t bigger = *room ? *room * 2 : 4096;
    uint8_t *p = malloc(bigger);
    if (p && data)
        memcpy(p, data, *room);
    if (data)
        hufu_wipe(data, *room);
    free(data);
    *room = bigger;
    return p;
}

int file_read(const char *path, size_t most, uint8_t **data, size_t *size)
{
    const char *name = is_standard(path) ? "standard input" : path;
    const int fd = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    size_t room = 0;
    int status = DONE;
    *data = NULL;
    *size = 0;
    if (fd < 0)
        return say_failed("%s: cannot be read: %s", name, strerror(errno));
    while (!status) {
        if (*size == room && !(*data = grow(*data, &room))) {
            status = say_failed("%s: no memory to read it", name);
            break;
        }
        const ssize_t n = read(fd, *data + *size, room - *size);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            status = say_failed("%s: cannot be read: %s", name, strerror(errno));
        if (n > 0 && (*size += (size_t)n) > most)
            status = say_failed("%s: more than %zu bytes", name, most);
    }
    if (fd != STDIN_FILENO)
        close(fd);
    if (status && *data) {
        hufu_wipe(*data, room);
        free(*data);
        *data = NULL;
    }
    return status;
}

int file_line(const char *path, char *line, size_t room)
{
    uint8_t *data;
    size_t size, n = 0;
    if (file_read(path, LINE_FILE_MAX, &data, &size))
        return FAILED;
    while (n < size && data[n] != '\n' && data[n] != '\r')
        n++;
    int status = DONE;
    if (n && memchr(data, 0, n)) {
        status = say_failed("%s: its first line is no text", path);
    } else if (n < room) {
        memcpy(line, data, n);
        line[n] = 0;
    } else {
        status = say_failed("%s: more than %zu bytes in its first line", path, room - 1);
    }
    hufu_wipe(data, size);
    free(data);
    return status;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        const ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static int write_standard(const void *data, size_t size)
{
    fflush(stdout);
    return write_all(STDOUT_FILENO, data, size)
               ? DONE
               : say_failed("standard output: cannot be written: %s", strerror(errno));
}

int file_possible(const char *path)
{
    struct stat st;
    if (is_standard(path))
        return DONE;
    const bool there = !stat(path, &st);
    char *folder = there ? NULL : folder_of(path);
    int failed = there ? access(path, W_OK) : !folder || access(folder, W_OK | X_OK);
    if (there && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        failed = 1;
    }
    const int status =
        failed ? say_failed("%s: cannot be written: %s", path, strerror(errno)) : DONE;
    free(folder);
    return status;
}

int file_absent(const char *path)
{
    struct stat st;
    return !is_standard(path) && !stat(path, &st) && S_ISREG(st.st_mode)
               ? say_failed("%s: is there already, and is not written over: choose another name",
                            path)
               : file_possible(path);
}

/* /dev/stdout and its like, also where they lead to a file: others may write to it before and after. */
static bool is_output(const struct stat *st)
{
    struct stat out;
    return S_ISREG(st->st_mode) && !fstat(STDOUT_FILENO, &out) && out.st_dev == st->st_dev &&
           out.st_ino == st->st_ino;
}

/* Some name that is free, beside path; then its name. 0, or -1 with errno and nothing left behind. */
static int replace(const char *path, const void *data, size_t size, mode_t mode)
{
    char temporary[PATH_MAX + 8];
    snprintf(temporary, sizeof temporary, "%.*s.XXXXXX", PATH_MAX, path);
    const int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -1;
    const bool good = write_all(fd, data, size) && !fchmod(fd, mode) && !fsync(fd);
    int why = errno;
    const bool closed = !close(fd);
    if (good && closed && !rename(temporary, path))
        return sync_name(path);
    if (good)
        why = errno;
    unlink(temporary);
    errno = why;
    return -1;
}

/* Who interrupts waits until the file is there, or nothing of it: nothing half done is left. */
static int replace_at_once(const char *path, const void *data, size_t size, bool secret)
{
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    const mode_t mask = umask(0);
    umask(mask);
    sigprocmask(SIG_BLOCK, &stop, &before);
    const int result = replace(path, data, size, secret ? 0600 : 0666 & ~mask);
    const int why = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return result;
}

static int write_through(const char *path, const void *data, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const bool good = write_all(fd, data, size);
    const int why = errno;
    close(fd);
    errno = why;
    return good ? 0 : -1;
}

int file_write(const char *path, const void *data, size_t size, bool secret)
{
    struct stat st;
    char real[PATH_MAX];
    const bool there = !is_standard(path) && !stat(path, &st);
    if (is_standard(path) || (there && is_output(&st)))
        return write_standard(data, size);
    int failed;
    if (there && !S_ISREG(st.st_mode)) /* /dev/null, a pipe */
        failed = write_through(path, data, size);
    else /* a link stays one */
        failed = replace_at_once(there && realpath(path, real) ? real : path, data, size, secret);
    return failed ? say_failed("%s: cannot be written: %s", path, strerror(errno)) : DONE;
}
