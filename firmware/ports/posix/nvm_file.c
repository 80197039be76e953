/*
 * NVM in one sparse file, DIR/nvm; DIR/geometry says its shape, DIR/root stands for the fuses.
 * Bytes are stored inverted: what is erased reads as zeros, and a hole in the file costs nothing.
 */
#define _FILE_OFFSET_BITS 64 /* also where off_t would have 32 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/ports/nvm_rule.h"
#include "firmware/ports/posix/internal.h"

enum { UNIT = 16, BLOCK = 4096 };

#define ROOT_KEPT "\nroot kept\n" /* in geometry: there is a root from the beginning */

static int pread_all(int fd, uint8_t *out, size_t n, uint64_t at)
{
    while (n) {
        ssize_t part = pread(fd, out, n, (off_t)at);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return -1;
        out += part;
        at += (uint64_t)part;
        n -= (size_t)part;
    }
    return 0;
}

static int pwrite_all(int fd, const uint8_t *data, size_t n, uint64_t at)
{
    while (n) {
        ssize_t part = pwrite(fd, data, n, (off_t)at);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return -1;
        data += part;
        at += (uint64_t)part;
        n -= (size_t)part;
    }
    return 0;
}

static void invert(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)~p[i];
}

/* Where [offset, offset + n) of a segment is in the file; -1: not within it. */
static int locate(const struct nvm_file *f, uint32_t segment, uint32_t offset, uint32_t n,
                  uint64_t *at)
{
    *at = (uint64_t)segment * f->segment_size + offset;
    return offset > f->segment_size || n > f->segment_size - offset || *at + n > f->size ? -1 : 0;
}

static int nvm_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    struct nvm_file *f = ctx;
    uint64_t at;
    if (locate(f, segment, offset, n, &at) || pread_all(f->fd, buffer, n, at))
        return -1;
    invert(buffer, n);
    return 0;
}

/* May this process write? What it writes then wants another sync. */
static bool begin_write(struct nvm_file *f)
{
    if (f->owner != getpid())
        return false;
    if (f->syncer)
        syncer_dirty(f->syncer);
    return true;
}

static int nvm_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    struct nvm_file *f = ctx;
    uint8_t old[BLOCK];
    const uint8_t *p = data;
    uint64_t at;
    if (!begin_write(f) || offset % UNIT || n % UNIT || locate(f, segment, offset, n, &at))
        return -1;
    while (n) {
        const uint32_t part = n < sizeof old ? n : (uint32_t)sizeof old;
        if (pread_all(f->fd, old, part, at))
            return -1;
        invert(old, part);
        if (!may_program(old, p, part, UNIT))
            return -1;
        for (uint32_t i = 0; i < part; i++)
            old[i] = (uint8_t)~p[i];
        if (pwrite_all(f->fd, old, part, at))
            return -1;
        p += part;
        at += part;
        n -= part;
    }
    return 0;
}

static int nvm_erase(void *ctx, uint32_t segment)
{
    static const uint8_t zeros[BLOCK];
    struct nvm_file *f = ctx;
    uint64_t at;
    if (!begin_write(f) || locate(f, segment, 0, f->segment_size, &at))
        return -1;
    if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
                  (off_t)f->segment_size) == 0)
        return 0;
    for (uint32_t done = 0; done < f->segment_size; done += BLOCK) /* a file system without holes */
        if (pwrite_all(f->fd, zeros, BLOCK, at + done))
            return -1;
    return 0;
}

/* Is the file in a directory still, and whole? What is written to one that was removed is lost. */
static bool is_there(const struct nvm_file *f)
{
    struct stat st;
    return fstat(f->fd, &st) == 0 && st.st_nlink > 0 && (uint64_t)st.st_size == f->size;
}

static int nvm_sync(void *ctx)
{
    struct nvm_file *f = ctx;
    const int done = f->syncer && f->owner == getpid() ? syncer_wait(f->syncer) : 1;
    return (done == 1 ? fdatasync(f->fd) : done) || !is_there(f) ? -1 : 0;
}

/* The thread is made when it is first wanted. */
static void nvm_sync_start(void *ctx)
{
    struct nvm_file *f = ctx;
    if (f->owner != getpid())
        return;
    if (!f->syncer)
        f->syncer = syncer_open(f->fd);
    if (f->syncer)
        syncer_start(f->syncer);
}

/* ---------------------------------------------------------------- root */

static int root_read(void *ctx, uint8_t root[ROOT_SIZE])
{
    struct nvm_file *f = ctx;
    uint8_t bytes[ROOT_SIZE + 1];
    memset(root, 0, ROOT_SIZE);
    long n = directory_read(&f->directory, "root", bytes, sizeof bytes);
    if (n < 0)
        return errno == ENOENT && !f->root_kept ? 0 : -1;
    if (n != ROOT_SIZE)
        return -1;
    memcpy(root, bytes, ROOT_SIZE);
    explicit_bzero(bytes, sizeof bytes);
    return 0;
}

/* Once the new root is in place the blocks of the old file are overwritten; what the disk keeps is
 * its business. */
