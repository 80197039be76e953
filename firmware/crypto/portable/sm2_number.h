/*
 * 256-bit numbers for SM2: an array of limbs, least significant first. The limb is 64 bits where
 * the compiler has a 128-bit product and 32 bits elsewhere (Cortex-M); the sources above this
 * file are the same for both.
 * CT: nothing leaks from any function here; masks are all ones (true) or all zeros (false).
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_NUMBER_H
#define HUFU_CRYPTO_PORTABLE_SM2_NUMBER_H

#include <stdint.h>

#include "firmware/base/assume.h"
#include "firmware/base/ct.h"
#include "firmware/base/endian.h"

#ifndef HUFU_LIMB_BITS
#ifdef __SIZEOF_INT128__
#define HUFU_LIMB_BITS 64
#else
#define HUFU_LIMB_BITS 32
#endif
#endif

enum { SM2_LIMBS = 256 / HUFU_LIMB_BITS };

#if HUFU_LIMB_BITS == 64
typedef uint64_t sm2_limb;
__extension__ typedef unsigned __int128 sm2_wide; /* holds a product */
__extension__ typedef __int128 sm2_signed;        /* a sum of columns, with its sign */
#define SM2_W(x)         (x)
#define sm2_load_limb    load_be64
#define sm2_store_limb   store_be64
#define sm2_mask         ct_mask64
#define sm2_limb_is_zero ct_is_zero64
#else
typedef uint32_t sm2_limb;
typedef uint64_t sm2_wide;
typedef int64_t sm2_signed;
#define SM2_W(x)         (uint32_t)(x), (uint32_t)((uint64_t)(x) >> 32)
#define sm2_load_limb    load_be32
#define sm2_store_limb   store_be32
#define sm2_mask         ct_mask32
#define sm2_limb_is_zero ct_is_zero32
#endif

/* Four 64-bit words, least significant first, as limbs. */
#define SM2_NUMBER(w0, w1, w2, w3)                                                                 \
    {                                                                                              \
        {                                                                                          \
            SM2_W(w0), SM2_W(w1), SM2_W(w2), SM2_W(w3)                                             \
        }                                                                                          \
    }

struct sm2_number {
    sm2_limb v[SM2_LIMBS];
};

/*
 * r = a + b + carry and r = a - b - borrow, one limb; the new carry or borrow, 0 or 1. Chains of
 * these are most of the arithmetic, and compilers for x86-64 make the machine's add-with-carry of
 * them only when told by name.
 */
typedef unsigned char sm2_carry;

#if defined(__x86_64__) && HUFU_LIMB_BITS == 64
#ifdef __clang__
#define SM2_SUBTRACT __builtin_ia32_subborrow_u64
#else
#define SM2_SUBTRACT __builtin_ia32_sbb_u64
#endif

static inline sm2_carry sm2_limb_add(sm2_limb *r, sm2_limb a, sm2_limb b, sm2_carry carry)
{
    unsigned long long t;
    carry = __builtin_ia32_addcarryx_u64(carry, a, b, &t);
    *r = t;
    return carry;
}

static inline sm2_carry sm2_limb_sub(sm2_limb *r, sm2_limb a, sm2_limb b, sm2_carry borrow)
{
    unsigned long long t;
    borrow = SM2_SUBTRACT(borrow, a, b, &t);
    *r = t;
    return borrow;
}

#else

static inline sm2_carry sm2_limb_add(sm2_limb *r, sm2_limb a, sm2_limb b, sm2_carry carry)
{
    const sm2_wide t = (sm2_wide)a + b + carry;
    *r = (sm2_limb)t;
    return (sm2_carry)(t >> HUFU_LIMB_BITS);
}

static inline sm2_carry sm2_limb_sub(sm2_limb *r, sm2_limb a, sm2_limb b, sm2_carry borrow)
{
    sm2_limb t;
    const sm2_carry first = __builtin_sub_overflow(a, b, &t);
    return first | __builtin_sub_overflow(t, (sm2_limb)borrow, r);
}

#endif

/* r = a + b mod 2^256; the carry */
static inline sm2_carry sm2_number_add(sm2_limb *r, const sm2_limb *a, const sm2_limb *b)
{
    sm2_carry carry = 0;
    for (int i = 0; i < SM2_LIMBS; i++)
        carry = sm2_limb_add(&r[i], a[i], b[i], carry);
    return carry;
}

/* r = a - b mod 2^256; the borrow */
static inline sm2_carry sm2_number_sub(sm2_limb *r, const sm2_limb *a, const sm2_limb *b)
{
    sm2_carry borrow = 0;
    for (int i = 0; i < SM2_LIMBS; i++)
        borrow = sm2_limb_sub(&r[i], a[i], b[i], borrow);
    return borrow;
}

