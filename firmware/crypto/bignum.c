#include "firmware/crypto/bignum.h"

#include "firmware/base/assume.h"

#include <string.h>

void bn_load(limb_t *r, size_t n, const uint8_t *in, size_t size)
{
    memset(r, 0, n * sizeof *r);
    for (size_t i = 0; i < size; i++)
        r[i / LIMB_BYTES] |= (limb_t)in[size - 1 - i] << (8 * (i % LIMB_BYTES));
}

void bn_store(const limb_t *a, size_t n, uint8_t *out, size_t size)
{
    (void)n;
    for (size_t i = 0; i < size; i++)
        out[size - 1 - i] = (uint8_t)(a[i / LIMB_BYTES] >> (8 * (i % LIMB_BYTES)));
}

limb_t bn_add(limb_t *r, const limb_t *a, const limb_t *b, size_t n)
{
    limb_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        const dlimb_t s = (dlimb_t)a[i] + b[i] + carry;
        r[i] = (limb_t)s;
        carry = (limb_t)(s >> LIMB_BITS);
    }
    return carry;
}

limb_t bn_sub(limb_t *r, const limb_t *a, const limb_t *b, size_t n)
{
    limb_t borrow = 0;
    for (size_t i = 0; i < n; i++) {
        const dlimb_t d = (dlimb_t)a[i] - b[i] - borrow;
        r[i] = (limb_t)d;
        borrow = (limb_t)(d >> LIMB_BITS) & 1;
    }
    return borrow;
}

limb_t bn_add_masked(limb_t *r, const limb_t *a, const limb_t *b, limb_t mask, size_t n)
{
    limb_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        const dlimb_t s = (dlimb_t)a[i] + (b[i] & mask) + carry;
        r[i] = (limb_t)s;
        carry = (limb_t)(s >> LIMB_BITS);
    }
    return carry;
}

limb_t bn_sub_masked(limb_t *r, const limb_t *a, const limb_t *b, limb_t mask, size_t n)
{
    limb_t borrow = 0;
    for (size_t i = 0; i < n; i++) {
        const dlimb_t d = (dlimb_t)a[i] - (b[i] & mask) - borrow;
        r[i] = (limb_t)d;
        borrow = (limb_t)(d >> LIMB_BITS) & 1;
    }
    return borrow;
}

limb_t bn_add_word(limb_t *r, limb_t x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const dlimb_t s = (dlimb_t)r[i] + x;
        r[i] = (limb_t)s;
        x = (limb_t)(s >> LIMB_BITS);
    }
    return x;
}

limb_t bn_sub_word(limb_t *r, limb_t x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const dlimb_t d = (dlimb_t)r[i] - x;
        r[i] = (limb_t)d;
        x = (limb_t)(d >> LIMB_BITS) & 1;
    }
    return x;
}

void bn_halve_masked(limb_t mask, limb_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const limb_t above = i + 1 < n ? a[i + 1] : 0;
        const limb_t half = a[i] >> 1 | (limb_t)(above << (LIMB_BITS - 1));
        a[i] ^= mask & (a[i] ^ half);
    }
}

void bn_select(limb_t *r, limb_t mask, const limb_t *a, const limb_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r[i] = b[i] ^ (mask & (a[i] ^ b[i]));
}

void bn_swap(limb_t mask, limb_t *a, limb_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const limb_t x = mask & (a[i] ^ b[i]);
        a[i] ^= x;
        b[i] ^= x;
    }
}

limb_t bn_is_zero(const limb_t *a, size_t n)
{
    limb_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= a[i];
    return limb_is_zero(all);
}

limb_t bn_eq(const limb_t *a, const limb_t *b, size_t n)
{
    limb_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= a[i] ^ b[i];
    return limb_is_zero(all);
}

limb_t bn_lt(const limb_t *a, const limb_t *b, size_t n)
{
    limb_t borrow = 0;
    for (size_t i = 0; i < n; i++)
        borrow = (limb_t)(((dlimb_t)a[i] - b[i] - borrow) >> LIMB_BITS) & 1;
    return limb_mask(borrow);
}

limb_t bn_mul_word(limb_t *r, const limb_t *a, limb_t x, size_t n)
{
    limb_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        const dlimb_t p = (dlimb_t)a[i] * x + carry;
        r[i] = (limb_t)p;
        carry = (limb_t)(p >> LIMB_BITS);
    }
    return carry;
}
