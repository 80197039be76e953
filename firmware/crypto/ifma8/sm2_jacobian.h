/*
 * Points in eight lanes as (X / Z^2, Y / Z^3), coordinates clean (sm2_lanes.h), X and Y below 2 p.
 * An addition of equal or opposite points, or of one with Z = 0, gives Z = 0: whoever adds looks at
 * Z in the end. CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_JACOBIAN_H
#define HUFU_CRYPTO_IFMA8_SM2_JACOBIAN_H

#include "firmware/crypto/ifma8/sm2_lanes.h"

struct lane_jacobian {
    struct lane_fe x, y, z;
};

/* r = a b - c d, small */
INLINE void fe_mul_sub_mul(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b,
                           const struct lane_fe *c, const struct lane_fe *d)
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

/*
 * The formulas work on n points side by side, n = 1 or 2 known at compile time: two chains of
 * products hide each other's latency.
 */
enum { JACOBIAN_SIDE = 2 };
#define EACH for (int i = 0; i < n; i++)

/* The end of additions p + q from p's x and y (already times q's Z powers), h = difference of x, r
 * = difference of y. 4M + 2S */
INLINE void jacobian_finish(struct lane_jacobian *sum, const struct lane_fe *x1,
                            const struct lane_fe *y1, const struct lane_fe *h,
                            const struct lane_fe *r, int n)
{
    struct lane_fe hh[JACOBIAN_SIDE], hhh[JACOBIAN_SIDE], v[JACOBIAN_SIDE], t[JACOBIAN_SIDE];

    EACH fe_sqr(&hh[i], &h[i]);
    EACH fe_mul(&hhh[i], &h[i], &hh[i]);
    EACH fe_mul(&v[i], &x1[i], &hh[i]);
    EACH
    { /* X = r^2 - hhh - 2 v */
        for (int j = 0; j < 5; j++)
            t[i].v[j] =
                lanes_sub(lanes_sub(LANE_KP(6, j), hhh[i].v[j]), lanes_add(v[i].v[j], v[i].v[j]));
        fe_sqr_add(&sum[i].x, &r[i], &t[i]);
        fe_shrink(&sum[i].x);
    }
    EACH
    { /* Y = r (v - X) - y1 hhh */
        fe_sub(&t[i], &v[i], &sum[i].x);
        fe_mul_sub_mul(&sum[i].y, &r[i], &t[i], &hhh[i], &y1[i]);
    }
}

/* p += (x, y), affine and clean. 8M + 3S */
INLINE void jacobian_add_affine(struct lane_jacobian *p, const struct lane_fe *x,
                                const struct lane_fe *y, int n)
{
    struct lane_fe zz[JACOBIAN_SIDE], h[JACOBIAN_SIDE], r[JACOBIAN_SIDE], x1[JACOBIAN_SIDE],
        y1[JACOBIAN_SIDE];

    EACH fe_sqr(&zz[i], &p[i].z);
    EACH fe_mul(&h[i], &x[i], &zz[i]);
    EACH fe_mul(&r[i], &p[i].z, &zz[i]);
    EACH fe_mul(&r[i], &y[i], &r[i]);
    EACH
    {
        x1[i] = p[i].x;
        y1[i] = p[i].y;
        fe_sub(&h[i], &h[i], &x1[i]);
        fe_sub(&r[i], &r[i], &y1[i]);
    }
    EACH fe_mul(&p[i].z, &p[i].z, &h[i]);
    jacobian_finish(p, x1, y1, h, r, n);
}

/* p += q. 12M + 4S */
INLINE void jacobian_add(struct lane_jacobian *p, const struct lane_jacobian *q, int n)
{
    struct lane_fe pp[JACOBIAN_SIDE], qq[JACOBIAN_SIDE], x1[JACOBIAN_SIDE], y1[JACOBIAN_SIDE],
        h[JACOBIAN_SIDE], r[JACOBIAN_SIDE];

    EACH fe_sqr(&pp[i], &p[i].z);
    EACH fe_sqr(&qq[i], &q[i].z);
    EACH fe_mul(&x1[i], &p[i].x, &qq[i]);
    EACH fe_mul(&h[i], &q[i].x, &pp[i]);
    EACH fe_mul(&qq[i], &qq[i], &q[i].z);
    EACH fe_mul(&pp[i], &pp[i], &p[i].z);
    EACH fe_mul(&y1[i], &p[i].y, &qq[i]);
    EACH fe_mul(&r[i], &q[i].y, &pp[i]);
    EACH fe_sub(&h[i], &h[i], &x1[i]);
    EACH fe_sub(&r[i], &r[i], &y1[i]);
    EACH fe_mul(&p[i].z, &p[i].z, &q[i].z);
    EACH fe_mul(&p[i].z, &p[i].z, &h[i]);
    jacobian_finish(p, x1, y1, h, r, n);
}

/* p = 2 p. 4M + 4S, the curve's a being -3 */
INLINE void jacobian_double(struct lane_jacobian *p, int n)
{
    struct lane_fe delta[JACOBIAN_SIDE], gamma[JACOBIAN_SIDE], beta[JACOBIAN_SIDE],
        alpha[JACOBIAN_SIDE], t[JACOBIAN_SIDE];

    EACH fe_sqr(&delta[i], &p[i].z);
    EACH fe_sqr(&gamma[i], &p[i].y);
    EACH fe_mul(&p[i].z, &p[i].y, &p[i].z);
    EACH
    { /* alpha = 3 (x - delta) (x + delta) */
        for (int j = 0; j < 5; j++)
            t[i].v[j] = lanes_add(p[i].x.v[j], delta[i].v[j]);
        fe_clean(&t[i]);
        fe_sub(&alpha[i], &p[i].x, &delta[i]);
        fe_mul(&alpha[i], &alpha[i], &t[i]);
    }
    EACH fe_mul(&beta[i], &p[i].x, &gamma[i]);
    EACH
    {
        for (int j = 0; j < 5; j++) {
            alpha[i].v[j] = lanes_add(lanes_add(alpha[i].v[j], alpha[i].v[j]), alpha[i].v[j]);
            beta[i].v[j] = _mm512_slli_epi64(beta[i].v[j], 2);
            p[i].z.v[j] = lanes_add(p[i].z.v[j], p[i].z.v[j]);
            t[i].v[j] = lanes_sub(LANE_KP(12, j), lanes_add(beta[i].v[j], beta[i].v[j]));
        }
        fe_clean(&alpha[i]);
        fe_clean(&p[i].z);
    }
    EACH fe_sqr(&gamma[i], &gamma[i]);
    EACH
    { /* alpha^2 - 8 beta */
        fe_sqr_add(&p[i].x, &alpha[i], &t[i]);
        fe_shrink(&p[i].x);
    }
    EACH
    { /* alpha (4 beta - x) - 8 gamma^2 */
        for (int j = 0; j < 5; j++) {
            t[i].v[j] = lanes_add(lanes_sub(beta[i].v[j], p[i].x.v[j]), LANE_KP(2, j));
            gamma[i].v[j] = lanes_sub(LANE_KP(12, j), _mm512_slli_epi64(gamma[i].v[j], 3));
        }
        fe_clean(&t[i]);
        fe_mul_add(&p[i].y, &alpha[i], &t[i], &gamma[i]);
        fe_shrink(&p[i].y);
    }
}
#undef EACH

#endif
