/*
 * Reading byte-sliced tables (sm2_table.h) for 64 digits at once. Every entry of the window is
 * read, in a fixed order. CT: nothing leaks from any function here.
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

/* Bits first .. first + bits - 1 of each lane; bits above 259 are zero. */
INLINE lanes lane_digit(const struct lane_fe *a, unsigned first, unsigned bits)
{
    const unsigned limb = first / 52, shift = first % 52;
    lanes d = _mm512_srl_epi64(a->v[limb], _mm_cvtsi32_si128((int)shift));

    if (shift + bits > 52 && limb < 4)
        d = _mm512_or_si512(d,
                            _mm512_sll_epi64(a->v[limb + 1], _mm_cvtsi32_si128((int)(52 - shift))));
    return _mm512_and_si512(d, lanes_all((1u << bits) - 1));
}

/* The signed entry for digits of five bits, each lane with a column of words of its own; y is made
 * small. */
INLINE void lane_scan16(struct lane_fe *x, struct lane_fe *y, const uint64_t (*table)[8][8],
                        lanes digit)
{
    const lanes mask = lanes_all(15);
    const __mmask8 negative = _mm512_testn_epi64_mask(digit, lanes_all(16));
    const lanes index = _mm512_and_si512(_mm512_mask_xor_epi64(digit, negative, digit, mask), mask);
    lanes w[8];

    for (int i = 0; i < 8; i++)
        w[i] = lanes_zero();
    for (unsigned e = 0; e < 16; e++) {
        const lanes here = _mm512_movm_epi64(_mm512_cmpeq_epi64_mask(index, lanes_all(e)));
        for (int i = 0; i < 8; i++) /* w | (entry & here) */
            w[i] = _mm512_ternarylogic_epi64(w[i], _mm512_load_si512(table[e][i]), here, 0xf8);
    }
    fe_from_words(x, w);
    fe_from_words(y, w + 4);
    fe_negate_small(y, negative);
}

/* Which table. */
struct ifma8_table {
    const uint8_t *bytes;
    unsigned bits; /* IFMA8_WIDE or IFMA8_SMALL */
    unsigned windows;
};

/* Digits of one window for up to IFMA8_UNIT groups. */
struct ifma8_digits {
    lanes low[IFMA8_UNIT_SETS]; /* seven low bits of the index, a byte each */
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
