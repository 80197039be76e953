/*
 * Multiples of the SM2 base point for eight lanes, made at build time by gen_table.c. Entry e of
 * window j of w bits is the point (2e + 1) 2^(w j) G, affine, each coordinate as four 64-bit words,
 * least significant first, of x 2^260 mod p (the lanes' Montgomery form, fully reduced).
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_TABLE_H
#define HUFU_CRYPTO_IFMA8_SM2_TABLE_H

#include <stdint.h>

enum {
    IFMA8_WIDE = 10,         /* window of the large batches */
    IFMA8_WIDE_WINDOWS = 26, /* 260 bits */
    IFMA8_WIDE_ENTRIES = 1 << (IFMA8_WIDE - 1),
    IFMA8_SMALL = 7,          /* of the small batches, and of tables made for one public key */
    IFMA8_SMALL_WINDOWS = 37, /* 259 bits */
    IFMA8_SMALL_ENTRIES = 1 << (IFMA8_SMALL - 1),
    IFMA8_SPREAD = 5,      /* of one key over eight lanes: lane l of row j is window 8 j + l */
    IFMA8_SPREAD_ROWS = 7, /* 280 bits */
    IFMA8_SPREAD_ENTRIES = 1 << (IFMA8_SPREAD - 1)
};

/* Sliced by bytes: column c of a window holds byte c mod 8 of word c / 8 (x: 0-3, y: 4-7) of all
 * its entries, so that one byte permutation looks 64 digits up. */
extern const uint8_t ifma8_wide[IFMA8_WIDE_WINDOWS][64][IFMA8_WIDE_ENTRIES];
extern const uint8_t ifma8_small[IFMA8_SMALL_WINDOWS][64][IFMA8_SMALL_ENTRIES];

/* [row][entry][word][lane] */
extern const uint64_t ifma8_spread[IFMA8_SPREAD_ROWS][IFMA8_SPREAD_ENTRIES][8][8];

#endif
