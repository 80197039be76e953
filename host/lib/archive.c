/*
 * A file of wrapped keys. It is a run of chunks, each complete in itself and closed by its SM3, so
 * that what a crash left at the end is found and cut off. docs/archive.md describes the bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "host/lib/lib.h"
#include "host/lib/sync_name.h"

enum {
    FILE_HEAD = 16,
    CHUNK_HEAD = 4 + 4 + 8 + 4 + 2 + 2 + HUFU_WRAP_HEADER_SIZE,
    CHUNK_TAIL = 32,
    CHUNK_MAX = 16 << 20 /* far above what a device gives at once */
};
static const uint8_t file_magic[8] = "HUFUKEYS";
static const uint8_t chunk_magic[4] = {'C', 'H', 'N', 'K'};

struct place {
    uint64_t offset; /* of the chunk in the file */
    uint64_t first;  /* good keys before it */
    uint32_t size, good;
    uint8_t batch[16];
};

struct hufu_archive {
    int fd;
    bool writing;
    char *path;
    uint64_t end, count;
    struct place *place;
    size_t places, room;
    const struct place *checked; /* whose SM3 was compared last */
};

/* A chunk's head, as it is in the file. */
struct head {
    uint32_t size; /* of the chunk, head and tail included */
    uint64_t first;
    uint32_t good;
    uint16_t record_size, status_size;
    const uint8_t *wrap;
    struct hufu_wrap_header fields;
};

static enum hufu_status file_error(const struct hufu_archive *a, const char *what)
{
    return fail_with(HUFU_E_FILE, "%s: %s: %s", a->path, what, strerror(errno));
}

static bool sm3(const void *data, size_t n, uint8_t out[CHUNK_TAIL])
{
    return EVP_Digest(data, n, out, NULL, EVP_sm3(), NULL) == 1;
}

