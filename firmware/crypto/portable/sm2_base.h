/*
 * Secret scalars times the base point, one or many.
 *
 * Where all windows are tabled, [k]G is a sum of SM2_WINDOWS points and nothing is doubled. A few
 * scalars are summed in Jacobian coordinates; for more, the additions are affine and share one
 * inversion per round (Montgomery's trick). A small batch gets enough additions for a round by
 * giving each scalar several partial sums ("chains").
 *
 * Why no addition meets equal or opposite points, except the last of a scalar: each point is a
 * signed odd digit times 2^(wi) G. Two sums over different windows, A and B (as integers), are
 * equal or opposite points when A - B or A + B is a multiple of n. That integer is not 0, because
 * the lowest window contributes an odd digit and all others are multiples of 2^w times its
 * weight. Its magnitude is at most 2^256 - 1 less the largest values of the windows that are not
 * in A or B; so as long as a window of weight above 2^256 - n < 2^224 is missing from both, it is
 * below n. Only the last addition has all windows; there the points may be the same (for two
 * nonces of all) and are doubled by a masked choice; they are not opposite, because k is not 0.
 *
 * With a table of every HUFU_SM2_STEP-th window (sm2_base_small.c) a scalar is summed row by row,
 * once for each remainder of the window by the step, the largest remainder first, with w doublings
 * between; window 0 comes last. Until then A - B and A + B are multiples of 2^w, so they are not n.
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_BASE_H
#define HUFU_CRYPTO_PORTABLE_SM2_BASE_H

#include <stddef.h>

#include "firmware/crypto/portable/sm2_table.h"

/* Partial sums that are worked on together, at 160 bytes of scratch each. */
#ifndef HUFU_SM2_BATCH
#define HUFU_SM2_BATCH 2048
#endif

/* Most scalars of one call below. */
enum { SM2_BASE_MAX = HUFU_SM2_BATCH / 2 };

/* Bytes for a call with up to n scalars, n <= SM2_BASE_MAX; grows with n. */
size_t sm2_base_scratch(size_t n);

/*
 * r[i] = [k[i]]G for n scalars in [1, n-1], 1 to SM2_BASE_MAX of them. The scalars are overwritten;
 * r may not overlap scratch, which is wiped. CT: nothing
 */
void sm2_base_mul(struct sm2_affine *r, struct sm2_scalar *k, size_t n, void *scratch);

#endif