/* r = mask ? a : b */
static inline void sm2_number_select(sm2_limb *r, sm2_limb mask, const sm2_limb *a,
                                     const sm2_limb *b)
{
    for (int i = 0; i < SM2_LIMBS; i++)
        r[i] = b[i] ^ (mask & (a[i] ^ b[i]));
}

/* r = carry * 2^256 + a reduced once, for values below 2m */
static inline void sm2_number_reduce_once(sm2_limb *r, sm2_limb carry, const sm2_limb *a,
                                          const sm2_limb *m)
{
    sm2_limb t[SM2_LIMBS], mask;
    sm2_carry c;

    c = sm2_number_sub(t, a, m);
    mask = sm2_mask(c & (carry ^ 1)); /* it was below m: add m back */
    c = 0;
    for (int i = 0; i < SM2_LIMBS; i++)
        c = sm2_limb_add(&r[i], t[i], m[i] & mask, c);
}

/* r = a - b mod m, for a, b below m */
static inline void sm2_number_sub_mod(sm2_limb *r, const sm2_limb *a, const sm2_limb *b,
                                      const sm2_limb *m)
{
    sm2_limb t[SM2_LIMBS];
    const sm2_limb mask = sm2_mask(sm2_number_sub(t, a, b));
    sm2_carry carry = 0;

    for (int i = 0; i < SM2_LIMBS; i++)
        carry = sm2_limb_add(&r[i], t[i], m[i] & mask, carry);
}

/* r = a + b mod m, for a, b below m */
static inline void sm2_number_add_mod(sm2_limb *r, const sm2_limb *a, const sm2_limb *b,
                                      const sm2_limb *m)
{
    sm2_limb t[SM2_LIMBS];
    const sm2_carry carry = sm2_number_add(t, a, b);
    sm2_number_reduce_once(r, carry, t, m);
}

/* r = a / 2 mod m, for a below the odd m */
static inline void sm2_number_halve_mod(sm2_limb *r, const sm2_limb *a, const sm2_limb *m)
{
    const sm2_limb mask = sm2_mask(a[0] & 1);
    sm2_limb t[SM2_LIMBS];
    sm2_carry carry = 0;

    for (int i = 0; i < SM2_LIMBS; i++)
        carry = sm2_limb_add(&t[i], a[i], m[i] & mask, carry);
    for (int i = 0; i + 1 < SM2_LIMBS; i++)
        r[i] = t[i] >> 1 | t[i + 1] << (HUFU_LIMB_BITS - 1);
    r[SM2_LIMBS - 1] = t[SM2_LIMBS - 1] >> 1 | (sm2_limb)carry << (HUFU_LIMB_BITS - 1);
}

static inline sm2_limb sm2_number_is_zero(const sm2_limb *a)
{
    sm2_limb acc = 0;
    for (int i = 0; i < SM2_LIMBS; i++)
        acc |= a[i];
    return sm2_limb_is_zero(acc);
}

static inline sm2_limb sm2_number_eq(const sm2_limb *a, const sm2_limb *b)
{
    sm2_limb acc = 0;
    for (int i = 0; i < SM2_LIMBS; i++)
        acc |= a[i] ^ b[i];
    return sm2_limb_is_zero(acc);
}

/* a < b */
static inline sm2_limb sm2_number_lt(const sm2_limb *a, const sm2_limb *b)
{
    sm2_limb t[SM2_LIMBS];
    return sm2_mask(sm2_number_sub(t, a, b));
}

/* t = a * b, 2 * SM2_LIMBS limbs */
#if HUFU_LIMB_BITS == 64

/*
 * t[0..4] = (t[0..3] or, in the first row, nothing) + a * b; written out, so that GCC needs no
 * memory
 */
static inline void sm2_number_row(sm2_limb *t, int first, sm2_limb a, const sm2_limb *b)
{
    const sm2_wide p0 = (sm2_wide)a * b[0], p1 = (sm2_wide)a * b[1];
    const sm2_wide p2 = (sm2_wide)a * b[2], p3 = (sm2_wide)a * b[3];
    sm2_limb h1, h2, h3, h4;
    sm2_carry c;

    c = sm2_limb_add(&h1, (sm2_limb)(p0 >> 64), (sm2_limb)p1, 0);
    c = sm2_limb_add(&h2, (sm2_limb)(p1 >> 64), (sm2_limb)p2, c);
    c = sm2_limb_add(&h3, (sm2_limb)(p2 >> 64), (sm2_limb)p3, c);
    (void)sm2_limb_add(&h4, (sm2_limb)(p3 >> 64), 0, c);
    c = sm2_limb_add(&t[0], first ? 0 : t[0], (sm2_limb)p0, 0);
    c = sm2_limb_add(&t[1], first ? 0 : t[1], h1, c);
    c = sm2_limb_add(&t[2], first ? 0 : t[2], h2, c);
    c = sm2_limb_add(&t[3], first ? 0 : t[3], h3, c);
    (void)sm2_limb_add(&t[4], h4, 0, c);
}

