/*
 * [k]G for many k at once: points taken from a table of all windows are added up in affine form,
 * with one inversion shared by the whole batch for each round of additions.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_SUM_H
#define HUFU_CRYPTO_IFMA8_SM2_SUM_H

#include "firmware/crypto/ifma8/sm2_affine.h"
#include "firmware/crypto/ifma8/sm2_lookup.h"

enum { IFMA8_MAX_BLOCKS = 13, IFMA8_SPLIT_POINTS = 272 };

/* Into how many partial sums the windows are split so that small batches too share an inversion
 * well: at most IFMA8_MAX_BLOCKS, and 1 when there would be more than IFMA8_SPLIT_POINTS of them.
 */
unsigned ifma8_sum_blocks(size_t groups);

/*
 * point[i] = sum of the digits of scalar[i] (recoded for the table's span) over all windows, for
 * `groups` groups, an even number. point has room for blocks * groups. with_y = 0: y of the result
 * is not wanted. also: numbers other than 0 that are inverted beside, or NULL. Returns the sign of y, 1 or -1; 0: an addition met equal or opposite points
 * (chance below 2^-230 for random scalars, and what is in point is of no use). CT: only what is
 * returned
 */
int ifma8_sum(struct ifma8_point *point, const struct ifma8_table *table,
              const struct lane_fe *scalar, size_t groups, unsigned blocks, int with_y,
              struct lane_fe *also);

#endif
