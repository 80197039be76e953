/*
 * 256-bit numbers: an array of limbs, least significant first.
 * CT: nothing leaks from any function here; masks are all ones (true) or all zeros (false).
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_NUMBER_H
#define HUFU_CRYPTO_PORTABLE_SM2_NUMBER_H

#include "firmware/crypto/portable/limbs.h"

enum { SM2_LIMBS = 256 / LIMB_BITS };

#if HUFU_LIMB_BITS == 64
#define SM2_W(x) (x)
#else
#define SM2_W(x) (uint32_t)(x), (uint32_t)((uint64_t)(x) >> 32)
#endif

/* Four 64-bit words, least significant first, as limbs. */
#define SM2_NUMBER(w0, w1, w2, w3)                                                                 \
    {                                                                                              \
        {                                                                                          \
            SM2_W(w0), SM2_W(w1), SM2_W(w2), SM2_W(w3)                                             \
        }                                                                                          \
    }

struct sm2_number {
    limb_t v[SM2_LIMBS];
};

/* r = a + b mod 2^256; the carry */
static inline carry_t sm2_number_add(limb_t *r, const limb_t *a, const limb_t *b)
{
    return limbs_add(r, a, b, SM2_LIMBS);
}

/* r = a - b mod 2^256; the borrow */
static inline carry_t sm2_number_sub(limb_t *r, const limb_t *a, const limb_t *b)
{
    return limbs_sub(r, a, b, SM2_LIMBS);
}

/* r = mask ? a : b */
static inline void sm2_number_select(limb_t *r, limb_t mask, const limb_t *a, const limb_t *b)
{
    limbs_select(r, mask, a, b, SM2_LIMBS);
}

/* r = carry * 2^256 + a reduced once, for values below 2m */
static inline void sm2_number_reduce_once(limb_t *r, limb_t carry, const limb_t *a, const limb_t *m)
{
    limb_t t[SM2_LIMBS];
    const carry_t borrow = sm2_number_sub(t, a, m);

    /* it was below m: add m back */
    (void)limbs_add_masked(r, t, m, limb_mask(borrow & (carry ^ 1)), SM2_LIMBS);
}

/* r = a - b mod m, for a, b below m */
static inline void sm2_number_sub_mod(limb_t *r, const limb_t *a, const limb_t *b, const limb_t *m)
{
    limb_t t[SM2_LIMBS];
    const carry_t borrow = sm2_number_sub(t, a, b);

    (void)limbs_add_masked(r, t, m, limb_mask(borrow), SM2_LIMBS);
}

/* r = a + b mod m, for a, b below m */
static inline void sm2_number_add_mod(limb_t *r, const limb_t *a, const limb_t *b, const limb_t *m)
{
    limb_t t[SM2_LIMBS];
    const carry_t carry = sm2_number_add(t, a, b);
    sm2_number_reduce_once(r, carry, t, m);
}

/* r = a / 2 mod m, for a below the odd m */
static inline void sm2_number_halve_mod(limb_t *r, const limb_t *a, const limb_t *m)
{
    limb_t t[SM2_LIMBS];
    const carry_t carry = limbs_add_masked(t, a, m, limb_mask(a[0] & 1), SM2_LIMBS);

    limbs_halve(r, t, carry, SM2_LIMBS);
}

static inline limb_t sm2_number_is_zero(const limb_t *a)
{
    return limbs_is_zero(a, SM2_LIMBS);
}

static inline limb_t sm2_number_eq(const limb_t *a, const limb_t *b)
{
    return limbs_eq(a, b, SM2_LIMBS);
}

/* a < b */
static inline limb_t sm2_number_lt(const limb_t *a, const limb_t *b)
{
    limb_t t[SM2_LIMBS];
    return limb_mask(sm2_number_sub(t, a, b));
}

/* t = a * b, 2 * SM2_LIMBS limbs */
#if HUFU_LIMB_BITS == 64

/*
 * t[0..4] = (t[0..3] or, in the first row, nothing) + a * b; written out, so that GCC needs no
 * memory
 */
