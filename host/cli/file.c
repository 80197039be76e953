/* Files: read as a whole, written as a whole or not at all. */
#include "host/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
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
    if (n < room) {
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

int file_absent(const char *path)
{
    struct stat st;
    return !is_standard(path) && !stat(path, &st) && S_ISREG(st.st_mode)
               ? say_failed("%s: is there already, and is not written over: choose another name",
                            path)
               : DONE;
}

int file_write(const char *path, const void *data, size_t size, bool secret)
{
    struct stat st;
    if (is_standard(path))
        return write_standard(data, size);
    const size_t n = strlen(path) + 16;
    char *temporary = malloc(n);
    if (!temporary)
        return say_failed("%s: no memory", path);
    snprintf(temporary, n, "%s.XXXXXX", path);
    const bool special = !stat(path, &st) && !S_ISREG(st.st_mode); /* /dev/null, a pipe */
    const int fd = special ? open(path, O_WRONLY | O_CLOEXEC) : mkostemp(temporary, O_CLOEXEC);
    const mode_t mask = umask(0);
    umask(mask);
    const mode_t mode = secret ? 0600 : 0666 & ~mask;
    int status = DONE;
    if (fd < 0 || !write_all(fd, data, size) ||
        (!special && (fchmod(fd, mode) || fsync(fd) || rename(temporary, path)))) {
        status = say_failed("%s: cannot be written: %s", path, strerror(errno));
        if (fd >= 0 && !special)
            unlink(temporary);
    }
    if (fd >= 0)
        close(fd);
    free(temporary);
    return status;
}
