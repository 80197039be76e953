/*
 * The SM2 field in eight lanes: numbers mod p = 2^256 - 2^224 - 2^96 + 2^64 - 1 as five limbs of 52
 * bits, Montgomery form x 2^260 mod p. Everything here is inlined into the point formulas.
 *
 * The instructions read just 52 bits of a limb, so that operands of a product must be "clean":
 * limbs in [0, 2^52). Three kinds of number:
 *   clean    as above, value below 2^260; products give values below 1.3 p
 *   small    clean, and below 2^256 + 2^231
 *   loose    signed 64-bit limbs, not propagated
 * CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_LANES_H
#define HUFU_CRYPTO_IFMA8_SM2_LANES_H

#include <immintrin.h>
#include <stdint.h>

#include "firmware/base/inline.h"

typedef __m512i lanes;

struct lane_fe {
    lanes v[5];
};

/* Four 64-bit words in each lane. */
struct lane_words {
    lanes w[4];
};

INLINE lanes lanes_all(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

INLINE lanes lanes_zero(void)
{
    return _mm512_setzero_si512();
}

INLINE lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_epi64(a, b);
}

INLINE lanes lanes_sub(lanes a, lanes b)
{
    return _mm512_sub_epi64(a, b);
}

/* What a limb hands to the next one, with its sign. */
INLINE lanes lanes_carry(lanes a)
{
    return _mm512_srai_epi64(a, 52);
}

INLINE lanes lanes_low52(lanes a)
{
    return _mm512_and_si512(a, lanes_all(0xfffffffffffff));
}

/* The limbs of p: 2 and 3 are as 0. */
#define LANE_P0 0xfffffffffffffu
#define LANE_P1 0xff00000000fffu
#define LANE_P4 0x0fffffffeffffu

/* Limb i of k p, loose. */
#define LANE_KP(k, i) lanes_all((uint64_t)(k) * ((i) == 1 ? LANE_P1 : (i) == 4 ? LANE_P4 : LANE_P0))

/* Loose to clean; the value must be in [0, 2^260). */
INLINE void fe_clean(struct lane_fe *r)
{
    for (int i = 0; i < 4; i++) {
        r->v[i + 1] = lanes_add(r->v[i + 1], lanes_carry(r->v[i]));
        r->v[i] = lanes_low52(r->v[i]);
    }
}

/*
 * Loose to small, for values from 2^226 to 128 p. The multiple of p to take off is read off the
 * top limbs; the carries that it does not see are worth less than 2^224.
 */
INLINE void fe_shrink(struct lane_fe *r)
{
    const lanes q = _mm512_srai_epi64(lanes_add(r->v[4], lanes_carry(r->v[3])), 48);

    /* 2^256 = 2^224 + 2^96 - 2^64 + 1 */
    r->v[0] = lanes_add(r->v[0], q);
    r->v[1] = lanes_sub(lanes_add(r->v[1], _mm512_slli_epi64(q, 44)), _mm512_slli_epi64(q, 12));
    r->v[4] = lanes_sub(lanes_add(r->v[4], _mm512_slli_epi64(q, 16)), _mm512_slli_epi64(q, 48));
    fe_clean(r);
}

/*
 * Montgomery reduction of ten loose columns to t / 2^260, loose. p = -1 mod 2^52: the multiplier of
 * a column is the column itself, and the product reads its low 52 bits without a mask. With c =
 * (2^32 - 1) 2^12, p + 1 = 2^52 c (2^160 - 1) = 2^208 (16 c) - 2^52 c, so that one product m c is
 * taken from the next column and, sixteen times, added to the fourth next.
 */
INLINE void fe_reduce(struct lane_fe *r, lanes *t)
{
    const lanes c = lanes_all(0xffffffffull << 12), zero = lanes_zero();
    lanes s = zero;

    for (int k = 0; k < 5; k++) {
        s = _mm512_madd52lo_epu64(s, t[k], c);
        t[k + 1] = lanes_sub(lanes_add(t[k + 1], lanes_carry(t[k])), s);
        t[k + 4] = lanes_add(t[k + 4], _mm512_slli_epi64(s, 4));
        s = _mm512_madd52hi_epu64(zero, t[k], c);
    }
    t[6] = lanes_sub(t[6], s);
    t[9] = lanes_add(t[9], _mm512_slli_epi64(s, 4));
    for (int i = 0; i < 5; i++)
        r->v[i] = t[5 + i];
}

/* t += a b */
INLINE void fe_columns(lanes *t, const struct lane_fe *a, const struct lane_fe *b)
{
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], a->v[i], b->v[j]);
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a->v[i], b->v[j]);
        }
    }
}

/* t += a^2 */
INLINE void fe_columns_sqr(lanes *t, const struct lane_fe *a)
{
    lanes u[10];

    for (int i = 0; i < 10; i++)
        u[i] = lanes_zero();
    for (int i = 0; i < 5; i++) {
        for (int j = i + 1; j < 5; j++) {
            u[i + j] = _mm512_madd52lo_epu64(u[i + j], a->v[i], a->v[j]);
            u[i + j + 1] = _mm512_madd52hi_epu64(u[i + j + 1], a->v[i], a->v[j]);
        }
    }
    for (int i = 1; i < 9; i++)
        t[i] = lanes_add(t[i], lanes_add(u[i], u[i]));
    for (int i = 0; i < 5; i++) {
        t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a->v[i], a->v[i]);
        t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a->v[i], a->v[i]);
    }
}

