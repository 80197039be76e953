/* [k]G with a small table: see sm2_base.h. */
#include "firmware/crypto/portable/sm2_base.h"

#include "firmware/base/wipe.h"

#if HUFU_SM2_STEP > 1

size_t sm2_base_scratch(size_t n)
{
    (void)n;
    return 0;
}

/* The windows STEP row + rest for all rows but row 0, added to sum; first: sum is still nothing */
static void add_rows(struct sm2_jacobian *sum, const struct sm2_scalar *b, unsigned rest, int first)
{
    struct sm2_affine next;

    for (unsigned row = SM2_ROWS; row-- > 0;) {
        const unsigned window = HUFU_SM2_STEP * row + rest;
        if (window >= SM2_WINDOWS || window == 0)
            continue;
        sm2_table_look_up(&next, window, b);
        if (first)
            sm2_point_from_affine(sum, &next);
        else
            sm2_point_add_affine(sum, sum, &next);
        first = 0;
    }
    wipe(&next, sizeof next);
}

static void mul_one(struct sm2_affine *r, struct sm2_scalar *k)
{
    struct sm2_jacobian sum;

    sm2_scalar_recode(k, k);
    add_rows(&sum, k, HUFU_SM2_STEP - 1, 1);
    for (unsigned rest = HUFU_SM2_STEP - 1; rest-- > 0;) {
        for (int i = 0; i < HUFU_SM2_WINDOW; i++)
            sm2_point_double(&sum, &sum);
        add_rows(&sum, k, rest, 0);
    }
    sm2_table_look_up(r, 0, k);
    sm2_point_add_affine_any(&sum, &sum, r);
    sm2_points_to_affine(r, &sum, 1);
    wipe(&sum, sizeof sum);
}

void sm2_base_mul(struct sm2_affine *r, struct sm2_scalar *k, size_t n, void *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        mul_one(&r[i], &k[i]);
}

#endif
