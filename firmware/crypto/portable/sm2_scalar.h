/*
 * Numbers modulo n, the order of the base point (GB/T 32918.5): private keys, nonces, r and s.
 * Plain form, always fully reduced. Outputs may be inputs.
 * CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_SCALAR_H
#define HUFU_CRYPTO_PORTABLE_SM2_SCALAR_H

#include "firmware/crypto/portable/sm2_curve.h"
#include "firmware/crypto/portable/sm2_number.h"

struct sm2_scalar {
    limb_t v[SM2_LIMBS];
};

extern const struct sm2_scalar sm2_n; /* n itself */

void sm2_scalar_add(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b);
void sm2_scalar_sub(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b);
void sm2_scalar_mul(struct sm2_scalar *r, const struct sm2_scalar *a, const struct sm2_scalar *b);
/* r = a / 2 */
void sm2_scalar_halve(struct sm2_scalar *r, const struct sm2_scalar *a);
/* r = 1/a; 0 for 0 */
void sm2_scalar_invert(struct sm2_scalar *r, const struct sm2_scalar *a);
/* Any 256-bit number mod n */
void sm2_scalar_reduce(struct sm2_scalar *r, const limb_t *a);

/* 32 big-endian bytes, reduced; mask: they were below n */
limb_t sm2_scalar_load(struct sm2_scalar *r, const uint8_t *in);
/* As sm2_scalar_load; mask: the number is in [1, n-1]. When it is not, r = 1. */
limb_t sm2_scalar_load_nonzero(struct sm2_scalar *r, const uint8_t *in);
/*
 * As sm2_scalar_load; mask: the number is in [1, n-2], the range of private keys. When it is not,
 * r = 1.
 */
limb_t sm2_scalar_load_private(struct sm2_scalar *r, const uint8_t *in);

static inline void sm2_scalar_store(uint8_t *out, const struct sm2_scalar *a)
{
    sm2_number_store(out, a->v);
}

static inline limb_t sm2_scalar_is_zero(const struct sm2_scalar *a)
{
    return sm2_number_is_zero(a->v);
}

static inline limb_t sm2_scalar_eq(const struct sm2_scalar *a, const struct sm2_scalar *b)
{
    return sm2_number_eq(a->v, b->v);
}

/*
 * Signed digits without a zero: the number b with
 *     k = 2b - (2^SM2_BITS - 1) mod n,
 * so that bit i of b stands for +2^i (one) or -2^i (zero), and any w bits of b together are an odd
 * digit between -(2^w - 1) and 2^w - 1.
 */
void sm2_scalar_recode(struct sm2_scalar *b, const struct sm2_scalar *k);

/* Bits first .. first + count - 1; count at most 16, all within SM2_BITS. CT: which bits */
static inline uint32_t sm2_scalar_bits(const struct sm2_scalar *a, unsigned first, unsigned count)
{
    return limbs_bits(a->v, first, count, SM2_LIMBS);
}

#endif
