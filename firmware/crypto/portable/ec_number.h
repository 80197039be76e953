/*
 * Numbers of EC_BITS bits and Montgomery arithmetic with them, for the curve of the file that
 * includes this (which defines EC_BITS before). The limbs and their carries are those of SM2.
 * Values are always fully reduced, outputs may be inputs.
 * CT: nothing leaks from any function here, but for the exponent of ec_power.
 */
#ifndef HUFU_CRYPTO_PORTABLE_EC_NUMBER_H
#define HUFU_CRYPTO_PORTABLE_EC_NUMBER_H

#include <stddef.h>

#include "firmware/crypto/portable/sm2_number.h"

enum { EC_LIMBS = EC_BITS / LIMB_BITS, EC_BYTES = EC_BITS / 8 };

struct ec_number {
    limb_t v[EC_LIMBS];
};

/* An odd modulus m with its top bit set; R = 2^EC_BITS. */
struct ec_modulus {
    struct ec_number m, one, rr; /* m, R mod m, R^2 mod m */
    limb_t m0;                   /* -1/m modulo a limb */
};

/* r = a - b mod 2^EC_BITS; the borrow */
static inline carry_t ec_subtract(struct ec_number *r, const struct ec_number *a,
                                  const struct ec_number *b)
{
    return limbs_sub(r->v, a->v, b->v, EC_LIMBS);
}

/* r += m & mask; the carry is lost */
static inline void ec_add_masked(struct ec_number *r, const struct ec_number *m, limb_t mask)
{
    (void)limbs_add_masked(r->v, r->v, m->v, mask, EC_LIMBS);
}

/* r = carry * R + a, reduced once: it is below 2m */
static inline void ec_reduce_once(struct ec_number *r, limb_t carry, const struct ec_number *a,
                                  const struct ec_number *m)
{
    struct ec_number t;
    const carry_t borrow = ec_subtract(&t, a, m);
    ec_add_masked(&t, m, limb_mask(borrow & (carry ^ 1)));
    *r = t;
}

static inline void ec_add_mod(struct ec_number *r, const struct ec_number *a,
                              const struct ec_number *b, const struct ec_number *m)
{
    struct ec_number t;
    const carry_t carry = limbs_add(t.v, a->v, b->v, EC_LIMBS);
    ec_reduce_once(r, carry, &t, m);
}

static inline void ec_sub_mod(struct ec_number *r, const struct ec_number *a,
                              const struct ec_number *b, const struct ec_number *m)
{
    struct ec_number t;
    const carry_t borrow = ec_subtract(&t, a, b);
    ec_add_masked(&t, m, limb_mask(borrow));
    *r = t;
}

/* r = a / 2 */
static inline void ec_halve_mod(struct ec_number *r, const struct ec_number *a,
                                const struct ec_number *m)
{
    struct ec_number t;
    const carry_t carry = limbs_add_masked(t.v, a->v, m->v, limb_mask(a->v[0] & 1), EC_LIMBS);
    limbs_halve(r->v, t.v, carry, EC_LIMBS);
}

static inline void ec_select(struct ec_number *r, limb_t mask, const struct ec_number *a,
                             const struct ec_number *b)
{
    limbs_select(r->v, mask, a->v, b->v, EC_LIMBS);
}

/* masks */
static inline limb_t ec_is_zero(const struct ec_number *a)
{
    return limbs_is_zero(a->v, EC_LIMBS);
}

static inline limb_t ec_equal(const struct ec_number *a, const struct ec_number *b)
{
    return limbs_eq(a->v, b->v, EC_LIMBS);
}

static inline limb_t ec_below(const struct ec_number *a, const struct ec_number *b)
{
    struct ec_number t;
    return limb_mask(ec_subtract(&t, a, b));
}

/* t = a * b, 2 * EC_LIMBS limbs */
static inline void ec_multiply(limb_t *t, const struct ec_number *a, const struct ec_number *b)
{
#if EC_BITS == 256
    sm2_number_mul(t, a->v, b->v);
#else
    limbs_mul(t, a->v, b->v, EC_LIMBS);
#endif
}

static inline void ec_square(limb_t *t, const struct ec_number *a)
{
#if EC_BITS == 256
    sm2_number_sqr(t, a->v);
#else
    ec_multiply(t, a, a);
#endif
}

/* r = t / R mod m, t is used up */
static inline void ec_montgomery(struct ec_number *r, limb_t *t, const struct ec_modulus *m)
{
    const limb_t top = limbs_montgomery(t, m->m.v, m->m0, EC_LIMBS);
    struct ec_number high;
    for (int i = 0; i < EC_LIMBS; i++)
        high.v[i] = t[EC_LIMBS + i];
    ec_reduce_once(r, top, &high, &m->m);
}

/* r = a b / R */
static inline void ec_mul_mod(struct ec_number *r, const struct ec_number *a,
                              const struct ec_number *b, const struct ec_modulus *m)
{
    limb_t t[2 * EC_LIMBS];
    ec_multiply(t, a, b);
    ec_montgomery(r, t, m);
}

/* EC_BYTES big-endian bytes */
static inline void ec_load(struct ec_number *r, const uint8_t *in)
{
    limbs_load(r->v, in, EC_LIMBS);
}

static inline void ec_store(uint8_t *out, const struct ec_number *a)
{
    limbs_store(out, a->v, EC_LIMBS);
}

/* Bits first .. first + count - 1; count at most 16. CT: which bits */
static inline uint32_t ec_bits(const struct ec_number *a, unsigned first, unsigned count)
{
    return limbs_bits(a->v, first, count, EC_LIMBS);
}

#endif