static inline void sm2_number_mul(sm2_limb *t, const sm2_limb *a, const sm2_limb *b)
{
    sm2_number_row(t, 1, a[0], b);
    sm2_number_row(t + 1, 0, a[1], b);
    sm2_number_row(t + 2, 0, a[2], b);
    sm2_number_row(t + 3, 0, a[3], b);
}

/* t = a * a: the products of different limbs once, doubled, and the squares */
static inline void sm2_number_sqr(sm2_limb *t, const sm2_limb *a)
{
    const sm2_wide p01 = (sm2_wide)a[0] * a[1], p02 = (sm2_wide)a[0] * a[2];
    const sm2_wide p03 = (sm2_wide)a[0] * a[3], p12 = (sm2_wide)a[1] * a[2];
    const sm2_wide p13 = (sm2_wide)a[1] * a[3], p23 = (sm2_wide)a[2] * a[3];
    const sm2_wide s0 = (sm2_wide)a[0] * a[0], s1 = (sm2_wide)a[1] * a[1];
    const sm2_wide s2 = (sm2_wide)a[2] * a[2], s3 = (sm2_wide)a[3] * a[3];
    sm2_limb u1, u2, u3, u4, u5, u6, u7;
    sm2_carry c;

    c = sm2_limb_add(&u2, (sm2_limb)(p01 >> 64), (sm2_limb)p02, 0);
    c = sm2_limb_add(&u3, (sm2_limb)(p02 >> 64), (sm2_limb)p03, c);
    c = sm2_limb_add(&u4, (sm2_limb)(p03 >> 64), (sm2_limb)p13, c);
    c = sm2_limb_add(&u5, (sm2_limb)(p13 >> 64), (sm2_limb)p23, c);
    (void)sm2_limb_add(&u6, (sm2_limb)(p23 >> 64), 0, c);
    c = sm2_limb_add(&u3, u3, (sm2_limb)p12, 0);
    c = sm2_limb_add(&u4, u4, (sm2_limb)(p12 >> 64), c);
    c = sm2_limb_add(&u5, u5, 0, c);
    (void)sm2_limb_add(&u6, u6, 0, c);
    c = sm2_limb_add(&u1, (sm2_limb)p01, (sm2_limb)p01, 0);
    c = sm2_limb_add(&u2, u2, u2, c);
    c = sm2_limb_add(&u3, u3, u3, c);
    c = sm2_limb_add(&u4, u4, u4, c);
    c = sm2_limb_add(&u5, u5, u5, c);
    c = sm2_limb_add(&u6, u6, u6, c);
    (void)sm2_limb_add(&u7, 0, 0, c);
    t[0] = (sm2_limb)s0;
    c = sm2_limb_add(&t[1], u1, (sm2_limb)(s0 >> 64), 0);
    c = sm2_limb_add(&t[2], u2, (sm2_limb)s1, c);
    c = sm2_limb_add(&t[3], u3, (sm2_limb)(s1 >> 64), c);
    c = sm2_limb_add(&t[4], u4, (sm2_limb)s2, c);
    c = sm2_limb_add(&t[5], u5, (sm2_limb)(s2 >> 64), c);
    c = sm2_limb_add(&t[6], u6, (sm2_limb)s3, c);
    (void)sm2_limb_add(&t[7], u7, (sm2_limb)(s3 >> 64), c);
}

#else

static inline void sm2_number_mul(sm2_limb *t, const sm2_limb *a, const sm2_limb *b)
{
    for (int i = 0; i < SM2_LIMBS; i++) {
        sm2_limb carry = 0;
        for (int j = 0; j < SM2_LIMBS; j++) {
            const sm2_wide x = (sm2_wide)a[i] * b[j] + (i > 0 ? t[i + j] : 0) + carry;
            t[i + j] = (sm2_limb)x;
            carry = (sm2_limb)(x >> HUFU_LIMB_BITS);
        }
        t[i + SM2_LIMBS] = carry;
    }
}

static inline void sm2_number_sqr(sm2_limb *t, const sm2_limb *a)
{
    sm2_number_mul(t, a, a);
}

#endif

/* 32 big-endian bytes */
static inline void sm2_number_load(sm2_limb *r, const uint8_t *in)
{
    for (unsigned i = 0; i < SM2_LIMBS; i++)
        r[i] = sm2_load_limb(in + (SM2_LIMBS - 1 - i) * sizeof(sm2_limb));
}

static inline void sm2_number_store(uint8_t *out, const sm2_limb *a)
{
    for (unsigned i = 0; i < SM2_LIMBS; i++)
        sm2_store_limb(out + (SM2_LIMBS - 1 - i) * sizeof(sm2_limb), a[i]);
}

#endif
