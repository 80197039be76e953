#include "sim/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "sim/log.h"

enum { SECTION = 0x0A0D0D0A, INTERFACE = 1, PACKET = 6 }; /* blocks */
enum { ORDER = 0x1A2B3C4D, LINKTYPE_USER0 = 147, NANOSECONDS = 9 };
enum {
    OPT_END = 0,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_DESCRIPTION = 3,
    IF_TSRESOL = 9,
    EPB_FLAGS = 2
};
enum { BLOCK_ROOM = 512, PACKET_HEAD = 28, PACKET_TAIL = 16 /* flags, end, length */ };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;
static uint32_t interfaces;

/* ------------------------------------------------------------------ blocks */

/* Numbers are in the order of this machine, as the section's head says. */
struct block {
    size_t size;
    uint8_t bytes[BLOCK_ROOM];
};

static void put(struct block *b, const void *p, size_t n)
{
    if (n)
        memcpy(b->bytes + b->size, p, n);
    b->size += n;
}

static void put16(struct block *b, unsigned v)
{
    const uint16_t v16 = (uint16_t)v;
    put(b, &v16, sizeof v16);
}

static void put32(struct block *b, uint32_t v)
{
    put(b, &v, sizeof v);
}

static size_t padding(size_t n)
{
    return (4 - n % 4) % 4;
}

static void put_option(struct block *b, unsigned code, const void *value, size_t n)
{
    static const uint8_t zeros[4];
    put16(b, code);
    put16(b, (unsigned)n);
    put(b, value, n);
    put(b, zeros, padding(n));
}

static void begin(struct block *b, uint32_t type)
{
    b->size = 0;
    put32(b, type);
    put32(b, 0);
}

static void end(struct block *b)
{
    const uint32_t size = (uint32_t)b->size + 8;
    put_option(b, OPT_END, NULL, 0);
    put32(b, size);
    memcpy(b->bytes + 4, &size, sizeof size);
}

/* A block is written as a whole: another one is never in the midst of it. */
static void write_parts(const struct iovec *parts, int n, size_t size)
{
    const ssize_t written = writev(file, parts, n);
    if (written == (ssize_t)size)
        return;
    log_line(LOG_LEVEL_ERROR, "the capture ends here: %s",
             written < 0 ? strerror(errno) : "no room");
    close(file);
    file = -1;
}

static void write_block(struct block *b)
{
    end(b);
    const struct iovec part = {b->bytes, b->size};
    write_parts(&part, 1, b->size);
}

static void write_section(void)
{
    static const char name[] = "hufu-sim " HUFU_VERSION;
    static const uint8_t length_unknown[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct block b;
    begin(&b, SECTION);
    put32(&b, ORDER);
    put16(&b, 1);
    put16(&b, 0);
    put(&b, length_unknown, sizeof length_unknown);
    put_option(&b, SHB_USERAPPL, name, sizeof name - 1);
    write_block(&b);
}

/* ------------------------------------------------------------------ the file */

static int complain(const char *path, const char *why)
{
    log_line(LOG_LEVEL_ERROR, "%s: %s: choose another --capture", path, why);
    if (file >= 0)
        close(file);
    file = -1;
    return -1;
}

int capture_open(const char *path)
{
    uint32_t first = 0;
    struct stat st;
    file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (file < 0 || fstat(file, &st))
        return complain(path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return complain(path, "is no file");
    if (st.st_size && (pread(file, &first, sizeof first, 0) != sizeof first || first != SECTION))
        return complain(path, "is there and no capture");
    if (fchmod(file, 0600))
        return complain(path, strerror(errno));
    write_section();
    return file < 0 ? -1 : 0;
}

void capture_close(void)
{
    if (file >= 0)
        close(file);
    file = -1;
}

uint32_t capture_client(int fd)
{
    static const uint8_t resolution = NANOSECONDS;
    struct ucred who = {0, 0, 0};
    socklen_t size = sizeof who;
    char text[64];
    struct block b;
    pthread_mutex_lock(&lock);
    const uint32_t number = interfaces;
    if (file >= 0) {
        begin(&b, INTERFACE);
        put16(&b, LINKTYPE_USER0);
        put16(&b, 0);
        put32(&b, 0);
        int n = snprintf(text, sizeof text, "client %u", (unsigned)number);
        put_option(&b, IF_NAME, text, (size_t)n);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) {
            n = snprintf(text, sizeof text, "process %ld of user %lu", (long)who.pid,
                         (unsigned long)who.uid);
            put_option(&b, IF_DESCRIPTION, text, (size_t)n);
        }
        put_option(&b, IF_TSRESOL, &resolution, sizeof resolution);
        interfaces++;
        write_block(&b);
    }
    pthread_mutex_unlock(&lock);
    return number;
}

static void write_frame(uint32_t client, uint32_t direction, const struct iovec parts[2],
                        size_t size)
{
    static const uint8_t zeros[4];
    const size_t there = parts[0].iov_len + parts[1].iov_len;
    struct block head, tail = {0, {0}};
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const uint64_t ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    const size_t whole = PACKET_HEAD + there + padding(there) + PACKET_TAIL;
    begin(&head, PACKET);
    put32(&head, client);
    put32(&head, (uint32_t)(ns >> 32));
    put32(&head, (uint32_t)ns);
    put32(&head, (uint32_t)there);
    put32(&head, (uint32_t)size);
    const uint32_t length = (uint32_t)whole;
    memcpy(head.bytes + 4, &length, sizeof length);
    put_option(&tail, EPB_FLAGS, &direction, sizeof direction);
    put_option(&tail, OPT_END, NULL, 0);
    put32(&tail, length);
    const struct iovec all[] = {{head.bytes, head.size},
                                parts[0],
                                parts[1],
                                {(void *)(uintptr_t)zeros, padding(there)},
                                {tail.bytes, tail.size}};
    write_parts(all, sizeof all / sizeof *all, whole);
}

void capture_frame(uint32_t client, enum capture_direction direction, const void *head,
                   size_t head_size, const void *body, size_t body_size, size_t size)
{
    const struct iovec parts[2] = {{(void *)(uintptr_t)head, head_size},
                                   {(void *)(uintptr_t)body, body_size}};
    pthread_mutex_lock(&lock);
    if (file >= 0)
        write_frame(client, direction, parts, size);
    pthread_mutex_unlock(&lock);
}