static int root_program(void *ctx, const uint8_t root[ROOT_SIZE])
{
    static const uint8_t zeros[ROOT_SIZE];
    struct nvm_file *f = ctx;
    if (f->owner != getpid())
        return -1;
    int old = openat(f->directory.fd, "root", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    int result = directory_write(&f->directory, "root", root, ROOT_SIZE);
    if (old >= 0) {
        if (result == 0 && (pwrite_all(old, zeros, sizeof zeros, 0) || fdatasync(old)))
            result = -1;
        close(old);
    }
    return result;
}

/* A new device has one of zeros: where the file is missing later it was lost, and is no reason to
 * format what it would open. Devices of former versions had none before INIT. */
static int make_root(const struct nvm_file *f, const struct message *m)
{
    static const uint8_t zeros[ROOT_SIZE];
    if (faccessat(f->directory.fd, "root", F_OK, 0) == 0 ||
        directory_write(&f->directory, "root", zeros, sizeof zeros) == 0)
        return 0;
    return complain(m, "cannot write %s/root: %s: make room there or choose another directory",
                    f->directory.path, strerror(errno));
}

/* ---------------------------------------------------------------- opening */

static int read_geometry(struct nvm_file *f, uint32_t *segments, uint32_t *size,
                         const struct message *m)
{
    char text[128];
    long n = directory_read(&f->directory, "geometry", text, sizeof text - 1);
    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0)
        return complain(m,
                        "cannot read %s/geometry: %s: give its owner's rights or choose another "
                        "directory",
                        f->directory.path, strerror(errno));
    text[n] = 0;
    if (sscanf(text, "segments %u\nsegment_size %u", segments, size) != 2)
        return complain(m, "%s/geometry is damaged: restore it or choose another directory",
                        f->directory.path);
    f->root_kept = strstr(text, ROOT_KEPT) != NULL;
    return 1;
}

static int write_geometry(struct nvm_file *f, uint32_t segments, uint32_t size,
                          const struct message *m)
{
    char text[128];
    int n = snprintf(text, sizeof text, "segments %u\nsegment_size %u" ROOT_KEPT, segments, size);
    f->root_kept = true;
    if (directory_write(&f->directory, "geometry", text, (size_t)n))
        return complain(m,
                        "cannot write %s/geometry: %s: make room there or choose another directory",
                        f->directory.path, strerror(errno));
    return 0;
}

/* 0 with the shape of the device that is there or is to be made; -1 with a line. *fresh: it is to
 * be made. */
static int choose_geometry(struct nvm_file *f, const struct posix_options *o, uint32_t *segments,
                           uint32_t *size, bool *fresh, const struct message *m)
{
    int there = read_geometry(f, segments, size, m);
    if (there < 0)
        return -1;
    *fresh = !there;
    if (!there) {
        *segments = o->segments ? o->segments : DEFAULT_SEGMENTS;
        *size = o->segment_size ? o->segment_size : DEFAULT_SEGMENT_SIZE;
    } else if (!o->shape_when_new && ((o->segments && o->segments != *segments) ||
                                      (o->segment_size && o->segment_size != *size))) {
        return complain(
            m,
            "%s has %u segments of %u bytes: open it without a geometry or choose another "
            "directory",
            f->directory.path, *segments, *size);
    }
    if (*segments < 4 || *size < BLOCK || *size % BLOCK || *size > 1u << 24 || *segments > 65535)
        return complain(
            m,
            "%u segments of %u bytes: take 4 to 65535 of a multiple of 4096 bytes, 16 MiB "
            "at most",
            *segments, *size);
    return 0;
}

/* Where standard streams are closed, what a program prints must not go into the memory. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    const int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return higher;
}

/* The geometry file is written last: a directory without one is still to be made. */
static int open_nvm(struct nvm_file *f, bool fresh, const struct message *m)
{
    struct stat st;
    const char *path = f->directory.path;
    f->fd = above_standard(openat(f->directory.fd, "nvm",
                                  O_RDWR | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_CREAT : 0), 0600));
    if (f->fd < 0)
        return complain(
            m, "cannot open %s/nvm: %s: give its owner's rights or choose another directory", path,
            strerror(errno));
    if (fstat(f->fd, &st))
        return complain(m, "cannot read %s/nvm: %s: choose another directory", path,
                        strerror(errno));
    if (fresh && st.st_size == 0 && (ftruncate(f->fd, (off_t)f->size) || fsync(f->fd)))
        return complain(m, "cannot write %s/nvm: %s: make room there or choose another directory",
                        path, strerror(errno));
    if ((fresh && st.st_size == 0) || (uint64_t)st.st_size == f->size)
        return 0;
    return complain(
        m,
        "%s/nvm has %lld bytes where %s/geometry means %llu: restore it or choose another "
        "directory",
        path, (long long)st.st_size, path, (unsigned long long)f->size);
}

int nvm_file_open(struct nvm_file *f, const struct posix_options *o, struct hal_nvm *nvm,
                  const struct message *m)
{
    uint32_t segments = 0, size = 0;
    bool fresh;
    f->fd = -1;
    if (directory_open(&f->directory, o->directory, m) ||
        choose_geometry(f, o, &segments, &size, &fresh, m))
        return -1;
    f->segment_size = size;
    f->size = (uint64_t)segments * size;
    f->owner = getpid();
    if (open_nvm(f, fresh, m) ||
        (fresh && (make_root(f, m) || write_geometry(f, segments, size, m))))
        return -1;
    *nvm = (struct hal_nvm){.ctx = f,
                            .segments = segments,
                            .segment_size = size,
                            .unit = UNIT,
                            .read = nvm_read,
                            .program = nvm_program,
                            .erase = nvm_erase,
                            .sync = nvm_sync,
                            .sync_start = nvm_sync_start,
                            .root_read = root_read,
                            .root_program = root_program};
    return 0;
}

void nvm_file_close(struct nvm_file *f)
{
    if (f->owner == getpid())
        syncer_close(f->syncer);
    f->syncer = NULL;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    directory_close(&f->directory);
}
