/*
 * Points in eight lanes as (X / Z^2, Y / Z^3), coordinates clean (sm2_lanes.h), X and Y small. An addition
 * of equal or opposite points, or of one with Z = 0, gives Z = 0: whoever adds looks at Z in the end.
 * CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_JACOBIAN_H
#define HUFU_CRYPTO_IFMA8_SM2_JACOBIAN_H

#include "firmware/crypto/ifma8/sm2_lanes.h"

struct lane_jacobian {
    struct lane_fe x, y, z;
};

/* r = a b - c d, small */
LANES_INLINE void fe_mul_sub_mul(struct lane_fe *r, const struct lane_fe *a,
                                 const struct lane_fe *b, const struct lane_fe *c,
                                 const struct lane_fe *d)
{
    struct lane_fe minus;
    lanes t[10];

    for (int i = 0; i < 5; i++)
        minus.v[i] = lanes_sub(LANE_KP(2, i), d->v[i]);
    fe_clean(&minus);
    for (int i = 0; i < 5; i++) {
        t[i] = lanes_zero();
        t[5 + i] = LANE_KP(1, i); /* so that the value is large enough for fe_shrink */
    }
    fe_columns(t, a, b);
    fe_columns(t, c, &minus);
    fe_reduce(r, t);
    fe_shrink(r);
}

/* The end of an addition: p + q from p's x and y (already times q's Z powers), h = difference of x,
 * r = difference of y. 4M + 2S */
LANES_INLINE void jacobian_finish(struct lane_jacobian *sum, const struct lane_fe *x1,
                                  const struct lane_fe *y1, const struct lane_fe *h,
                                  const struct lane_fe *r)
{
    struct lane_fe hh, hhh, v, t;

    fe_sqr(&hh, h);
    fe_mul(&hhh, h, &hh);
    fe_mul(&v, x1, &hh);
    for (int i = 0; i < 5; i++) /* X = r^2 - hhh - 2 v */
        t.v[i] = lanes_sub(lanes_sub(LANE_KP(6, i), hhh.v[i]), lanes_add(v.v[i], v.v[i]));
    fe_sqr_add(&sum->x, r, &t);
    fe_shrink(&sum->x);
    fe_sub(&t, &v, &sum->x); /* Y = r (v - X) - y1 hhh */
    fe_mul_sub_mul(&sum->y, r, &t, &hhh, y1);
}

/* p += (x, y), affine and small. 8M + 3S */
LANES_INLINE void jacobian_add_affine(struct lane_jacobian *p, const struct lane_fe *x,
                                      const struct lane_fe *y)
{
    struct lane_fe zz, h, r;

    fe_sqr(&zz, &p->z);
    fe_mul(&h, x, &zz);
    fe_mul(&r, &p->z, &zz);
    fe_mul(&r, y, &r);
    fe_sub(&h, &h, &p->x);
    fe_sub(&r, &r, &p->y);
    fe_mul(&p->z, &p->z, &h);
    jacobian_finish(p, &p->x, &p->y, &h, &r);
}

/* p += q. 12M + 4S */
LANES_INLINE void jacobian_add(struct lane_jacobian *p, const struct lane_jacobian *q)
{
    struct lane_fe pp, qq, x1, y1, h, r;

    fe_sqr(&pp, &p->z);
    fe_sqr(&qq, &q->z);
    fe_mul(&x1, &p->x, &qq);
    fe_mul(&h, &q->x, &pp);
    fe_mul(&qq, &qq, &q->z);
    fe_mul(&pp, &pp, &p->z);
    fe_mul(&y1, &p->y, &qq);
    fe_mul(&r, &q->y, &pp);
    fe_sub(&h, &h, &x1);
    fe_sub(&r, &r, &y1);
    fe_mul(&p->z, &p->z, &q->z);
    fe_mul(&p->z, &p->z, &h);
    jacobian_finish(p, &x1, &y1, &h, &r);
}

/* p = 2 p. 4M + 4S, the curve's a being -3 */
LANES_INLINE void jacobian_double(struct lane_jacobian *p)
{
    struct lane_fe delta, gamma, beta, alpha, sum, t;

    fe_sqr(&delta, &p->z);
    fe_sqr(&gamma, &p->y);
    fe_mul(&beta, &p->x, &gamma);
    for (int i = 0; i < 5; i++) /* alpha = 3 (x - delta) (x + delta) */
        t.v[i] = lanes_add(p->x.v[i], delta.v[i]);
    fe_clean(&t);
    fe_sub(&sum, &p->x, &delta);
    fe_mul(&alpha, &sum, &t);
    fe_mul(&p->z, &p->y, &p->z);
    for (int i = 0; i < 5; i++) {
        alpha.v[i] = lanes_add(lanes_add(alpha.v[i], alpha.v[i]), alpha.v[i]);
        beta.v[i] = _mm512_slli_epi64(beta.v[i], 2);
        p->z.v[i] = lanes_add(p->z.v[i], p->z.v[i]);
        t.v[i] = lanes_sub(LANE_KP(12, i), lanes_add(beta.v[i], beta.v[i]));
    }
    fe_clean(&alpha);
    fe_clean(&p->z);
    fe_sqr_add(&p->x, &alpha, &t); /* alpha^2 - 8 beta */
    fe_shrink(&p->x);
    for (int i = 0; i < 5; i++) /* alpha (4 beta - x) - 8 gamma^2 */
        t.v[i] = lanes_add(lanes_sub(beta.v[i], p->x.v[i]), LANE_KP(2, i));
    fe_clean(&t);
    fe_sqr(&gamma, &gamma);
    for (int i = 0; i < 5; i++)
        gamma.v[i] = lanes_sub(LANE_KP(12, i), _mm512_slli_epi64(gamma.v[i], 3));
    fe_mul_add(&p->y, &alpha, &t, &gamma);
    fe_shrink(&p->y);
}

#endif
