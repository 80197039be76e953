/* Sums, comparisons, Montgomery contexts and powers in eight lanes. */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/rsa_number.h"

#include <string.h>

/* A carry is 0 or 1, a borrow 0 or -1. */
static lanes with_carry(lanes x, lanes carry)
{
    return _mm512_add_epi64(x, carry);
}

static lanes carry_of(lanes x)
{
    return _mm512_srai_epi64(x, RSA8_LIMB);
}

static __mmask8 not_zero(lanes x)
{
    return _mm512_test_epi64_mask(x, x);
}

__mmask8 rsa8_add(lanes *r, const lanes *a, const lanes *b, size_t n)
{
    lanes carry = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++) {
        const lanes x = with_carry(_mm512_add_epi64(a[i], b[i]), carry);
        r[i] = rsa8_low(x);
        carry = carry_of(x);
    }
    return not_zero(carry);
}

__mmask8 rsa8_sub(lanes *r, const lanes *a, const lanes *b, size_t n)
{
    lanes borrow = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++) {
        const lanes x = with_carry(_mm512_sub_epi64(a[i], b[i]), borrow);
        r[i] = rsa8_low(x);
        borrow = carry_of(x);
    }
    return not_zero(borrow);
}

void rsa8_add_masked(lanes *r, const lanes *m, __mmask8 mask, size_t n)
{
    lanes carry = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++) {
        const lanes x = with_carry(_mm512_mask_add_epi64(r[i], mask, r[i], m[i]), carry);
        r[i] = rsa8_low(x);
        carry = carry_of(x);
    }
}

__mmask8 rsa8_less(const lanes *a, const lanes *b, size_t n)
{
    lanes borrow = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++)
        borrow = carry_of(with_carry(_mm512_sub_epi64(a[i], b[i]), borrow));
    return not_zero(borrow);
}

__mmask8 rsa8_equal(const lanes *a, const lanes *b, size_t n)
{
    lanes differ = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++)
        differ = _mm512_or_si512(differ, _mm512_xor_si512(a[i], b[i]));
    return (__mmask8)~not_zero(differ);
}

void rsa8_canonical(const struct rsa8_mont *mont, lanes *r)
{
    rsa8_add_masked(r, mont->m, rsa8_sub(r, r, mont->m, mont->n), mont->n);
}

/* r = 2 r mod m, r below m */
static void twice(const struct rsa8_mont *mont, lanes *r)
{
    lanes borrow = _mm512_setzero_si512();
    for (size_t i = 0; i < mont->n; i++) {
        const lanes x = _mm512_sub_epi64(_mm512_add_epi64(r[i], r[i]), mont->m[i]);
        const lanes y = with_carry(x, borrow);
        r[i] = rsa8_low(y);
        borrow = carry_of(y);
    }
    rsa8_add_masked(r, mont->m, not_zero(borrow), mont->n);
}

/* Each step doubles the number of right bits, m itself has three. */
lanes rsa8_minus_inverse(lanes m)
{
    lanes x = m;
    for (unsigned bits = 3; bits < RSA8_LIMB; bits *= 2)
        x = _mm512_mullo_epi64(x, _mm512_sub_epi64(rsa8_all(2), _mm512_mullo_epi64(m, x)));
    return rsa8_low(_mm512_sub_epi64(_mm512_setzero_si512(), x));
}

/* r = 2^bits - m = 2^bits mod m */
static void complement(const struct rsa8_mont *mont, lanes *r)
{
    const size_t top = mont->bits / RSA8_LIMB;
    for (size_t i = 0; i < mont->n; i++)
        r[i] = _mm512_setzero_si512();
    r[top] = rsa8_all((uint64_t)1 << mont->bits % RSA8_LIMB);
    rsa8_sub(r, r, mont->m, mont->n);
}

/* R mod m by doubling 2^bits mod m */
void rsa8_mont_init(struct rsa8_mont *mont, const lanes *m, unsigned bits, lanes *room)
{
    const size_t n = RSA8_LIMBS(bits);
    mont->n = n;
    mont->bits = bits;
    mont->m = m;
    mont->one = room;
    mont->rr = room + n;
    mont->unit = room + 2 * n;
    mont->q = room + 3 * n;
    mont->inverse = rsa8_minus_inverse(m[0]);
    memset(mont->unit, 0, n * sizeof *m);
    mont->unit[0] = rsa8_all(1);
    complement(mont, mont->one);
    for (size_t i = bits; i < RSA8_LIMB * n; i++)
        twice(mont, mont->one);
}

/* R^2 = 2^(52 n) R is 2^(52 n) in Montgomery form: bit by bit of the exponent, from the top */
void rsa8_mont_rr(struct rsa8_mont *mont)
{
    const size_t n = mont->n, exponent = RSA8_LIMB * n;
    lanes *const r = mont->rr;
    unsigned bit = 1;
    while (exponent >> (bit + 1))
        bit++;
    rsa8_add(r, mont->one, mont->one, n);
    while (bit-- > 0) {
        rsa8_sqr(mont, r, r);
        if (exponent >> bit & 1)
            rsa8_add(r, r, r, n);
    }
}

void rsa8_enter(const struct rsa8_mont *mont, lanes *r, const lanes *a)
{
    rsa8_mul(mont, r, a, mont->rr);
}

/* The Montgomery product of a and 1 is at most m. */
void rsa8_leave(const struct rsa8_mont *mont, lanes *r, const lanes *a)
{
    rsa8_mul(mont, r, a, mont->unit);
    rsa8_canonical(mont, r);
}

#endif
