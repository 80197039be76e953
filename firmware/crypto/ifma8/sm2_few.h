/* [k]G for few k: sums in Jacobian form, and the way from there to affine points.
 * CT: the numbers of groups and keys only */
#ifndef HUFU_CRYPTO_IFMA8_SM2_FEW_H
#define HUFU_CRYPTO_IFMA8_SM2_FEW_H

#include <stddef.h>

#include "firmware/crypto/ifma8/sm2_jacobian.h"
#include "firmware/crypto/ifma8/sm2_sum.h"

enum { IFMA8_FEW_GROUPS = IFMA8_SET, IFMA8_SPREAD_KEYS = 4 };

/*
 * sum[i] = [k]G for 1 to IFMA8_FEW_GROUPS groups of scalars, recoded for IFMA8_SPAN_SMALL; Z = 0 in
 * lanes where an addition met equal or opposite points.
 */
void ifma8_few(struct lane_jacobian *sum, const struct lane_fe *scalar, size_t groups);

/* The same for 1 to IFMA8_SPREAD_KEYS scalars in the lanes of one group, each spread over all
 * lanes; recoded for IFMA8_SPAN_SPREAD. */
void ifma8_spread_sum(struct lane_jacobian *sum, const struct lane_fe *scalar, size_t keys);

/* Lanes with z = 0; z becomes 1 there. */
__mmask8 ifma8_fill_z(struct lane_fe *z);
/* point = p in affine form, x and y clean and below 1.3 p; inverse: of p's z */
void ifma8_divide(struct ifma8_point *point, const struct lane_jacobian *p,
                  const struct lane_fe *inverse);
/* point[i] = p[i] in affine form, x and y clean and below 1.3 p, with one inversion. failed[i]:
 * lanes with Z = 0; NULL: there are none. Destroys p. */
void ifma8_to_affine(struct ifma8_point *point, struct lane_jacobian *p, size_t groups,
                     __mmask8 *failed);

#endif
