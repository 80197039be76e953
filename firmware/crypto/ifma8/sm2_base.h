/* [k]G for a batch of any size: the way that measured best for that size. */
#ifndef HUFU_CRYPTO_IFMA8_SM2_BASE_H
#define HUFU_CRYPTO_IFMA8_SM2_BASE_H

#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_sum.h"

enum { IFMA8_CHUNK = 2048 }; /* items that are worked on together at most */

/* Room for a chunk, inside the caller's scratch. Group g has items 8 g .. 8 g + 7. */
struct ifma8_work {
    struct ifma8_point *point; /* results: x and y, clean and below 1.3 p */
    struct lane_fe *scalar;
    __mmask8 *valid; /* lanes with a k in range; the others worked with 1 */
    __mmask8
        *failed; /* lanes whose point is of no use: to be done otherwise (never met by chance) */
};

/* Bytes of a work for n items, n at most IFMA8_CHUNK; a multiple of 64. */
size_t ifma8_work_size(size_t n);
/* The most of that for any number of items up to n. */
size_t ifma8_work_bound(size_t n);
/* Lay a work out at scratch, which is aligned to 64 bytes. */
void ifma8_work_place(struct ifma8_work *w, void *scratch, size_t n);
/* Items for the next chunk when n are left: chunks are of about one size. */
size_t ifma8_chunk(size_t n);

/* w->point = [k]G for n items, 1 <= n <= IFMA8_CHUNK. In range: 1 <= k <= order - 1 - less.
 * CT: only valid and failed */
void ifma8_base_mul(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less,
                    int with_y);
/* Sums are done: y of w->point small and with its own sign, from what ifma8_sum returned. */
void ifma8_finish_y(struct ifma8_work *w, size_t n, int sign);

#endif
