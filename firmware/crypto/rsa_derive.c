/* The parts of an RSA key from its two primes, in constant time. */
#include "firmware/crypto/rsa_internal.h"

#include "firmware/base/assume.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

/* x mod 65537, where 2^16 is -1; x < 2^36 */
static uint32_t mod_e(uint64_t x)
{
    uint32_t r =
        (uint32_t)(x & 0xFFFF) + (uint32_t)(x >> 32) + RSA_E - (uint32_t)(x >> 16 & 0xFFFF);
    r -= RSA_E & ~ct_lt32(r, RSA_E);
    return r - (RSA_E & ~ct_lt32(r, RSA_E));
}

/* a mod 65537, by digits of 16 bits; a of at most 4096 bits */
static uint32_t rest_mod_e(const limb_t *a, size_t n)
{
    uint64_t even = 0, odd = 0;
    for (size_t i = 0; i < n; i++)
        for (unsigned at = 0; at < LIMB_BITS; at += 32) {
            even += (a[i] >> at) & 0xFFFF;
            odd += (a[i] >> (at + 16)) & 0xFFFF;
        }
    return mod_e(even + 128 * RSA_E - odd);
}

/*
 * quotient = a / m, without remainder; m is odd. a (n limbs) is used up. From below, each limb of
 * the quotient is the one whose product with m clears a limb of a.
 */
static void divide_exactly(limb_t *quotient, limb_t *a, size_t n, const limb_t *m, size_t mn)
{
    const limb_t inverse = bn_limb_inverse(m[0]);
    for (size_t i = 0; i < n; i++) {
        const limb_t q = quotient[i] = (limb_t)(a[i] * inverse);
        limb_t carry = 0;
        for (size_t j = 0; i + j < n; j++) {
            const dlimb_t p = (dlimb_t)q * (j < mn ? m[j] : 0) + carry;
            const limb_t x = a[i + j];
            a[i + j] = (limb_t)(x - (limb_t)p);
            carry = (limb_t)(p >> LIMB_BITS) + (limb_t)(((dlimb_t)x - (limb_t)p) >> LIMB_BITS & 1);
        }
    }
}

/*
 * r = 1/65537 mod m: (1 + k m) / 65537, k = -1/m mod 65537. m (n limbs) is prime to 65537.
 * t: n + 1 limbs
 */
static void inverse_of_e(limb_t *r, const limb_t *m, limb_t *t, size_t n)
{
    const limb_t e = RSA_E;
    const uint32_t x = rest_mod_e(m, n);
    uint32_t k = x; /* x^65535 = 1/x */
    for (int i = 0; i < 15; i++)
        k = mod_e((uint64_t)mod_e((uint64_t)k * k) * x);
    t[n] = bn_mul_word(t, m, RSA_E - k, n);
    bn_add_word(t, 1, n + 1);
    divide_exactly(r, t, n, &e, 1); /* the quotient is below m */
}

/* 2^LIMB_BITS / x for a power of two x > 1, else 0 */
static limb_t cofactor(limb_t x)
{
    limb_t f = 0;
    for (unsigned i = 1; i < LIMB_BITS; i++)
        f |= limb_is_zero(x ^ (limb_t)1 << i) & (limb_t)1 << (LIMB_BITS - i);
    return f;
}

/* a = the odd part of a, of which `twos` is the lowest bit that is set, in the lowest limb */
static void make_odd(limb_t *a, limb_t twos, size_t n)
{
    for (unsigned i = 1; i < LIMB_BITS; i++) {
        twos >>= 1;
        bn_halve_masked(~limb_is_zero(twos), a, n);
    }
}

/*
 * r = lcm(p-1, q-1) of 2h limbs; t: LAMBDA_ROOM * h limbs. Of the two that which has fewer factors
 * of two becomes odd for the greatest common divisor, whose factors of two are those. Mask: done
 * (else both are multiples of a whole limb)
 */
enum { LAMBDA_ROOM = 5 + BN_INVERT_ROOM };
static limb_t lambda(limb_t *r, const limb_t *p_1, const limb_t *q_1, limb_t *t, size_t h)
{
    limb_t *a = t, *b = a + h, *phi = b + h, *rest = phi + 3 * h;
    const limb_t twos = (p_1[0] | q_1[0]) & ((limb_t)0 - (p_1[0] | q_1[0]));
    memcpy(a, p_1, h * sizeof *a);
    memcpy(b, q_1, h * sizeof *b);
    bn_swap(limb_is_zero(a[0] & twos), a, b, h);
    make_odd(a, twos, h);
    bn_gcd(a, a, b, h, rest);
    bn_mul(phi, p_1, q_1, h);
    phi[2 * h] = bn_mul_word(phi, phi, cofactor(twos), 2 * h);
    divide_exactly(r, phi + 1, 2 * h, a, h);
    return ~limb_is_zero(twos);
}

_Static_assert((int)LAMBDA_ROOM <= (int)RSA_DERIVE_ROOM - 8, "room for everything behind t");

int rsa_derive(struct rsa_private *key, limb_t *room)
{
    const size_t h = BN_LIMBS(key->pub.bits / 2), bytes = h * LIMB_BYTES;
    limb_t *p = room, *q = p + h, *p_1 = q + h, *q_1 = p_1 + h, *r = q_1 + h, *m = r + 2 * h;
    limb_t *t = m + 2 * h, ok;
    bn_load(p, h, key->p, bytes);
    bn_load(q, h, key->q, bytes);
    bn_swap(bn_lt(p, q, h), p, q, h);
    bn_store(p, h, key->p, bytes);
    bn_store(q, h, key->q, bytes);
    memcpy(p_1, p, h * sizeof *p);
    memcpy(q_1, q, h * sizeof *q);
    p_1[0] ^= 1;
    q_1[0] ^= 1;
    bn_mul(r, p, q, h);
    bn_store(r, 2 * h, key->pub.n, 2 * bytes);
    PUBLIC(key->pub.n, 2 * bytes);
    inverse_of_e(r, p_1, t, h);
    bn_store(r, h, key->dp, bytes);
    inverse_of_e(r, q_1, t, h);
    bn_store(r, h, key->dq, bytes);
    bn_invert(r, q, p, h, t);
    bn_store(r, h, key->qinv, bytes);
    ok = lambda(m, p_1, q_1, t, h);
    inverse_of_e(r, m, t, 2 * h);
    ok &= ~bn_is_zero(r + h, h);
    bn_store(r, 2 * h, key->d, 2 * bytes);
    PUBLIC(&ok, sizeof ok);
    return ok ? 0 : -1;
}

int rsa_from_primes(struct rsa_private *key, void *scratch)
{
    if (!rsa_bits_ok(key->pub.bits))
        return -1;
    key->pub.e = RSA_E;
    const int bad = rsa_derive(key, scratch);
    wipe(scratch, (size_t)RSA_DERIVE_ROOM * (key->pub.bits / 16));
    return bad || rsa_private_check(key) ? -1 : 0;
}
