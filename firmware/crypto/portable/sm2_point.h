/*
 * Points of the SM2 curve y^2 = x^3 - 3x + b. Affine, or Jacobian (X/Z^2, Y/Z^3), where Z = 0 is
 * the point at infinity. Outputs may be inputs.
 * CT: nothing leaks from any function here unless its line says so.
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_POINT_H
#define HUFU_CRYPTO_PORTABLE_SM2_POINT_H

#include "firmware/crypto/portable/sm2_field.h"
#include "firmware/crypto/portable/sm2_scalar.h"

struct sm2_affine {
    struct sm2_fe x, y;
};

struct sm2_jacobian {
    struct sm2_fe x, y, z;
};

extern const struct sm2_affine sm2_g; /* the base point */

/* 64 big-endian bytes x || y; mask: both are below p and the point is on the curve */
limb_t sm2_point_load(struct sm2_affine *r, const uint8_t *in);
void sm2_point_store(uint8_t *out, const struct sm2_affine *a);
limb_t sm2_point_on_curve(const struct sm2_affine *a);

void sm2_point_from_affine(struct sm2_jacobian *r, const struct sm2_affine *a);
/* (0, 0) for infinity */
void sm2_point_to_affine(struct sm2_affine *r, const struct sm2_jacobian *a);
/* n points with one inversion; none is infinity, n >= 1; r must not overlap a */
void sm2_points_to_affine(struct sm2_affine *r, const struct sm2_jacobian *a, unsigned n);

void sm2_point_double(struct sm2_jacobian *r, const struct sm2_jacobian *a);
/* Neither is infinity; a != b. a = -b gives infinity. */
void sm2_point_add(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                   const struct sm2_jacobian *b);
void sm2_point_add_affine(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                          const struct sm2_affine *b);
/* As the two above, and a = b is right too (it costs a doubling more). */
void sm2_point_add_any(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                       const struct sm2_jacobian *b);
void sm2_point_add_affine_any(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                              const struct sm2_affine *b);
/* Right for every a and b, a may be infinity. CT: public inputs only */
void sm2_point_add_public(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                          const struct sm2_affine *b);

/* r = [k]P for k in [1, n-1] and P on the curve */
void sm2_point_mul(struct sm2_affine *r, const struct sm2_scalar *k, const struct sm2_affine *p);

#endif
