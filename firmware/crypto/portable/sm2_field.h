/*
 * The field of the SM2 curve (GB/T 32918.5): numbers mod p = 2^256 - 2^224 - 2^96 + 2^64 - 1, in
 * Montgomery form (x * 2^256 mod p) and always fully reduced, so that equal means equal limbs.
 * Outputs may be inputs.
 * CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_FIELD_H
#define HUFU_CRYPTO_PORTABLE_SM2_FIELD_H

#include "firmware/crypto/portable/sm2_curve.h"
#include "firmware/crypto/portable/sm2_number.h"

struct sm2_fe {
    limb_t v[SM2_LIMBS];
};

/* p itself, not in Montgomery form; here, so that the compiler sees its pattern */
static const struct sm2_fe sm2_p = SM2_CURVE_P;

extern const struct sm2_fe sm2_fe_one; /* 1 */
extern const struct sm2_fe sm2_fe_b;   /* coefficient b of the curve */

void sm2_fe_mul(struct sm2_fe *r, const struct sm2_fe *a, const struct sm2_fe *b);
void sm2_fe_sqr(struct sm2_fe *r, const struct sm2_fe *a);
/* r = 1/a; 0 for 0 */
void sm2_fe_invert(struct sm2_fe *r, const struct sm2_fe *a);

static inline void sm2_fe_add(struct sm2_fe *r, const struct sm2_fe *a, const struct sm2_fe *b)
{
    sm2_number_add_mod(r->v, a->v, b->v, sm2_p.v);
}

static inline void sm2_fe_sub(struct sm2_fe *r, const struct sm2_fe *a, const struct sm2_fe *b)
{
    sm2_number_sub_mod(r->v, a->v, b->v, sm2_p.v);
}

static inline void sm2_fe_halve(struct sm2_fe *r, const struct sm2_fe *a)
{
    sm2_number_halve_mod(r->v, a->v, sm2_p.v);
}

static inline void sm2_fe_neg(struct sm2_fe *r, const struct sm2_fe *a)
{
    static const struct sm2_fe zero = {{0}};
    sm2_fe_sub(r, &zero, a);
}

/* r = -r where mask, for r not 0: p - r = ~r + (p + 1) mod 2^256 */
static inline void sm2_fe_negate_if(struct sm2_fe *r, limb_t mask)
{
    carry_t carry = (carry_t)(mask & 1);
    for (int i = 0; i < SM2_LIMBS; i++)
        carry = limb_add(&r->v[i], r->v[i] ^ mask, sm2_p.v[i] & mask, carry);
}

/* r = mask ? a : b */
static inline void sm2_fe_select(struct sm2_fe *r, limb_t mask, const struct sm2_fe *a,
                                 const struct sm2_fe *b)
{
    sm2_number_select(r->v, mask, a->v, b->v);
}

static inline limb_t sm2_fe_is_zero(const struct sm2_fe *a)
{
    return sm2_number_is_zero(a->v);
}

static inline limb_t sm2_fe_eq(const struct sm2_fe *a, const struct sm2_fe *b)
{
    return sm2_number_eq(a->v, b->v);
}

/* The plain number, out of and into Montgomery form */
void sm2_fe_to_number(struct sm2_number *r, const struct sm2_fe *a);
void sm2_fe_from_number(struct sm2_fe *r, const struct sm2_number *a);

/* 32 big-endian bytes into Montgomery form; mask: they were below p (else r is reduced) */
static inline limb_t sm2_fe_load(struct sm2_fe *r, const uint8_t *in)
{
    struct sm2_number t;
    sm2_number_load(t.v, in);
    sm2_fe_from_number(r, &t);
    return sm2_number_lt(t.v, sm2_p.v);
}

static inline void sm2_fe_store(uint8_t *out, const struct sm2_fe *a)
{
    struct sm2_number t;
    sm2_fe_to_number(&t, a);
    sm2_number_store(out, t.v);
}

#endif
