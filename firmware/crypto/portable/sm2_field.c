#include "firmware/crypto/portable/sm2_field.h"

#include "firmware/crypto/portable/sm2_invert.h"

const struct sm2_fe sm2_fe_one = SM2_FE_ONE;
const struct sm2_fe sm2_fe_b = SM2_FE_B;

/* 2^512 mod p */
static const struct sm2_fe r_squared =
    SM2_NUMBER(0x0000000200000003, 0x00000002FFFFFFFF, 0x0000000100000001, 0x0000000400000002);

/* 2^768 mod p: brings the inverse of a Montgomery form back to Montgomery form */
static const struct sm2_fe r_cubed =
    SM2_NUMBER(0x0000001200000016, 0x0000000EFFFFFFF8, 0x0000000A0000000C, 0x0000001B00000009);

/*
 * Montgomery reduction of the 512-bit t, which is overwritten: r = t / 2^256 mod p.
 *
 * p + 1 = 2^256 - 2^224 - 2^96 + 2^64, so p = -1 modulo a limb: the multiplier that clears limb k
 * is the limb itself, m, and adding m * p adds m at 2^256, subtracts it at 2^224 and 2^96, adds
 * it at 2^64, all counted from limb k.
 */
#if HUFU_LIMB_BITS == 64

/* Clears t[0]: t[1..4] += t[0] (p + 1) / 2^64; the carry */
static inline carry_t reduce_limb(limb_t *t)
{
    const limb_t m = t[0], low = m << 32, high = m >> 32;
    limb_t v1, v2, v3, v4;
    carry_t c;

    c = limb_sub(&v1, m, low, 0);
    c = limb_sub(&v2, 0, high, c);
    c = limb_sub(&v3, 0, low, c);
    (void)limb_sub(&v4, m, high, c);
    c = limb_add(&t[1], t[1], v1, 0);
    c = limb_add(&t[2], t[2], v2, c);
    c = limb_add(&t[3], t[3], v3, c);
    return limb_add(&t[4], t[4], v4, c);
}

static inline void reduce(struct sm2_fe *r, limb_t *t)
{
    carry_t c0, c1, c2, c3, c; /* the carry of step k belongs to limb k + 5 */

    c0 = reduce_limb(t);
    c1 = reduce_limb(t + 1);
    c = limb_add(&t[5], t[5], 0, c0);
    c2 = reduce_limb(t + 2);
    c = limb_add(&t[6], t[6], c1, c);
    c3 = reduce_limb(t + 3);
    c = limb_add(&t[7], t[7], c2, c);
    sm2_number_reduce_once(r->v, (limb_t)c3 + c, t + SM2_LIMBS, sm2_p.v);
}

#else

static inline void reduce(struct sm2_fe *r, limb_t *t)
{
    limb_t m[SM2_LIMBS], u[SM2_LIMBS];
    sdlimb_t a = 0; /* the columns are summed with their sign */

    for (int i = 0; i < 2 * SM2_LIMBS;
         i++) { /* column i: what m[i-2], m[i-3], m[i-7], m[i-8] add */
        a += t[i];
        if (i >= 2 && i - 2 < SM2_LIMBS)
            a += m[i - 2];
        if (i >= 3 && i - 3 < SM2_LIMBS)
            a -= m[i - 3];
        if (i >= 7 && i - 7 < SM2_LIMBS)
            a -= m[i - 7];
        if (i >= 8)
            a += m[i - 8];
        if (i < SM2_LIMBS)
            m[i] = (limb_t)a;
        else
            u[i - SM2_LIMBS] = (limb_t)a;
        a >>= 32;
    }
    sm2_number_reduce_once(r->v, (limb_t)a, u, sm2_p.v);
}

#endif

void sm2_fe_mul(struct sm2_fe *r, const struct sm2_fe *a, const struct sm2_fe *b)
{
    limb_t t[2 * SM2_LIMBS];
    sm2_number_mul(t, a->v, b->v);
    reduce(r, t);
}

void sm2_fe_sqr(struct sm2_fe *r, const struct sm2_fe *a)
{
    limb_t t[2 * SM2_LIMBS];
    sm2_number_sqr(t, a->v);
    reduce(r, t);
}

void sm2_fe_invert(struct sm2_fe *r, const struct sm2_fe *a)
{
    struct sm2_fe t;
    sm2_number_invert(t.v, a->v, sm2_p.v, (limb_t)0 - 1); /* p = -1 modulo a limb */
    sm2_fe_mul(r, &t, &r_cubed);
}

void sm2_fe_from_number(struct sm2_fe *r, const struct sm2_number *a)
{
    struct sm2_fe t;
    sm2_number_reduce_once(t.v, 0, a->v, sm2_p.v);
    sm2_fe_mul(r, &t, &r_squared);
}

void sm2_fe_to_number(struct sm2_number *r, const struct sm2_fe *a)
{
    limb_t t[2 * SM2_LIMBS] = {0};
    struct sm2_fe u;
    for (int i = 0; i < SM2_LIMBS; i++)
        t[i] = a->v[i];
    reduce(&u, t);
    for (int i = 0; i < SM2_LIMBS; i++)
        r->v[i] = u.v[i];
}