static bool read_at(int fd, void *data, size_t n, uint64_t offset)
{
    uint8_t *p = data;
    while (n) {
        const ssize_t got = pread(fd, p, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

static bool write_at(int fd, const void *data, size_t n, uint64_t offset)
{
    const uint8_t *p = data;
    while (n) {
        const ssize_t put = pwrite(fd, p, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
        offset += (uint64_t)put;
    }
    return true;
}

/* ------------------------------------------------------------------ chunks */

static bool head_read(struct head *h, const uint8_t bytes[CHUNK_HEAD])
{
    struct rd r;
    rd_init(&r, bytes, CHUNK_HEAD);
    const uint8_t *magic = rd_bytes(&r, sizeof chunk_magic);
    h->size = rd_u32(&r);
    h->first = rd_u64(&r);
    h->good = rd_u32(&r);
    h->record_size = rd_u16(&r);
    h->status_size = rd_u16(&r);
    h->wrap = rd_bytes(&r, HUFU_WRAP_HEADER_SIZE);
    if (memcmp(magic, chunk_magic, sizeof chunk_magic) ||
        hufu_wrap_header_read(h->wrap, &h->fields))
        return false;
    const uint64_t n = h->fields.count, content = n * h->record_size + h->status_size;
    return n && h->good <= n && h->record_size && h->record_size <= LIMIT_WRAPPED_MAX &&
           h->status_size == (n + 7) / 8 && h->size <= CHUNK_MAX &&
           h->size == CHUNK_HEAD + content + CHUNK_TAIL;
}

static void head_write(struct wr *w, const struct head *h)
{
    wr_bytes(w, chunk_magic, sizeof chunk_magic);
    wr_u32(w, h->size);
    wr_u64(w, h->first);
    wr_u32(w, h->good);
    wr_u16(w, h->record_size);
    wr_u16(w, h->status_size);
    wr_bytes(w, h->wrap, HUFU_WRAP_HEADER_SIZE);
}

static bool place_add(struct hufu_archive *a, const struct head *h)
{
    if (a->places == a->room) {
        const size_t room = a->room ? a->room * 2 : 64;
        struct place *p = realloc(a->place, room * sizeof *p);
        if (!p)
            return false;
        a->place = p;
        a->checked = NULL;
        a->room = room;
    }
    struct place *p = &a->place[a->places++];
    *p = (struct place){a->end, a->count, h->size, h->good, {0}};
    memcpy(p->batch, h->fields.batch, sizeof p->batch);
    a->end += h->size;
    a->count += h->good;
    return true;
}

/* Is the chunk whole? */
static enum hufu_status chunk_check(const struct hufu_archive *a, uint64_t offset, uint32_t size)
{
    uint8_t digest[CHUNK_TAIL];
    uint8_t *chunk = malloc(size);
    if (!chunk)
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a chunk", a->path);
    const bool whole = read_at(a->fd, chunk, size, offset) &&
                       sm3(chunk, size - CHUNK_TAIL, digest) &&
                       !memcmp(digest, chunk + size - CHUNK_TAIL, CHUNK_TAIL);
    free(chunk);
    return whole ? HUFU_OK : HUFU_E_NOT_FOUND;
}

/*
 * The chunk at the end of what is known: HUFU_OK, or HUFU_E_NOT_FOUND where none begins. Each was
 * on the disk before the next was begun, so only the last one can be torn and only it is read as a
 * whole.
 */
static enum hufu_status chunk_scan(struct hufu_archive *a, uint64_t file_size)
{
    uint8_t bytes[CHUNK_HEAD];
    struct head h;
    const uint64_t left = file_size - a->end;
    if (left < CHUNK_HEAD || !read_at(a->fd, bytes, sizeof bytes, a->end) ||
        !head_read(&h, bytes) || h.first != a->count || left < h.size)
        return HUFU_E_NOT_FOUND;
    const enum hufu_status s = left == h.size ? chunk_check(a, a->end, h.size) : HUFU_OK;
    if (s)
        return s;
    return place_add(a, &h) ? HUFU_OK
                            : fail_with(HUFU_E_MEMORY, "%s: no memory for an index", a->path);
}

static enum hufu_status damaged(const struct hufu_archive *a, uint64_t offset)
{
    return fail_with(HUFU_E_FORMAT, "%s: damaged at byte %llu: restore it from a copy", a->path,
                     (unsigned long long)offset);
}

/* The chunk is whole, or it is told why not. */
static enum hufu_status chunk_need(const struct hufu_archive *a, const struct place *p)
{
    const enum hufu_status s = chunk_check(a, p->offset, p->size);
    return s == HUFU_E_NOT_FOUND ? damaged(a, p->offset) : s;
}

/* HUFU_OK: a whole chunk begins somewhere in the rest of the file; HUFU_E_NOT_FOUND: none. */
static enum hufu_status chunk_follows(const struct hufu_archive *a, size_t left)
{
    enum hufu_status s = HUFU_E_NOT_FOUND;
    uint8_t *tail = malloc(left);
    if (!tail)
        return fail_with(HUFU_E_MEMORY, "%s: no memory for its end", a->path);
    if (!read_at(a->fd, tail, left, a->end))
        s = file_error(a, "cannot be read");
    for (size_t i = 1; s == HUFU_E_NOT_FOUND && i + CHUNK_HEAD <= left; i++) {
        struct head h;
        if (tail[i] == chunk_magic[0] && head_read(&h, tail + i) && h.size <= left - i)
            s = chunk_check(a, a->end + i, h.size);
    }
    free(tail);
    return s;
}

/*
 * Something follows the last chunk. It is torn if the last chunk is whole, as it was before the
 * next was begun, and none follows further on; otherwise the file is damaged, and cutting would
 * lose keys.
 */
static enum hufu_status tail_check(const struct hufu_archive *a, uint64_t left)
{
    const struct place *last = a->places ? &a->place[a->places - 1] : NULL;
    enum hufu_status s = last ? chunk_need(a, last) : HUFU_OK;
    if (s)
        return s;
    s = left > CHUNK_MAX ? HUFU_OK : chunk_follows(a, (size_t)left);
    if (s == HUFU_OK)
        return damaged(a, a->end);
    return s == HUFU_E_NOT_FOUND ? HUFU_OK : s;
}

/* ------------------------------------------------------------------ open, close */

static enum hufu_status scan(struct hufu_archive *a)
{
    uint8_t head[FILE_HEAD];
    struct stat st;
    if (fstat(a->fd, &st))
        return file_error(a, "cannot be read");
    if (!read_at(a->fd, head, sizeof head, 0) || memcmp(head, file_magic, sizeof file_magic))
        return fail_with(HUFU_E_FORMAT, "%s: not an archive of wrapped keys", a->path);
    struct rd r;
    rd_init(&r, head + sizeof file_magic, sizeof head - sizeof file_magic);
    const uint32_t version = rd_u32(&r);
    if (version != 1)
        return fail_with(HUFU_E_FORMAT,
                         "%s: an archive of version %u: this library knows version 1", a->path,
                         (unsigned)version);
    a->end = FILE_HEAD;
    enum hufu_status s;
    do
        s = chunk_scan(a, (uint64_t)st.st_size);
    while (!s);
    if (s != HUFU_E_NOT_FOUND)
        return s;
    const uint64_t left = (uint64_t)st.st_size - a->end;
    return left ? tail_check(a, left) : HUFU_OK;
}

/* A file that has just been made, or whose making was cut short. */
static enum hufu_status begin(struct hufu_archive *a)
{
    uint8_t head[FILE_HEAD];
    struct wr w;
    wr_init(&w, head, sizeof head);
    wr_bytes(&w, file_magic, sizeof file_magic);
    wr_u32(&w, 1);
    wr_u32(&w, 0);
    if (ftruncate(a->fd, 0) || !write_at(a->fd, head, sizeof head, 0) || fsync(a->fd))
        return file_error(a, "cannot be written");
    return HUFU_OK;
}

static enum hufu_status prepare(struct hufu_archive *a)
{
    struct stat st;
    if (flock(a->fd, LOCK_EX | LOCK_NB))
        return fail_with(HUFU_E_FILE, "%s: another process is writing it", a->path);
    if (fstat(a->fd, &st))
        return file_error(a, "cannot be read");
    enum hufu_status s = HUFU_OK;
    if (st.st_size < FILE_HEAD) {
        uint8_t some[FILE_HEAD];
        const size_t n =
            (size_t)st.st_size < sizeof file_magic ? (size_t)st.st_size : sizeof file_magic;
        if (!read_at(a->fd, some, n, 0) || memcmp(some, file_magic, n))
            return fail_with(HUFU_E_FORMAT, "%s: not an archive of wrapped keys", a->path);
        s = begin(a);
        if (!s && sync_name(a->path))
            s = file_error(a, "its folder cannot be synced");
    }
    if (!s)
        s = scan(a);
    if (!s && ftruncate(a->fd, (off_t)a->end))
        s = file_error(a, "its torn end cannot be cut off");
    return s;
}

static bool is_directory(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
        return false;
    errno = EISDIR;
    return true;
}

static enum hufu_status archive_open(struct hufu_archive **archive, const char *path, int flags)
{
    *archive = NULL;
    struct hufu_archive *a = calloc(1, sizeof *a);
    if (a)
        a->path = strdup(path);
    if (!a || !a->path) {
        free(a);
        return fail_with(HUFU_E_MEMORY, "%s: no memory", path);
    }
    a->writing = flags != O_RDONLY;
    a->fd = open(path, flags | O_CLOEXEC, 0600);
    enum hufu_status s = a->fd < 0 || is_directory(a->fd) ? file_error(a, "cannot be opened")
                         : a->writing                     ? prepare(a)
                                                          : scan(a);
    if (s)
        hufu_archive_close(a);
    else
        *archive = a;
    return s;
}

enum hufu_status hufu_archive_append(struct hufu_archive **archive, const char *path)
{
    return archive_open(archive, path, O_RDWR | O_CREAT);
}

enum hufu_status hufu_archive_read(struct hufu_archive **archive, const char *path)
{
    return archive_open(archive, path, O_RDONLY);
}

void hufu_archive_close(struct hufu_archive *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    free(a->place);
    free(a->path);
    free(a);
}

uint64_t hufu_archive_count(const struct hufu_archive *archive)
{
    return archive->count;
}

/* ------------------------------------------------------------------ adding */

static bool has_batch(const struct hufu_archive *a, const uint8_t batch[16])
{
    for (size_t i = a->places; i-- > 0;)
        if (!memcmp(a->place[i].batch, batch, 16))
            return true;
    return false;
}

static enum hufu_status chunk_write(struct hufu_archive *a, const struct hufu_key_chunk *k,
                                    const struct head *h, uint8_t *bytes)
{
    struct wr w;
    wr_init(&w, bytes, h->size);
    head_write(&w, h);
    wr_bytes(&w, k->status, k->status_size);
    wr_bytes(&w, k->records, k->count * k->record_size);
    uint8_t *tail = wr_reserve(&w, CHUNK_TAIL);
    if (!tail || w.bad)
        return fail_with(HUFU_E_ARGUMENT, "%s: the chunk's sizes do not add up", a->path);
    if (!sm3(bytes, h->size - CHUNK_TAIL, tail))
        return fail_with(HUFU_E_CRYPTO, "%s: libcrypto has no SM3", a->path);
    if (write_at(a->fd, bytes, h->size, a->end) && !fdatasync(a->fd))
        return place_add(a, h) ? HUFU_OK : fail_with(HUFU_E_MEMORY, "%s: no memory", a->path);
    const enum hufu_status s = file_error(a, "cannot be written");
    if (ftruncate(a->fd, (off_t)a->end)) {
        /* the next opening cuts the torn chunk off */
    }
    return s;
}

enum hufu_status hufu_archive_add(struct hufu_archive *a, const struct hufu_key_chunk *k)
{
    const uint64_t size =
        CHUNK_HEAD + k->status_size + (uint64_t)k->count * k->record_size + CHUNK_TAIL;
    if (!a->writing)
        return fail_with(HUFU_E_ARGUMENT, "%s: opened for reading only", a->path);
    if (size > CHUNK_MAX || k->record_size > LIMIT_WRAPPED_MAX || k->status_size > UINT16_MAX)
        return fail_with(HUFU_E_ARGUMENT, "%s: a chunk of more than 16 MiB", a->path);
    if (k->fetched && has_batch(a, k->fields.batch))
        return HUFU_OK;
    const struct head h = {.size = (uint32_t)size,
                           .first = a->count,
                           .good = k->good,
                           .record_size = (uint16_t)k->record_size,
                           .status_size = (uint16_t)k->status_size,
                           .wrap = k->header,
                           .fields = k->fields};
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a chunk", a->path);
    const enum hufu_status s = chunk_write(a, k, &h, bytes);
    free(bytes);
    return s;
}

int hufu_archive_chunk(void *archive, const struct hufu_key_chunk *chunk)
{
    struct hufu_archive *a = archive;
    const uint64_t before = a->end;
    if (hufu_archive_add(a, chunk))
        return 1;
    return a->end == before ? HUFU_CHUNK_KNOWN : 0;
}

/* ------------------------------------------------------------------ reading */

/* The chunk that holds a good key. */
static const struct place *find(const struct hufu_archive *a, uint64_t number)
{
    size_t low = 0, high = a->places;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (a->place[middle].first <= number)
            low = middle;
        else
            high = middle;
    }
    return &a->place[low];
}

/* The record that holds the n-th good key; count: none. */
static uint32_t nth_good(const uint8_t *status, uint32_t count, uint64_t n)
{
    uint32_t i = 0;
    for (; i < count; i++)
        if ((status[i / 8] >> (i % 8) & 1) && n-- == 0)
            break;
    return i;
}

enum hufu_status hufu_archive_get(struct hufu_archive *a, uint64_t number,
                                  struct hufu_wrapped *wrapped)
{
    uint8_t head[CHUNK_HEAD], status[UINT16_MAX];
    struct head h;
    memset(wrapped, 0, sizeof *wrapped);
    if (number >= a->count)
        return fail_with(HUFU_E_NOT_FOUND, "%s: no key %llu: it holds %llu, counted from 0",
                         a->path, (unsigned long long)number, (unsigned long long)a->count);
    const struct place *p = find(a, number);
    const enum hufu_status s = p != a->checked ? chunk_need(a, p) : HUFU_OK;
    if (s)
        return s;
    a->checked = p;
    if (!read_at(a->fd, head, sizeof head, p->offset) || !head_read(&h, head) ||
        !read_at(a->fd, status, h.status_size, p->offset + CHUNK_HEAD))
        return damaged(a, p->offset);
    const uint32_t index = nth_good(status, h.fields.count, number - p->first);
    const uint64_t at = p->offset + CHUNK_HEAD + h.status_size + (uint64_t)index * h.record_size;
    if (index == h.fields.count || !read_at(a->fd, wrapped->record, h.record_size, at))
        return damaged(a, p->offset);
    memcpy(wrapped->header, h.wrap, sizeof wrapped->header);
    wrapped->index = index;
    wrapped->record_size = h.record_size;
    return HUFU_OK;
}
