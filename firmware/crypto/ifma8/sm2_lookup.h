/*
 * Reading byte-sliced tables (sm2_table.h) for 64 digits at once. Every entry of the window is read, in
 * a fixed order. CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_LOOKUP_H
#define HUFU_CRYPTO_IFMA8_SM2_LOOKUP_H

#include <stddef.h>

#include "firmware/crypto/ifma8/sm2_lanes.h"

enum {
    IFMA8_SET = 8,       /* groups of eight lanes that are looked up together */
    IFMA8_UNIT_SETS = 4, /* sets that follow each other while a part of the table is in the cache */
    IFMA8_UNIT = IFMA8_SET * IFMA8_UNIT_SETS
};

/* Which table. */
struct ifma8_table {
    const uint8_t *bytes;
    unsigned bits; /* IFMA8_WIDE or IFMA8_SMALL */
    unsigned windows;
};

/* Digits of one window for up to IFMA8_UNIT groups. */
struct ifma8_digits {
    lanes low[IFMA8_UNIT_SETS];                            /* seven low bits of the index, a byte each */
    uint64_t bit7[IFMA8_UNIT_SETS], bit8[IFMA8_UNIT_SETS]; /* the two above */
    __mmask8 negative[IFMA8_UNIT];
};

/* The digits of window `window` for scalar[0 .. groups-1], recoded (sm2_order.h). */
void ifma8_digits(struct ifma8_digits *d, const struct ifma8_table *t, unsigned window,
                  const struct lane_fe *scalar, size_t groups);
/* Coordinate x (0) or y (1) of the entries; out has room for `groups` rounded up to IFMA8_SET. */
void ifma8_look_up(struct lane_words *out, const struct ifma8_table *t, unsigned window,
                   unsigned coordinate, const struct ifma8_digits *d, size_t groups);

#endif
