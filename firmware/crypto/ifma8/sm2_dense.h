/*
 * [k]G for batches of a few dozen: the points of all windows of all scalars lie side by side
 * without gaps, so that no lane is idle whatever the number of scalars is. One round of additions
 * in affine form, with one inversion, halves them; the rest is added in Jacobian form.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_DENSE_H
#define HUFU_CRYPTO_IFMA8_SM2_DENSE_H

#include <stddef.h>

#include "firmware/crypto/ifma8/sm2_affine.h"
#include "firmware/crypto/ifma8/sm2_jacobian.h"
#include "firmware/crypto/ifma8/sm2_lookup.h"

/* Scalars at most, and bytes of room for n of them with a table of so many windows; a multiple of
 * 64. */
enum { IFMA8_DENSE_MAX = 8 * IFMA8_UNIT };
size_t ifma8_dense_size(size_t n, unsigned windows);

/*
 * sum[i] = [k]G for n scalars in (n + 7) / 8 groups, recoded for the table's span. Z = 0 in lanes
 * where an addition met equal or opposite points. room is aligned to 64 bytes. CT: n only
 */
void ifma8_dense(struct lane_jacobian *sum, const struct ifma8_table *table,
                 const struct lane_fe *scalar, size_t n, void *room);

#endif
