/*
 * What a port owes the firmware: seven small structs of functions. A port is one folder below
 * firmware/ports; docs/porting.md takes you through a new one, ports/skeleton is the start. Every
 * function returns 0, or -1 for a fault of the hardware; none may block for longer than its work
 * takes.
 */
#ifndef HUFU_HAL_H
#define HUFU_HAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Non-volatile memory, flash-shaped: erase sets a whole segment to FF; program writes whole units
 * into erased space, each unit once - except that any programmed unit may later be programmed to
 * all zeros (the store scrubs dead keys that way; NOR flash with ECC allows it). Writes may reach
 * the medium in any order until sync returns; a unit that was being written when power failed may
 * hold anything.
 */
struct hal_nvm {
    void *ctx;
    uint32_t segments;      /* at least 4 */
    uint32_t segment_size;  /* bytes: of the erase sector on flash, a multiple of 4096 on files */
    uint32_t unit;          /* bytes that are programmed together: 1 to 16, a power of two */
    int (*read)(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n);
    int (*program)(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n);
    int (*erase)(void *ctx, uint32_t segment);
    int (*sync)(void *ctx);
    /* Begins what sync will have to do with what is programmed by now, and returns at once. NULL:
     * there is nothing to gain by it. */
    void (*sync_start)(void *ctx);
    /* Device root: 32 secret bytes, outside the segments (fuses, OTP). root_read gives zeros on a
     * fresh part; root_program sets them (at manufacture, at zeroise). */
    int (*root_read)(void *ctx, uint8_t root[32]);
    int (*root_program)(void *ctx, const uint8_t root[32]);
};

/* Raw entropy, unconditioned. Health tests and the DRBG live above. */
struct hal_rng {
    void *ctx;
    int (*sample)(void *ctx, uint8_t *out, size_t n);
    /* Samples of a second source, which has nothing to do with the first and of which less is
     * expected (one bit in a byte). NULL: there is only one. */
    int (*second)(void *ctx, uint8_t *out, size_t n);
    /* Another value than before when this memory is now there twice (a process that forked): what
     * was drawn but not yet used is then thrown away, and the DRBG seeded anew. NULL: that cannot
     * happen. */
    uint64_t (*generation)(void *ctx);
};

struct hal_clock {
    void *ctx;
    uint64_t (*now)(void *ctx); /* UTC, milliseconds since 1970; 0: the port has no clock */
};

/* One message at a time, for ports whose main loop is a link (bare metal). */
struct hal_link {
    void *ctx;
    int (*receive)(void *ctx, uint8_t *buffer, size_t room, size_t *n);
    int (*send)(void *ctx, const uint8_t *data, size_t n);
};

/* Runs n independent pure jobs, in any order, on any thread, and returns when all are done. run
 * NULL means inline on the caller. run_long is for at most `width` jobs that may take seconds: job
 * 0 runs on the caller's thread, which then calls look every few milliseconds until the others are
 * done. NULL: run must do. */
struct hal_par {
    void *ctx;
    unsigned width; /* jobs that really run at the same time, at least 1 */
    void (*run)(void *ctx, void (*job)(void *arg, size_t index), void *arg, size_t n);
    void (*run_long)(void *ctx, void (*job)(void *arg, size_t index), void *arg, size_t n,
                     void (*look)(void *arg));
};

/* The tamper input: a case that was opened, a voltage or a temperature out of range. The device
 * looks at its start, before each command and when it is idle, and then destroys its keys; a port
 * whose input causes an interrupt calls device_idle after it. asserted NULL: there is no such
 * input. */
struct hal_tamper {
    void *ctx;
    int (*asserted)(void *ctx); /* 0: all is well; an input that cannot be read is asserted */
};

/* The firmware's image, as it lies in memory, for the self-tests. read NULL: the port cannot tell,
 * and it is not tested. */
struct hal_image {
    void *ctx;
    /* How many bytes; 0: the end. */
    size_t (*read)(void *ctx, size_t offset, uint8_t *out, size_t room);
    const uint8_t *sm3; /* 32 bytes: the digest of them all when it was built */
};
/* Where a build may keep that digest within the image itself (ports/tools/seal.c): these 32 bytes
 * are left out. */
#define HAL_SEAL_MAGIC "hufu: SM3 of this image follows"
struct hal_seal {
    char magic[32];
    uint8_t sm3[32];
};

struct hal {
    struct hal_nvm nvm;
    struct hal_rng rng;
    struct hal_clock clock;
    struct hal_link link;
    struct hal_par par;
    struct hal_tamper tamper;
    struct hal_image image;
};

#endif
