/*
 * Everything a port has, over static arrays where that is honest and with -1 where only hardware
 * can answer. As it stands a device boots on it up to its entropy test, and fails there: by design,
 * since a skeleton has no noise source.
 *
 * No function may block longer than its own work takes, none is called from two threads at a time
 * (par excepted, which makes threads itself if it has any), and every -1 stops the device until the
 * next boot: retry inside the function what the part's manual says may be retried.
 */
#include "firmware/ports/skeleton/skeleton.h"

#include <stdbool.h>
#include <string.h>

#include "firmware/base/wipe.h"

/* ---------------------------------------------------------------- NVM */

/*
 * Replace the array by the flash of the part. SEGMENT is one or several erase sectors: large enough
 * that a record of 4 KiB fits three times (16 KiB and more), small enough that erasing one does not
 * take longer than a command may. The store needs four, works well from eight, and groups them
 * itself if there are more than 512. UNIT is what the part programs at a time: 1 to 16 bytes, ECC
 * word included.
 */
enum { SEGMENTS = 8, SEGMENT = 16384, UNIT = 8, ROOT = 32 };

struct flash {
    uint8_t bytes[SEGMENTS][SEGMENT];
    uint8_t root[ROOT];
};

static struct flash flash;

static bool inside(uint32_t segment, uint32_t offset, uint32_t n)
{
    return segment < SEGMENTS && offset <= SEGMENT && n <= SEGMENT - offset;
}

/* Owes: the n bytes as they were programmed, FF where erased; any offset and n. An uncorrectable
 * ECC error is -1 only if it repeats. Bits that ECC does not catch are the store's business: it
 * checks all it reads. */
static int nvm_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    const struct flash *f = ctx;
    if (!inside(segment, offset, n))
        return -1;
    memcpy(buffer, &f->bytes[segment][offset], n);
    return 0;
}

/*
 * Owes: offset and n are multiples of UNIT, the units are erased, or data is all zeros over
 * whatever is there. The part must allow that last case: most NOR flash with ECC does; if yours
 * does not, choose a part that does, since destroying a key depends on it. Verify what was
 * programmed if the part does not. After a power cut the units in flight may read as anything,
 * their neighbours as before. A unit that a cut left reading as FF must be programmable; if the
 * part does not promise that, read with its margin mode here.
 */
static int nvm_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    struct flash *f = ctx;
    if (!inside(segment, offset, n) || offset % UNIT || n % UNIT)
        return -1;
    memcpy(&f->bytes[segment][offset], data, n);
    return memcmp(&f->bytes[segment][offset], data, n) ? -1 : 0;
}

/* Owes: the whole segment FF when it returns 0. A cut may leave anything in it; the store erases it
 * again. */
static int nvm_erase(void *ctx, uint32_t segment)
{
    struct flash *f = ctx;
    if (!inside(segment, 0, SEGMENT))
        return -1;
    memset(f->bytes[segment], 0xFF, SEGMENT);
    return 0;
}

/* Owes: all that was programmed and erased survives a power cut from here on. Nothing to do where
 * program and erase wait for the part; with a write cache or an external memory, flush and wait. */
static int nvm_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

/*
 * Owes: 32 bytes outside the segments, not readable from outside the chip: fuses, OTP, a
 * battery-backed or tamper-erased register file. All zeros on a fresh part. On a part whose fuses
 * cannot be read by the CPU, return what the key ladder derives from them. Set at manufacture and,
 * all zeros or new, at zeroisation: a part with true OTP needs a word for each time.
 */
static int root_read(void *ctx, uint8_t root[ROOT])
{
    const struct flash *f = ctx;
    memcpy(root, f->root, ROOT);
    return 0;
}

/* Owes: after 0 the new root is read, the old one nowhere; after a cut one or the other. */
static int root_program(void *ctx, const uint8_t root[ROOT])
{
    struct flash *f = ctx;
    wipe(f->root, ROOT);
    memcpy(f->root, root, ROOT);
    return 0;
}

/* ---------------------------------------------------------------- entropy */

/* Owes: n raw samples of a noise source, one byte each, as they come: no conditioning, no DRBG, no
 * caching, or the health tests above it see nothing. Without one the answer is -1, and the device
 * refuses to work. */
static int sample(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
    return -1;
}

/* ---------------------------------------------------------------- clock */

/* Owes: UTC in milliseconds since 1970, never going back while the power is on. 0: there is no
 * clock; audit records then carry their sequence number only. */
static uint64_t now(void *ctx)
{
    (void)ctx;
    return 0;
}

/* ---------------------------------------------------------------- link */

/* Owes: one whole message from the host, of at most room bytes; *n is its length. Waits until there
 * is one. A longer message is swallowed to its end and answered with -1. */
static int receive(void *ctx, uint8_t *buffer, size_t room, size_t *n)
{
    (void)ctx;
    (void)buffer;
    (void)room;
    *n = 0;
    return -1;
}

/* Owes: the message is on its way as a whole when it returns; data may be reused. */
static int send(void *ctx, const uint8_t *data, size_t n)
{
    (void)ctx;
    (void)data;
    (void)n;
    return -1;
}

/* ---------------------------------------------------------------- all of it */

int skeleton_open(struct hal *hal)
{
    for (uint32_t i = 0; i < SEGMENTS; i++) /* a real part keeps its contents */
        if (nvm_erase(&flash, i))
            return -1;
    *hal = (struct hal){
        .nvm = {.ctx = &flash,
                .segments = SEGMENTS,
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
        .par = {.width =
                    1}, /* run NULL: one core, jobs run inline; with more, see ports/posix/pool.c */
        /* .tamper: a board that can tell that it is opened gives the input here */
    };
    return 0;
}
