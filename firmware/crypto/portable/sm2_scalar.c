#include "firmware/crypto/portable/sm2_scalar.h"

#include "firmware/crypto/portable/sm2_invert.h"

const struct sm2_scalar sm2_n = SM2_CURVE_N;

static const struct sm2_scalar one = SM2_NUMBER(1, 0, 0, 0);
static const struct sm2_scalar n_minus_1 = SM2_N_MINUS_1;
static const struct sm2_scalar all_ones = SM2_N_ALL_ONES;
static const struct sm2_scalar r_squared = SM2_N_R_SQUARED;
static const limb_t n0 = (limb_t)SM2_N_INVERSE;

void sm2_scalar_add(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b)
{
    sm2_number_add_mod(r->v, a->v, b->v, sm2_n.v);
}

void sm2_scalar_sub(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b)
{
    sm2_number_sub_mod(r->v, a->v, b->v, sm2_n.v);
}

/* r = ab / 2^256 mod n */
static void montgomery(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b)
{
    limb_t t[2 * SM2_LIMBS];

    sm2_number_mul(t, a->v, b->v);
    const limb_t top = limbs_montgomery(t, sm2_n.v, n0, SM2_LIMBS);
    sm2_number_reduce_once(r->v, top, t + SM2_LIMBS, sm2_n.v);
}

void sm2_scalar_mul(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b)
{
    struct sm2_scalar t;
    montgomery(&t, a, b);
    montgomery(r, &t, &r_squared);
}

void sm2_scalar_halve(struct sm2_scalar *r, const struct sm2_scalar *a)
{
    sm2_number_halve_mod(r->v, a->v, sm2_n.v);
}

void sm2_scalar_invert(struct sm2_scalar *r, const struct sm2_scalar *a)
{
    sm2_number_invert(r->v, a->v, sm2_n.v, (limb_t)0 - n0);
}

void sm2_scalar_reduce(struct sm2_scalar *r, const limb_t *a)
{
    sm2_number_reduce_once(r->v, 0, a, sm2_n.v);
}

limb_t sm2_scalar_load(struct sm2_scalar *r, const uint8_t *in)
{
    limb_t t[SM2_LIMBS];
    sm2_number_load(t, in);
    sm2_scalar_reduce(r, t);
    return sm2_number_lt(t, sm2_n.v);
}

limb_t sm2_scalar_load_nonzero(struct sm2_scalar *r, const uint8_t *in)
{
    limb_t ok = sm2_scalar_load(r, in);
    ok &= ~sm2_scalar_is_zero(r);
    sm2_number_select(r->v, ok, r->v, one.v);
    return ok;
}

limb_t sm2_scalar_load_private(struct sm2_scalar *r, const uint8_t *in)
{
    limb_t ok = sm2_scalar_load(r, in);
    ok &= ~sm2_scalar_is_zero(r) & ~sm2_scalar_eq(r, &n_minus_1);
    sm2_number_select(r->v, ok, r->v, one.v);
    return ok;
}

void sm2_scalar_recode(struct sm2_scalar *b, const struct sm2_scalar *k)
{
    sm2_scalar_add(b, k, &all_ones);
    sm2_scalar_halve(b, b);
}
