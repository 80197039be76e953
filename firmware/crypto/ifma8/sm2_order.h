/*
 * Numbers modulo n, the order of the SM2 base point, in eight lanes: clean limbs of 52 bits
 * (sm2_lanes.h), plain form, below n unless said otherwise.
 * CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_IFMA8_SM2_ORDER_H
#define HUFU_CRYPTO_IFMA8_SM2_ORDER_H

#include "firmware/crypto/ifma8/sm2_lanes.h"

/* How many bits the digits of a table cover together. */
enum ifma8_span { IFMA8_SPAN_WIDE = 260, IFMA8_SPAN_SMALL = 259, IFMA8_SPAN_SPREAD = 280 };

/* Lanes with 1 <= a <= n - 1 - less, less 0 or 1; a clean. Elsewhere a becomes 1. */
__mmask8 ifma8_order_range(struct lane_fe *a, uint64_t less);
/* Lanes with a = 0 */
__mmask8 ifma8_order_zero(const struct lane_fe *a);
/* Any number below 2^257 */
void ifma8_order_reduce(struct lane_fe *r, const struct lane_fe *a);
void ifma8_order_add(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b);
void ifma8_order_sub(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b);
void ifma8_order_mul(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b);

/*
 * Signed digits without a zero: r clean, below 2^257, with a = 2 r - (2^span - 1) mod n, so that
 * bit i of r stands for +2^i (one) or -2^i (zero), and w bits together for an odd digit.
 */
void ifma8_order_recode(struct lane_fe *r, const struct lane_fe *a, enum ifma8_span span);

#endif
