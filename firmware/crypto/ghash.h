/* GHASH (SP 800-38D clause 6.4), constant time: no tables, only and, xor and multiplication. */
#ifndef HUFU_CRYPTO_GHASH_H
#define HUFU_CRYPTO_GHASH_H

#include <stddef.h>
#include <stdint.h>

#if defined(HUFU_LIMB_BITS)
#define GHASH_WIDE (HUFU_LIMB_BITS == 64)
#else
#define GHASH_WIDE (UINTPTR_MAX > 0xFFFFFFFFu)
#endif

/* 64 bits of the key, spread for the multiplication (ghash.c). */
struct ghash_factor {
#if GHASH_WIDE
    uint64_t part[4], top[4];
#else
    uint16_t part[9][3];
#endif
};

struct ghash {
    struct ghash_factor h[3]; /* of H / x: the low half, the high half, and their sum */
    uint64_t high, low;       /* Y so far */
};

/* CT: sizes only, in every function of this file; the machine must multiply in constant time
 * (64 x 64 to 128 bits in the 64-bit build, 32 x 32 to 32 in the 32-bit build). */
void ghash_init(struct ghash *g, const uint8_t h[16]);
/* Takes in n bytes, and zeros up to a whole block. */
void ghash_update(struct ghash *g, const uint8_t *in, size_t n);
/* Takes in the two sizes (bytes; their counts of bits go in), gives Y and wipes the context. */
void ghash_final(struct ghash *g, uint64_t aad_size, uint64_t text_size, uint8_t y[16]);

#endif
