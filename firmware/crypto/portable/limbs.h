/*
 * Numbers of n limbs, least significant first, where n is known: each function becomes part of the
 * one that names the size, and its loops are unrolled there.
 * CT: nothing leaks from any function here but which bits limbs_bits is asked for; masks are all
 * ones (true) or all zeros (false).
 */
#ifndef HUFU_CRYPTO_PORTABLE_LIMBS_H
#define HUFU_CRYPTO_PORTABLE_LIMBS_H

#include "firmware/base/inline.h"
#include "firmware/crypto/limb.h"

/* r = a + (b & mask); the carry */
INLINE carry_t limbs_add_masked(limb_t *r, const limb_t *a, const limb_t *b, limb_t mask,
                                const unsigned n)
{
    carry_t carry = 0;
    for (unsigned i = 0; i < n; i++)
        carry = limb_add(&r[i], a[i], b[i] & mask, carry);
    return carry;
}

INLINE carry_t limbs_add(limb_t *r, const limb_t *a, const limb_t *b, const unsigned n)
{
    carry_t carry = 0;
    for (unsigned i = 0; i < n; i++)
        carry = limb_add(&r[i], a[i], b[i], carry);
    return carry;
}

/* r = a - b; the borrow */
INLINE carry_t limbs_sub(limb_t *r, const limb_t *a, const limb_t *b, const unsigned n)
{
    carry_t borrow = 0;
    for (unsigned i = 0; i < n; i++)
        borrow = limb_sub(&r[i], a[i], b[i], borrow);
    return borrow;
}

/* r = a / 2, with carry as the bit above a; r may be a */
INLINE void limbs_halve(limb_t *r, const limb_t *a, carry_t carry, const unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++)
        r[i] = a[i] >> 1 | a[i + 1] << (LIMB_BITS - 1);
    r[n - 1] = a[n - 1] >> 1 | (limb_t)carry << (LIMB_BITS - 1);
}

/* r = mask ? a : b */
INLINE void limbs_select(limb_t *r, limb_t mask, const limb_t *a, const limb_t *b, const unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r[i] = b[i] ^ (mask & (a[i] ^ b[i]));
}

INLINE limb_t limbs_is_zero(const limb_t *a, const unsigned n)
{
    limb_t all = 0;
    for (unsigned i = 0; i < n; i++)
        all |= a[i];
    return limb_is_zero(all);
}

INLINE limb_t limbs_eq(const limb_t *a, const limb_t *b, const unsigned n)
{
    limb_t all = 0;
    for (unsigned i = 0; i < n; i++)
        all |= a[i] ^ b[i];
    return limb_is_zero(all);
}

/* t = a b, 2n limbs */
INLINE void limbs_mul(limb_t *t, const limb_t *a, const limb_t *b, const unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        limb_t carry = 0;
        for (unsigned j = 0; j < n; j++) {
            const dlimb_t x = (dlimb_t)a[i] * b[j] + (i > 0 ? t[i + j] : 0) + carry;
            t[i + j] = (limb_t)x;
            carry = (limb_t)(x >> LIMB_BITS);
        }
        t[i + n] = carry;
    }
}

/*
 * Montgomery's reduction of the 2n limbs of t modulo m; m0: -1/m modulo a limb. The result is what
 * is returned and the upper n limbs, below 2m.
 */
INLINE limb_t limbs_montgomery(limb_t *t, const limb_t *m, limb_t m0, const unsigned n)
{
    limb_t top = 0;
    for (unsigned i = 0; i < n; i++) {
        const limb_t q = t[i] * m0;
        limb_t carry = 0;
        dlimb_t x;
        for (unsigned j = 0; j < n; j++) {
            x = (dlimb_t)q * m[j] + t[i + j] + carry;
            t[i + j] = (limb_t)x;
            carry = (limb_t)(x >> LIMB_BITS);
        }
        x = (dlimb_t)t[i + n] + carry + top;
        t[i + n] = (limb_t)x;
        top = (limb_t)(x >> LIMB_BITS);
    }
    return top;
}

/* n * LIMB_BYTES big-endian bytes */
INLINE void limbs_load(limb_t *r, const uint8_t *in, const unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r[i] = limb_load(in + (n - 1 - i) * sizeof(limb_t));
}

INLINE void limbs_store(uint8_t *out, const limb_t *a, const unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        limb_store(out + (n - 1 - i) * sizeof(limb_t), a[i]);
}

/* Bits first .. first + count - 1, all within the number; count at most 16 */
INLINE uint32_t limbs_bits(const limb_t *a, unsigned first, unsigned count, const unsigned n)
{
    const unsigned i = first / LIMB_BITS, shift = first % LIMB_BITS;
    dlimb_t t = a[i];
    if (i + 1 < n)
        t |= (dlimb_t)a[i + 1] << LIMB_BITS;
    return (uint32_t)(t >> shift) & ((1u << count) - 1);
}

#endif
