/*
 * Affine additions in eight lanes with one inversion for a whole round of them. A round goes
 * through the points twice: forward to announce what will be added, which collects the product of
 * all the differences of x, and, once that is inverted, back through them in the opposite order to
 * add. CT: nothing leaks from any function here but what one returns.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_AFFINE_H
#define HUFU_CRYPTO_IFMA8_SM2_AFFINE_H

#include <stddef.h>

#include "firmware/crypto/ifma8/sm2_lanes.h"

/* A sum under way in eight lanes: x clean and below 1.3 p; y loose, times a sign that its user
 * keeps. */
struct ifma8_point {
    struct lane_fe x, y;
    struct lane_fe dx,
        before; /* of the next addition: difference of x, product of those before it */
};

/* Groups are worked on in pairs, in two chains that depend on each other nowhere. */
enum { IFMA8_PAIR = 2 };

/* What runs through a round: products of the dx of the next addition, and the inverse of those of
 * this. */
struct ifma8_chains {
    struct lane_fe product[IFMA8_PAIR], inverse[IFMA8_PAIR];
};

void ifma8_chains_start(struct ifma8_chains *c);
/* From the products of a round to their inverses, ready for the way back; and the products are
 * started again. 0: some difference was 0, and the round cannot be done. */
int ifma8_chains_turn(struct ifma8_chains *c);

/* Note the next addition of a point with x coordinate x. */
INLINE void affine_announce(struct ifma8_point *p, const struct lane_fe *x, struct lane_fe *product)
{
    fe_sub(&p->dx, x, &p->x);
    p->before = *product;
    fe_mul(product, product, &p->dx);
}

/* difference = (+ or -) y - Y + 64 p, small; Y loose, below 64 p in size */
INLINE void affine_y_difference(struct lane_fe *difference, const struct lane_fe *y,
                                __mmask8 negative, const struct lane_fe *loose)
{
    for (int i = 0; i < 5; i++) {
        const lanes t = lanes_sub(LANE_KP(64, i), loose->v[i]);
        difference->v[i] = _mm512_mask_sub_epi64(lanes_add(t, y->v[i]), negative, t, y->v[i]);
    }
    fe_shrink(difference);
}

/*
 * Two additions p += q: dy are the differences of y (times the sign of p's y, as it is all the
 * way). The sign changes: Y' = slope (x' - x) + Y is minus the y of the sum, and Y, as a preset of
 * the columns, costs nothing.
 */
INLINE void affine_add_pair(struct ifma8_point *p[IFMA8_PAIR], const struct lane_fe *dy,
                            struct lane_fe *inverse, int with_y)
{
    struct lane_fe slope[IFMA8_PAIR], x[IFMA8_PAIR], t[IFMA8_PAIR];

    for (int i = 0; i < IFMA8_PAIR; i++)
        fe_mul(&t[i], &inverse[i], &p[i]->before);
    for (int i = 0; i < IFMA8_PAIR; i++)
        fe_mul(&inverse[i], &inverse[i], &p[i]->dx);
    for (int i = 0; i < IFMA8_PAIR; i++)
        fe_mul(&slope[i], &t[i], &dy[i]);
    for (int i = 0; i < IFMA8_PAIR; i++) { /* slope^2 - x1 - x2 + 3 p */
        for (int j = 0; j < 5; j++)
            t[i].v[j] = lanes_sub(lanes_sub(LANE_KP(5, j), p[i]->dx.v[j]),
                                  lanes_add(p[i]->x.v[j], p[i]->x.v[j]));
        fe_sqr_add(&x[i], &slope[i], &t[i]);
        fe_shrink(&x[i]);
    }
    for (int i = 0; i < IFMA8_PAIR && with_y; i++) {
        fe_sub(&t[i], &x[i], &p[i]->x);
        fe_mul_add(&p[i]->y, &slope[i], &t[i], &p[i]->y);
    }
    for (int i = 0; i < IFMA8_PAIR; i++)
        p[i]->x = x[i];
}

#endif
