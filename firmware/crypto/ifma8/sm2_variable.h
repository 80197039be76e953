/* Multiples of points that are not known beforehand. CT: public inputs only */
#ifndef HUFU_CRYPTO_IFMA8_SM2_VARIABLE_H
#define HUFU_CRYPTO_IFMA8_SM2_VARIABLE_H

#include "firmware/crypto/ifma8/sm2_few.h"
#include "firmware/crypto/ifma8/sm2_table.h"

enum { IFMA8_VARIABLE_GROUPS = 8 };

/* An affine point in each lane; x and y clean and below 1.3 p. */
struct lane_affine {
    struct lane_fe x, y;
};

/* Bytes of scratch for ifma8_variable with so many groups, at most IFMA8_VARIABLE_GROUPS. */
size_t ifma8_variable_size(size_t groups);
/* r[i] = [k]P, where scalar[i] is k recoded for IFMA8_SPAN_WIDE; Z = 0 in lanes that met equal or
 * opposite points. scratch is aligned to 64 bytes. */
void ifma8_variable(struct lane_jacobian *r, const struct lane_affine *p,
                    const struct lane_fe *scalar, size_t groups, void *scratch);

/* The same for one point, which is in every lane of p: first what all scalars share, into
 * ifma8_variable_size(1) bytes of scratch, then one or two (JACOBIAN_SIDE) groups at a time. */
void ifma8_same_start(const struct lane_affine *p, void *scratch);
void ifma8_same_one(struct lane_jacobian *r, const struct lane_fe *scalar, const void *scratch);
void ifma8_same_two(struct lane_jacobian *r, const struct lane_fe *scalar, const void *scratch);

/* Bytes of scratch for ifma8_key_table, and of the table it makes. */
size_t ifma8_key_table_size(void);
enum { IFMA8_KEY_TABLE = IFMA8_SMALL_WINDOWS * 64 * IFMA8_SMALL_ENTRIES };
/* The table of all windows (sm2_table.h, of IFMA8_SMALL bits) for the point in lane 0 of p. table
 * and scratch are aligned to 64 bytes. */
void ifma8_key_table(uint8_t *table, const struct lane_affine *p, void *scratch);

#endif
