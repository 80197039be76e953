/* Build tool, run on the build machine: prints the tables of sm2_table.h. */
#include "firmware/crypto/ifma8/sm2_table.h"
#include "firmware/crypto/portable/gen_number.h"
#include "firmware/crypto/portable/sm2_point.h"

enum { MAX_ENTRIES = 512 };

struct entry {
    uint64_t w[8];
};

static struct sm2_affine affine[MAX_ENTRIES];
static struct sm2_jacobian multiple[MAX_ENTRIES];
static uint64_t spread[IFMA8_SPREAD_ENTRIES][8][8];

/* x 2^256, as the portable field keeps it, becomes x 2^260 */
static void to_words(uint64_t *w, const struct sm2_fe *x)
{
    struct sm2_fe t = *x;

    for (int i = 0; i < 4; i++)
        sm2_fe_add(&t, &t, &t);
    for (int i = 0; i < 4; i++)
        w[i] = gen_word(t.v, i);
}

/* The odd multiples of base; base is then doubled `bits` times. */
static void window(struct entry *e, struct sm2_jacobian *base, unsigned bits)
{
    const unsigned entries = 1u << (bits - 1);
    struct sm2_jacobian twice;

    sm2_point_double(&twice, base);
    multiple[0] = *base;
    for (unsigned i = 1; i < entries; i++)
        sm2_point_add(&multiple[i], &multiple[i - 1], &twice);
    sm2_points_to_affine(affine, multiple, entries);
    for (unsigned i = 0; i < entries; i++) {
        to_words(e[i].w, &affine[i].x);
        to_words(e[i].w + 4, &affine[i].y);
    }
    for (unsigned i = 0; i < bits; i++)
        sm2_point_double(base, base);
}

static void print_sliced(const char *name, unsigned windows, unsigned bits)
{
    static struct entry e[MAX_ENTRIES];
    const unsigned entries = 1u << (bits - 1);
    struct sm2_jacobian base;

    sm2_point_from_affine(&base, &sm2_g);
    printf("_Alignas(64) const uint8_t %s[%u][64][%u] = {\n", name, windows, entries);
    for (unsigned j = 0; j < windows; j++) {
        window(e, &base, bits);
        printf("{");
        for (unsigned c = 0; c < 64; c++) {
            printf("{");
            for (unsigned i = 0; i < entries; i++)
                printf("%u,", (unsigned)(e[i].w[c / 8] >> (8 * (c % 8))) & 255u);
            printf("},\n");
        }
        printf("},\n");
    }
    printf("};\n");
}

static void print_spread(void)
{
    struct entry e[IFMA8_SPREAD_ENTRIES];
    struct sm2_jacobian base;

    sm2_point_from_affine(&base, &sm2_g);
    printf("_Alignas(64) const uint64_t ifma8_spread[%d][%d][8][8] = {\n", IFMA8_SPREAD_ROWS,
           IFMA8_SPREAD_ENTRIES);
    for (int row = 0; row < IFMA8_SPREAD_ROWS; row++) {
        for (int lane = 0; lane < 8; lane++) {
            window(e, &base, IFMA8_SPREAD);
            for (int i = 0; i < IFMA8_SPREAD_ENTRIES; i++)
                for (int w = 0; w < 8; w++)
                    spread[i][w][lane] = e[i].w[w];
        }
        printf("{");
        for (int i = 0; i < IFMA8_SPREAD_ENTRIES; i++) {
            printf("{");
            for (int w = 0; w < 8; w++) {
                printf("{");
                for (int lane = 0; lane < 8; lane++)
                    printf("0x%" PRIx64 "u,", spread[i][w][lane]);
                printf("},\n");
            }
            printf("},");
        }
        printf("},\n");
    }
    printf("};\n");
}

int main(void)
{
    print_sliced("ifma8_wide", IFMA8_WIDE_WINDOWS, IFMA8_WIDE);
    print_sliced("ifma8_small", IFMA8_SMALL_WINDOWS, IFMA8_SMALL);
    print_spread();
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