static inline void sm2_number_row(limb_t *t, int first, limb_t a, const limb_t *b)
{
    const dlimb_t p0 = (dlimb_t)a * b[0], p1 = (dlimb_t)a * b[1];
    const dlimb_t p2 = (dlimb_t)a * b[2], p3 = (dlimb_t)a * b[3];
    limb_t h1, h2, h3, h4;
    carry_t c;

    c = limb_add(&h1, (limb_t)(p0 >> 64), (limb_t)p1, 0);
    c = limb_add(&h2, (limb_t)(p1 >> 64), (limb_t)p2, c);
    c = limb_add(&h3, (limb_t)(p2 >> 64), (limb_t)p3, c);
    (void)limb_add(&h4, (limb_t)(p3 >> 64), 0, c);
    c = limb_add(&t[0], first ? 0 : t[0], (limb_t)p0, 0);
    c = limb_add(&t[1], first ? 0 : t[1], h1, c);
    c = limb_add(&t[2], first ? 0 : t[2], h2, c);
    c = limb_add(&t[3], first ? 0 : t[3], h3, c);
    (void)limb_add(&t[4], h4, 0, c);
}

static inline void sm2_number_mul(limb_t *t, const limb_t *a, const limb_t *b)
{
    sm2_number_row(t, 1, a[0], b);
    sm2_number_row(t + 1, 0, a[1], b);
    sm2_number_row(t + 2, 0, a[2], b);
    sm2_number_row(t + 3, 0, a[3], b);
}

/* t = a * a: the products of different limbs once, doubled, and the squares */
static inline void sm2_number_sqr(limb_t *t, const limb_t *a)
{
    const dlimb_t p01 = (dlimb_t)a[0] * a[1], p02 = (dlimb_t)a[0] * a[2];
    const dlimb_t p03 = (dlimb_t)a[0] * a[3], p12 = (dlimb_t)a[1] * a[2];
    const dlimb_t p13 = (dlimb_t)a[1] * a[3], p23 = (dlimb_t)a[2] * a[3];
    const dlimb_t s0 = (dlimb_t)a[0] * a[0], s1 = (dlimb_t)a[1] * a[1];
    const dlimb_t s2 = (dlimb_t)a[2] * a[2], s3 = (dlimb_t)a[3] * a[3];
    limb_t u1, u2, u3, u4, u5, u6, u7;
    carry_t c;

    c = limb_add(&u2, (limb_t)(p01 >> 64), (limb_t)p02, 0);
    c = limb_add(&u3, (limb_t)(p02 >> 64), (limb_t)p03, c);
    c = limb_add(&u4, (limb_t)(p03 >> 64), (limb_t)p13, c);
    c = limb_add(&u5, (limb_t)(p13 >> 64), (limb_t)p23, c);
    (void)limb_add(&u6, (limb_t)(p23 >> 64), 0, c);
    c = limb_add(&u3, u3, (limb_t)p12, 0);
    c = limb_add(&u4, u4, (limb_t)(p12 >> 64), c);
    c = limb_add(&u5, u5, 0, c);
    (void)limb_add(&u6, u6, 0, c);
    c = limb_add(&u1, (limb_t)p01, (limb_t)p01, 0);
    c = limb_add(&u2, u2, u2, c);
    c = limb_add(&u3, u3, u3, c);
    c = limb_add(&u4, u4, u4, c);
    c = limb_add(&u5, u5, u5, c);
    c = limb_add(&u6, u6, u6, c);
    (void)limb_add(&u7, 0, 0, c);
    t[0] = (limb_t)s0;
    c = limb_add(&t[1], u1, (limb_t)(s0 >> 64), 0);
    c = limb_add(&t[2], u2, (limb_t)s1, c);
    c = limb_add(&t[3], u3, (limb_t)(s1 >> 64), c);
    c = limb_add(&t[4], u4, (limb_t)s2, c);
    c = limb_add(&t[5], u5, (limb_t)(s2 >> 64), c);
    c = limb_add(&t[6], u6, (limb_t)s3, c);
    (void)limb_add(&t[7], u7, (limb_t)(s3 >> 64), c);
}

#else

static inline void sm2_number_mul(limb_t *t, const limb_t *a, const limb_t *b)
{
    limbs_mul(t, a, b, SM2_LIMBS);
}

static inline void sm2_number_sqr(limb_t *t, const limb_t *a)
{
    sm2_number_mul(t, a, a);
}

#endif

/* 32 big-endian bytes */
static inline void sm2_number_load(limb_t *r, const uint8_t *in)
{
    limbs_load(r, in, SM2_LIMBS);
}

static inline void sm2_number_store(uint8_t *out, const limb_t *a)
{
    limbs_store(out, a, SM2_LIMBS);
}

#endif