/* r = a b / 2^260 + c, loose; a, b clean, c loose */
INLINE void fe_mul_add(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b,
                       const struct lane_fe *c)
{
    lanes t[10];

    for (int i = 0; i < 5; i++) {
        t[i] = lanes_zero();
        t[5 + i] = c->v[i];
    }
    fe_columns(t, a, b);
    fe_reduce(r, t);
}

/* r = a^2 / 2^260 + c, loose; a clean, c loose */
INLINE void fe_sqr_add(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *c)
{
    lanes t[10];

    for (int i = 0; i < 5; i++) {
        t[i] = lanes_zero();
        t[5 + i] = c->v[i];
    }
    fe_columns_sqr(t, a);
    fe_reduce(r, t);
}

/* r = a b / 2^260, clean; a, b clean */
INLINE void fe_mul(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    lanes t[10];

    for (int i = 0; i < 10; i++)
        t[i] = lanes_zero();
    fe_columns(t, a, b);
    fe_reduce(r, t);
    fe_clean(r);
}

/* r = a^2 / 2^260, clean; a clean */
INLINE void fe_sqr(struct lane_fe *r, const struct lane_fe *a)
{
    lanes t[10];

    for (int i = 0; i < 10; i++)
        t[i] = lanes_zero();
    fe_columns_sqr(t, a);
    fe_reduce(r, t);
    fe_clean(r);
}

/* r = a - b + 2 p, clean and below a + 2 p; b at most 2 p */
INLINE void fe_sub(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = lanes_add(lanes_sub(a->v[i], b->v[i]), LANE_KP(2, i));
    fe_clean(r);
}

/* y = p - y in the lanes of the mask; y at most p */
INLINE void fe_negate_small(struct lane_fe *y, __mmask8 negative)
{
    for (int i = 0; i < 5; i++)
        y->v[i] = _mm512_mask_sub_epi64(y->v[i], negative, LANE_KP(1, i), y->v[i]);
    fe_clean(y);
}

/* Words (value below 2^256) to clean limbs, and back from limbs of a value below 2^256. */
INLINE void fe_from_words(struct lane_fe *r, const lanes *w)
{
    r->v[0] = lanes_low52(w[0]);
    r->v[1] =
        lanes_low52(_mm512_or_si512(_mm512_srli_epi64(w[0], 52), _mm512_slli_epi64(w[1], 12)));
    r->v[2] =
        lanes_low52(_mm512_or_si512(_mm512_srli_epi64(w[1], 40), _mm512_slli_epi64(w[2], 24)));
    r->v[3] =
        lanes_low52(_mm512_or_si512(_mm512_srli_epi64(w[2], 28), _mm512_slli_epi64(w[3], 36)));
    r->v[4] = _mm512_srli_epi64(w[3], 16);
}

INLINE void fe_to_words(lanes *w, const struct lane_fe *a)
{
    w[0] = _mm512_or_si512(a->v[0], _mm512_slli_epi64(a->v[1], 52));
    w[1] = _mm512_or_si512(_mm512_srli_epi64(a->v[1], 12), _mm512_slli_epi64(a->v[2], 40));
    w[2] = _mm512_or_si512(_mm512_srli_epi64(a->v[2], 24), _mm512_slli_epi64(a->v[3], 28));
    w[3] = _mm512_or_si512(_mm512_srli_epi64(a->v[3], 36), _mm512_slli_epi64(a->v[4], 16));
}

/* r[i] = lane i of a[0..7]; r may be a */
INLINE void lanes_transpose(lanes *r, const lanes *a)
{
    lanes t[8], u[8];

    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_epi64(a[i], a[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) { /* pairs of 128-bit parts: 0 2 | 1 3 */
            u[i + j] = _mm512_shuffle_i64x2(t[i + j], t[i + j + 2], 0x88);
            u[i + j + 2] = _mm512_shuffle_i64x2(t[i + j], t[i + j + 2], 0xdd);
        }
    }
    for (int j = 0; j < 2; j++) {
        r[j] = _mm512_shuffle_i64x2(u[j], u[j + 4], 0x88);
        r[j + 4] = _mm512_shuffle_i64x2(u[j], u[j + 4], 0xdd);
        r[j + 2] = _mm512_shuffle_i64x2(u[j + 2], u[j + 6], 0x88);
        r[j + 6] = _mm512_shuffle_i64x2(u[j + 2], u[j + 6], 0xdd);
    }
}

#define LANE_FE_ALL(a, b, c, d, e)                                                                 \
    {                                                                                              \
        {                                                                                          \
            lanes_all(a), lanes_all(b), lanes_all(c), lanes_all(d), lanes_all(e)                   \
        }                                                                                          \
    }

#endif
