/*
 * Points of y^2 = x^3 - 3x + b over the field of the file that includes this, which has defined
 * ec_p and ec_n (struct ec_modulus), ec_b (in Montgomery form), fe_mul, fe_sqr and fe_invert. The
 * formulas are complete: J. Renes, C. Costello, L. Batina, "Complete addition formulas for prime
 * order elliptic curves", 2016, algorithms 4 to 6, so there is no case to tell apart, not even the
 * neutral element (0 : 1 : 0). CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_PORTABLE_EC_POINT_H
#define HUFU_CRYPTO_PORTABLE_EC_POINT_H

#include "firmware/crypto/portable/ec_number.h"

struct ec_affine {
    struct ec_number x, y;
};

struct ec_point { /* (X : Y : Z), x = X/Z, y = Y/Z */
    struct ec_number x, y, z;
};

static inline void fe_add(struct ec_number *r, const struct ec_number *a, const struct ec_number *b)
{
    ec_add_mod(r, a, b, &ec_p.m);
}

static inline void fe_sub(struct ec_number *r, const struct ec_number *a, const struct ec_number *b)
{
    ec_sub_mod(r, a, b, &ec_p.m);
}

/* r = 3a; r is not a */
static inline void fe_thrice(struct ec_number *r, const struct ec_number *a)
{
    fe_add(r, a, a);
    fe_add(r, r, a);
}

/* The six products of both additions: X1 X2, Y1 Y2, Z1 Z2, X1 Y2 + X2 Y1, ... */
struct ec_products {
    struct ec_number xx, yy, zz, xy, yz, xz;
};

static void ec_finish_add(struct ec_point *r, struct ec_products *p)
{
    struct ec_number low, high, y, t, zz3;
    fe_mul(&t, &ec_b, &p->zz);
    fe_sub(&t, &p->xz, &t);
    fe_thrice(&y, &t);
    fe_sub(&low, &p->yy, &y);
    fe_add(&high, &p->yy, &y);
    fe_thrice(&zz3, &p->zz);
    fe_mul(&t, &ec_b, &p->xz);
    fe_sub(&t, &t, &zz3);
    fe_sub(&t, &t, &p->xx);
    fe_thrice(&y, &t);
    fe_thrice(&t, &p->xx);
    fe_sub(&zz3, &t, &zz3); /* 3 X1 X2 - 3 Z1 Z2 */
    fe_mul(&r->y, &high, &low);
    fe_mul(&t, &zz3, &y);
    fe_add(&r->y, &r->y, &t);
    fe_mul(&r->x, &p->xy, &high);
    fe_mul(&t, &p->yz, &y);
    fe_sub(&r->x, &r->x, &t);
    fe_mul(&r->z, &p->yz, &low);
    fe_mul(&t, &p->xy, &zz3);
    fe_add(&r->z, &r->z, &t);
}

/* r = (a1 + b1) (a2 + b2) - aa - bb = a1 b2 + b1 a2 */
static inline void ec_cross(struct ec_number *r, const struct ec_number *a1,
                            const struct ec_number *b1, const struct ec_number *a2,
                            const struct ec_number *b2, const struct ec_number *aa,
                            const struct ec_number *bb)
{
    struct ec_number t;
    fe_add(r, a1, b1);
    fe_add(&t, a2, b2);
    fe_mul(r, r, &t);
    fe_sub(r, r, aa);
    fe_sub(r, r, bb);
}

/* r = a + b */
static void ec_point_add(struct ec_point *r, const struct ec_point *a, const struct ec_point *b)
{
    struct ec_products p;
    fe_mul(&p.xx, &a->x, &b->x);
    fe_mul(&p.yy, &a->y, &b->y);
    fe_mul(&p.zz, &a->z, &b->z);
    ec_cross(&p.xy, &a->x, &a->y, &b->x, &b->y, &p.xx, &p.yy);
    ec_cross(&p.yz, &a->y, &a->z, &b->y, &b->z, &p.yy, &p.zz);
    ec_cross(&p.xz, &a->x, &a->z, &b->x, &b->z, &p.xx, &p.zz);
    ec_finish_add(r, &p);
}

/* r = 2a */
static void ec_point_double(struct ec_point *r, const struct ec_point *a)
{
    struct ec_number xx, yy, zz, xz, yz, low, high, t, u;
    fe_sqr(&xx, &a->x);
    fe_sqr(&yy, &a->y);
    fe_sqr(&zz, &a->z);
    fe_mul(&xz, &a->x, &a->z);
    fe_add(&xz, &xz, &xz);
    fe_mul(&yz, &a->y, &a->z);
    fe_add(&yz, &yz, &yz);
    fe_mul(&t, &ec_b, &zz); /* 3 (b Z^2 - 2 X Z) */
    fe_sub(&t, &t, &xz);
    fe_thrice(&u, &t);
    fe_sub(&low, &yy, &u);
    fe_add(&high, &yy, &u);
    fe_mul(&t, &a->x, &a->y);
    fe_add(&t, &t, &t);
    fe_mul(&r->x, &t, &low);
    fe_mul(&r->y, &low, &high);
    fe_thrice(&u, &zz);
    fe_mul(&t, &ec_b, &xz); /* 3 (2 b X Z - 3 Z^2 - X^2) */
    fe_sub(&t, &t, &u);
    fe_sub(&t, &t, &xx);
    fe_thrice(&low, &t);
    fe_thrice(&t, &xx);
    fe_sub(&t, &t, &u); /* 3 X^2 - 3 Z^2 */
    fe_mul(&t, &t, &low);
    fe_add(&r->y, &r->y, &t);
    fe_mul(&t, &yz, &low);
    fe_sub(&r->x, &r->x, &t);
    fe_mul(&t, &yz, &yy);
    fe_add(&t, &t, &t);
    fe_add(&r->z, &t, &t);
}

/* a is not the neutral element */
static void ec_point_to_affine(struct ec_affine *r, const struct ec_point *a)
{
    struct ec_number inverse;
    fe_invert(&inverse, &a->z);
    fe_mul(&r->x, &a->x, &inverse);
    fe_mul(&r->y, &a->y, &inverse);
}

static inline void ec_point_from_affine(struct ec_point *r, const struct ec_affine *a)
{
    r->x = a->x;
    r->y = a->y;
    r->z = ec_p.one;
}

static inline void ec_point_negate_if(struct ec_number *y, limb_t mask)
{
    static const struct ec_number zero = {{0}};
    struct ec_number t;
    fe_sub(&t, &zero, y);
    ec_select(y, mask, &t, y);
}

#endif
