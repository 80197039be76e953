/*
 * Build tool, run on the build machine: prints the tables of the base point (sm2_table.h) for any
 * limb.
 */
#include "firmware/crypto/portable/gen_number.h"
#include "firmware/crypto/portable/sm2_table.h"

static void print_row(const struct sm2_jacobian *base, unsigned entries)
{
    struct sm2_jacobian twice, multiple = *base;

    sm2_point_double(&twice, base);
    for (unsigned i = 0; i < entries; i++) {
        struct sm2_affine a;
        sm2_point_to_affine(&a, &multiple);
        gen_print_point(a.x.v, a.y.v);
        sm2_point_add(&multiple, &multiple, &twice);
    }
}

int main(void)
{
    struct sm2_jacobian base;

    sm2_point_from_affine(&base, &sm2_g);
    for (unsigned i = 0; i < SM2_ROWS; i++) {
        print_row(&base, i + 1 < SM2_ROWS ? SM2_WINDOW_ENTRIES : SM2_TOP_ENTRIES);
        for (int j = 0; j < HUFU_SM2_WINDOW * HUFU_SM2_STEP; j++)
            sm2_point_double(&base, &base);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
