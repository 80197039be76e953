/*
 * Montgomery products of numbers that are spread over the lanes of a register, `width` lanes each
 * (4: two numbers side by side, or 8), `rows` limbs of 52 bits in a lane. Limb rows * l + r of a
 * number is in lane l of register r: what a product adds to the next limb is in the next register,
 * and only every so many limbs crosses to another lane. CT: that a limb overflows after its first
 * carry (a chance of 2^-40 in a product of random numbers)
 */
#ifndef HUFU_CRYPTO_IFMA8_RSA_SPREAD_MUL_H
#define HUFU_CRYPTO_IFMA8_RSA_SPREAD_MUL_H

#include "firmware/base/inline.h"
#include "firmware/base/secret.h"
#include "firmware/crypto/ifma8/rsa_number.h"

enum { SPREAD_ROWS = 10 }; /* at most */

/* A modulus, spread; the limbs of its first lane in all lanes */
struct spread_modulus {
    lanes m[SPREAD_ROWS], low[SPREAD_ROWS], inverse;
};

INLINE lanes spread_sum(lanes a, lanes b)
{
    return _mm512_add_epi64(a, b);
}

/* To the next lane up, or down, of the same number */
INLINE lanes spread_lane_up(lanes a, const unsigned width)
{
    return width == 4 ? _mm512_maskz_permutex_epi64(0xee, a, 0x90)
                      : _mm512_alignr_epi64(a, _mm512_setzero_si512(), 7);
}

INLINE lanes spread_lane_down(lanes a, const unsigned width)
{
    return width == 4 ? _mm512_maskz_permutex_epi64(0x77, a, 0x39)
                      : _mm512_alignr_epi64(_mm512_setzero_si512(), a, 1);
}

/* One lane of each number in all its lanes */
INLINE lanes spread_one_lane(lanes a, const unsigned lane, const unsigned width)
{
    if (width == 8)
        return _mm512_permutexvar_epi64(rsa8_all(lane), a);
    switch (lane) {
    case 0:
        return _mm512_permutex_epi64(a, 0x00);
    case 1:
        return _mm512_permutex_epi64(a, 0x55);
    case 2:
        return _mm512_permutex_epi64(a, 0xaa);
    default:
        return _mm512_permutex_epi64(a, 0xff);
    }
}

INLINE void spread_clear(lanes *s, const unsigned rows)
{
    for (unsigned i = 0; i < 2 * rows; i++)
        s[i] = _mm512_setzero_si512();
}

/* The limbs of b that are in one lane as factors: s += a b */
INLINE void spread_product(lanes *s, const lanes *a, const lanes *b, const unsigned lane,
                           const unsigned rows, const unsigned width)
{
    for (unsigned j = 0; j < rows; j++) {
        const lanes x = spread_one_lane(b[j], lane, width);
        for (unsigned i = 0; i < rows; i++) {
            s[i + j] = rsa8_mul_low(s[i + j], a[i], x);
            s[i + j + 1] = rsa8_mul_high(s[i + j + 1], a[i], x);
        }
    }
}

/*
 * Montgomery's reduction by the limbs of lane 0. A row of copies of these limbs goes ahead, so
 * that a multiple need not come out of one lane before it is known in all of them. A limb that is
 * cleared hands on what it had, rounded up.
 */
INLINE void spread_reduce(const struct spread_modulus *m, lanes *s, const unsigned rows,
                          const unsigned width)
{
    lanes low[SPREAD_ROWS + 1];
    for (unsigned t = 0; t < rows; t++)
        low[t] = spread_one_lane(s[t], 0, width);
    low[rows] = _mm512_setzero_si512();
    for (unsigned t = 0; t < rows; t++) {
        const lanes q = rsa8_mul_low(_mm512_setzero_si512(), low[t], m->inverse);
        const lanes on = rsa8_carry(spread_sum(low[t], rsa8_all(0xfffffffffffff)));
        if (t + 1 < rows) {
            low[t + 1] = rsa8_mul_high(low[t + 1], q, m->low[0]);
            low[t + 1] = spread_sum(low[t + 1], rsa8_mul_low(on, q, m->low[1]));
        } else {
            low[rows] = on;
        }
        for (unsigned u = 1; t + u + 1 < rows; u++) {
            low[t + u + 1] = rsa8_mul_high(low[t + u + 1], q, m->low[u]);
            low[t + u + 1] = rsa8_mul_low(low[t + u + 1], q, m->low[u + 1]);
        }
        for (unsigned i = 0; i < rows; i++) {
            s[i + t] = rsa8_mul_low(s[i + t], m->m[i], q);
            s[i + t + 1] = rsa8_mul_high(s[i + t + 1], m->m[i], q);
        }
    }
    s[rows] = _mm512_mask_add_epi64(s[rows], width == 4 ? 0x11 : 0x01, s[rows], low[rows]);
}

/* s / 2^(52 * rows), with what the next product adds, or NULL */
INLINE void spread_next_block(lanes *s, const lanes *more, const unsigned rows,
                              const unsigned width)
{
    for (unsigned i = 0; i < rows; i++) {
        s[i] = spread_sum(s[rows + i], spread_lane_down(s[i], width));
        if (more)
            s[i] = spread_sum(s[i], more[i]);
        s[rows + i] = more ? more[rows + i] : _mm512_setzero_si512();
    }
}

/* One carry in all limbs at once; nearly always they are clean then. */
INLINE void spread_carry_once(lanes *r, const lanes *s, const unsigned rows, const unsigned width)
{
    lanes on = spread_lane_up(rsa8_carry(s[rows - 1]), width);
    for (unsigned i = 0; i < rows; i++) {
        const lanes next = rsa8_carry(s[i]);
        r[i] = spread_sum(rsa8_low(s[i]), on);
        on = next;
    }
}

/* Limbs that are not clean */
INLINE __mmask8 spread_dirty(const lanes *r, const unsigned rows)
{
    lanes any = r[0];
    for (unsigned i = 1; i < rows; i++)
        any = _mm512_or_si512(any, r[i]);
    return _mm512_test_epi64_mask(any, rsa8_all(~(uint64_t)0xfffffffffffff));
}

INLINE void spread_carry_all(lanes *r, const lanes *s, const unsigned rows, const unsigned width)
{
    spread_carry_once(r, s, rows, width);
    __mmask8 again = spread_dirty(r, rows);
    PUBLIC(&again, sizeof again);
    while (__builtin_expect(again != 0, 0)) {
        spread_carry_once(r, r, rows, width);
        again = spread_dirty(r, rows);
        PUBLIC(&again, sizeof again);
    }
}

/* r = a b / R; r may be an operand. What the next limbs of b add is made beside the reduction. */
INLINE void spread_multiply(const struct spread_modulus *m, lanes *r, const lanes *a,
                            const lanes *b, const unsigned rows, const unsigned width)
{
    lanes s[2 * SPREAD_ROWS], more[2 * SPREAD_ROWS];
    spread_clear(s, rows);
    spread_product(s, a, b, 0, rows, width);
#pragma GCC unroll 8
    for (unsigned lane = 1; lane <= width; lane++) {
        spread_reduce(m, s, rows, width);
        spread_clear(more, rows);
        if (lane < width)
            spread_product(more, a, b, lane, rows, width);
        spread_next_block(s, more, rows, width);
    }
    spread_carry_all(r, s, rows, width);
}

#endif
