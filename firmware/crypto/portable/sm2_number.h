/*
 * 256-bit numbers for SM2: an array of limbs, least significant first. The limb is 64 bits where the
 * compiler has a 128-bit product and 32 bits elsewhere (Cortex-M); the sources above this file are
 * the same for both.
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
__extension__ typedef unsigned __int128 sm2_wide;  /* holds a product */
__extension__ typedef __int128 sm2_signed;         /* a sum of columns, with its sign */
#define SM2_W(x) (x)
#define sm2_load_limb load_be64
#define sm2_store_limb store_be64
#define sm2_mask ct_mask64
#define sm2_limb_is_zero ct_is_zero64
#else
typedef uint32_t sm2_limb;
typedef uint64_t sm2_wide;
typedef int64_t sm2_signed;
#define SM2_W(x) (uint32_t)(x), (uint32_t)((uint64_t)(x) >> 32)
#define sm2_load_limb load_be32
#define sm2_store_limb store_be32
#define sm2_mask ct_mask32
#define sm2_limb_is_zero ct_is_zero32
#endif

/* Four 64-bit words, least significant first, as limbs. */
#define SM2_NUMBER(w0, w1, w2, w3) {{SM2_W(w0), SM2_W(w1), SM2_W(w2), SM2_W(w3)}}

struct sm2_number {
    sm2_limb v[SM2_LIMBS];
};

/* r = a + b mod 2^256; the carry, 0 or 1 */
static inline sm2_limb sm2_number_add(sm2_limb *r, const sm2_limb *a, const sm2_limb *b)
{
    sm2_limb carry = 0;
    for (int i = 0; i < SM2_LIMBS; i++) {
        const sm2_wide t = (sm2_wide)a[i] + b[i] + carry;
        r[i] = (sm2_limb)t;
        carry = (sm2_limb)(t >> HUFU_LIMB_BITS);
    }
    return carry;
}

/* r = a - b - borrow, one limb; the new borrow, 0 or 1 */
static inline sm2_limb sm2_limb_sub(sm2_limb *r, sm2_limb a, sm2_limb b, sm2_limb borrow)
{
    sm2_limb t;
    const sm2_limb first = __builtin_sub_overflow(a, b, &t);
    return first | __builtin_sub_overflow(t, borrow, r);
}

/* r = a - b mod 2^256; the borrow, 0 or 1 */
static inline sm2_limb sm2_number_sub(sm2_limb *r, const sm2_limb *a, const sm2_limb *b)
{
    sm2_limb borrow = 0;
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

/*
 * r = carry * 2^256 + a reduced once, for values below 2m; c is 2^256 - m. Sums instead of a select:
 * compilers make vectors of selects, and moving limbs there and back costs more than a carry chain.
 */
static inline void sm2_number_reduce_once(sm2_limb *r, sm2_limb carry, const sm2_limb *a,
                                          const sm2_limb *c)
{
    sm2_wide t = 0;
    sm2_limb mask;

    for (int i = 0; i < SM2_LIMBS; i++)
        t = (t >> HUFU_LIMB_BITS) + a[i] + c[i];
    mask = sm2_mask(carry | (sm2_limb)(t >> HUFU_LIMB_BITS));
    t = 0;
    for (int i = 0; i < SM2_LIMBS; i++) {
        t = (t >> HUFU_LIMB_BITS) + a[i] + (c[i] & mask);
        r[i] = (sm2_limb)t;
    }
}

/* r = a - b mod m, for a, b below m; c is 2^256 - m */
static inline void sm2_number_sub_mod(sm2_limb *r, const sm2_limb *a, const sm2_limb *b,
                                      const sm2_limb *c)
{
    sm2_limb t[SM2_LIMBS], borrow = 0;
    const sm2_limb mask = sm2_mask(sm2_number_sub(t, a, b));

    for (int i = 0; i < SM2_LIMBS; i++)
        borrow = sm2_limb_sub(&r[i], t[i], c[i] & mask, borrow);
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
static inline void sm2_number_mul(sm2_limb *t, const sm2_limb *a, const sm2_limb *b)
{
    for (int i = 0; i < SM2_LIMBS; i++)
        t[i] = 0;
    for (int i = 0; i < SM2_LIMBS; i++) {
        sm2_limb carry = 0;
        for (int j = 0; j < SM2_LIMBS; j++) {
            const sm2_wide x = (sm2_wide)a[i] * b[j] + t[i + j] + carry;
            t[i + j] = (sm2_limb)x;
            carry = (sm2_limb)(x >> HUFU_LIMB_BITS);
        }
        t[i + SM2_LIMBS] = carry;
    }
}

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
