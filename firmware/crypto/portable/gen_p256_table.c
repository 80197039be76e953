/* Build tool, run on the build machine: prints the table of ec_p256_table.h for any limb. */
#include "firmware/crypto/portable/ec_p256_table.h"
#include "firmware/crypto/portable/gen_number.h"

static const struct ec_affine base = {
    SM2_NUMBER(0x79E730D418A9143C, 0x75BA95FC5FEDB601, 0x79FB732B77622510, 0x18905F76A53755C6),
    SM2_NUMBER(0xDDF25357CE95560A, 0x8B4AB8E4BA19E45C, 0xD2E88688DD21F325, 0x8571FF1825885D85)};

static void print_row(const struct ec_point *first, unsigned entries)
{
    struct ec_point twice, multiple = *first;
    ec_point_double(&twice, first);
    for (unsigned i = 0; i < entries; i++) {
        struct ec_affine a;
        ec_point_to_affine(&a, &multiple);
        gen_print_point(a.x.v, a.y.v);
        ec_point_add(&multiple, &multiple, &twice);
    }
}

int main(void)
{
    struct ec_point power;
    ec_point_from_affine(&power, &base);
    for (unsigned w = 0; w < P256_WINDOWS; w++) {
        print_row(&power, w + 1 < P256_WINDOWS ? P256_ROW : P256_TOP_ROW);
        for (int i = 0; i < P256_WINDOW; i++)
            ec_point_double(&power, &power);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
