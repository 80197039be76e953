/* What the SM2 lanes do once a batch or once a key: not inlined. CT: nothing leaks from here. */
#ifndef HUFU_CRYPTO_IFMA8_SM2_FIELD_H
#define HUFU_CRYPTO_IFMA8_SM2_FIELD_H

#include <stddef.h>

#include "firmware/crypto/ifma8/sm2_lanes.h"

/* 1 in Montgomery form, below p */
void ifma8_fe_one(struct lane_fe *r);
/* Clean and below 16 p to the plain number in [0, p), as words. */
void ifma8_fe_plain(lanes *w, const struct lane_fe *a);
/* Words below 2^256 into Montgomery form, clean. */
void ifma8_fe_enter(struct lane_fe *r, const lanes *w);
/* Clean and below 2 p to the same number below p; stays in Montgomery form. */
void ifma8_fe_settle(struct lane_fe *a);
/* Lanes whose number (clean) is 0 mod p. */
__mmask8 ifma8_fe_zero_lanes(const struct lane_fe *a);

/* r = 1/a in every lane with one inversion between them; clean. a clean.
 * Returns 1; 0: the number of some lane was 0 mod p and r is of no use. CT: only what is returned
 */
int ifma8_fe_invert(struct lane_fe *r, const struct lane_fe *a);

/* Rows of 32 bytes, big-endian, to words in lanes: lane i from p[i]; and back. */
void ifma8_load_rows(lanes *w, const uint8_t *const p[8]);
/* Items of 32 bytes, `stride` bytes apart; index: which ones, NULL: all in order. */
struct ifma8_rows {
    const uint8_t *first;
    size_t stride;
    const uint16_t *index;
};

/* Item i of n, the last one standing in for those beyond. */
static inline size_t ifma8_item(const uint16_t *index, size_t i, size_t n)
{
    i = i < n ? i : n - 1;
    return index ? index[i] : i;
}

/* Items 8 group .. 8 group + 7 of n, n >= 1. */
void ifma8_load_group(lanes *w, const struct ifma8_rows *r, size_t group, size_t n);

/* Two numbers a lane to rows of 64 bytes, big-endian; lanes outside `keep` give zero bytes. */
void ifma8_store_block(uint8_t (*p)[64], unsigned rows, const lanes *x, const lanes *y,
                       __mmask8 keep);

#endif
