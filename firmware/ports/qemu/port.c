/*
 * What the firmware wants of the board, over files of the host: QEMU models neither the flash
 * nor a noise source of these boards.
 */
#include "firmware/ports/qemu/main.h"

#include <stdbool.h>
#include <string.h>

#include "firmware/ports/nvm_rule.h"
#include "firmware/ports/qemu/board.h"
#include "firmware/ports/qemu/semihost.h"
#include "proto/frame.h"

/* NVM: a file of 16 segments and then the root. A real part has the root in fuses. */
enum { SEGMENTS = 16, SEGMENT = 16384, UNIT = 8, ROOT = 32, PIECE = 64 };
#define ROOT_AT ((uint32_t)SEGMENTS * SEGMENT)

struct files {
    int nvm, noise, in, out;
};

static struct files files;

static bool inside(uint32_t segment, uint32_t offset, uint32_t n)
{
    return segment < SEGMENTS && offset <= SEGMENT && n <= SEGMENT - offset;
}

static int file_read(uint32_t at, void *buffer, uint32_t n)
{
    return semihost_seek(files.nvm, at) || semihost_read(files.nvm, buffer, n) ? -1 : 0;
}

static int file_write(uint32_t at, const void *data, uint32_t n)
{
    return semihost_seek(files.nvm, at) || semihost_write(files.nvm, data, n) ? -1 : 0;
}

static int nvm_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    (void)ctx;
    return inside(segment, offset, n) ? file_read(segment * SEGMENT + offset, buffer, n) : -1;
}

static int nvm_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    const uint8_t *from = data;
    uint8_t old[PIECE];
    (void)ctx;
    if (!inside(segment, offset, n) || offset % UNIT || n % UNIT)
        return -1;
    for (uint32_t i = 0; i < n; i += PIECE) {
        const uint32_t part = n - i < PIECE ? n - i : PIECE;
        if (file_read(segment * SEGMENT + offset + i, old, part) ||
            !may_program(old, from + i, part, UNIT))
            return -1;
    }
    return file_write(segment * SEGMENT + offset, data, n);
}

static int nvm_erase(void *ctx, uint32_t segment)
{
    uint8_t blank[PIECE];
    (void)ctx;
    if (!inside(segment, 0, SEGMENT) || semihost_seek(files.nvm, segment * SEGMENT))
        return -1;
    memset(blank, 0xFF, sizeof blank);
    for (uint32_t i = 0; i < SEGMENT; i += PIECE)
        if (semihost_write(files.nvm, blank, PIECE))
            return -1;
    return 0;
}

/* QEMU writes without a buffer: what was written outlives QEMU, if not the power of the host. */
static int nvm_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static int root_read(void *ctx, uint8_t root[32])
{
    (void)ctx;
    return file_read(ROOT_AT, root, ROOT);
}

static int root_program(void *ctx, const uint8_t root[32])
{
    return file_write(ROOT_AT, root, ROOT) ? -1 : nvm_sync(ctx);
}

/* A part from the factory: erased, and no root. */
static int nvm_open(void)
{
    static const uint8_t no_root[ROOT] = {0};
    files.nvm = semihost_open("nvm", SEMIHOST_UPDATE);
    if (files.nvm >= 0)
        return 0;
    files.nvm = semihost_open("nvm", SEMIHOST_CREATE);
    for (uint32_t i = 0; files.nvm >= 0 && i < SEGMENTS; i++)
        if (nvm_erase(NULL, i))
            return -1;
    return files.nvm < 0 ? -1 : root_program(NULL, no_root);
}

/* The host's random bytes, for the emulator only: QEMU gives these boards no noise source. */
static int sample(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    return semihost_read(files.noise, out, n);
}

static uint64_t now(void *ctx)
{
    (void)ctx;
    return (uint64_t)semihost_time() * 1000;
}

/* The link is a pair of FIFOs; where there are none, the second UART of the board. */
static int link_read(uint8_t *buffer, size_t n)
{
    if (files.in >= 0)
        return semihost_read(files.in, buffer, n);
    while (n--)
        *buffer++ = board_wire_get();
    return 0;
}

/* A message is a native frame with its header. The end of the FIFO is -1 with *n 0. */
static int receive(void *ctx, uint8_t *buffer, size_t room, size_t *n)
{
    struct frame f;
    (void)ctx;
    *n = 0;
    if (room < FRAME_HEADER || link_read(buffer, FRAME_HEADER))
        return -1;
    *n = FRAME_HEADER;
    const bool known = frame_get(buffer, &f);
    if (known && f.length <= room - FRAME_HEADER) {
        *n += f.length;
        return link_read(buffer + FRAME_HEADER, f.length);
    }
    for (uint8_t swallowed; f.length; f.length--)
        if (link_read(&swallowed, 1))
            break;
    return -1;
}

static int send(void *ctx, const uint8_t *data, size_t n)
{
    (void)ctx;
    if (files.out >= 0)
        return semihost_write(files.out, data, n);
    while (n--)
        board_wire_put(*data++);
    return 0;
}

int qemu_open(struct hal *hal)
{
    files = (struct files){.noise = semihost_open("/dev/urandom", SEMIHOST_READ)};
    if (files.noise < 0 || nvm_open())
        return -1;
    *hal = (struct hal){
        .nvm = {.segments = SEGMENTS,
                .segment_size = SEGMENT,
                .unit = UNIT,
                .read = nvm_read,
                .program = nvm_program,
                .erase = nvm_erase,
                .sync = nvm_sync,
                .root_read = root_read,
                .root_program = root_program},
        .rng = {.sample = sample},
        .clock = {.now = now},
        .link = {.receive = receive, .send = send},
        .par = {.width = 1},
        .image = qemu_image(),
    };
    return 0;
}

int qemu_link_open(struct hal *hal)
{
    (void)hal;
    files.in = semihost_open("to-device", SEMIHOST_READ);
    files.out = semihost_open("from-device", SEMIHOST_WRITE);
    if (files.in >= 0 && files.out >= 0)
        return 0;
    files.in = files.out = -1;
    return board_wire_open();
}
