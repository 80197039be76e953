/*
 * The limb: the word that long numbers are made of. It has 64 bits where the compiler has a 128-bit
 * product and 32 bits elsewhere (Cortex-M); the sources above this file are the same for both.
 * CT: nothing leaks from any function here; masks are all ones (true) or all zeros (false).
 */
#ifndef HUFU_CRYPTO_LIMB_H
#define HUFU_CRYPTO_LIMB_H

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

#if HUFU_LIMB_BITS == 64
typedef uint64_t limb_t;
__extension__ typedef unsigned __int128 dlimb_t; /* holds a product */
__extension__ typedef __int128 sdlimb_t;         /* a sum of products, with its sign */
#define limb_mask    ct_mask64                   /* of 0 or 1 */
#define limb_is_zero ct_is_zero64
#define limb_load    load_be64
#define limb_store   store_be64
#else
typedef uint32_t limb_t;
typedef uint64_t dlimb_t;
typedef int64_t sdlimb_t;
#define limb_mask    ct_mask32
#define limb_is_zero ct_is_zero32
#define limb_load    load_be32
#define limb_store   store_be32
#endif

enum { LIMB_BITS = HUFU_LIMB_BITS, LIMB_BYTES = HUFU_LIMB_BITS / 8 };

/*
 * r = a + b + carry and r = a - b - borrow, one limb; the new carry or borrow, 0 or 1. Chains of
 * these are most of the arithmetic modulo a prime, and compilers for x86-64 make the machine's
 * add-with-carry of them only when told by name.
 */
typedef unsigned char carry_t;

#if defined(__x86_64__) && HUFU_LIMB_BITS == 64
#ifdef __clang__
#define LIMB_SUBTRACT __builtin_ia32_subborrow_u64
#else
#define LIMB_SUBTRACT __builtin_ia32_sbb_u64
#endif

static inline carry_t limb_add(limb_t *r, limb_t a, limb_t b, carry_t carry)
{
    unsigned long long t;
    carry = __builtin_ia32_addcarryx_u64(carry, a, b, &t);
    *r = t;
    return carry;
}

static inline carry_t limb_sub(limb_t *r, limb_t a, limb_t b, carry_t borrow)
{
    unsigned long long t;
    borrow = LIMB_SUBTRACT(borrow, a, b, &t);
    *r = t;
    return borrow;
}

#else

static inline carry_t limb_add(limb_t *r, limb_t a, limb_t b, carry_t carry)
{
    const dlimb_t t = (dlimb_t)a + b + carry;
    *r = (limb_t)t;
    return (carry_t)(t >> LIMB_BITS);
}

static inline carry_t limb_sub(limb_t *r, limb_t a, limb_t b, carry_t borrow)
{
    limb_t t;
    const carry_t first = __builtin_sub_overflow(a, b, &t);
    return first | __builtin_sub_overflow(t, (limb_t)borrow, r);
}

#endif

#endif
