/*
 * The field and the order of P-256 (SP 800-186 3.2.1.3); included by the curve and by the tool
 * that prints its table.
 * CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_PORTABLE_EC_P256_FIELD_H
#define HUFU_CRYPTO_PORTABLE_EC_P256_FIELD_H

#define EC_BITS 256
#include "firmware/crypto/portable/ec_number.h"
#include "firmware/crypto/portable/sm2_invert.h"

static const struct ec_modulus ec_p = {
    SM2_NUMBER(0xFFFFFFFFFFFFFFFF, 0x00000000FFFFFFFF, 0x0000000000000000, 0xFFFFFFFF00000001),
    SM2_NUMBER(0x0000000000000001, 0xFFFFFFFF00000000, 0xFFFFFFFFFFFFFFFF, 0x00000000FFFFFFFE),
    SM2_NUMBER(0x0000000000000003, 0xFFFFFFFBFFFFFFFF, 0xFFFFFFFFFFFFFFFE, 0x00000004FFFFFFFD), 1};
static const struct ec_modulus ec_n = {
    SM2_NUMBER(0xF3B9CAC2FC632551, 0xBCE6FAADA7179E84, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF00000000),
    SM2_NUMBER(0x0C46353D039CDAAF, 0x4319055258E8617B, 0x0000000000000000, 0x00000000FFFFFFFF),
    SM2_NUMBER(0x83244C95BE79EEA2, 0x4699799C49BD6FA6, 0x2845B2392B6BEC59, 0x66E12D94F3D95620),
    (limb_t)0xCCD1C8AAEE00BC4F};
/* 2^256 - 1 mod n */
static const struct ec_number n_ones =
    SM2_NUMBER(0x0C46353D039CDAAE, 0x4319055258E8617B, 0x0000000000000000, 0x00000000FFFFFFFF);
/* 2^768 mod p: brings the inverse of a Montgomery form back to Montgomery form */
static const struct ec_number p_cubed =
    SM2_NUMBER(0xFFFFFFFD0000000A, 0xFFFFFFEDFFFFFFF7, 0x00000005FFFFFFFC, 0x0000001800000001);
/* the coefficient b and the base point, in Montgomery form */
static const struct ec_number ec_b =
    SM2_NUMBER(0xD89CDF6229C4BDDF, 0xACF005CD78843090, 0xE5A220ABF7212ED6, 0xDC30061D04874834);

#if HUFU_LIMB_BITS == 64

/*
 * Montgomery reduction of t. p + 1 = 2^256 - 2^224 + 2^192 + 2^96 and p = -1 modulo a limb: the
 * multiplier that clears limb k is the limb itself, m, and adding m p takes that limb away, adds m
 * at 2^96 and m (2^64 - 2^32 + 1) at 2^192.
 */
static inline carry_t p256_clear(limb_t *t)
{
    const limb_t m = t[0];
    const dlimb_t high = (dlimb_t)m * 0xFFFFFFFF00000001;
    carry_t c;
    c = limb_add(&t[1], t[1], m << 32, 0);
    c = limb_add(&t[2], t[2], m >> 32, c);
    c = limb_add(&t[3], t[3], (limb_t)high, c);
    return limb_add(&t[4], t[4], (limb_t)(high >> 64), c);
}

static inline void p256_reduce(struct ec_number *r, limb_t *t)
{
    struct ec_number high;
    carry_t c0, c1, c2, c3, c; /* the carry of step k belongs to limb k + 5 */
    c0 = p256_clear(t);
    c1 = p256_clear(t + 1);
    c2 = p256_clear(t + 2);
    c3 = p256_clear(t + 3);
    high.v[0] = t[4];
    c = limb_add(&high.v[1], t[5], 0, c0);
    c = limb_add(&high.v[2], t[6], c1, c);
    c = limb_add(&high.v[3], t[7], c2, c);
    ec_reduce_once(r, (limb_t)(c + c3), &high, &ec_p.m);
}

#else

static inline void p256_reduce(struct ec_number *r, limb_t *t)
{
    ec_montgomery(r, t, &ec_p);
}

#endif

static void fe_mul(struct ec_number *r, const struct ec_number *a, const struct ec_number *b)
{
    limb_t t[2 * EC_LIMBS];
    ec_multiply(t, a, b);
    p256_reduce(r, t);
}

static void fe_sqr(struct ec_number *r, const struct ec_number *a)
{
    limb_t t[2 * EC_LIMBS];
    ec_square(t, a);
    p256_reduce(r, t);
}

/* 1/a; 0 for 0 */
static void fe_invert(struct ec_number *r, const struct ec_number *a)
{
    struct ec_number t;
    sm2_number_invert(t.v, a->v, ec_p.m.v, (limb_t)0 - ec_p.m0);
    fe_mul(r, &t, &p_cubed);
}

#endif
